"""A report as Markdown, for a pull request or an issue."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from agent_otel.analysis.duration import duration_text
from agent_otel.report import words
from agent_otel.report.markdown_table import cell, markdown_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_otel.analysis.summary import Report


def render(report: Report, stream: TextIO) -> None:
    """Write the report."""
    stream.write("\n".join(_lines(report)) + "\n")


def _lines(report: Report) -> Iterator[str]:
    title, run = words.headline(report)
    yield from (f"# {cell(title)}", "", cell(run), "", "## Where the time goes", "")
    wall = report.wall_seconds
    yield from markdown_table(
        ("critical path", "time", "share", "busy"),
        (
            (category, duration_text(seconds), words.percent(seconds / wall), _busy(report, category))
            for category, seconds in report.critical_path.items()
            if seconds
        ),
    )
    if any(report.wait_seconds.values()):
        yield from ("", "## Waits", "")
        waits = ((reason, duration_text(found)) for reason, found in report.wait_seconds.items() if found)
        yield from markdown_table(("wait", "time"), waits)
    ratio = words.ratio(report)
    if ratio is not None:
        yield from ("", ratio)
    for kind, groups in report.tables.items():
        if groups:
            yield from ("", f"## {words.TITLES[kind]}", "")
            yield from markdown_table(
                ("name", *words.FIGURES), ((group.name, *words.figures(group)) for group in groups)
            )
    if report.by:
        yield from ("", f"## By {', '.join(report.by)}", "")
        rows = ((*group.keys, *words.figures(group.figures)) for group in report.groups)
        yield from markdown_table((*report.by, *words.FIGURES), rows)
    steps = words.steps(report)
    if steps:
        yield from ("", "## Supersteps", "", *map(cell, steps))
    yield from ("", "## What to change first", "")
    yield from markdown_table(
        ("hypothesis", "share", "usual", "verdict", "advice"),
        (
            (found.hypothesis, words.percent(found.share), words.usual(found), found.verdict, found.advice)
            for found in report.diagnosis
        ),
    )
    if report.warnings:
        yield from ("", "## Notes", "", *(f"- {cell(warning)}" for warning in report.warnings))


def _busy(report: Report, category: str) -> str:
    seconds = report.busy_seconds.get(category, 0.0)
    return duration_text(seconds) if seconds else ""
