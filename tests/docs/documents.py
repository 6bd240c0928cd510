"""The documents of this repository, and the parts of them that tests look at."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
DOCUMENTS: Final = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(DOCS.rglob("*.md")))
WRITTEN: Final = [str(path.relative_to(ROOT)) for path in DOCUMENTS]
"""Their names, for parametrised tests."""

_FENCE: Final = re.compile(r"^( *)```([^\n`]*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_LINK: Final = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
_CELL: Final = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Block:
    """A fenced block: its words after the fence, and the number of its first line in the document."""

    document: str
    line: int
    words: tuple[str, ...]
    text: str

    @property
    def language(self) -> str:
        """The first word, empty where there is none."""
        return self.words[0] if self.words else ""

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def read(document: str) -> str:
    """The text of a document."""
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(document: str) -> Iterator[Block]:
    """The fenced blocks of a document."""
    text = read(document)
    for found in _FENCE.finditer(text):
        line = text.count("\n", 0, found.start(3)) + 1
        yield Block(document, line, tuple(found[2].split()), textwrap.dedent(found[3]))


def every_block(*languages: str) -> list[Block]:
    """The blocks of these languages in all documents."""
    return [block for document in WRITTEN for block in blocks(document) if block.language in languages]


def prose(document: str) -> str:
    """The document without its fenced blocks; their lines are left empty."""
    return _FENCE.sub(lambda found: "\n" * found[0].count("\n"), read(document))


def links(document: str) -> list[str]:
    """The targets of its links."""
    return _LINK.findall(prose(document))


def anchors(document: str) -> set[str]:
    """The anchors of its headings, as GitHub makes them."""
    headings = re.findall(r"^#+ +(.+)$", prose(document), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def section(document: str, heading: str) -> str:
    """What follows a heading, up to the next of its level or above."""
    text = prose(document)
    level = len(heading) - len(heading.lstrip("#"))
    _, found, after = f"\n{text}".partition(f"\n{heading}\n")
    assert found, f"{document} has no heading {heading!r}"
    return re.split(rf"^#{{1,{level}}} ", after, maxsplit=1, flags=re.MULTILINE)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of the tables in a text, without heads and rules."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    ruled = [number for number, cells in enumerate(table) if all(set(cell) <= set("- ") for cell in cells)]
    heads = {number - 1 for number in ruled}
    return [cells for number, cells in enumerate(table) if number not in heads and number not in ruled]


def codes(cell: str) -> list[str]:
    """What stands between backticks in a cell."""
    return _CELL.findall(cell)
