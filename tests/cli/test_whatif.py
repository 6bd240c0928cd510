"""``whatif`` and ``diagnose``: what they print, and how they fail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from agent_otel.cli.main import main
from tests.analysis.build import TRACE, Builder
from tests.analysis.loops import STRAGGLERS, supersteps_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with one run, named by the environment."""
    supersteps_of(STRAGGLERS).write(tmp_path)
    monkeypatch.setenv("AGENT_OTEL_DIR", str(tmp_path))
    return tmp_path


def out(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(list(arguments)) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "seconds"),
    [
        (["--continuous-dispatch"], 651),
        (["--no-barrier"], 641),
        (["--workers", "2"], 1261),
        (["--continuous-dispatch", "--workers", "2"], 691),
        (["--workers", "0"], 1221),
        (["--speedup", "llm=2"], 611),
        (["--speedup", "node:worker=1.5"], 821),
        (["--speedup", "node:worker=2", "--speedup", "node:director=5"], 612.2),
        (["--cache", "llm=0.3"], 855),
    ],
)
def test_a_prediction(store: Path, options: list[str], seconds: float, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(out(capsys, "whatif", TRACE[:6], *options, "--format", "json"))
    assert [round(one["predicted_seconds"], 6) for one in found["predictions"]] == [seconds]


def test_all_levers_are_ranked_also_without_being_asked(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ranked = json.loads(out(capsys, "whatif", "--all", "-f", "json"))
    assert ranked == json.loads(out(capsys, "whatif", "-f", "json"))
    savings = [one["saving_seconds"] for one in ranked["predictions"]]
    assert savings == sorted(savings, reverse=True)
    assert len(savings) > 10


def test_a_diagnosis(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(out(capsys, "diagnose", TRACE[:6], "--format", "json"))
    assert found["run"]["run"] == TRACE
    assert "superstep blocking" in out(capsys, "diagnose")


def test_to_a_file(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = store / "answer.md"
    for command in ("whatif", "diagnose"):
        assert out(capsys, command, "-f", "md", "-o", str(target)) == ""
        assert "invoke_workflow plan" in target.read_text()


@pytest.mark.parametrize("command", ["whatif", "diagnose"])
def test_an_empty_store(command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--dir", str(tmp_path)]) == 1
    assert "no run in" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["whatif", "ffff"], "no run starts with 'ffff'"),
        (["whatif", "--format", "csv"], "--format does not know 'csv'"),
        (["whatif", "--speedup", "llm"], "--speedup cannot be 'llm'; write llm=2"),
        (["whatif", "--speedup", "llm=0"], "the factor must be above 0"),
        (["whatif", "--cache", "llm=2"], "the share must be from 0 to 1"),
        (
            ["whatif", "--speedup", "node:nobody=2"],
            "is called 'node:nobody'; there is node:director",
        ),
        (["whatif", "--speedup", "lllm=2"], "nothing in this run is called 'lllm'; there is llm, tool"),
        (["whatif", "--workers", "-1"], "--workers"),
        (["whatif", "--all", "--workers", "2"], "either --all or what to change"),
        (["whatif", "--continuous-dispatch", "--no-barrier"], "either --continuous-dispatch or --no-barrier"),
        (["diagnose", "ffff"], "no run starts with 'ffff'"),
        (["diagnose", "--format", "csv"], "--format does not know 'csv'"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_status_2(
    store: Path, arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert named in error
    assert error.count("\n") == 1


def test_a_run_that_handed_out_nothing(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = Builder("f" * 32)
    other.chat(0, 4, other.workflow(0, 5))
    other.write(store, "2-a")
    found = json.loads(out(capsys, "whatif", "ffff", "--speedup", "llm=2", "-f", "json"))
    assert (found["predictions"][0]["predicted_seconds"], found["dispatch"], found["slots"]) == (3, None, 0)
    assert main(["whatif", "ffff", "--workers", "2"]) == 2
    assert "only --speedup and --cache apply" in capsys.readouterr().err
