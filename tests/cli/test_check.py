"""``baseline`` and ``check``: exit statuses first, since a CI job reads nothing else."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np
import pytest

from agent_otel.cli.main import main
from agent_otel.store import baselines
from agent_otel.store.performance_json import timestamp
from tests.analysis.build import EPOCH, Builder, example

if TYPE_CHECKING:
    from pathlib import Path


def record(store: Path, runs: int, first: int, seconds: float = 1.0, seed: int = 1) -> None:
    """Store runs of a node with a spread of 10 %."""
    logs = np.random.default_rng(seed).normal(0, 0.1, runs).tolist()
    for number, value in enumerate(logs, start=first):
        built = Builder(f"{number:032x}", EPOCH + number * 10**12)
        graph = built.workflow(0, 60)
        built.node("worker", 0, seconds * math.exp(value), graph, 1)
        built.write(store)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with 20 runs, named by the environment, and a baseline of them."""
    monkeypatch.setenv("AGENT_OTEL_DIR", str(tmp_path))
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    record(tmp_path, 20, first=1)
    assert main(["baseline", "save", "main"]) == 0
    return tmp_path


def test_the_same_speed_is_fine(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(store, 20, first=100, seed=2)
    capsys.readouterr()
    assert main(["check", "--baseline", "main"]) == 0
    assert capsys.readouterr().out.startswith("Fine: none of 2 groups judged is slower than allowed (10 %)")


def test_a_slowdown_is_a_regression(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record(store, 20, first=100, seconds=1.5, seed=2)
    capsys.readouterr()
    assert main(["check", "--baseline", "main", "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [(group["name"], group["verdict"]) for group in found["groups"]] == [
        ("node worker", "regression"),
        ("invoke_workflow plan", "fine"),
    ]
    assert main(["check", "--baseline", "main", "--max-slowdown", "80%"]) == 0
    assert main(["check", "--baseline", "main", "--max-slowdown", "0.1"]) == 1
    assert main(["check", "--baseline", "main", "--kind", "run,agent"]) == 0


def test_only_later_runs_count_and_some_of_them_if_asked(store: Path) -> None:
    record(store, 20, first=100, seed=2)
    record(store, 20, first=200, seconds=1.5, seed=3)
    slow = [argument for number in range(200, 220) for argument in ("--run", f"{number:032x}")]
    fine = [argument for number in range(100, 120) for argument in ("--run", f"{number:032x}")]
    assert main(["check", "--baseline", "main", *slow]) == 1
    assert main(["check", "--baseline", "main", *fine]) == 0
    assert main(["check", "--baseline", "main", "--since", "2999-01-01"]) == 3


@pytest.mark.parametrize(
    ("runs", "arguments", "reason"),
    [
        (0, ["--baseline", "main"], "there are no runs besides those of baseline main"),
        (4, ["--baseline", "main"], "too few samples: at least 6 more, 10 on each side are the least"),
        (20, ["--baseline", "main", "--min-samples", "30"], "too few samples: at least 10 more"),
    ],
)
def test_what_cannot_be_told(
    store: Path, runs: int, arguments: list[str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    record(store, runs, first=100, seconds=3)
    capsys.readouterr()
    assert main(["check", *arguments]) == 3
    assert f"Cannot tell: {reason}" in " ".join(capsys.readouterr().out.split())


def test_trouble_is_never_a_regression(
    store: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    capsys.readouterr()
    assert main(["check", "--baseline", "nope"]) == 3
    assert main(["check", "--baseline", "main", "--dir", str(store / "nowhere")]) == 3
    assert main(["check", "--baseline", "main", "--output", str(store / "no" / "file")]) == 3
    (store / "baselines" / "bad.json").write_text("{")
    assert main(["check", "--baseline", "bad"]) == 3

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr("agent_otel.analysis.recorded.collect", broken)
    assert main(["check", "--baseline", "main"]) == 3
    captured = capsys.readouterr()
    assert captured.out == ""
    assert [line.split(": ", 1)[1].split(" ")[0] for line in captured.err.splitlines()] == [
        "no", "no", "--output", f"{store}/baselines/bad.json", "the",
    ]  # fmt: skip
    assert "ZeroDivisionError: oh" in captured.err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["check"], "check --baseline needs a name"),
        (["check", "--baseline", "../main"], "'../main' cannot name a baseline"),
        (["check", "--baseline", "main", "--max-slowdown", "10"], "give a percentage such as 10%"),
        (["check", "--baseline", "main", "--max-slowdown", "-5%"], "give a percentage"),
        (["check", "--baseline", "main", "--max-slowdown", "nan"], "give a percentage"),
        (["check", "--baseline", "main", "--format", "csv"], "it takes text, json, junit, github"),
        (["check", "--baseline", "main", "--kind", "git"], "--kind does not know 'git'"),
        (["check", "--baseline", "main", "--since", "soon"], "--since cannot be 'soon'"),
        (["check", "--baseline", "main", "--since", "7d", "--run", "a"], "either --run or --since"),
        (["check", "--baseline", "main", "--run", "ffff"], "no run starts with 'ffff'"),
        (["baseline"], "ACTION"),
        (["baseline", "keep", "main"], "baseline does not know 'keep'; it takes save, list, show, delete"),
        (["baseline", "save"], "baseline save needs a name"),
        (["baseline", "save", "a/b"], "'a/b' cannot name a baseline"),
        (["baseline", "save", "b", "--since", "7d", "--run", "a"], "either --run or --since"),
        (["baseline", "save", "b", "--run", "ffff"], "no run starts with 'ffff'"),
        (["baseline", "list", "main"], "takes no name"),
        (["baseline", "show", "main", "--since", "7d"], "takes neither"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_status_2(
    store: Path, arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("agent-otel: ")
    assert named in error
    assert error.count("\n") == 1


def test_the_verdict_survives_a_closed_pipe(store: Path) -> None:
    record(store, 20, first=100, seconds=1.5, seed=2)
    code = "import sys; from agent_otel.cli.main import main; sys.exit(main(['check', '--baseline', 'main']))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 1


def test_junit_to_a_file(store: Path) -> None:
    record(store, 20, first=100, seconds=1.5, seed=2)
    target = store / "check.xml"
    assert main(["check", "--baseline", "main", "--format", "junit", "--output", str(target)]) == 1
    assert ElementTree.parse(target).getroot().get("failures") == "1"


def test_github_writes_the_summary_of_the_job(
    store: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    record(store, 20, first=100, seconds=1.5, seed=2)
    summary = store / "summary.md"
    summary.write_text("before\n")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    capsys.readouterr()
    assert main(["check", "--baseline", "main", "--format", "github"]) == 1
    assert capsys.readouterr().out.startswith("::error title=agent-otel check%3A slower::node worker: ")
    assert summary.read_text().startswith("before\n## REGRESSION: node worker: ")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(store / "no" / "file"))
    assert main(["check", "--baseline", "main", "--format", "github"]) == 1
    assert "cannot be written" in capsys.readouterr().err


def test_baselines_are_saved_listed_shown_and_deleted(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["baseline", "save", "other"]) == 0
    assert f"Saved {store / 'baselines' / 'other.json'}: 40 samples" in capsys.readouterr().out
    assert main(["baseline", "delete", "other"]) == 0
    assert main(["baseline", "save", "main"]) == 0
    assert f"Replaced {store / 'baselines' / 'main.json'}: 40 samples in 2 groups of 20 runs" in capsys.readouterr().out
    assert main(["baseline", "save", "one", "--run", f"{7:032x}"]) == 0
    assert "2 samples in 2 groups of 1 run\n" in capsys.readouterr().out
    assert main(["baseline", "list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[2:]] == ["main", "one"]
    assert main(["baseline", "show", "main"]) == 0
    shown = capsys.readouterr().out
    assert "node worker" in shown
    assert "run plan" in shown
    assert "commit" not in shown
    made = baselines.load(store, "main")
    made.revisions = [f"{number:040x}" for number in range(7)]
    baselines.save(store, made)
    assert main(["baseline", "show", "main"]) == 0
    assert "7 commits: 0000000000" in capsys.readouterr().out
    assert main(["baseline", "delete", "main"]) == 0
    assert main(["baseline", "show", "main"]) == 1
    assert main(["baseline", "delete", "main"]) == 1
    assert main(["baseline", "delete", "one"]) == 0
    capsys.readouterr()
    assert main(["baseline", "list"]) == 0
    assert "No baseline" in capsys.readouterr().out


def test_nothing_to_save(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["baseline", "save", "main", "--dir", str(tmp_path)]) == 1
    assert "no run in" in capsys.readouterr().err
    example().write(tmp_path)
    assert main(["baseline", "save", "main", "--dir", str(tmp_path), "--since", "2999-01-01"]) == 1
    assert baselines.names(tmp_path) == []


def test_records_of_older_tools_can_be_checked(tmp_path: Path) -> None:
    def records(first: int, milliseconds: float) -> list[dict[str, object]]:
        return [
            {
                "agent": "coder",
                "cli": "claude",
                "duration": milliseconds + number % 7,
                "timestamp": timestamp(EPOCH + number * 10**9),
            }
            for number in range(first, first + 30)
        ]

    path = tmp_path / "agent-performance.json"
    path.write_text(json.dumps(records(0, 100)))
    assert main(["baseline", "save", "main", "--dir", str(tmp_path)]) == 0
    path.write_text(json.dumps([*records(0, 100), *records(50, 100)]))
    assert main(["check", "--baseline", "main", "--dir", str(tmp_path)]) == 0
    path.write_text(json.dumps([*records(0, 100), *records(50, 150)]))
    assert main(["check", "--baseline", "main", "--dir", str(tmp_path)]) == 1
