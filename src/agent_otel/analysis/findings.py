"""The answer of ``agent-otel diagnose``: what slows a run down, how we know, and what a change would save."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agent_otel.analysis import incidents, symptoms
from agent_otel.analysis.examined import Examined
from agent_otel.analysis.levers import info

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent_otel.analysis.summary import RunInfo
    from agent_otel.analysis.symptom import Symptom
    from agent_otel.analysis.whatif import Confidence
    from agent_otel.store.reader import Run

EXAMINATIONS: Final = (
    symptoms.superstep_blocking,
    symptoms.llm_latency,
    symptoms.git_io,
    symptoms.sequential_nodes,
    incidents.limits_and_retries,
    incidents.git_locks,
    incidents.cold_starts,
    incidents.slow_task_type,
    symptoms.idle_workers,
)
"""In the order in which those with equal savings are named."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The symptoms of one run, the one with the greatest saving first. ``model`` says what savings are worth."""

    run: RunInfo
    model: Confidence
    findings: tuple[Symptom, ...]
    notes: tuple[str, ...]


def diagnose_run(run: Run, problems: Iterable[str] = ()) -> Diagnosis:
    """Examine a run; ``problems`` of the store come first among the notes."""
    examined = Examined(run)
    found = [examine(examined) for examine in EXAMINATIONS]
    found.sort(key=lambda one: (one.verdict == "none", -(one.saving_seconds or 0.0)))
    notes = (*problems, *run.warnings, *examined.what_if.notes)
    return Diagnosis(info(run), examined.what_if.confidence, tuple(found), notes)
