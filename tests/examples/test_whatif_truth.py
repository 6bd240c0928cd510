"""What-if against the truth: the orchestrator is recorded step by step, changed for real, and run again.

Five workloads, or as many as ``TRUTH_RUNS`` says (``make truth``: 20, with every change on each). Predictions hold
durations that depend on load fixed, so that only runs under equal load are compared: a git call must have taken about
as long in both. Else ``make truth`` records them again, and the short test does without them.
"""

from __future__ import annotations

import os
from functools import partial
from statistics import mean
from typing import TYPE_CHECKING, Final

import pytest

from agent_otel import semconv
from agent_otel.analysis.changes import Change, speedup
from agent_otel.analysis.whatif import WhatIf
from agent_otel.store.reader import StoreReader

from . import workloads
from .truth import run_demo

if TYPE_CHECKING:
    from pathlib import Path

    from agent_otel.store.reader import Run

pytestmark = [pytest.mark.alone, pytest.mark.timeout(600)]
FEW: Final = 5
RUNS: Final = int(os.environ.get("TRUTH_RUNS", FEW))
SEEDS: Final = (0, 1, 14, 8, 11, *(seed for seed in range(100) if seed not in {0, 1, 8, 11, 14}))[:RUNS]
"""The shorter ones first."""
TOLERANCE: Final = 0.05
MISSES: Final = 1
"""How many predictions may be off by more: 1 of 20."""
EQUAL_LOAD: Final = 1.15
ATTEMPTS: Final = 0 if RUNS <= FEW else 4
CONTINUOUS: Final = "continuous dispatch"
WORKERS: Final = "one worker more"
FASTER: Final = "LLM twice as fast"

errors: dict[str, dict[int, float]] = {}
"""Change -> number of the workload -> (predicted - measured) / measured."""
disturbed: list[str] = []
"""What could not be compared, because the load of the machine never stayed the same."""


class Recorder:
    """Runs a workload, again and again."""

    def __init__(self, folder: Path, case: workloads.Case) -> None:
        self.folder = folder
        self.case = case
        self.count = 0

    def run(self, workers: int, *, scale: float = 1.0, scheduler: str = "superstep") -> Run:
        """A recorded run."""
        self.count += 1
        folder = self.folder / str(self.count)
        folder.mkdir()
        options = ["--workload", self.case.workload, "--workers", str(workers), "--scheduler", scheduler]
        demo = run_demo(folder, scale=self.case.scale * scale, options=options)
        run = StoreReader(demo.store).latest()
        assert run is not None
        assert run.wall / 1e9 < demo.elapsed
        return run


def load(run: Run) -> float:
    """What a git call took on average, in seconds: the same programs do the same work in every run."""
    return mean(span.duration for span in run.spans if span.category == semconv.GIT) / 1e9


def equal(one: Run, other: Run) -> bool:
    return 1 / EQUAL_LOAD < load(one) / load(other) < EQUAL_LOAD


@pytest.mark.parametrize("number", SEEDS)
def test_a_workload(number: int, tmp_path: Path) -> None:
    case = workloads.make(number, tmp_path)
    recorder = Recorder(tmp_path, case)
    before = recorder.run(case.workers)
    more = case.workers + 1 if case.workers else 2
    changes = {
        CONTINUOUS: (Change("continuous"), partial(recorder.run, case.workers, scheduler="continuous")),
        WORKERS: (Change(workers=more), partial(recorder.run, more)),
        FASTER: (Change(levers=(speedup("llm=2"),)), partial(recorder.run, case.workers, scale=0.5)),
    }
    few = [CONTINUOUS, *{1: [WORKERS], 14: [FASTER]}.get(number, [])]
    asked = few if RUNS <= FEW else list(changes)
    for name in asked:
        change, run = changes[name]
        after = run()
        for attempt in range(ATTEMPTS):
            if equal(before, after):
                break
            before, after = (recorder.run(case.workers), after) if attempt % 2 == 0 else (before, run())
        predicted = WhatIf(before).predict(change).predicted_seconds
        assert predicted is not None
        assert abs(WhatIf(before).confidence.error) < TOLERANCE
        measured = after.wall / 1e9
        error = (predicted - measured) / measured
        calm = equal(before, after)
        print(f"{case.name}, {name}: {before.wall / 1e9:.2f} s, predicted {predicted:.2f} s, measured {measured:.2f} s"
              f" ({error:+.1%}){'' if calm else ' under another load: not compared'}")  # fmt: skip
        if calm:
            errors.setdefault(name, {})[number] = error
        else:
            disturbed.append(f"{case.name}, {name}")


@pytest.mark.parametrize("change", [CONTINUOUS, WORKERS, FASTER])
def test_predictions_come_true(change: str) -> None:
    found = errors.get(change, {})
    if not found and disturbed:
        pytest.skip(f"the load of this machine changes too much to compare runs: {disturbed}")
    assert found, "run the whole file: this test judges what the others measured"
    assert all(abs(error) < 2 * TOLERANCE for error in found.values())
    print(change, {number: f"{error:+.1%}" for number, error in found.items()}, "disturbed:", disturbed)
    missed = [number for number, error in found.items() if abs(error) > TOLERANCE]
    assert len(missed) <= MISSES
