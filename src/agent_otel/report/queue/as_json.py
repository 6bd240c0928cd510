"""The queue of a run as one JSON object; times in seconds, series included."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

import msgspec

from agent_otel.report.objects import write_object

if TYPE_CHECKING:
    from agent_otel.analysis.queues import QueueReport


def render(found: QueueReport, stream: TextIO) -> None:
    """Write the object: ``depths`` has every change, ``windows`` work and wait over time."""
    write_object(msgspec.to_builtins(found), stream)
