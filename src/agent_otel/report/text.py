"""A report for the terminal: where the time goes first, what to change last, where the eye ends up."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from rich.text import Text

from agent_otel.analysis.duration import duration_text
from agent_otel.report import terminal, words
from agent_otel.report.printable import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from agent_otel.analysis.summary import Report


def render(report: Report, stream: TextIO) -> None:
    """Write the report, as wide as the terminal, with colours only on one."""
    out = terminal.console(stream)
    title, run = map(printable, words.headline(report))
    out.print(Text(title, style="bold"))
    out.print(Text(run, style="dim"))
    _path(report, out)
    _waits(report, out)
    if report.by:
        rows = [(*group.keys, *words.figures(group.figures)) for group in report.groups]
        _groups(out, f"By {', '.join(report.by)}", report.by, rows)
    for kind, groups in report.tables.items():
        if groups:
            found = [(group.name, *words.figures(group)) for group in groups]
            _groups(out, words.TITLES[kind], ("name",), found)
    sentences = words.steps(report)
    if sentences:
        terminal.heading(out, "Supersteps")
        for sentence in sentences:
            terminal.prose(out, sentence)
    _diagnosis(report, out)
    if report.warnings:
        terminal.heading(out, "Notes")
        for warning in report.warnings:
            terminal.prose(out, warning, indent="- ", hanging="  ", style="yellow")


def _path(report: Report, out: Console) -> None:
    terminal.heading(out, "Where the time goes (critical path)")
    wall = report.wall_seconds
    width = max(10, out.width - 52)
    rows: list[tuple[str | Text, ...]] = []
    for category, seconds in sorted(report.critical_path.items(), key=lambda item: -item[1]):
        if not seconds:
            continue
        style = terminal.COLOURS.get(category, "red")
        busy = report.busy_seconds.get(category, 0.0)
        share = seconds / wall
        rows.append(
            (
                Text(category, style=style),
                terminal.bar(share, width, out, style),
                duration_text(seconds),
                words.percent(share),
                duration_text(busy) if busy else "",
            )
        )
    terminal.table(out, ("category", "", "on the path", "share", "busy in all"), rows, left=2, fixed=1)
    at_once = words.parallelism(report)
    if at_once is not None:
        out.print(Text(at_once, style="dim"))


def _waits(report: Report, out: Console) -> None:
    waits = sorted(report.wait_seconds.items(), key=lambda item: -item[1])
    if any(seconds for _, seconds in waits):
        terminal.heading(out, "Waits")
        rows = [(Text(reason, style="red"), duration_text(seconds)) for reason, seconds in waits if seconds]
        terminal.table(out, ("reason", "time"), rows)
    ratio = words.ratio(report)
    if ratio is not None:
        terminal.prose(out, ratio, style="dim")


def _groups(out: Console, title: str, keys: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    terminal.heading(out, title)
    shown: list[tuple[str | Text, ...]] = [
        (*row[: len(keys) + 1], _errors(row[len(keys) + 1]), *row[len(keys) + 2 :]) for row in rows[: words.ROWS_SHOWN]
    ]
    terminal.table(out, (*keys, *words.FIGURES), shown, left=len(keys))
    if len(rows) > words.ROWS_SHOWN:
        more = f"and {len(rows) - words.ROWS_SHOWN} more; --format csv lists all"
        out.print(Text(more, style="dim"))


def _errors(text: str) -> Text:
    return Text(text, style="dim" if text == "-" else "bold red")


def _diagnosis(report: Report, out: Console) -> None:
    terminal.heading(out, "What to change first")
    for number, finding in enumerate(report.diagnosis, start=1):
        style = {"high": "bold red", "usual": "green", "low": "green"}.get(finding.verdict, "dim")
        line = Text(f"{number}. {finding.hypothesis}: ")
        line.append(words.percent(finding.share), style=style)
        line.append(f" ({finding.verdict}; usual {words.usual(finding)})", style="dim")
        out.print(line)
        terminal.prose(out, finding.advice, indent="   ")
