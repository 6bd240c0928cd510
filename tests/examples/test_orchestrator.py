"""The example orchestrator does its work, instrumented or not."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from .truth import EXAMPLES, ORCHESTRATOR, Demo, drawn_latencies, read_log, run_demo

if TYPE_CHECKING:
    from pathlib import Path

MAIN = str(ORCHESTRATOR / "main.py")
SCALE = 0.05


@pytest.fixture(scope="module", params=["sync", "async"])
def demo(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp(request.param)
    return run_demo(folder, scale=SCALE, async_=request.param == "async", launcher=())


def cycles(output: str) -> list[list[str]]:
    return [line.split()[2:] for line in output.splitlines() if line.startswith("cycle ")]


def git(demo: Demo, *arguments: str) -> str:
    argv = ["git", "-C", str(demo.folder / "repository"), *arguments]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


def test_all_tasks_complete_in_at_least_four_supersteps_with_fan_out(demo: Demo) -> None:
    assert re.search(r"16 of 16 tasks complete, 33 commits, \d+\.\d s", demo.output)
    widths = [len(names) for names in cycles(demo.output)]
    assert widths == [4, 4, 4, 4]
    assert demo.errors == ""


def test_every_task_was_merged_and_cleared_up(demo: Demo) -> None:
    subjects = git(demo, "log", "--format=%s").splitlines()
    tasks = [f"T{number:02d}" for number in range(1, 17)]
    merged = [subject.split()[1].rstrip(":") for subject in subjects if subject.startswith("Merge")]
    assert sorted(merged) == tasks
    assert sorted(subject[:3] for subject in subjects if subject.startswith("T")) == tasks
    assert len(git(demo, "ls-files").splitlines()) == 17
    assert len(git(demo, "worktree", "list").splitlines()) == 1
    assert list((demo.folder / "worktrees").iterdir()) == []
    assert git(demo, "branch", "--format=%(refname:short)").split() == ["main"]
    assert git(demo, "status", "--porcelain") == ""


def test_llm_calls_are_of_all_kinds_and_take_the_time_that_the_server_draws(demo: Demo) -> None:
    calls = read_log(demo.llm_log)
    kinds = Counter((call.name, call.stream) for call in calls)
    assert kinds == {
        ("/v1/chat/completions", True): 11,
        ("/v1/chat/completions", False): 11,
        ("/v1/responses", False): 4,
    }
    assert len({call.key for call in calls}) == 26
    drawn = drawn_latencies(8, [call.key for call in calls])
    excess = sorted(call.seconds - drawn[call.key] * SCALE for call in calls)
    assert excess[0] > -0.001
    assert excess[len(excess) // 2] < 0.02


def test_supersteps_have_stragglers(demo: Demo) -> None:
    drawn = drawn_latencies(8, {call.key for call in read_log(demo.llm_log)})
    for names in cycles(demo.output):
        work = sorted(sum(drawn[key] for key in drawn if key.startswith(f"Task {name}:")) for name in names)
        assert 0.5 < work[-1] < 6
        assert work[-1] > 1.5 * work[len(work) // 2 - 1]


def test_git_calls_are_logged_by_subcommand(demo: Demo) -> None:
    calls = read_log(demo.git_log)
    assert Counter(call.name for call in calls) == {
        "git init": 1,
        "git add": 17,
        "git commit": 17,
        "git worktree": 32,
        "git merge": 16,
        "git branch": 16,
        "git log": 4,
        "git rev-list": 1,
    }
    assert all(0 < call.seconds < 5 for call in calls)


def test_fewer_workers_leave_ready_tasks_for_the_next_cycle(tmp_path: Path) -> None:
    options = ["--workers", "3", "--tasks", "12"]
    widths = [len(names) for names in cycles(run_demo(tmp_path, 1, 0.01, launcher=(), options=options).output)]
    assert widths == [3, 3, 3, 3]
    (tmp_path / "again").mkdir()
    options = ["--workers", "2", "--tasks", "4"]
    again = run_demo(tmp_path / "again", 1, 0.01, launcher=(), options=options)
    assert cycles(again.output) == [["T01"], ["T02"], ["T03"], ["T04"]]


def test_a_server_named_in_the_environment_is_used(tmp_path: Path) -> None:
    environment = {**os.environ, "OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": "local"}
    done = subprocess.run(
        [sys.executable, MAIN], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "APIConnectionError" in done.stderr


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (["--tasks", "3"], "--tasks must be from 4 to 32"),
        (["--workers", "-1"], "must not be negative"),
        (["--scale", "-0.5"], "must not be negative"),
    ],
)
def test_bad_options_are_refused(options: list[str], complaint: str) -> None:
    done = subprocess.run([sys.executable, MAIN, *options], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert complaint in done.stderr


def test_the_source_knows_nothing_of_the_instrumentation() -> None:
    sources = [*EXAMPLES.glob("*.py"), *ORCHESTRATOR.glob("*.py"), *(ORCHESTRATOR / "bin").iterdir()]
    assert len(sources) >= 12
    for source in sources:
        assert "agent_otel" not in source.read_text(encoding="utf-8")
        assert "opentelemetry" not in source.read_text(encoding="utf-8")
