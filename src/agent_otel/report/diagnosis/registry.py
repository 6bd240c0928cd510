"""Every format that a diagnosis can be told in; a module is imported when its format is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol, TextIO, cast

if TYPE_CHECKING:
    from agent_otel.analysis.findings import Diagnosis

FORMATS: Final = {
    "text": "agent_otel.report.diagnosis.text",
    "json": "agent_otel.report.diagnosis.as_json",
    "md": "agent_otel.report.diagnosis.markdown",
}
"""The name of a format, as ``--format`` takes it -> its module, which has ``render``."""


class Renderer(Protocol):
    """Writes a diagnosis to a stream."""

    def __call__(self, found: Diagnosis, stream: TextIO) -> None:
        """Write all of it; the stream stays open."""
        ...


def renderer(name: str) -> Renderer:
    """The renderer of a format; ``KeyError`` if there is none of that name."""
    return cast("Renderer", import_module(FORMATS[name]).render)
