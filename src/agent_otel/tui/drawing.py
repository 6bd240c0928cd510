"""Lines drawn: each a strip of styled pieces, exactly as wide as the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

PLAIN: Final = Style()
DIM: Final = Style(color="#8a8f98")
BOLD: Final = Style(bold=True)
TITLE: Final = Style(color="#ffffff", bgcolor="#2b3a55", bold=True)
HEADING: Final = Style(color="#8a8f98", underline=True)
RED: Final = Style(color="#ff6b6b")
YELLOW: Final = Style(color="#e5c07b")
GREEN: Final = Style(color="#7ec87e")
CURSOR: Final = Style(bgcolor="#34425a")
STATES: Final = {"running": GREEN, "ok": DIM, "cancelled": YELLOW, "interrupted": YELLOW}
"""By outcome; any other is red."""
CATEGORIES: Final = {
    "llm": Style(color="#c98bdb"),
    "tool": Style(color="#63c5cf"),
    "git": Style(color="#e5c07b"),
    "cli": Style(color="#7ec87e"),
    "own": Style(color="#82aaff"),
    "checkpoint": DIM,
}
_BARS: Final = " ▁▂▃▄▅▆▇█"

Piece = tuple[str, Style]


def strip(pieces: Iterable[Piece], width: int, base: Style | None = None) -> Strip:
    """The pieces one after another, cut or filled to the width; ``base`` lies under their styles."""
    segments: list[Segment] = []
    left = width
    for text, style in pieces:
        if left <= 0:
            break
        length = len(text) if text.isascii() else cell_len(text)
        if length > left:
            text, length = set_cell_size(text, left), left  # noqa: PLW2901
        left -= length
        segments.append(Segment(text, base + style if base is not None else style))
    if left > 0:
        segments.append(Segment(" " * left, base))
    return Strip(segments, width)


def fit(text: str, width: int) -> str:
    """The text cut (with an ellipsis) or filled to the width."""
    text = text if text.isprintable() else "".join(letter if letter.isprintable() else " " for letter in text)
    length = len(text) if text.isascii() else cell_len(text)
    if length <= width:
        return text + " " * (width - length)
    return "" if width <= 0 else set_cell_size(text, width - 1) + "…"


def sparkline(values: Sequence[float]) -> str:
    """A bar for each value, the greatest as high as the line; nothing for zero."""
    greatest = max(values, default=0.0)
    if greatest <= 0:
        return "▁" * len(values)
    return "".join(_BARS[max(1, round(value / greatest * 8))] if value > 0 else "▁" for value in values)


def state_style(state: str) -> Style:
    """The colour of an outcome."""
    return STATES.get(state, RED)
