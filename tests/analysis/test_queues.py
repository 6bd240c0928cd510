from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_otel import semconv
from agent_otel.analysis.accounting import account
from agent_otel.analysis.items import owners
from agent_otel.analysis.own_time import own_intervals
from agent_otel.analysis.queues import Depth, QueueReport, depths, queue_report, queued, sampled, states
from agent_otel.analysis.ratios import Ratio, Ratios, counts, evenly, ratios, windows
from tests.analysis.build import Builder, example
from tests.analysis.graphs import graphs, orchestrator
from tests.analysis.test_properties import trees

ANY = st.one_of(graphs(), trees())


def named(found: tuple[Ratio, ...]) -> dict[str, tuple[float, float]]:
    return {ratio.name: (ratio.work_seconds, ratio.wait_seconds) for ratio in found}


def reported(built: Builder) -> QueueReport:
    return queue_report(built.run())


def test_the_example_of_three_parallel_nodes() -> None:
    found = reported(example())
    assert found.depths == (Depth(0, 0, 3, 0), Depth(30, 0, 1, 2), Depth(600, 0, 0, 0))
    assert {state.state: (state.most, state.total_seconds) for state in found.states} == {
        "ready": (0, 0),
        "active": (3, 660),
        "waiting": (2, 1140),
    }
    assert found.states[2].mean == pytest.approx(1.9)
    assert found.wait_work_ratio == pytest.approx(1.727, abs=0.001)
    assert named(found.nodes) == {"first": (30, 570), "third": (30, 570), "slow": (600, 0)}
    assert [(window.work_seconds, window.wait_seconds) for window in found.windows] == [
        (60 + 60, 30 + 30), *[(60, 120)] * 9
    ]  # fmt: skip


def test_depth_and_waits_of_an_orchestrator() -> None:
    found = reported(orchestrator())
    assert found.depths[:5] == (
        Depth(0, 0, 1, 0), Depth(1, 2, 0, 0), Depth(2, 0, 2, 0), Depth(7, 0, 1, 1), Depth(17, 0, 1, 0),
    )  # fmt: skip
    assert [(task.task, task.waited_seconds, task.seconds, task.held_seconds) for task in found.tasks] == [
        ("t1", 1, 15, 0),
        ("t2", 1, 5, 10),
        ("t4", 1, 12, 0),
        ("t3", 1, 8, 4),
    ]
    assert named(found.task_types) == {"test": (5, 11), "code": (35, 7)}
    assert named(found.agents) == {"coder": (40, 18), "director": (2, 0)}
    assert named(found.nodes) == {"worker": (40, 18), "strategist": (3 + 6, 0), "director": (3, 0)}


def test_a_node_around_a_graph_is_active_only_while_none_of_its_nodes_is() -> None:
    built = Builder()
    outer = built.node("outer", 0, 10, built.workflow(0, 10), 1)
    inner = built.workflow(2, 8, outer, name="inner")
    built.node("one", 2, 8, inner, 1)
    built.node("two", 2, 4, inner, 1)
    assert depths(built.run()) == (Depth(0, 0, 1, 0), Depth(2, 0, 2, 0), Depth(4, 0, 1, 0), Depth(10, 0, 0, 0))


def test_a_dependency_is_waited_for_but_no_part_of_the_ratio() -> None:
    built = Builder()
    root = built.agent("boss", 0, 10)
    built.task("b", 4, 10, root, ("a",))
    built.wait(semconv.DEPENDENCY, 0, 4, root, {semconv.TASK_ID: "b"})
    found = reported(built)
    assert found.depths[0] == Depth(0, 0, 0, 1)
    assert found.task_types[0].wait_seconds == 0


def test_agents_are_the_items_of_a_run_without_nodes_and_tasks() -> None:
    built = Builder()
    built.agent("one", 0, 4)
    built.agent("two", 1, 3)
    assert [(depth.at_seconds, depth.active) for depth in depths(built.run())] == [(0, 1), (1, 2), (3, 1), (4, 0)]


def test_a_task_inside_a_node_of_the_same_task_is_one_task() -> None:
    built = Builder()
    graph = built.workflow(0, 10)
    node = built.node("worker", 2, 8, graph, 1, {semconv.TASK_ID: "a"})
    built.task("a", 3, 7, node)
    built.wait(semconv.QUEUE, 0, 3, graph, {semconv.TASK_ID: "a"})
    (task,) = queued(built.run())
    assert (task.task, task.waited_seconds, task.seconds) == ("a", 3, 6)


def test_waits_of_attempts_of_one_task_go_to_one_attempt_each() -> None:
    built = Builder()
    root = built.agent("boss", 0, 30)
    for start in (2, 12):
        built.wait(semconv.QUEUE, start - 1, start, root, {semconv.TASK_ID: "a"})
        built.task("a", start, start + 5, root)
    assert [task.waited_seconds for task in queued(built.run())] == [1, 1]


def test_a_wait_that_ends_inside_its_task_belongs_to_it() -> None:
    built = Builder()
    root = built.agent("boss", 0, 30)
    built.task("a", 2, 9, root)
    built.wait(semconv.QUEUE, 0, 4, root, {semconv.TASK_ID: "a"})
    run = built.run()
    assert [(run.spans[wait].name, run.spans[item].name) for wait, item in owners(run).items()] == [
        ("wait queue", "task code")
    ]


def test_a_wait_for_a_task_that_never_started_belongs_to_nothing() -> None:
    built = Builder()
    root = built.agent("boss", 0, 30)
    built.task("a", 2, 9, root)
    built.wait(semconv.QUEUE, 10, 14, root, {semconv.TASK_ID: "a"})
    built.wait(semconv.QUEUE, 10, 14, root, {semconv.TASK_ID: "b"})
    built.wait(semconv.BARRIER, 10, 14, root)
    assert owners(built.run()) == {}


def test_a_mean_depth_in_each_part_of_the_run() -> None:
    series = depths(example().run())
    assert sampled(series, semconv.ACTIVE, 600, 10) == pytest.approx([2, *[1] * 9])
    assert sampled(series, semconv.WAITING, 0, 3) == [0, 0, 0]


@given(ANY)
@settings(max_examples=200, deadline=None)
def test_own_intervals_are_the_self_times(built: Builder) -> None:
    run = built.run()
    own = [sum(end - start for start, end in found) for found in own_intervals(run)]
    assert tuple(own) == account(run).self_times


@given(ANY, st.integers(1, 7))
@settings(max_examples=200, deadline=None)
def test_windows_lose_nothing(built: Builder, count: int) -> None:
    run = built.run()
    found = windows(run, evenly(run, count))
    time = account(run)
    assert len(found) == count
    assert sum(window.work_seconds for window in found) == pytest.approx(time.work / 1e9)
    assert sum(window.wait_seconds for window in found) == pytest.approx(time.waiting / 1e9)


@given(ANY)
@settings(max_examples=200, deadline=None)
def test_work_and_wait_are_counted_once_at_most(built: Builder) -> None:
    run = built.run()
    time = account(run)
    for found in ratios(run).values():
        assert sum(found.work.values()) <= time.work
        assert sum(found.wait.values()) <= time.waiting
        assert isinstance(found, Ratios)
    inside = [span.duration for span in run.spans if counts(span) and semconv.NODE_NAME in span.attributes]
    assert sum(ratios(run)["nodes"].wait.values()) >= sum(inside)


@given(ANY)
@settings(max_examples=200, deadline=None)
def test_depths_are_never_negative_and_end_at_nothing(built: Builder) -> None:
    run = built.run()
    found = depths(run)
    assert all(depth.of(state) >= 0 for depth in found for state in semconv.QUEUE_STATES)
    assert [depth.at_seconds for depth in found] == sorted({depth.at_seconds for depth in found})
    if found:
        assert not any(found[-1].of(state) for state in semconv.QUEUE_STATES)
    for state in states(run, found):
        parts = sampled(found, state.state, run.wall / 1e9, 7)
        assert sum(parts) / 7 == pytest.approx(state.mean, abs=1e-6)


@given(ANY)
@settings(max_examples=100, deadline=None)
def test_a_wait_belongs_to_one_item_of_its_reason(built: Builder) -> None:
    run = built.run()
    found = owners(run)
    assert all(not run.spans[item].annotation for item in found.values())
    for wait, item in found.items():
        if run.spans[wait].wait_reason == semconv.BARRIER:
            assert run.spans[item].end == run.spans[wait].start
    report = queue_report(run)
    waited = sum(task.waited_seconds for task in report.tasks)
    assert waited <= account(run).waits.get(semconv.QUEUE, 0) / 1e9 + 1e-6
