"""Every format that predictions can be told in; a module is imported when its format is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol, TextIO, cast

if TYPE_CHECKING:
    from agent_otel.analysis.levers import WhatIfReport

FORMATS: Final = {
    "text": "agent_otel.report.whatif.text",
    "json": "agent_otel.report.whatif.as_json",
    "md": "agent_otel.report.whatif.markdown",
}
"""The name of a format, as ``--format`` takes it -> its module, which has ``render``."""


class Renderer(Protocol):
    """Writes predictions to a stream."""

    def __call__(self, found: WhatIfReport, stream: TextIO) -> None:
        """Write all of it; the stream stays open."""
        ...


def renderer(name: str) -> Renderer:
    """The renderer of a format; ``KeyError`` if there is none of that name."""
    return cast("Renderer", import_module(FORMATS[name]).render)
