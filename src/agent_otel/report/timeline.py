"""One run as a Gantt chart: a row for each span, what it did at each moment as a letter and a colour, waits as dots."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TextIO

from rich.text import Text

from agent_otel import semconv
from agent_otel.analysis.duration import duration_text
from agent_otel.analysis.items import label
from agent_otel.analysis.rows import Row, rows
from agent_otel.analysis.summary import run_info
from agent_otel.report import terminal
from agent_otel.report.words import counted, runs_headline

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import Console

    from agent_otel.analysis.intervals import Interval
    from agent_otel.store.reader import Run

LETTERS: Final = {
    semconv.LLM: "L",
    semconv.TOOL: "T",
    semconv.GIT: "G",
    semconv.CLI: "C",
    semconv.OWN: "o",
    semconv.CHECKPOINT: "k",
}
WAIT: Final = "·"
PLAIN_WAIT: Final = "."
OTHER: Final = "x"
"""The letter of a category that is none of ours."""
WAIT_STYLE: Final = "red"
_DURATION: Final = 9


def render_timeline(run: Run, stream: TextIO, *, depth: int | None = None) -> None:
    """Write the chart, down to ``depth`` levels; by default as deep as a screen or two allow."""
    out = terminal.console(stream)
    title, which = runs_headline((run_info(run),))
    out.print(Text(title, style="bold"))
    out.print(Text(which, style="dim"))
    out.print(_key(out), soft_wrap=True)
    out.print()
    made = rows(run, depth)
    names = [_name(run, row) for row in made]
    name_width = max(12, min(max(map(len, names), default=0), out.width // 3))
    width = max(10, out.width - name_width - 1 - _DURATION)
    out.print(Text(f"{'':<{name_width}} {axis(run.wall / 1e9, width)}", style="dim"), soft_wrap=True)
    for row, name in zip(made, names, strict=True):
        line = Text(name)
        terminal.cut(line, name_width, out)
        line.pad_right(name_width + 1 - line.cell_len)
        line.append_text(_bar(run, row, width, out))
        line.append(f"{duration_text(_extent(run, row) / 1e9):>{_DURATION}}", style="dim")
        out.print(line, soft_wrap=True)
    below = sum(row.below for row in made)
    if below:
        out.print()
        hidden = f"{counted(below, 'span')} inside these rows have none of their own; --depth shows more levels"
        terminal.prose(out, hidden, style="dim")
    for warning in run.warnings:
        terminal.prose(out, warning, indent="- ", hanging="  ", style="yellow")


def axis(seconds: float, width: int) -> str:
    """Marks at round times over ``width`` columns, the first at the run's start."""
    if seconds <= 0:
        return "0 s"
    step = _round_step(seconds / max(1, width // 10))
    line = ""
    number = 0
    while number * step < seconds:
        column = round(number * step / seconds * width)
        mark = f"|{duration_text(number * step)}"
        if column + len(mark) > width:
            break
        line = line.ljust(column) + mark
        number += 1
    return line


def _round_step(least: float) -> float:
    """The first of 1, 2, 5, 10, 20, 30, 60 seconds and the like that is as long."""
    steps = [base * 10.0**power for power in range(-9, 1) for base in (1, 2, 5)]
    steps += [10, 20, 30, *(60.0 * minutes for minutes in (1, 2, 5, 10, 20, 30))]
    steps += [3600.0 * 2**power for power in range(20)]
    return next((step for step in steps if step >= least), steps[-1])


def _key(out: Console) -> Text:
    line = Text()
    for category, letter in LETTERS.items():
        line.append(letter, style=_style(category))
        line.append(f" {category}  ", style="dim")
    line.append(_dot(out), style=WAIT_STYLE)
    line.append(" waits", style="dim")
    return line


def _name(run: Run, row: Row) -> str:
    indent = "  " * (row.level - 1)
    span = run.spans[row.members[0]]
    if len(row.members) > 1:
        return f"{indent}{len(row.members):,} times {span.name}"
    return indent + label(span)


def _extent(run: Run, row: Row) -> int:
    """How long the row's spans ran: from the first to the last of folded ones."""
    return max(run.spans[member].end for member in row.members) - min(run.spans[member].start for member in row.members)


def _bar(run: Run, row: Row, width: int, out: Console) -> Text:
    """What filled most of each cell. Work is seen however short it was, a wait where it fills half a cell or more."""
    cell = max(run.wall, 1) / width
    work = {category: cells(found, run.start, cell, width) for category, found in row.busy.items()}
    waits = cells(row.waits, run.start, cell, width)
    most: dict[int, tuple[float, str]] = {}
    for category, found in work.items():
        for place, amount in found.items():
            most[place] = max(most.get(place, (-1.0, "")), (amount, category))
    longest = max(most, key=lambda place: most[place][0], default=-1)
    line = Text()
    for place in range(width):
        amount, category = most.get(place, (-1.0, ""))
        waited = waits.get(place, 0.0)
        if category and (amount >= waited or place == longest):
            line.append(LETTERS.get(category, OTHER), style=_style(category))
        elif waited >= cell / 2 or (category and waited):
            line.append(_dot(out), style=WAIT_STYLE)
        else:
            line.append(" ")
    return line


def cells(found: Iterable[Interval], start: int, cell: float, width: int) -> dict[int, float]:
    """How much of these intervals lies in each cell; one without length counts for a little in its own."""
    sums: dict[int, float] = {}
    for low, high in found:
        first = min(width - 1, max(0, int((low - start) / cell)))
        last = min(width - 1, max(first, int((high - start) / cell)))
        for place in range(first, last + 1):
            begin, end = start + place * cell, start + (place + 1) * cell
            inside = min(high, end) - max(low, begin)
            if inside > 0 or first == last:
                sums[place] = sums.get(place, 0.0) + max(inside, 0.0)
    return sums


def _style(category: str) -> str:
    return f"{terminal.COLOURS.get(category, 'white')} reverse"


def _dot(out: Console) -> str:
    return WAIT if out.encoding.lower().startswith("utf") else PLAIN_WAIT
