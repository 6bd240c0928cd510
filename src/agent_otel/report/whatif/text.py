"""Predictions for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from rich.text import Text

from agent_otel.analysis.duration import duration_text
from agent_otel.report import terminal
from agent_otel.report.whatif import words
from agent_otel.report.words import percent, runs_headline

if TYPE_CHECKING:
    from rich.console import Console

    from agent_otel.analysis.levers import WhatIfReport
    from agent_otel.analysis.whatif import Prediction


def render(found: WhatIfReport, stream: TextIO) -> None:
    """Write the predictions; a single one in full, several as a table."""
    out = terminal.console(stream)
    title, which = runs_headline([found.run])
    out.print(Text(title, style="bold"))
    out.print(Text(which, style="dim"))
    if len(found.predictions) == 1:
        _single(found, found.predictions[0], out)
    else:
        terminal.heading(out, "What if")
        rows = [words.figures(one) for one in found.predictions]
        terminal.table(out, words.COLUMNS[:4], [row[:4] for row in rows])
    style = {"good": "green", "fair": "yellow"}.get(found.model.verdict, "bold red")
    out.print()
    terminal.prose(out, words.model(found), style=style)
    terminal.heading(out, "Notes")
    for note in found.notes:
        terminal.prose(out, note, indent="- ", hanging="  ", style="dim")


def _single(found: WhatIfReport, one: Prediction, out: Console) -> None:
    terminal.heading(out, f"What if: {one.change}")
    measured = duration_text(one.measured_seconds)
    if one.predicted_seconds is None:
        low, high = one.between
        terminal.prose(
            out,
            f"Between {duration_text(low)} and {duration_text(high)} instead of {measured}: it saves at most "
            f"{duration_text(one.saving_seconds)} ({percent(max(0.0, one.saving_share))}).",
        )
        return
    verb = "saves" if one.saving_seconds >= 0 else "costs"
    out.print(
        Text(f"{measured} -> {duration_text(one.predicted_seconds)}", style="bold")
        + Text(f": it {verb} {duration_text(abs(one.saving_seconds))} ({percent(abs(one.saving_share))})")
    )
    terminal.heading(out, "Critical path then")
    rows: list[tuple[str | Text, ...]] = []
    for category, seconds in sorted(one.critical_path.items(), key=lambda item: -item[1]):
        style = terminal.COLOURS.get(category, "red")
        share = seconds / one.predicted_seconds if one.predicted_seconds else 0.0
        was = found.critical_path.get(category, 0.0)
        rows.append(
            (
                Text(category, style=style),
                terminal.bar(share, max(10, out.width - 52), out, style),
                duration_text(seconds),
                percent(share),
                duration_text(was),
            )
        )
    terminal.table(out, ("category", "", "time", "share", "was"), rows, left=2, fixed=1)
