"""What holds for any run, on random trees of spans."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from agent_otel import semconv
from agent_otel.analysis.accounting import account
from agent_otel.analysis.critical_path import critical_path
from agent_otel.analysis.summary import analyse, report
from tests.analysis.build import Builder

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn

    from agent_otel.store.reader import Run

KINDS = ("node", "chat", "git", "task", "cli", *(f"wait {reason}" for reason in semconv.WAIT_REASONS))


@st.composite
def trees(draw: DrawFn) -> Builder:
    """Spans anywhere in time under any earlier span: nested, parallel, outliving, of no length, of two processes."""
    built = Builder()
    ids: list[str] = []
    for number in range(draw(st.integers(1, 14))):
        parent = draw(st.sampled_from([None, *ids])) if ids else None
        start = draw(st.integers(0, 40)) / 10
        end = start + draw(st.integers(0, 30)) / 10
        kind = draw(st.sampled_from(KINDS))
        process = draw(st.sampled_from([None, None, None, "two"]))
        attributes: dict[str, semconv.AttributeValue] = {}
        if kind == "node":
            attributes = {
                semconv.NODE_NAME: "n",
                semconv.NODE_STEP: draw(st.integers(1, 3)),
                semconv.NODE_WRITES: ("x",),
                semconv.NODE_TRIGGERS: ("x",),
            }
        elif kind == "chat":
            attributes = {semconv.OPERATION_NAME: semconv.CHAT}
        elif kind == "git":
            attributes = {semconv.GIT_OPERATION: "commit"}
        elif kind == "task":
            needs = draw(st.lists(st.integers(0, 14), max_size=3))
            attributes = {semconv.TASK_ID: str(number), semconv.TASK_DEPENDS_ON: tuple(map(str, needs))}
        elif kind.startswith("wait "):
            attributes = {semconv.SPAN_ROLE: semconv.ANNOTATION, semconv.WAIT_REASON: kind[5:]}
        links = draw(st.lists(st.sampled_from(ids), max_size=2)) if ids else []
        ids.append(built.span(kind, start, end, parent, attributes, links=links, process=process))
    return built


def tiles(run: Run) -> None:
    segments = critical_path(run).segments
    assert all(segment.duration > 0 for segment in segments)
    assert [run.start, *(segment.end for segment in segments)] == [
        *(segment.start for segment in segments),
        run.end,
    ]


@given(trees())
@settings(max_examples=400, deadline=None)
def test_segments_tile_the_run_and_sum_to_its_wall_time(built: Builder) -> None:
    run = built.run()
    tiles(run)
    assert sum(critical_path(run).by_category.values()) == run.wall


@given(trees())
@settings(max_examples=200, deadline=None)
def test_segments_are_charged_to_spans_that_ran_then(built: Builder) -> None:
    for segment in critical_path(built.run()).segments:
        if segment.span is not None:
            assert segment.span.start <= segment.start
            assert segment.end <= segment.span.end
        assert segment.category not in (semconv.QUEUE, semconv.BARRIER, semconv.LOCK, semconv.DEPENDENCY)


@given(trees())
@settings(max_examples=200, deadline=None)
def test_self_times_are_never_negative_nor_longer_than_the_span(built: Builder) -> None:
    run = built.run()
    for span, self_time in zip(run.spans, account(run).self_times, strict=True):
        assert 0 <= self_time <= span.duration


@given(trees(), st.data())
@settings(max_examples=200, deadline=None)
def test_a_new_leaf_changes_no_other_branch(built: Builder, data: st.DataObject) -> None:
    before = built.run()
    parent = data.draw(st.sampled_from([None, *(span.span_id for span in built.spans)]))
    start = data.draw(st.integers(0, 40)) / 10
    leaf = built.chat(start, start + data.draw(st.integers(0, 30)) / 10, parent)
    after = built.run()
    old = {span.span_id: own for span, own in zip(before.spans, account(before).self_times, strict=True)}
    new = {span.span_id: own for span, own in zip(after.spans, account(after).self_times, strict=True)}
    changed = {span_id for span_id in old if new[span_id] != old[span_id]}
    assert changed <= {parent}
    assert parent is None or new[parent] <= old[parent]
    assert new[leaf] >= 0


@given(trees())
@settings(max_examples=200, deadline=None)
def test_a_report_can_be_made_of_anything(built: Builder) -> None:
    found = report(analyse([built.run()], by=("agent", "cli", "model", "node")))
    assert sum(found.critical_path.values()) - found.wall_seconds < 1e-9
    assert all(0 <= finding.share <= 1 for finding in found.diagnosis)
