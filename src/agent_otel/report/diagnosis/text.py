"""A diagnosis for the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from rich.text import Text

from agent_otel.report import terminal
from agent_otel.report.diagnosis import words
from agent_otel.report.words import percent, runs_headline

if TYPE_CHECKING:
    from rich.console import Console

    from agent_otel.analysis.findings import Diagnosis
    from agent_otel.analysis.symptom import Symptom


def render(found: Diagnosis, stream: TextIO) -> None:
    """Write the hypotheses, the one whose change saves most first; those that do not apply in one line."""
    out = terminal.console(stream)
    title, which = runs_headline([found.run])
    out.print(Text(title, style="bold"))
    out.print(Text(which, style="dim"))
    terminal.heading(out, "What to change first")
    apply = [one for one in found.findings if one.verdict != "none"]
    for number, one in enumerate(apply, start=1):
        _symptom(number, one, out)
    rest = [one.hypothesis for one in found.findings if one.verdict == "none"]
    if rest:
        terminal.prose(out, f"Not found: {', '.join(rest)}.", style="dim")
    out.print()
    terminal.prose(out, words.model(found), style="dim")
    terminal.heading(out, "Notes")
    for note in found.notes:
        terminal.prose(out, note, indent="- ", hanging="  ", style="dim")


def _symptom(number: int, one: Symptom, out: Console) -> None:
    style = {"high": "bold red", "usual": "green", "low": "green"}[one.verdict]
    line = Text(f"{number}. {one.hypothesis}: ", style="bold")
    line.append(f"{percent(one.share)} of {one.of}", style=style)
    line.append(f" ({one.verdict}; usual {words.usual(one)})", style="dim")
    out.print(line, soft_wrap=True)
    saving = words.saving(one)
    if saving:
        terminal.prose(out, saving, indent="   ", style="bold" if (one.saving_seconds or 0) > 0 else "")
    terminal.prose(out, one.advice, indent="   ")
    for found in one.evidence:
        terminal.prose(out, words.evidence(found), indent="   - ", hanging="     ", style="dim")
