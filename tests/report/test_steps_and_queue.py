"""Supersteps and queues in every format, and the chart of a run."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_otel import semconv
from agent_otel.analysis.queues import queue_report
from agent_otel.analysis.rows import FOLDED, rows
from agent_otel.analysis.stragglers import steps_report
from agent_otel.report.queue import registry as queues
from agent_otel.report.queue.text import sparkline
from agent_otel.report.steps import registry as steps
from agent_otel.report.timeline import LETTERS, axis, cells, render_timeline
from tests.analysis.build import Builder, example, nanoseconds
from tests.analysis.graphs import graphs, orchestrator
from tests.analysis.test_properties import trees

if TYPE_CHECKING:
    from collections.abc import Callable


def empty() -> Builder:
    built = Builder()
    built.chat(0, 0)
    return built


def odd() -> Builder:
    built = Builder()
    root = built.agent("a|b <c>\n[red]d", 0, 3)
    for node, end in (("n|1\n[bold]" + "x" * 90, 2), ("n", 3)):
        built.node(node, 0, end, root, 1, {semconv.TASK_ID: "t" * 60, semconv.TASK_TYPE: "<x>"}, state="abandoned")
    built.node("n", 3, 4, root, 2)
    return built


def wide() -> Builder:
    built = Builder()
    graph = built.workflow(0, 500)
    for number in range(40):
        built.chat(0, number / 10, built.node("worker", 0, 3 * number, graph, 1, {semconv.TASK_ID: str(number)}))
        built.node(f"other {number}", 130, 140, graph, 2 + number)
    return built


CASES: dict[str, Callable[[], Builder]] = {
    "example": example, "orchestrator": orchestrator, "empty": empty, "odd": odd, "wide": wide,
}  # fmt: skip


def steps_text(form: str, *built: Builder) -> str:
    stream = io.StringIO()
    steps.renderer(form)(steps_report([one.run() for one in built], lambda: ["/store/file, line 3"]), stream)
    return stream.getvalue()


def queue_text(form: str, built: Builder) -> str:
    stream = io.StringIO()
    queues.renderer(form)(queue_report(built.run(), problems=["/store/file, line 3"]), stream)
    return stream.getvalue()


def timeline(built: Builder, depth: int | None = None) -> list[str]:
    stream = io.StringIO()
    render_timeline(built.run(), stream, depth=depth)
    return stream.getvalue().splitlines()


@pytest.mark.parametrize("form", steps.FORMATS)
@pytest.mark.parametrize("case", CASES)
def test_every_format_renders_every_run(form: str, case: str) -> None:
    for text in (steps_text(form, CASES[case]()), queue_text(form, CASES[case]())):
        assert text.endswith("\n")
        assert "\x1b" not in text
        assert form == "csv" or "/store/file, line 3" in text


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("case", CASES)
def test_text_fits_the_terminal(width: int, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    built = CASES[case]()
    other = Builder("f" * 32)
    other.spans = example().spans
    for text in (steps_text("text", built), steps_text("text", built, example()), queue_text("text", built)):
        assert max(map(len, text.splitlines())) <= width
    for depth in (None, 1, 9):
        assert max(map(len, timeline(built, depth))) <= width


def test_formats_are_those_of_the_report() -> None:
    assert list(steps.FORMATS) == list(queues.FORMATS) == ["text", "json", "csv", "md"]


def test_steps_as_text_say_who_waited_for_whom() -> None:
    text = steps_text("text", example())
    assert "1 superstep, 1 of two or more nodes. Finished nodes waited 19m 00s" in text
    slow, *others = [line for line in text.splitlines() if line.startswith(("  slow ", "  first ", "  third "))]
    assert "waited" not in slow
    assert len(others) == 2
    assert all(line.endswith("waited   9m 30s") and "·" in line for line in others)


def test_steps_as_json_and_csv() -> None:
    found = json.loads(steps_text("json", example()))
    assert (found["runs"], found["count"], found["waste_seconds"]) == (1, 1, 1140)
    assert found["steps"][0]["straggler"]["node"] == "slow"
    assert found["nodes"][0] == {
        "name": "slow", "steps": 1, "held": 1, "share": 1, "waste_seconds": 1140, "alone_seconds": 570,
    }  # fmt: skip
    table = list(csv.DictReader(io.StringIO(steps_text("csv", example()))))
    assert [(row["node"], row["straggler"], float(row["waited"])) for row in table] == [
        ("slow", "1", 0), ("third", "0", 570), ("first", "0", 570),
    ]  # fmt: skip


def test_queue_as_json_and_csv() -> None:
    found = json.loads(queue_text("json", orchestrator()))
    assert found["depths"][1] == {"at_seconds": 1, "ready": 2, "active": 0, "waiting": 0}
    assert found["loop"]["count"] == 2
    table = list(csv.DictReader(io.StringIO(queue_text("csv", orchestrator()))))
    assert {row["section"] for row in table} == {
        "run", "state", "task", "transition", "loop", "agent", "node", "task_type", "window", "depth",
    }  # fmt: skip
    assert [row["wait"] for row in table if row["section"] == "task"] == ["1.0"] * 4


def test_queue_as_text_draws_its_depth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = queue_text("text", orchestrator())
    assert "4 tasks waited 4.00 s together before they started: median 1.00 s, longest 1.00\ns." in text
    assert "From a start of director to its next: 2 times, median 20.0 s, longest 20.0 s." in text
    assert "wait/work ratio of the whole run: 0.33" in text


def test_a_sparkline_shows_whatever_is_not_nothing() -> None:
    assert sparkline([0, 0.001, 2, 4], 4) == " ▁▄█"
    assert sparkline([0, 0.001, 2, 4], 4, plain=True) == " .=@"
    assert sparkline([0, 0], 0) == "  "


def test_a_chart_shows_what_each_span_did(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    lines = timeline(example(), 2)[5:9]
    assert [line[:21].rstrip() for line in lines] == [
        "invoke_workflow plan", "  node slow", "  node first", "  node third",
    ]  # fmt: skip
    assert [line[21:71] for line in lines] == ["L" * 50, "L" * 50, "LLL" + "·" * 47, "LLL" + "·" * 47]
    assert [line[71:].strip() for line in lines] == ["10m 00s", "10m 00s", "30.0 s", "30.0 s"]


def test_letters_tell_the_categories_apart() -> None:
    assert set(LETTERS) == set(semconv.WORK_CATEGORIES)
    assert len(set(LETTERS.values())) == len(LETTERS)


def test_many_equal_siblings_share_a_row() -> None:
    made = rows(wide().run())
    assert len([row for row in made if len(row.members) == 40]) == 1
    assert len(made) == 1 + 1 + 40
    assert made[0].below == 0
    assert sum(row.below for row in made) == 40
    few = rows(example().run())
    assert [len(row.members) for row in few] == [1] * 7
    assert FOLDED < 40


def test_waits_of_no_item_have_rows_of_their_own() -> None:
    built = Builder()
    root = built.agent("boss", 0, 10)
    built.wait(semconv.QUEUE, 0, 5, root, {semconv.TASK_ID: "t1"})
    built.wait(semconv.RETRY, 6, 8, root)
    made = rows(built.run())
    assert [len(row.waits) for row in made] == [1, 1]
    assert any(line.startswith("  wait queue t1   ···") for line in timeline(built))


def test_an_axis_has_round_marks() -> None:
    assert axis(9.3, 40) == "|0 s                  |5.00 s"
    assert axis(9.3, 50) == "|0 s       |2.00 s    |4.00 s   |6.00 s    |8.00 s"
    assert axis(600, 60).startswith("|0 s       ")
    assert axis(0, 40) == "0 s"


def test_cells_hold_what_lies_in_them() -> None:
    assert cells([(5, 25)], 0, 10, 3) == {0: 5, 1: 10, 2: 5}
    assert cells([(10, 10)], 0, 10, 3) == {1: 0}
    assert cells([(25, 99)], 0, 10, 3) == {2: 5}


@given(st.one_of(graphs(), trees()), st.sampled_from([None, 1, 3]))
@settings(max_examples=100, deadline=None)
def test_every_piece_of_work_is_in_a_row(built: Builder, depth: int | None) -> None:
    run = built.run()
    made = rows(run, depth)
    assert sum(len(row.members) + row.below for row in made) >= sum(not span.annotation for span in run.spans)
    assert all(row.level <= (depth or 99) for row in made)
    assert timeline(built, depth)
    assert nanoseconds(1) == 10**9


@pytest.mark.parametrize("case", CASES)
def test_a_terminal_without_unicode_gets_plain_marks(case: str) -> None:
    run = CASES[case]().run()
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding="ascii")
    render_timeline(run, stream)
    steps.renderer("text")(steps_report([run]), stream)
    stream.flush()
    assert written.getvalue().isascii()
    assert run.trace_id[:8].encode() in written.getvalue()
