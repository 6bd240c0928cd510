"""The verdict of a check as Markdown: the summary of a CI job."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from agent_otel.report.gate import words
from agent_otel.report.markdown_table import cell, markdown_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_otel.analysis.regress import Check


def render(found: Check, stream: TextIO) -> None:
    """Write the summary."""
    stream.write("\n".join(_lines(found)) + "\n")


def _lines(found: Check) -> Iterator[str]:
    yield from (f"## {cell(words.headline(found))}", "", cell(words.against(found)))
    if found.groups:
        yield ""
        yield from markdown_table(words.COLUMNS, map(words.row, found.groups))
    detectable = words.detectable(found)
    if detectable is not None:
        yield from ("", detectable)
    remarks = [*map(words.drift, found.drifts), *found.notes]
    if remarks:
        yield from ("", *(f"- {cell(remark)}" for remark in remarks))
