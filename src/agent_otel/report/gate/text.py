"""The verdict of a check for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TextIO

from rich.text import Text

from agent_otel.report import terminal
from agent_otel.report.gate import words
from agent_otel.report.printable import printable
from agent_otel.report.words import ROWS_SHOWN

if TYPE_CHECKING:
    from agent_otel.analysis.regress import Check

STYLES: Final = {
    "regression": "bold red",
    "fine": "green",
    "faster": "green",
    "unsure": "yellow",
    "cannot tell": "yellow",
}


def render(found: Check, stream: TextIO) -> None:
    """Write the verdict first, then what it rests on."""
    out = terminal.console(stream)
    terminal.prose(out, printable(words.headline(found)), style=f"bold {STYLES[found.verdict]}")
    terminal.prose(out, words.against(found), style="dim")
    out.print()
    rows: list[tuple[str | Text, ...]] = []
    for group in found.groups[:ROWS_SHOWN]:
        *figures, verdict = words.row(group)
        rows.append((*figures, Text(verdict, style=STYLES.get(group.verdict, "dim"))))
    if rows:
        terminal.table(out, words.COLUMNS, rows)
    if len(found.groups) > ROWS_SHOWN:
        out.print(Text(f"and {len(found.groups) - ROWS_SHOWN} more; --format json lists all", style="dim"))
    detectable = words.detectable(found)
    if detectable is not None:
        terminal.prose(out, detectable, style="dim")
    if found.drifts:
        terminal.heading(out, "Also worse (no reason to fail)")
        for drift in found.drifts:
            terminal.prose(out, words.drift(drift), indent="- ", hanging="  ", style="yellow")
    if found.notes:
        terminal.heading(out, "Notes")
        for note in found.notes:
            terminal.prose(out, note, indent="- ", hanging="  ", style="yellow")
