"""What the readable formats say in the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent_otel.analysis.duration import duration_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_otel.analysis.diagnosis import Finding
    from agent_otel.analysis.groups import Group
    from agent_otel.analysis.summary import Report, RunInfo

ROWS_SHOWN: Final = 12
FIGURES: Final = ("count", "errors", "median", "p95", "total")
TITLES: Final = {"nodes": "Nodes", "agents": "Agents", "llm": "LLM calls", "git": "git calls"}


def headline(report: Report) -> tuple[str, str]:
    """What was run and for how long; then which run it is."""
    return runs_headline(report.runs)


def runs_headline(runs: Sequence[RunInfo]) -> tuple[str, str]:
    """What these runs were and how long they took together; then which they are."""
    if len(runs) == 1:
        run = runs[0]
        started = run.started[:19].replace("T", " ")
        return (
            f"{run.name}: {duration_text(run.wall_seconds)}, {run.outcome}",
            f"run {run.run[:8]}, started {started} UTC, {counted(run.spans, 'span')}",
        )
    first = min((run.started for run in runs), default="")[:16].replace("T", " ")
    last = max((run.started for run in runs), default="")[:16].replace("T", " ")
    spans = sum(run.spans for run in runs)
    return (
        f"{len(runs)} runs: {duration_text(sum(run.wall_seconds for run in runs))} in all",
        f"started {first} to {last} UTC, {spans:,} spans",
    )


def counted(number: int, thing: str) -> str:
    """``1 span``, ``2 spans``."""
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def percent(share: float) -> str:
    """``63 %``; below one percent ``0.4 %``."""
    return f"{share * 100:.1f} %" if 0 < share < 0.01 else f"{share * 100:.0f} %"


def parallelism(report: Report) -> str | None:
    """How much was done at once."""
    if report.parallelism is None:
        return None
    busy = duration_text(sum(report.busy_seconds.values()))
    return f"{busy} of work in {duration_text(report.wall_seconds)}: {report.parallelism:.2f} at once on average"


def ratio(report: Report) -> str | None:
    """The wait/work ratio in words; None without work."""
    if report.wait_work_ratio is None:
        return None
    return f"wait/work ratio {report.wait_work_ratio:.2f}: seconds in which something ready waited, per second of work"


def steps(report: Report) -> list[str]:
    """What supersteps cost, in sentences; none for a run without steps."""
    found = report.supersteps
    if not found.count:
        return []
    counted = f"{found.count} superstep{'' if found.count == 1 else 's'}"
    if not found.blocked_seconds:
        return [f"{counted}; no node waited for a slower one."]
    held = duration_text(found.blocked_seconds)
    share = percent(found.share or 0.0)
    lines = [f"{counted}; finished nodes were held for {held}, {share} of node time and barrier wait together."]
    worst = found.worst_straggler
    if worst is not None:
        lines.append(
            f"Worst straggler: {worst.node} in step {worst.step} ran {duration_text(worst.seconds)} while the others "
            f"waited {duration_text(worst.blocked_seconds)} together."
        )
    return lines


def usual(finding: Finding) -> str:
    """The range of shares that is usual: ``60-80 %``."""
    low, high = finding.usual
    return f"{low * 100:.0f}-{high * 100:.0f} %"


def figures(group: Group) -> tuple[str, ...]:
    """The figures of a group in the order of ``FIGURES``."""
    return (
        f"{group.count:,}",
        f"{group.errors:,}" if group.errors else "-",
        duration_text(group.median),
        duration_text(group.p95),
        duration_text(group.total),
    )
