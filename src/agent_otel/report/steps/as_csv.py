"""Supersteps as a CSV table: a row for every node of a step; times in seconds."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from agent_otel.analysis.stragglers import StepsReport

COLUMNS: Final = (
    "run", "workflow", "step", "step_start", "step_seconds", "size", "waste", "alone",
    "node", "task", "task_type", "outcome", "start", "seconds", "waited", "straggler",
)  # fmt: skip


def render(found: StepsReport, stream: TextIO) -> None:
    """Write the table; ``straggler`` is 1 for the node that ended last. ``start`` is since the step's."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for step in found.steps:
        whole = (
            step.run, step.workflow, step.step, step.start_seconds, step.seconds, step.size, step.waste_seconds,
            step.alone_seconds,
        )  # fmt: skip
        for member in (step.straggler, *step.others):
            own = (member.node, member.task, member.task_type, member.outcome, member.start_seconds, member.seconds)
            writer.writerow((*whole, *own, member.waited_seconds, int(member is step.straggler)))
