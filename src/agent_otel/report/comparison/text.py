"""A comparison for the terminal: figures with their intervals below, effects against the best, what to use."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from rich.text import Text

from agent_otel.report import terminal
from agent_otel.report.comparison import words
from agent_otel.report.words import ROWS_SHOWN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from agent_otel.analysis.candidates import Candidate
    from agent_otel.analysis.compare import Comparison

_FIGURES_WIDTH = 66
STYLES = {"use": "bold green", "lean": "yellow", "any": "green", "collect": "dim"}


def render(found: Comparison, stream: TextIO) -> None:
    """Write the comparison, as wide as the terminal, with colours only on one."""
    out = terminal.console(stream)
    title, over = words.headline(found)
    terminal.prose(out, title, style="bold")
    terminal.prose(out, over, style="dim")
    out.print()
    columns = ("candidate", "n", "median", "p95", "success", "P(best)")
    rows = [row for one in found.candidates[:ROWS_SHOWN] for row in _figures(found, one, out)]
    terminal.table(out, columns, rows)
    if len(found.candidates) > ROWS_SHOWN:
        out.print(Text(f"and {len(found.candidates) - ROWS_SHOWN} more; --format csv lists all", style="dim"))
    _effects(found, out)
    terminal.heading(out, "What to use")
    for one in found.recommendations:
        what, advice = words.recommendation(one)
        terminal.prose(out, f"{what}: {advice}", hanging="  ", style=STYLES[one.advice])
    terminal.heading(out, "Method")
    for sentence in found.method:
        terminal.prose(out, sentence, indent="- ", hanging="  ", style="dim")
    if found.notes:
        terminal.heading(out, "Notes")
        for note in found.notes:
            terminal.prose(out, note, indent="- ", hanging="  ", style="yellow")


def _figures(found: Comparison, one: Candidate, out: Console) -> Iterator[tuple[str | Text, ...]]:
    unit = words.value_unit(found)
    room = max(12, out.width - _FIGURES_WIDTH)
    name, rest = words.name(one.keys), ""
    if len(name) > room and len(one.keys) > 1:
        name, rest = words.key(one.keys[0]), words.BETWEEN.lstrip() + words.name(one.keys[1:])
    style = "bold green" if one.keys == found.best else ""
    yield (
        _cut(name, room, style),
        f"{one.n:,}",
        words.value(one.median, unit),
        words.value(one.p95, unit),
        words.value(one.success_rate, "share"),
        Text(words.probability(one.probability_best), style=style)
        if one.probability_best is not None or not one.missing
        else Text("too few", style="yellow"),
    )
    below = (
        words.interval(one.median_interval, unit),
        words.interval(one.p95_interval, unit),
        words.interval(one.success_interval, "share"),
        words.few(one.missing) if one.missing else "",
    )
    if rest or any(below):
        yield (_cut(rest, room, ""), "", *(Text(text, style="dim") for text in below))


def _cut(text: str, room: int, style: str) -> Text:
    made = Text(text, style=style)
    made.truncate(room, overflow="ellipsis")
    return made


def _effects(found: Comparison, out: Console) -> None:
    if found.best is None:
        return
    centre = words.value(found.candidates[0].centre, found.unit)
    terminal.heading(out, f"Against the best: {words.name(found.best)} ({found.centre} {centre})")
    rows = [
        (
            Text(words.name(one.keys)),
            words.effect(one),
            words.p_value(one.p),
            Text(
                words.verdict(one, found.metric),
                style={"worse": "red", "same": "green", "undecided": "yellow"}[one.verdict],
            ),
        )
        for one in found.effects[:ROWS_SHOWN]
    ]
    terminal.table(out, ("candidate", words.effect_head(found), "p", "verdict"), rows)
