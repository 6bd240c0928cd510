"""What the readable formats say about supersteps in the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent_otel.analysis.duration import duration_text
from agent_otel.report.words import percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_otel.analysis.stragglers import Member, Step, StepsReport, StragglerCost

ROWS_SHOWN: Final = 12
STEP_COLUMNS: Final = ("straggler", "nodes", "duration", "alone", "waste")
COST_COLUMNS: Final = ("steps", "held", "how often", "alone", "waste")
EXPLAINED: Final = (
    "alone: only the straggler ran. waste: the sum of (step end - node end), so what the others waited together."
)


def summary(found: StepsReport) -> str:
    """How many steps there are, and what they held."""
    if not found.count:
        return "No superstep: no graph of these runs says which nodes belong to one step."
    several = len(found.steps)
    counted = f"{found.count} superstep{'' if found.count == 1 else 's'}, {several or 'none'} of two or more nodes"
    if not found.waste_seconds:
        return f"{counted}; no node waited for a slower one."
    share = "" if not found.share else f", {percent(found.share)} of node time and barrier wait together"
    return f"{counted}. Finished nodes waited {duration_text(found.waste_seconds)} for the last of their step{share}."


def member(found: Member) -> str:
    """The node, and the task that it worked on."""
    return f"{found.node} {found.task}" if found.task else found.node


def costliest(steps: Sequence[Step], count: int) -> list[Step]:
    """The steps with the greatest waste, in the order of time."""
    ranked = sorted((place for place in range(len(steps))), key=lambda place: (-steps[place].waste_seconds, place))
    return [steps[place] for place in sorted(ranked[:count])]


def step_name(found: StepsReport, step: Step) -> str:
    """The number of a step; with several runs, which run it belongs to."""
    return f"{step.run[:8]} {step.step}" if len(found.runs) > 1 else str(step.step)


def step_figures(step: Step) -> tuple[str, ...]:
    """The figures of a step in the order of ``STEP_COLUMNS``."""
    return (
        member(step.straggler),
        f"{step.size:,}",
        duration_text(step.seconds),
        duration_text(step.alone_seconds),
        duration_text(step.waste_seconds),
    )


def cost_figures(cost: StragglerCost) -> tuple[str, ...]:
    """The figures of a straggler in the order of ``COST_COLUMNS``."""
    return (
        f"{cost.steps:,}",
        f"{cost.held:,}",
        percent(cost.share),
        duration_text(cost.alone_seconds),
        duration_text(cost.waste_seconds),
    )
