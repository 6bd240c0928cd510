"""The example's other scheduler and its fixed workloads do the same work."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from .test_orchestrator import MAIN, cycles, git
from .truth import read_log, run_demo

if TYPE_CHECKING:
    from pathlib import Path

CHAIN: dict[str, Any] = {
    "director": 0.01,
    "strategist": 0.02,
    "tasks": [
        {"id": "A", "seconds": 0.5},
        {"id": "B", "seconds": 0.05},
        {"id": "C", "seconds": 0.06, "depends_on": ["B"]},
    ],
}


@pytest.fixture
def workload(tmp_path: Path) -> str:
    path = tmp_path / "workload.json"
    path.write_text(json.dumps(CHAIN), encoding="utf-8")
    return str(path)


def test_tasks_are_handed_out_as_they_become_ready(tmp_path: Path, workload: str) -> None:
    demo = run_demo(tmp_path, launcher=(), options=["--workload", workload, "--scheduler", "continuous"])
    assert cycles(demo.output) == [["A", "B"], ["C"]]
    subjects = [line.split(":")[0] for line in git(demo, "log", "--reverse", "--format=%s").splitlines()]
    # C depends on B alone, and was begun and merged before A had ended.
    merged = [subject for subject in subjects if subject.startswith("Merge")]
    assert merged == ["Merge B", "Merge C", "Merge A"]
    assert git(demo, "branch", "--format=%(refname:short)").split() == ["main"]


def test_latencies_are_those_of_the_workload(tmp_path: Path, workload: str) -> None:
    demo = run_demo(tmp_path, scale=2.0, launcher=(), options=["--workload", workload])
    fixed = {"Director": 0.01, "Strategist": 0.02} | {f"Task {task['id']}": task["seconds"] for task in CHAIN["tasks"]}
    excess = [call.seconds - 2 * fixed[call.key.split(":")[0].split(",")[0]] for call in read_log(demo.llm_log)]
    assert len(excess) == 7
    assert min(excess) > -0.001
    assert sorted(excess)[3] < 0.02


@pytest.mark.parametrize("workers", [0, 2])
def test_the_plan_is_carried_out_with_as_many_workers(tmp_path: Path, workers: int) -> None:
    options = ["--scheduler", "continuous", "--tasks", "8", "--workers", str(workers)]
    demo = run_demo(tmp_path, 1, 0.02, launcher=(), options=options)
    assert "8 of 8 tasks complete, 17 commits" in demo.output
    handed = [name for names in cycles(demo.output) for name in names]
    assert sorted(handed) == [f"T{number:02d}" for number in range(1, 9)]
    assert max(len(names) for names in cycles(demo.output)) <= (workers or 8)


def test_rounds_of_a_workload_given_by_numbers(tmp_path: Path) -> None:
    demo = run_demo(tmp_path, scale=0.001, launcher=(), options=["--workload", "30-600-30"])
    assert cycles(demo.output) == [["T01", "T02", "T03"], ["T04", "T05", "T06"]]
    asked = [call.key for call in read_log(demo.llm_log) if call.key.startswith("Task")]
    assert sorted(key.split()[-2] for key in asked) == ["30.0"] * 4 + ["600.0"] * 2


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--workload", "no-such-file"], "--workload no-such-file"),
        (["--workload", MAIN], f"--workload {MAIN}"),
        (["--scheduler", "continuous", "--async"], "runs on threads"),
        (["--scheduler", "other"], "invalid choice"),
    ],
)
def test_bad_options_are_refused(options: list[str], complaint: str) -> None:
    done = subprocess.run([sys.executable, MAIN, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert complaint in done.stderr
