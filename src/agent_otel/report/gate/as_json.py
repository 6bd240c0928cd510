"""The verdict of a check as one JSON object."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

import msgspec

from agent_otel.report.objects import write_object

if TYPE_CHECKING:
    from agent_otel.analysis.regress import Check


def render(found: Check, stream: TextIO) -> None:
    """Write the object."""
    write_object(document(found), stream)


def document(found: Check) -> dict[str, object]:
    """The object; times in seconds, a slowdown of 0.2 is 20 %."""
    return {**msgspec.to_builtins(found), "exit_status": found.exit_status}
