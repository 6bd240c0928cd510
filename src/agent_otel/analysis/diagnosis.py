"""Four hypotheses about an orchestrator's time, each measured, compared with what is usual, and turned into advice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agent_otel import semconv
from agent_otel.analysis.duration import duration_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_otel.analysis.groups import Durations
    from agent_otel.analysis.totals import Totals

LLM_LATENCY: Final = "LLM latency"
GIT_IO: Final = "git I/O"
SUPERSTEP_BLOCKING: Final = "superstep blocking"
SEQUENTIAL_NODES: Final = "sequential nodes"
USUAL: Final = {
    LLM_LATENCY: (0.60, 0.80),
    GIT_IO: (0.10, 0.20),
    SUPERSTEP_BLOCKING: (0.05, 0.10),
    SEQUENTIAL_NODES: (0.05, 0.10),
}
"""The shares that each has in a usual orchestrator of coding agents."""
CONTINUOUS_DISPATCH_PAYS: Final = 0.30
"""Above this share of superstep blocking tasks should be dispatched as they finish instead of step by step."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One hypothesis: its share, ``usual`` shares to compare it with, the verdict and what to do.

    ``verdict`` is ``high``, ``usual``, ``low`` or ``none``. ``share`` is of the critical path for LLM and git, of
    barrier wait + node time for superstep blocking, of wall time for sequential nodes.
    """

    hypothesis: str
    share: float
    usual: tuple[float, float]
    verdict: str
    advice: str


def diagnose(totals: Totals) -> list[Finding]:
    """The four findings, the greatest share first."""
    wall = totals.wall
    findings = [
        _finding(LLM_LATENCY, _part(totals.critical_path.get(semconv.LLM, 0), wall), _llm_advice(totals)),
        _finding(GIT_IO, _part(totals.critical_path.get(semconv.GIT, 0), wall), _git_advice(totals)),
        _finding(SUPERSTEP_BLOCKING, totals.superstep_share or 0.0, _superstep_advice(totals)),
        _finding(SEQUENTIAL_NODES, _part(totals.sequential, wall), _sequential_advice()),
    ]
    return sorted(findings, key=lambda finding: -finding.share)


def _part(part: int, whole: int) -> float:
    return part / whole if whole else 0.0


def _finding(hypothesis: str, share: float, advice: dict[str, str]) -> Finding:
    low, high = USUAL[hypothesis]
    verdict = "none" if share <= 0 else "low" if share < low else "high" if share > high else "usual"
    return Finding(hypothesis, share, (low, high), verdict, advice[verdict])


def _llm_advice(totals: Totals) -> dict[str, str]:
    model = _costliest(totals.lists["llm"])
    return {
        "none": "No LLM call is on the critical path; a faster model would not shorten the run.",
        "low": f"LLM calls are not the bottleneck; look at the shares above.{_most(model)}",
        "usual": f"Usual for agents. Cut tokens, cache prompts, use a faster model where it is enough.{_most(model)}",
        "high": f"First try a faster model, prompt caching, shorter outputs or calls in parallel.{_most(model)}",
    }


def _git_advice(totals: Totals) -> dict[str, str]:
    operation = _costliest(totals.lists["git"])
    return {
        "none": "No git call is on the critical path.",
        "low": "git is not the bottleneck.",
        "usual": f"Usual where every task has a worktree. Reuse worktrees before tuning the rest.{_most(operation)}",
        "high": "Reuse a pool of worktrees, fetch and check out less (--depth, sparse-checkout), commit once per "
        f"task.{_most(operation)}",
    }


def _superstep_advice(totals: Totals) -> dict[str, str]:
    worst = totals.worst
    straggler = "" if worst is None else f" Worst: {worst.straggler} held step {worst.index} for {_time(worst.waste)}."
    return {
        "none": "No node waited for a slower one.",
        "low": "Barriers cost little; leave the steps as they are.",
        "usual": f"Usual. Split the slowest tasks if they can be split.{straggler}",
        "high": _dispatch_advice(totals) + straggler,
    }


def _dispatch_advice(totals: Totals) -> str:
    share = totals.superstep_share or 0.0
    best, measured = totals.best_makespan, totals.wall
    if share <= CONTINUOUS_DISPATCH_PAYS:
        return "Split the slowest tasks, or start them first."
    saving = measured - best
    if saving <= measured / 100:
        return (
            "Continuous dispatch pays only with more work to hand out: the longest chain alone takes "
            f"{_time(best)} of {_time(measured)}. Split or speed that up first."
        )
    part = f"{saving / measured * 100:.0f} %"
    return (
        "Continuous dispatch pays: hand out the next task when one finishes, not when the step does. It would bring "
        f"{_time(measured)} down to between {_time(best)} and {_time(measured)} (saving at most {part})."
    )


def _sequential_advice() -> dict[str, str]:
    return {
        "none": "No node ran alone.",
        "low": "Little time passes with a single node running.",
        "usual": "Usual for a director and a strategist around parallel workers.",
        "high": "Nodes run one after another: let those that do not need each other's results run in parallel (several "
        "edges from one node, or Send), and shorten what must run alone.",
    }


def _costliest(groups: Mapping[str, Durations]) -> tuple[str, int] | None:
    return max(((name, sum(found.values)) for name, found in groups.items()), key=lambda item: item[1], default=None)


def _most(costliest: tuple[str, int] | None) -> str:
    return "" if costliest is None else f" Most time: {costliest[0]}, {_time(costliest[1])}."


def _time(nanoseconds: int) -> str:
    return duration_text(nanoseconds / 1e9)
