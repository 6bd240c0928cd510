"""Supersteps as one JSON object; times in seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

import msgspec

from agent_otel.report.objects import write_object

if TYPE_CHECKING:
    from agent_otel.analysis.stragglers import StepsReport


def render(found: StepsReport, stream: TextIO) -> None:
    """Write the object: ``runs`` is how many there are, ``run_list`` what they are."""
    fields: dict[str, object] = msgspec.to_builtins(found)
    write_object({**fields, "runs": len(found.runs), "run_list": fields["runs"]}, stream)
