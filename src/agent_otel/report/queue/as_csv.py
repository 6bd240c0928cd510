"""The queue of a run as one CSV table, a row for everything that the other formats say; times in seconds."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_otel.analysis.queues import QueueReport
    from agent_otel.analysis.ratios import Ratio, Window

COLUMNS: Final = (
    "section", "name", "detail", "outcome", "count", "start", "end", "mean", "median", "p95", "total",
    "work", "wait", "held", "ratio", "ready", "active", "waiting",
)  # fmt: skip
Row = dict[str, str | int | float | None]


def render(found: QueueReport, stream: TextIO) -> None:
    """Write the table; what a row does not have is empty."""
    writer: csv.DictWriter[str] = csv.DictWriter(stream, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(_rows(found))


def _rows(found: QueueReport) -> Iterator[Row]:
    yield {"section": "run", "name": found.run.run, "total": found.run.wall_seconds, "ratio": found.wait_work_ratio}
    for state in found.states:
        yield {
            "section": "state", "name": state.state, "count": state.most, "mean": state.mean,
            "total": state.total_seconds,
        }  # fmt: skip
    for task in found.tasks:
        yield {
            "section": "task", "name": task.task or task.name, "detail": task.task_type, "outcome": task.outcome,
            "start": task.start_seconds, "end": task.start_seconds + task.seconds, "total": task.seconds,
            "wait": task.waited_seconds, "held": task.held_seconds,
        }  # fmt: skip
    for one in found.transitions:
        yield {
            "section": "transition", "name": one.source, "detail": one.target, "count": one.count,
            "median": one.median_seconds, "p95": one.p95_seconds, "total": one.total_seconds,
        }  # fmt: skip
    if found.loop is not None:
        for iteration in found.loop.iterations:
            yield _window("loop", found.loop.node, iteration)
    for section, ratios in (("agent", found.agents), ("node", found.nodes), ("task_type", found.task_types)):
        for ratio in ratios:
            yield _ratio(section, ratio)
    for window in found.windows:
        yield _window("window", "", window)
    for depth in found.depths:
        yield {
            "section": "depth", "start": depth.at_seconds, "ready": depth.ready, "active": depth.active,
            "waiting": depth.waiting,
        }  # fmt: skip


def _ratio(section: str, found: Ratio) -> Row:
    return {
        "section": section, "name": found.name, "work": found.work_seconds, "wait": found.wait_seconds,
        "ratio": found.ratio,
    }  # fmt: skip


def _window(section: str, name: str, found: Window) -> Row:
    return {
        "section": section, "name": name, "start": found.start_seconds, "end": found.end_seconds,
        "total": found.end_seconds - found.start_seconds, "work": found.work_seconds, "wait": found.wait_seconds,
        "ratio": found.ratio,
    }  # fmt: skip
