"""``compare``: what it prints of a store, and how it fails."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from agent_otel import semconv
from agent_otel.cli.main import main
from agent_otel.store.performance_json import timestamp
from tests.analysis.build import EPOCH, Builder, example

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Runs of a slow and a fast CLI, named by the environment; one more run has only an LLM call."""
    for number in range(24):
        built = Builder(f"{number + 1:032x}", EPOCH + number * 10**12)
        cli, seconds = ("claude-code", 1.0) if number % 2 else ("codex", 2.0)
        task = built.task("t", 0, 3, built.workflow(0, 3))
        built.agent("coder", 0, seconds + number / 100, task, cli)
        built.write(tmp_path)
    call = Builder("f" * 32)
    call.chat(0, 1)
    call.write(tmp_path)
    monkeypatch.setenv("AGENT_OTEL_DIR", str(tmp_path))
    return tmp_path


def rows(text: str) -> list[dict[str, str]]:
    """The rows of CSV output by column."""
    return list(csv.DictReader(io.StringIO(text)))


def test_the_best_comes_first(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--format", "csv"]) == 0
    found = rows(capsys.readouterr().out)
    assert [(row["agent"], row["cli"], row["n"], row["verdict"]) for row in found] == [
        ("coder", "claude", "12", "best"),
        ("coder", "codex", "12", "worse"),
    ]


def test_text_is_the_default(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("Duration of agent runs by agent, cli\n24 samples of 2 candidates in 24 runs")
    assert "everything: use coder / claude: the best with a probability of over 99 %" in out


def test_by_model_alone_is_about_calls(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--by", "model", "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["kind"], found["samples"], found["best"]) == ("llm", 1, None)
    assert main(["compare", "--by", "model,cli", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "agent"


def test_kinds_categories_and_dates(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, samples in (
        (["--kind", "run", "--by", "agent"], 24),
        (["--category", "code"], 24),
        (["--since", "2020-01-01"], 24),
        (["--metric", "success"], 24),
    ):
        assert main(["compare", *arguments, "--format", "json"]) == 0
        assert json.loads(capsys.readouterr().out)["samples"] == samples


def test_fewer_samples_can_be_enough(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--min-samples", "13"]) == 0
    assert "too few" in capsys.readouterr().out
    assert main(["compare", "--min-samples", "12"]) == 0
    assert "too few" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "status", "named"),
    [
        (["--by", "colour"], 2, "--by does not know 'colour'; it takes agent, cli, model, prompt_version, revision"),
        (["--by", ","], 2, "--by needs at least one of"),
        (["--metric", "luck"], 2, "--metric does not know 'luck'; it takes duration, quality"),
        (["--kind", "git"], 2, "--kind does not know 'git'"),
        (["--format", "xml"], 2, "--format does not know 'xml'; it takes text, json, csv, md"),
        (["--since", "soon"], 2, "--since cannot be 'soon'"),
        (["--min-samples", "1"], 2, "--min-samples"),
        (["--category", "docs"], 1, "no agent run of category 'docs'"),
        (["--kind", "node"], 1, "no node in the store"),
        (["--metric", "quality"], 1, "no quality known of any of 24 samples; the program sets it"),
        (["--metric", "tokens"], 1, "no tokens known of any of 24 samples"),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    store: Path, arguments: list[str], status: int, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", *arguments]) == status
    error = capsys.readouterr().err
    assert error.startswith("agent-otel: ")
    assert named in error
    assert error.count("\n") == 1


def test_an_empty_store_says_how_to_record_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "--dir", str(tmp_path)]) == 1
    assert "agent-otel run -- python app.py" in capsys.readouterr().err


def test_trouble_with_the_store_becomes_a_note(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (store / "agent-performance.json").write_text("{")
    assert main(["compare"]) == 0
    assert "agent records are left out" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(("command", "status"), [(["compare"], 1), (["check", "--baseline", "main"], 3)])
@pytest.mark.parametrize("package", ["numpy", "scipy"])
def test_without_the_extra_it_says_what_to_install(
    tmp_path: Path, command: list[str], status: int, package: str
) -> None:
    example().write(tmp_path)
    code = (
        f"import sys; sys.modules[{package!r}] = None\n"
        "from agent_otel.cli.main import main\n"
        f"sys.exit(main({[*command, '--dir', str(tmp_path)]!r}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (status, "")
    assert done.stderr == f'agent-otel: {package} is missing; pip install "agent-otel[analysis]"\n'


def test_help_and_other_commands_import_no_numpy(tmp_path: Path) -> None:
    example().write(tmp_path)
    code = (
        "import sys; from agent_otel.cli.main import main\n"
        f"main(['compare', '--help']); main(['baseline', 'save', 'main', '--dir', {str(tmp_path)!r}])\n"
        "sys.exit('numpy' in sys.modules or 'scipy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0


def test_a_hundred_thousand_records(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = [
        {
            "agent": f"agent{number % 40}",
            "cli": ("claude", "codex", "copilot")[number % 3],
            "duration": 1000 + number * 7919 % 977,
            "timestamp": timestamp(EPOCH + number * 10**9),
            "trace_id": f"{number // 20:032x}",
            "outcome": "ok",
        }
        for number in range(100_000)
    ]
    (tmp_path / "agent-performance.json").write_text(json.dumps(records))
    assert main(["compare", "--dir", str(tmp_path), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["samples"] == 100_000


def test_the_category_is_the_task_s(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    built = Builder("e" * 32)
    built.span("task docs", 0, 1, None, {semconv.TASK_ID: "d", semconv.TASK_TYPE: "docs"})
    built.agent("writer", 0, 1, built.spans[-1].span_id, "claude")
    built.write(store)
    assert main(["compare", "--category", "docs", "--format", "csv"]) == 0
    assert [row["agent"] for row in rows(capsys.readouterr().out)] == ["writer"]
