"""Every format that a run can be exported in; a module is imported when its format is asked for."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol, TextIO, cast

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent_otel.store.reader import Run

FORMATS: Final = {
    "perfetto": "agent_otel.report.exports.perfetto",
    "speedscope": "agent_otel.report.exports.speedscope",
    "folded": "agent_otel.report.exports.folded",
    "otlp": "agent_otel.report.exports.otlp",
}
"""The name of a format, as ``--format`` takes it -> its module, which has ``render``."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A run, and the lines of OTLP JSON that it was stored in, which hold no other spans."""

    run: Run
    lines: Iterable[bytes] = ()


class Exporter(Protocol):
    """Writes a run to a stream."""

    def __call__(self, recorded: Recorded, stream: TextIO) -> None:
        """Write all of it; the stream stays open."""
        ...


def exporter(name: str) -> Exporter:
    """The exporter of a format; ``KeyError`` if there is none of that name."""
    return cast("Exporter", import_module(FORMATS[name]).render)
