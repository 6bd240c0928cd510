"""Every format that the verdict of a check can be told in; a module is imported when its format is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol, TextIO, cast

if TYPE_CHECKING:
    from agent_otel.analysis.regress import Check

FORMATS: Final = {
    "text": "agent_otel.report.gate.text",
    "json": "agent_otel.report.gate.as_json",
    "junit": "agent_otel.report.gate.junit",
    "github": "agent_otel.report.gate.github",
}
"""The name of a format, as ``--format`` takes it -> its module, which has ``render``."""


class Renderer(Protocol):
    """Writes the verdict of a check to a stream."""

    def __call__(self, found: Check, stream: TextIO) -> None:
        """Write all of it; the stream stays open."""
        ...


def renderer(name: str) -> Renderer:
    """The renderer of a format; ``KeyError`` if there is none of that name."""
    return cast("Renderer", import_module(FORMATS[name]).render)
