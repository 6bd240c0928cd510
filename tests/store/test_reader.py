from __future__ import annotations

import fcntl
import gzip
import json
import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from agent_otel import semconv
from agent_otel.store.reader import StoreError, StoreReader, UnknownRunError
from tests.analysis.build import EPOCH, Builder, nanoseconds, otlp_line

NOW = EPOCH + nanoseconds(100)


def reader(directory: Path) -> StoreReader:
    return StoreReader(directory, clock=lambda: NOW)


def small(trace: str, start: float = 0) -> Builder:
    built = Builder(trace * 16)
    graph = built.workflow(start, start + 4)
    built.chat(start + 1, start + 2, built.node("worker", start, start + 3, graph, 1))
    return built


def problems(found: StoreReader) -> list[str]:
    return [str(problem) for problem in found.problems]


def test_a_missing_store_is_empty(tmp_path: Path) -> None:
    found = reader(tmp_path / "none")
    assert found.runs() == []
    assert found.latest() is None
    assert found.performance() == []
    assert found.problems == ()


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    built = Builder()
    attributes: semconv.Attributes = {
        "text": "ü",
        "flag": True,
        "number": 3,
        "real": 0.5,
        "texts": ("a", "b"),
        "flags": (True, False),
        "numbers": (1, 2),
        "reals": (1.0, 2.5),
        "none": (),
    }
    parent = built.workflow(0, 2)
    built.span("made", 0.25, 1, parent, attributes, links=[parent], status=2, process="two")
    built.write(tmp_path)
    run = reader(tmp_path).run(built.trace_id[:6])
    assert list(run.spans[1].attributes.items()) == list(attributes.items())
    made = run.spans[1]
    assert (made.start, made.end) == (EPOCH + nanoseconds(0.25), EPOCH + nanoseconds(1))
    assert (made.parent_id, made.links[0].span_id, made.outcome, made.failed) == (parent, parent, "error", True)
    assert (made.scope, made.resource.attributes["service.instance.id"]) == ("agent_otel", "two")
    assert (run.root.name, run.wall, run.parents) == ("invoke_workflow plan", nanoseconds(2), (-1, 0))


def test_runs_come_newest_first_over_several_files(tmp_path: Path) -> None:
    small("0a", 0).write(tmp_path, "1-a")
    small("0c", 20).write(tmp_path, "2-a")
    packed = small("0b", 10).write(tmp_path, "3-a")
    with gzip.open(f"{packed}.gz", "wb") as stream:
        stream.write(packed.read_bytes())
    packed.unlink()
    found = reader(tmp_path)
    assert [run.trace_id[:2] for run in found.runs()] == ["0c", "0b", "0a"]
    assert [(run.name, run.spans, run.outcome) for run in found.runs()] == [("invoke_workflow plan", 3, "ok")] * 3
    latest = found.latest()
    assert latest is not None
    assert latest.trace_id == "0c" * 16
    assert [run.trace_id[:2] for run in found.since(timedelta(seconds=95))] == ["0c", "0b"]
    moment = datetime.fromtimestamp(EPOCH / 1e9 + 15, timezone.utc)
    assert [run.trace_id[:2] for run in found.since(moment)] == ["0c"]


def test_one_run_may_lie_in_several_files_and_be_sent_twice(tmp_path: Path) -> None:
    built = small("0a")
    built.write(tmp_path, "1-a")
    built.write(tmp_path, "2-a")
    found = reader(tmp_path)
    assert [run.spans for run in found.runs()] == [3]
    assert len(found.run("0a").spans) == 3


def test_an_ambiguous_or_missing_run_is_an_error_that_lists_candidates(tmp_path: Path) -> None:
    for trace in ("0a", "0b"):
        small(trace).write(tmp_path)
    with pytest.raises(UnknownRunError, match=f"{'0b' * 16}|{'0a' * 16}") as ambiguous:
        reader(tmp_path).run("0")
    assert "2 runs start with '0'" in str(ambiguous.value)
    for missing in ("f", ""):
        with pytest.raises(UnknownRunError, match="no run starts with"):
            reader(tmp_path).run(missing)


def test_single_calls_are_no_runs_unless_there_is_nothing_else(tmp_path: Path) -> None:
    stray = Builder("05" * 16)
    stray.chat(50, 51)
    stray.write(tmp_path)
    assert [run.stray for run in reader(tmp_path).runs()] == [True]
    small("0a").write(tmp_path)
    found = reader(tmp_path)
    assert [run.trace_id[:2] for run in found.runs()] == ["0a"]
    assert [run.trace_id[:2] for run in found.runs(strays=True)] == ["05", "0a"]
    latest = found.latest()
    assert latest is not None
    assert latest.trace_id[:2] == "0a"


def test_a_torn_last_line_and_unreadable_lines_are_named_and_the_rest_is_shown(tmp_path: Path) -> None:
    path = small("0a").write(tmp_path)
    whole = path.read_bytes()
    metrics = b'{"resourceMetrics":[]}\n'
    path.write_bytes(b"\x00\x00garbage\n" + metrics + whole + small("0b").line()[:70])
    found = reader(tmp_path)
    assert len(found.run("0a").spans) == 3
    assert [text.startswith(f"{path}, line ") for text in problems(found)] == [True] * 3
    assert "line 1: unreadable" in problems(found)[0]
    assert "line 2: no spans in OTLP JSON" in problems(found)[1]
    assert "line 6: the last line is cut off" in problems(found)[2]


def test_a_complete_last_line_without_its_newline_counts(tmp_path: Path) -> None:
    path = small("0a").write(tmp_path)
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    found = reader(tmp_path)
    assert len(found.run("0a").spans) == 3
    assert found.problems == ()


def test_a_corrupt_packed_file_is_named(tmp_path: Path) -> None:
    small("0a").write(tmp_path)
    (tmp_path / "otlp" / "traces-2-a.jsonl.gz").write_bytes(gzip.compress(small("0b").line())[:-20])
    found = reader(tmp_path)
    assert "0a" * 16 in {run.trace_id for run in found.runs()}
    assert "traces-2-a.jsonl.gz" in problems(found)[0]


def test_an_unknown_schema_is_said_once_and_its_spans_shown(tmp_path: Path) -> None:
    path = small("0a").write(tmp_path)
    path.write_bytes(path.read_bytes().replace(semconv.SCHEMA_URL.encode(), b"https://example.org/9"))
    found = reader(tmp_path)
    assert len(found.run("0a").spans) == 3
    assert len(problems(found)) == 1
    assert "unknown schema https://example.org/9" in problems(found)[0]


def test_spans_without_ids_are_unreadable(tmp_path: Path) -> None:
    path = small("0a").write(tmp_path)
    path.write_bytes(path.read_bytes().replace(b'"0000000000000003"', b'""'))
    found = reader(tmp_path)
    assert len(found.run("0a").spans) == 2
    assert "a span without ids" in problems(found)[0]


def open_file(tmp_path: Path, built: Builder, changed: float) -> Path:
    path = tmp_path / "open" / "spans-1-a.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(otlp_line(built.spans, started_only=True))
    stamp = EPOCH + nanoseconds(changed)
    os.utime(path, ns=(stamp, stamp))
    return path


def test_spans_of_a_killed_process_are_abandoned_when_it_was_last_heard_of(tmp_path: Path) -> None:
    built = small("0a")
    open_file(tmp_path, built, 7)
    (tmp_path / "otlp").mkdir()
    (tmp_path / "otlp" / "traces-1-a.jsonl").write_bytes(built.line(built.spans[2:]))
    found = reader(tmp_path)
    run = found.run("0a")
    assert [(span.state, span.outcome) for span in run.spans] == [("abandoned",) * 2] * 2 + [("ended", "ok")]
    assert (run.wall, run.state, run.outcome) == (nanoseconds(7), "abandoned", "abandoned")
    assert "never ended" in run.warnings[0]
    assert [(run.outcome, run.spans, run.wall) for run in found.runs()] == [("abandoned", 3, nanoseconds(7))]


def test_a_start_record_of_a_span_that_has_ended_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent_otel.store.entries.IDS_KEPT", 1)
    built = small("0a")
    open_file(tmp_path, built, 7)
    built.write(tmp_path)
    found = reader(tmp_path)
    assert [(run.outcome, run.spans) for run in found.runs()] == [("ok", 3)]
    assert {span.state for span in found.run("0a").spans} == {"ended"}


def test_spans_of_a_living_process_are_running(tmp_path: Path) -> None:
    path = open_file(tmp_path, small("0a"), 7)
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        found = reader(tmp_path)
        run = found.run("0a")
    assert {span.state for span in run.spans} == {"running"}
    assert (run.state, run.outcome, run.wall) == ("running", "running", nanoseconds(100))
    assert [run.outcome for run in found.runs()] == ["running"]


def test_start_records_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    path = open_file(tmp_path, small("0a"), 7)
    path.write_bytes(b"nonsense\n\n" + path.read_bytes() + b'{"torn')
    found = reader(tmp_path)
    assert len(found.run("0a").spans) == 3
    assert problems(found) == [f"{path}, line 1: unreadable; a span that has not ended is left out"]


def test_a_folder_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("x")
    with pytest.raises(StoreError, match="cannot be read"):
        reader(place).runs()


@pytest.mark.parametrize("circle", [("1", "2"), ("2", "1"), ("1", "1")])
def test_parents_in_a_circle_are_cut(tmp_path: Path, circle: tuple[str, str]) -> None:
    built = Builder()
    for number, parent in enumerate(circle, start=1):
        built.span("odd", 0, 1, f"{int(parent):016x}", span_id=f"{number:016x}")
    built.write(tmp_path)
    run = reader(tmp_path).run(built.trace_id)
    assert -1 in run.parents
    assert any("its own ancestor" in warning for warning in run.warnings)


def test_a_span_that_ends_before_it_starts_counts_as_zero_seconds(tmp_path: Path) -> None:
    built = Builder()
    built.chat(2, 1, built.workflow(0, 3))
    built.write(tmp_path)
    run = reader(tmp_path).run(built.trace_id)
    assert run.spans[1].duration == 0
    assert "ended before starting" in run.warnings[0]


FOUR_KEYS = {"agent": "a", "cli": "claude", "duration": 30.5, "timestamp": "2026-01-22T10:29:32.096Z"}


def test_performance_records_with_four_keys_and_with_more(tmp_path: Path) -> None:
    more = {**FOUR_KEYS, "model": "opus", "outcome": "ok", "trace_id": "0a" * 16, "cost": 0.5, "new": 1}
    (tmp_path / "agent-performance.json").write_text(json.dumps([FOUR_KEYS, more]))
    old, new = reader(tmp_path).performance()
    assert (old.agent, old.cli, old.duration, old.model) == ("a", "claude", 30.5, None)
    assert (new.model, new.cost, new.trace_id) == ("opus", 0.5, "0a" * 16)


def test_a_real_file_of_the_older_tool(tmp_path: Path) -> None:
    source = Path(__file__).parents[1] / "data" / "tracker-agent-performance.json"
    (tmp_path / "agent-performance.json").write_bytes(source.read_bytes())
    found = reader(tmp_path)
    assert len(found.performance()) == 54
    assert sum(record.duration for record in found.performance()) / 54 == pytest.approx(48.9507655)
    assert found.problems == ()


@pytest.mark.parametrize("content", ["[{", '{"records": []}', "\x00"])
def test_a_corrupt_performance_file_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "agent-performance.json"
    path.write_text(content)
    small("0a").write(tmp_path)
    found = reader(tmp_path)
    assert found.performance() == []
    assert problems(found)[0].startswith(f"{path}: is no list of agent runs")
    assert len(found.runs()) == 1


def test_one_odd_performance_record_leaves_the_others(tmp_path: Path) -> None:
    (tmp_path / "agent-performance.json").write_text(json.dumps([FOUR_KEYS, {"agent": 1}]))
    found = reader(tmp_path)
    assert len(found.performance()) == 1
    assert "record 2 is left out" in problems(found)[0]


def test_progress_is_told_in_bytes(tmp_path: Path) -> None:
    size = small("0a").write(tmp_path).stat().st_size
    told: list[tuple[int, int]] = []
    StoreReader(tmp_path, progress=lambda done, total: told.append((done, total))).runs()
    assert told[-1] == (size, size)
