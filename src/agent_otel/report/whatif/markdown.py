"""Predictions in Markdown, for a pull request or an issue."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from agent_otel.report.markdown_table import cell, markdown_table
from agent_otel.report.whatif import words
from agent_otel.report.words import runs_headline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_otel.analysis.levers import WhatIfReport


def render(found: WhatIfReport, stream: TextIO) -> None:
    """Write the predictions as a table."""
    stream.write("\n".join(_lines(found)) + "\n")


def _lines(found: WhatIfReport) -> Iterator[str]:
    title, which = runs_headline([found.run])
    yield from (f"# What if: {cell(title)}", "", cell(which), "")
    columns = ("change", "predicted", "saves", "share", "critical path then")
    yield from markdown_table(columns, (words.figures(one) for one in found.predictions))
    yield from ("", cell(words.model(found)), "", "## Notes", "", *(f"- {cell(note)}" for note in found.notes))
