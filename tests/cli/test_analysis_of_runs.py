"""``supersteps``, ``queue``, ``export`` and ``show --timeline``: what they print, and how they fail."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec
import pytest

from agent_otel.cli.main import main
from agent_otel.report.exports.registry import FORMATS
from tests.analysis.build import TRACE, Builder, example, nanoseconds
from tests.analysis.graphs import orchestrator
from tests.report.exports.checks import valid_speedscope, valid_trace_events

if TYPE_CHECKING:
    from pathlib import Path

    from agent_otel.store.model import Span

OTHER = "f" * 32


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with the example, and after it an orchestrator's run."""
    example().write(tmp_path)
    later = Builder(OTHER)
    later.spans = [msgspec.structs.replace(_later(span), trace_id=OTHER) for span in orchestrator().spans]
    later.write(tmp_path, "2-a")
    monkeypatch.setenv("AGENT_OTEL_DIR", str(tmp_path))
    return tmp_path


def _later(span: Span) -> Span:
    return msgspec.structs.replace(span, start=span.start + nanoseconds(1000), end=span.end + nanoseconds(1000))


def out(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(list(arguments)) == 0
    return capsys.readouterr().out


def test_supersteps_of_the_newest_run_one_run_and_several(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert json.loads(out(capsys, "supersteps", "-f", "json"))["count"] == 7
    assert json.loads(out(capsys, "supersteps", TRACE[:4], "-f", "json"))["waste_seconds"] == 1140
    both = json.loads(out(capsys, "supersteps", "--since", "2020-01-01", "-f", "json"))
    assert (both["runs"], both["count"], len(both["steps"])) == (2, 8, 3)


def test_the_queue_of_a_run(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(out(capsys, "queue", "-f", "json", "--windows", "3", "--loop-node", "strategist"))
    assert (len(found["windows"]), found["loop"]["node"], found["loop"]["count"]) == (3, "strategist", 1)
    assert "Queue depth over time" in out(capsys, "queue", TRACE[:6])


def test_exports_to_stdout_and_to_a_file(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    valid_trace_events(json.loads(out(capsys, "export", TRACE[:4])))
    valid_speedscope(json.loads(out(capsys, "export", TRACE[:4], "-f", "speedscope")))
    target = store / "run.folded"
    target.write_text("old")
    assert out(capsys, "export", TRACE[:4], "--format", "folded", "--output", str(target)) == ""
    assert target.read_text().count("\n") == 3
    assert out(capsys, "export", TRACE[:4], "-f", "otlp") == (store / "otlp" / "traces-1-a.jsonl").read_text()


def test_a_run_over_time(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = out(capsys, "show", TRACE[:4], "--timeline", "--depth", "1")
    assert "invoke_workflow plan LLLL" in text
    assert "node slow" not in text


@pytest.mark.parametrize(
    ("arguments", "status", "named"),
    [
        (["supersteps", "--format", "xml"], 2, "--format does not know 'xml'; it takes text, json, csv, md"),
        (["supersteps", "eeee"], 2, "no run starts with 'eeee'"),
        (["supersteps", "--since", "2999-01-01"], 1, "no run started in 2999-01-01"),
        (["supersteps", "--since", "soon"], 2, "--since cannot be 'soon'"),
        (["supersteps", TRACE, "--since", "1d"], 2, "either RUN or --since"),
        (["queue", "--format", "xml"], 2, "--format does not know 'xml'"),
        (["queue", "eeee"], 2, "no run starts with 'eeee'"),
        (["queue", "--loop-node", "boss"], 2, "--loop-node: no node of the run is named 'boss'; it has director"),
        (["queue", "--windows", "0"], 2, "--windows"),
        (["export", "--format", "text"], 2, f"it takes {', '.join(FORMATS)}"),
        (["export", "eeee"], 2, "no run starts with 'eeee'"),
        (["export", "-o", "/no/such/folder/file"], 1, "--output /no/such/folder/file cannot be written"),
        (["show", "eeee", "--timeline"], 2, "no run starts with 'eeee'"),
    ],
)
def test_what_is_wrong_is_one_line(
    store: Path, arguments: list[str], status: int, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == status
    error = capsys.readouterr().err
    assert error.startswith("agent-otel: ")
    assert named in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("command", ["supersteps", "queue", "export"])
def test_an_empty_store_says_how_to_record_a_run(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([command, "--dir", str(tmp_path)]) == 1
    assert "agent-otel run -- python app.py" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["supersteps", "queue"])
def test_trouble_with_the_store_is_told(store: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    (store / "otlp" / "traces-9-a.jsonl").write_text("nonsense\n")
    assert "traces-9-a.jsonl, line 1" in json.loads(out(capsys, command, "-f", "json"))["warnings"][0]
