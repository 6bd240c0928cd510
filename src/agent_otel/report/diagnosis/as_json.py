"""A diagnosis as one JSON object; times in seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

import msgspec

from agent_otel.report.objects import write_object

if TYPE_CHECKING:
    from agent_otel.analysis.findings import Diagnosis


def render(found: Diagnosis, stream: TextIO) -> None:
    """Write the object."""
    fields: dict[str, object] = msgspec.to_builtins(found)
    write_object(fields, stream)
