"""Consoles and the parts that text output is made of; colours and styles vanish when the stream is no terminal."""

from __future__ import annotations

import os
import shutil
import textwrap
from typing import TYPE_CHECKING, Final, Literal, TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from agent_otel.report.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

COLOURS: Final = {
    "llm": "magenta",
    "tool": "cyan",
    "git": "yellow",
    "cli": "green",
    "own": "blue",
    "checkpoint": "bright_black",
}
"""By category; a wait is red."""
OUTCOMES: Final = {"ok": "green", "running": "cyan", "cancelled": "yellow", "interrupted": "yellow"}
"""By outcome; any other is bold red."""
_MAX_WIDTH: Final = 120
_BETWEEN: Final = 3
_LEAST: Final = 6


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Leave a closed pipe to the command line, which ends silently; rich would exit with status 1."""
        raise BrokenPipeError


def console(stream: TextIO) -> Console:
    """A console on a stream, as wide as the terminal (``COLUMNS`` wins), at most 120 columns."""
    width = min(_MAX_WIDTH, shutil.get_terminal_size().columns)
    colour = stream.isatty() and "NO_COLOR" not in os.environ
    return _Console(
        file=stream,
        width=width,
        highlight=False,
        emoji=False,
        markup=False,
        force_terminal=stream.isatty(),
        color_system="auto" if colour else None,
    )


def heading(out: Console, title: str) -> None:
    """An empty line, then the title of a section."""
    out.print()
    out.print(Text(title, style="bold"))


def table(
    out: Console,
    columns: Sequence[str],
    rows: Iterable[Sequence[str | Text]],
    *,
    left: int = 1,
    fixed: int = 0,
) -> None:
    """Print a plain table: the first ``left`` columns aligned left, figures right.

    Where the terminal is too narrow the widest of the left columns are cut, but for the first ``fixed``.
    """
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="dim", padding=(0, 1))
    cells = [[Text(printable(cell)) if isinstance(cell, str) else cell for cell in row] for row in rows]
    needed = [max([len(column), *(row[number].cell_len for row in cells)]) for number, column in enumerate(columns)]
    excess = sum(needed) + _BETWEEN * (len(columns) - 1) - out.width
    for _ in range(excess):
        widest = max(range(fixed, left), key=needed.__getitem__)
        needed[widest] = max(_LEAST, needed[widest] - 1)
    for number, column in enumerate(columns):
        align: Literal["left", "right"] = "left" if number < left else "right"
        made.add_column(column, justify=align, no_wrap=True, min_width=needed[number])
    for row in cells:
        for number in range(fixed, left):
            cut(row[number], needed[number], out)
        made.add_row(*row)
    out.print(made)


def cut(text: Text, width: int, out: Console) -> None:
    """Shorten a text to a width, with an ellipsis where the stream can write one."""
    text.truncate(width, overflow="ellipsis" if out.encoding.lower().startswith("utf") else "crop")


def prose(out: Console, text: str, *, indent: str = "", hanging: str | None = None, style: str = "") -> None:
    """Print a sentence, wrapped, every line after the first indented by ``hanging`` (as the first by default)."""
    following = indent if hanging is None else hanging
    wrapped = textwrap.wrap(text, out.width, initial_indent=indent, subsequent_indent=following, break_long_words=False)
    for line in wrapped:
        out.print(Text(printable(line), style=style), soft_wrap=True)


def bar(share: float, width: int, out: Console, style: str) -> Text:
    """A bar of a share of the width."""
    plain = not out.encoding.lower().startswith("utf")
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    if plain:
        return Text("#" * round(eighths / 8), style=style)
    whole, rest = divmod(max(eighths, 1 if share > 0 else 0), 8)
    return Text("█" * whole + ("" if not rest else " ▏▎▍▌▋▊▉"[rest]), style=style)


def outcome(word: str) -> Text:
    """An outcome in its colour."""
    return Text(word, style=OUTCOMES.get(word, "bold red"))
