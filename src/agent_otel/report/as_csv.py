"""A report as one CSV table: a row per category, wait, group and finding; times in seconds."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_otel.analysis.groups import Group
    from agent_otel.analysis.summary import Report

COLUMNS: Final = ("section", "name", "count", "errors", "median", "p95", "total", "share")
Row = tuple[str | int | float | None, ...]


def render(report: Report, stream: TextIO) -> None:
    """Write the table; with ``--by`` only the asked groups, a column per key."""
    writer = csv.writer(stream, lineterminator="\n")
    if report.by:
        writer.writerow((*report.by, *COLUMNS[2:7]))
        writer.writerows((*group.keys, *_figures(group.figures)) for group in report.groups)
        return
    writer.writerow(COLUMNS)
    writer.writerows(_rows(report))


def _rows(report: Report) -> Iterator[Row]:
    wall = report.wall_seconds
    yield ("run", "wall", len(report.runs), None, None, None, wall, None)
    for category, seconds in report.critical_path.items():
        yield ("critical_path", category, None, None, None, None, seconds, seconds / wall if wall else 0.0)
    for category, seconds in report.busy_seconds.items():
        yield ("busy", category, None, None, None, None, seconds, None)
    for reason, seconds in report.wait_seconds.items():
        yield ("wait", reason, None, None, None, None, seconds, None)
    yield ("wait", "wait/work", None, None, None, None, None, report.wait_work_ratio)
    for section, groups in report.tables.items():
        for group in groups:
            yield (section, group.name, *_figures(group), None)
    steps = report.supersteps
    yield ("supersteps", "blocked", steps.count, None, None, None, steps.blocked_seconds, steps.share)
    for node, seconds in steps.held_by.items():
        yield ("stragglers", node, None, None, None, None, seconds, None)
    for finding in report.diagnosis:
        yield ("diagnosis", finding.hypothesis, None, None, None, None, None, finding.share)


def _figures(group: Group) -> tuple[int, int, float, float, float]:
    return group.count, group.errors, group.median, group.p95, group.total
