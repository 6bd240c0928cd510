from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from agent_otel import semconv
from agent_otel.store.follow import News
from agent_otel.store.wire_metrics import Sample
from agent_otel.tui.live import Live
from agent_otel.tui.rows import SORTS, Row, Rows, RowSequence, ordered
from agent_otel.tui.series import BUCKET, SECOND
from tests.analysis.build import EPOCH, Builder, nanoseconds
from tests.tui.program import Trace

if TYPE_CHECKING:
    from agent_otel.store.model import Span, State

NOW = EPOCH + nanoseconds(100)


def running(built: Builder, *ids: str, state: State = "running") -> list[Span]:
    return [msgspec.structs.replace(span, state=state) for span in built.spans if span.span_id in ids]


def orchestrator() -> tuple[Builder, str, str, str, str]:
    built = Builder()
    graph = built.workflow(10, 60)
    first = built.node("worker", 20, 50, graph, 1, {semconv.TASK_ID: "T01"})
    second = built.node("strategist", 15, 55, graph, 1)
    return built, graph, first, second, built.chat(25, 45, first)


def shown(rows: RowSequence) -> list[str]:
    return ["  " * row.depth + (row.title or (row.span.name if row.span else f"# {row.run.name}")) for row in rows]


def test_a_run_with_what_is_open_in_it_as_a_tree() -> None:
    built, graph, first, second, chat = orchestrator()
    live = Live()
    live.take(News(started=running(built, graph, first, second, chat)), NOW)
    assert (live.running, live.open_spans) == (1, 4)
    rows = Rows()
    assert shown(rows.overview(live, "longest", "")) == [
        "# plan",
        "node strategist",
        "node worker",
        "  chat gpt-4o",
    ]
    assert shown(rows.overview(live, "newest", "")) == ["# plan", "node worker", "  chat gpt-4o", "node strategist"]
    assert shown(rows.overview(live, "name", "")) == ["# plan", "node strategist", "node worker", "  chat gpt-4o"]
    (run,) = live.runs.values()
    assert (run.state, run.elapsed(NOW)) == ("running", nanoseconds(90))


def test_what_ends_is_counted_and_leaves_the_tree() -> None:
    built, graph, first, second, chat = orchestrator()
    built.wait(semconv.BARRIER, 50, 55, graph)
    failed = built.chat(30, 31, second, status=2)
    live = Live()
    live.take(News(started=running(built, graph, first, second, chat)), NOW)
    ended = [span for span in built.spans if span.span_id not in (graph, first)]
    live.take(News(ended=ended), NOW)
    (run,) = live.runs.values()
    assert (run.ended, run.calls, run.errors, run.waited) == (4, 2, 1, nanoseconds(5))
    assert [span.span_id for span in live.errors] == [failed]
    assert shown(Rows().overview(live, "longest", "")) == ["# plan", "node worker"]
    live.take(News(ended=built.spans[:2]), NOW)
    assert (run.state, run.outcome, run.elapsed(NOW)) == ("ok", "ok", nanoseconds(50))
    assert shown(Rows().detail(run, "longest", ""))[:3] == ["# plan", "ended last", "node worker"]


def test_a_run_that_is_over_is_forgotten_later_and_one_that_goes_on_is_not() -> None:
    built, graph, *_ = orchestrator()
    other = Trace("0b" * 16)
    long = other.workflow(1, 2)
    live = Live()
    live.take(News(started=running(other, long), ended=built.spans), NOW)
    assert len(live.runs) == 2
    live.take(News(), NOW + nanoseconds(3600))
    assert [run.trace_id for run in live.runs.values()] == ["0b" * 16]
    live.take(News(gone=[long]), NOW + nanoseconds(3600))
    assert live.runs == {}
    assert graph


def test_abandoned_spans_make_an_abandoned_run() -> None:
    built, graph, first, *_ = orchestrator()
    live = Live()
    live.take(News(started=running(built, graph, first)), NOW)
    live.take(News(started=running(built, graph, first, state="abandoned")), NOW)
    (run,) = live.runs.values()
    assert (run.state, live.running, run.elapsed(NOW)) == ("abandoned", 0, nanoseconds(50))


def test_the_filter_leaves_what_contains_it_and_the_runs_around() -> None:
    built, graph, first, second, chat = orchestrator()
    other = Trace("0b" * 16)
    live = Live()
    live.take(
        News(
            started=[*running(built, graph, first, second, chat), *running(other, other.workflow(1, 2, name="other"))]
        ),
        NOW,
    )
    rows = Rows()
    assert shown(rows.overview(live, "longest", "t01")) == ["# plan", "node worker"]
    assert shown(rows.overview(live, "longest", "other")) == ["# other", "invoke_workflow other"]
    assert shown(rows.overview(live, "longest", "0b0b")) == ["# other"]
    assert shown(rows.overview(live, "longest", "nowhere")) == []
    assert shown(rows.detail(live.runs[built.trace_id], "longest", "chat")) == ["# plan", "chat gpt-4o"]


def test_runs_in_every_order() -> None:
    live = Live()
    for number, name in enumerate(("b", "a", "c")):
        built = Trace(f"{number + 1:02x}" * 16)
        graph = built.workflow(number, 50 + number, name=name)
        for _ in range(number):
            built.chat(30, 31, graph, status=2)
        live.take(News(started=running(built, graph), ended=built.spans[1:]), NOW)
    names = {sort: "".join(run.name for run in ordered(live.runs.values(), sort)) for sort in SORTS}
    assert names == {"longest": "bac", "newest": "cab", "name": "abc", "errors": "cab"}
    live.take(News(ended=[span for span in running_roots(live) if span.name.endswith("b")]), NOW)
    assert "".join(run.name for run in ordered(live.runs.values(), "longest")) == "acb"


def running_roots(live: Live) -> list[Span]:
    return [msgspec.structs.replace(span, state="ended") for run in live.runs.values() for span in run.open.values()]


def test_parents_in_a_circle_are_shown_all_the_same() -> None:
    built = Builder()
    ids = ("a" * 16, "b" * 16, "c" * 16)
    for number, span_id in enumerate(ids):
        built.span(f"odd {number}", number, 9, ids[number - 1], span_id=span_id)
    live = Live()
    live.take(News(started=running(built, *ids)), NOW)
    rows = Rows().overview(live, "longest", "")
    assert len(shown(rows)) == len(rows)
    assert len(rows) >= 3


def test_a_line_is_found_again_after_others_came_before_it() -> None:
    built, graph, first, second, chat = orchestrator()
    live = Live()
    live.take(News(started=running(built, graph, first)), NOW)
    rows = Rows()
    wanted = rows.overview(live, "longest", "")[1]
    live.take(News(started=running(built, second)), NOW)
    after = rows.overview(live, "longest", "")
    assert after.find(wanted) == 2
    assert after[-1].span is not None
    assert [row.depth for row in after[0:2]] == [0, 0]
    with pytest.raises(IndexError):
        after[len(after)]
    assert after.find(Row(live.runs[built.trace_id], title="none")) is None
    assert chat


def sample(value: float, state: str, category: str, *, time: int = NOW, age: float = 1.0) -> Sample:
    attributes = {semconv.ACTIVITY_STATE: state, semconv.ACTIVITY_CATEGORY: category}
    return Sample(semconv.METRIC_ACTIVITY_TIME, attributes, time - nanoseconds(age), time, value)


def test_work_and_waiting_of_the_last_minute() -> None:
    live = Live()
    live.take(News(measured=[("p", sample(10, "work", "llm")), ("p", sample(5, "wait", "queue"))]), NOW)
    live.take(News(measured=[("old", sample(1000, "work", "llm", age=3600))]), NOW)
    live.take(News(measured=[("p", sample(30, "work", "llm")), ("p", sample(99, "wait", "dependency"))]), NOW)
    figures = live.activity.figures(NOW)
    assert figures.at_once == pytest.approx(0.5)
    assert figures.ratio == pytest.approx(5 / 30)
    assert live.activity.work.last(NOW, 2) == [0.0, 30.0]
    assert live.activity.work.last(NOW + BUCKET, 2) == [30.0, 0.0]
    live.take(News(measured=[("old", sample(1006, "work", "llm", age=3600))], dead=["p"]), NOW)
    assert live.activity.figures(NOW).at_once == pytest.approx(0.6)
    assert live.activity.figures(NOW + 61 * SECOND) == (0.0, None)


def test_nested_processes_do_not_count_twice() -> None:
    live = Live()
    attributes: semconv.Attributes = {
        semconv.ACTIVITY_STATE: "work",
        semconv.ACTIVITY_CATEGORY: "llm",
        semconv.PROCESS_NESTED: True,
    }
    live.take(News(measured=[("p", Sample(semconv.METRIC_ACTIVITY_TIME, attributes, NOW, NOW, 10.0))]), NOW)
    assert live.activity.figures(NOW).at_once == 0


def test_queues_of_all_living_processes() -> None:
    live = Live()

    def depth(value: float, state: str) -> Sample:
        attributes = {semconv.QUEUE_NAME: "q", semconv.QUEUE_STATE: state}
        return Sample(semconv.METRIC_QUEUE_DEPTH, attributes, NOW, NOW, value)

    assert not live.queues.known
    live.take(News(measured=[("a", depth(4, "ready")), ("b", depth(3, "ready")), ("b", depth(1, "active"))]), NOW)
    assert [live.queues.depth(state) for state in semconv.QUEUE_STATES] == [7, 1, 0]
    live.take(News(measured=[("a", depth(2, "ready"))], dead=["b"]), NOW)
    assert [live.queues.depth(state) for state in semconv.QUEUE_STATES] == [2, 0, 0]
    assert live.queues.ready.last(NOW, 1) == [5.0]


def test_calls_of_the_last_minute() -> None:
    built = Builder()
    for seconds in (1, 2, 3, 4):
        built.chat(99 - seconds, 99, status=2 * (seconds == 4))
    built.chat(0, 1)
    live = Live()
    live.take(News(ended=built.spans), NOW)
    figures = live.calls.figures(NOW)
    assert figures.a_second == pytest.approx(4 / 60)
    assert figures.p95 == pytest.approx(3.85)
    assert (figures.median, figures.failed) == (2.5, 0.25)
    assert live.calls.figures(NOW + 70 * SECOND) == (0.0, None, None, 0.0)
