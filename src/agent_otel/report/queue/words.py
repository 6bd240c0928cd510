"""What the readable formats say about a queue in the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent_otel.analysis.duration import duration_text
from agent_otel.analysis.groups import quantile

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent_otel.analysis.queues import QueuedItem, QueueReport
    from agent_otel.analysis.ratios import Ratio, Window
    from agent_otel.analysis.transitions import Transition

ROWS_SHOWN: Final = 12
TASK_COLUMNS: Final = ("node", "waited", "started at", "ran", "then held")
TRANSITION_COLUMNS: Final = ("count", "median", "p95", "total")
RATIO_COLUMNS: Final = ("work", "wait", "wait/work")


def tasks(found: QueueReport) -> str:
    """How many tasks waited for how long."""
    waited = sorted(round(task.waited_seconds * 1e9) for task in found.tasks)
    what = "task" if any(task.task for task in found.tasks) else "node"
    counted = f"{len(waited)} {what}{'' if len(waited) == 1 else 's'}"
    total = sum(waited)
    if not total:
        return f"{counted}, none of which waited before it started (waits below 1 ms are not recorded)."
    return (
        f"{counted} waited {duration_text(total / 1e9)} together before they started: median "
        f"{duration_text(quantile(waited, 0.5) / 1e9)}, longest {duration_text(waited[-1] / 1e9)}."
    )


def longest(found: Sequence[QueuedItem]) -> list[QueuedItem]:
    """Those that waited longest, in the order of time."""
    ranked = sorted(range(len(found)), key=lambda place: (-found[place].waited_seconds, place))
    return [found[place] for place in sorted(ranked[:ROWS_SHOWN])]


def task_name(task: QueuedItem) -> str:
    """The id of a task and its type."""
    return f"{task.task} {task.task_type or ''}".strip() if task.task else task.name


def task_figures(task: QueuedItem) -> tuple[str, ...]:
    """The figures of a task in the order of ``TASK_COLUMNS``."""
    return (
        task.name,
        span_of_time(task.waited_seconds),
        f"+{duration_text(task.start_seconds)}",
        duration_text(task.seconds),
        span_of_time(task.held_seconds),
    )


def transition_figures(one: Transition) -> tuple[str, ...]:
    """The figures of a transition in the order of ``TRANSITION_COLUMNS``."""
    return (
        f"{one.count:,}",
        duration_text(one.median_seconds),
        duration_text(one.p95_seconds),
        duration_text(one.total_seconds),
    )


def loop(found: QueueReport) -> str | None:
    """What starts the loop, and how long it takes; None without a loop."""
    if found.loop is None:
        return None
    took = [one.end_seconds - one.start_seconds for one in found.loop.iterations]
    return (
        f"From a start of {found.loop.node} to its next: {found.loop.count} times, median "
        f"{duration_text(found.loop.median_seconds)}, longest {duration_text(max(took))}."
    )


def ratio_figures(found: Ratio | Window) -> tuple[str, str, str]:
    """Work, wait and the ratio of the two."""
    ratio = "-" if found.ratio is None else f"{found.ratio:.2f}"
    return span_of_time(found.work_seconds), span_of_time(found.wait_seconds), ratio


def ratio_tables(found: QueueReport) -> Mapping[str, tuple[Ratio, ...]]:
    """The wait/work ratios by what they are of."""
    return {"node": found.nodes, "agent": found.agents, "task type": found.task_types}


def span_of_time(seconds: float) -> str:
    """A duration; a dash for none."""
    return duration_text(seconds) if seconds else "-"


def during(window: Window) -> str:
    """From when to when."""
    return f"+{duration_text(window.start_seconds)} to +{duration_text(window.end_seconds)}"
