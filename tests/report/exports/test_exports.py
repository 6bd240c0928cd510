"""Every export of every run: what the formats demand, and that nothing is lost."""

from __future__ import annotations

import io
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto_json.trace.v1.trace import TracesData

from agent_otel import semconv
from agent_otel.analysis.accounting import account
from agent_otel.analysis.tracks import WORK, layout, stack_events
from agent_otel.report.exports.folded import frame, stacks
from agent_otel.report.exports.registry import FORMATS, Recorded, exporter
from agent_otel.report.exports.speedscope import SELF_TIME
from agent_otel.store.raw import lines
from tests.analysis.build import Builder, example, nanoseconds, otlp_line, renamed
from tests.analysis.graphs import graphs, orchestrator
from tests.analysis.test_properties import trees
from tests.report.exports.checks import valid_speedscope, valid_trace_events

if TYPE_CHECKING:
    from pathlib import Path

ANY = st.one_of(graphs(), trees())


def written(built: Builder, form: str) -> str:
    stream = io.StringIO()
    exporter(form)(Recorded(built.run(), [built.line()]), stream)
    return stream.getvalue()


def events(built: Builder) -> list[Any]:
    found: list[Any] = json.loads(written(built, "perfetto"))["traceEvents"]
    return found


def track_names(built: Builder) -> list[list[str]]:
    return [[track.name for track in process.tracks] for process in layout(built.run()).processes]


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_writes_whole_lines(form: str) -> None:
    assert written(orchestrator(), form).endswith("\n")


def test_each_worker_has_a_track_and_waits_follow_their_node() -> None:
    built = example()
    run = built.run()
    (process,) = layout(run).processes
    assert [(track.kind, track.name) for track in process.tracks] == [
        ("work", "invoke_workflow plan"), ("work", "first"), ("work", "third"), ("supersteps", "supersteps"),
    ]  # fmt: skip
    assert [[run.spans[position].name for position in track.slices] for track in process.tracks[1:3]] == [
        ["node first", "chat gpt-4o", "wait barrier"],
        ["node third", "chat gpt-4o", "wait barrier"],
    ]
    assert process.tracks[0].depths == [0, 1, 2]


def test_tracks_are_used_again() -> None:
    assert track_names(orchestrator()) == [["invoke_workflow plan", "worker", "waits 1", "waits 2", "supersteps"]]


def test_processes_have_their_own_tracks() -> None:
    built = Builder()
    agent = built.agent("claude", 0, 10, cli="claude")
    built.chat(1, 9, agent, process="two")
    found = events(built)
    assert {event["pid"] for event in found} == {1, 2}
    arrow = [event for event in found if event["name"] == "process"]
    assert [(event["ph"], event["pid"], event["ts"]) for event in arrow] == [("s", 1, 0), ("f", 2, 1e6)]


def test_a_slice_says_what_it_was() -> None:
    built = Builder()
    built.task("t1", 0, 2, built.agent("boss", 0, 3), ())
    found = next(event for event in events(built) if event["name"] == "task code t1")
    assert (found["ph"], found["cat"], found["ts"], found["dur"]) == ("X", semconv.OWN, 0, 2e6)
    assert found["args"] == {
        "span_id": "0000000000000002", "outcome": "ok", "self_ms": 2000, semconv.TASK_ID: "t1",
        semconv.TASK_TYPE: "code",
    }  # fmt: skip


def test_arrows_lead_from_what_released_to_what_was_released() -> None:
    built = Builder()
    graph = built.workflow(0, 30)
    built.node("a", 0, 10, graph, 1, {semconv.TASK_ID: "x"})
    built.node("b", 0, 8, graph, 1)
    built.wait(semconv.BARRIER, 8, 10, graph, {semconv.NODE_NAME: "b"})
    built.node("c", 11, 20, graph, 2, {semconv.TASK_ID: "y", semconv.TASK_DEPENDS_ON: ("x", "y", "none")})
    built.node("d", 21, 30, graph, 3)
    found = [(event["name"], event["ph"], event["ts"]) for event in events(built) if event["ph"] in "sf"]
    assert found == [
        ("barrier", "s", 10e6 - 0.001), ("barrier", "f", 11e6),
        ("next", "s", 20e6 - 0.001), ("next", "f", 21e6),
        ("depends_on", "s", 10e6 - 0.001), ("depends_on", "f", 11e6),
    ]  # fmt: skip


def test_times_are_exact_to_the_nanosecond_since_the_start() -> None:
    built = Builder()
    root = built.agent("boss", 0, 7200.000000001)
    built.chat(7199.999999998, 7199.999999999, root)
    (chat,) = (event for event in events(built) if event["name"].startswith("chat"))
    assert (round(chat["ts"] * 1000), round(chat["dur"] * 1000)) == (7199999999998, 1)


def test_speedscope_shows_self_time_first() -> None:
    document = json.loads(written(example(), "speedscope"))
    first, *tracks = document["profiles"]
    names = [item["name"] for item in document["shared"]["frames"]]
    assert first["name"] == SELF_TIME
    assert {" ".join(names[frame] for frame in sample): weight for sample, weight in
            zip(first["samples"], first["weights"], strict=True)} == {
        "invoke_workflow plan node first chat gpt-4o": nanoseconds(30),
        "invoke_workflow plan node slow chat gpt-4o": nanoseconds(600),
        "invoke_workflow plan node third chat gpt-4o": nanoseconds(30),
    }  # fmt: skip
    assert [track["name"] for track in tracks] == ["invoke_workflow plan", "first", "third", "supersteps"]


def test_folded_stacks_of_the_example() -> None:
    assert written(example(), "folded").splitlines() == [
        "invoke_workflow plan;node first;chat gpt-4o 30000000",
        "invoke_workflow plan;node slow;chat gpt-4o 600000000",
        "invoke_workflow plan;node third;chat gpt-4o 30000000",
    ]


def test_folded_names_cannot_break_the_format() -> None:
    assert frame("a;b\n c\t") == "a,b c"
    assert frame(" ") == "(no name)"


@given(ANY)
@settings(max_examples=150, deadline=None)
def test_trace_events_are_valid_and_complete(built: Builder) -> None:
    tracks = valid_trace_events(json.loads(written(built, "perfetto")))
    assert sum(map(len, tracks.values())) == len(built.run().spans)


@given(ANY)
@settings(max_examples=150, deadline=None)
def test_tracks_never_hold_what_overlaps_without_being_nested(built: Builder) -> None:
    run = built.run()
    found = layout(run)
    placed = sorted(position for process in found.processes for track in process.tracks for position in track.slices)
    assert placed == list(range(len(run.spans)))
    for process_number, process in enumerate(found.processes):
        assert len({run.spans[position].resource.process for track in process.tracks for position in track.slices}) == 1
        for track_number, track in enumerate(process.tracks):
            assert all(found.places[position] == (process_number, track_number) for position in track.slices)
            assert track.kind == WORK or not any(track.depths)
            stack: list[int] = []
            time = 0
            for opens, position, at in stack_events(run, track):
                assert at >= time
                time = at
                if opens:
                    assert not stack or run.spans[position].end <= run.spans[stack[-1]].end
                    stack.append(position)
                else:
                    assert stack.pop() == position


@given(ANY)
@settings(max_examples=150, deadline=None)
def test_folded_microseconds_sum_to_all_self_time(built: Builder) -> None:
    rows = [re.fullmatch(r"(.+) (\d+)", line) for line in written(built, "folded").splitlines()]
    assert all(rows)
    work = account(built.run()).work
    assert sum(int(row[2]) for row in rows if row) == work // 1000
    assert sum(stacks(built.run()).values()) == work


@given(ANY)
@settings(max_examples=100, deadline=None)
def test_speedscope_files_are_valid(built: Builder) -> None:
    valid_speedscope(json.loads(written(built, "speedscope")))


def test_otlp_is_what_was_stored_of_this_run_and_no_other(tmp_path: Path) -> None:
    built = example()
    built.write(tmp_path)
    other = renamed(built.spans[0], "f" * 32)
    mixed = tmp_path / "otlp" / "traces-2-a.jsonl"
    mixed.write_bytes(otlp_line([built.spans[0], other]) + otlp_line([other]) + b'{"resourceSpans": [' + b"\n")
    with mixed.open("ab") as stream:
        stream.write(otlp_line([*built.spans[:1], renamed(other, built.trace_id)][:1]))
    found = list(lines(tmp_path, built.trace_id))
    ids = [
        span.span_id.hex() if isinstance(span.span_id, bytes) else span.span_id
        for line in found
        for resource in TracesData.from_json(line).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    assert ids == [span.span_id for span in built.spans]
    assert (tmp_path / "otlp" / "traces-1-a.jsonl").read_bytes() == b"".join(found)


def test_otlp_of_a_mixed_line_keeps_only_the_run(tmp_path: Path) -> None:
    built = example()
    other = renamed(built.spans[1], "f" * 32)
    path = tmp_path / "otlp" / "traces-1-a.jsonl"
    path.parent.mkdir()
    path.write_bytes(otlp_line([other, *built.spans]))
    (line,) = lines(tmp_path, built.trace_id)
    assert json.loads(line) == json.loads(built.line())


def test_otlp_has_spans_that_never_ended() -> None:
    built = Builder()
    parent = built.agent("boss", 0, 4)
    built.node("killed", 1, 3, parent, 2, state="abandoned")
    run = built.run()
    stream = io.StringIO()
    exporter("otlp")(Recorded(run, [built.line(built.spans[:1])]), stream)
    first, second = stream.getvalue().splitlines()
    assert json.loads(first) == json.loads(built.line(built.spans[:1]))
    (span,) = TracesData.from_json(second).resource_spans[0].scope_spans[0].spans
    assert (span.name, span.end_time_unix_nano) == ("node killed", built.spans[1].end)
    assert {"key": semconv.OUTCOME, "value": {"stringValue": "abandoned"}} in json.loads(second)["resourceSpans"][0][
        "scopeSpans"
    ][0]["spans"][0]["attributes"]
