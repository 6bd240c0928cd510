"""Tables in Markdown, with cells that cannot break them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_otel.report.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


def markdown_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table."""
    yield f"| {' | '.join(columns)} |"
    yield f"|{'|'.join(' --- ' for _ in columns)}|"
    for row in rows:
        yield f"| {' | '.join(map(cell, row))} |"


def cell(text: str) -> str:
    """The text on one line, with what Markdown would read otherwise escaped."""
    return printable(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
