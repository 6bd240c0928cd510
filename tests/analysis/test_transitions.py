from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_otel.analysis.transitions import Transition, UnknownNodeError, follows, loop, transitions
from tests.analysis.build import Builder
from tests.analysis.graphs import graphs, orchestrator
from tests.analysis.test_properties import trees


def test_times_between_nodes_count_from_the_last_node_of_a_step() -> None:
    assert transitions(orchestrator().run()) == (
        Transition("director", "worker", 4, 1, 1, 4),
        Transition("strategist", "director", 2, 0, 0, 0),
        Transition("worker", "strategist", 2, 0, 0, 0),
    )


def test_without_steps_a_node_follows_what_ended_last_before_it() -> None:
    built = Builder()
    graph = built.workflow(0, 30)
    built.node("a", 0, 5, graph)
    built.node("b", 0, 9, graph)
    built.node("c", 10, 12, graph)
    built.node("d", 12.0005, 14, graph)
    built.node("e", 11, 13, graph)
    found = {(one.source, one.target): one.total_seconds for one in transitions(built.run())}
    assert found == {("b", "c"): 1, ("b", "e"): 2, ("c", "d"): pytest.approx(0.0005)}


def test_nodes_of_different_graphs_do_not_follow_each_other() -> None:
    built = Builder()
    built.node("a", 0, 5, built.workflow(0, 5), 1)
    built.node("b", 6, 9, built.workflow(6, 9), 2)
    assert transitions(built.run()) == ()


def test_a_loop_goes_from_director_to_director() -> None:
    found = loop(orchestrator().run())
    assert found is not None
    assert (found.node, found.count, found.median_seconds) == ("director", 2, 20)
    assert [(one.start_seconds, one.end_seconds, one.work_seconds, one.wait_seconds) for one in found.iterations] == [
        (0, 20, 1 + 20 + 3 + 1, 12),
        (20, 40, 1 + 20 + 6 + 1, 6),
    ]


def test_the_node_of_a_loop_can_be_named() -> None:
    found = loop(orchestrator().run(), "worker")
    assert found is not None
    assert (found.node, found.count) == ("worker", 1)
    with pytest.raises(UnknownNodeError, match="no node of the run is named 'boss'; it has director, strategist, work"):
        loop(orchestrator().run(), "boss")


def test_a_loop_around_graph_runs_is_found() -> None:
    built = Builder()
    boss = built.agent("boss", 0, 30)
    for start in (0, 10, 20):
        graph = built.workflow(start, start + 9, boss)
        built.node("plan", start, start + 1, graph, 1)
        built.node("work", start + 1, start + 9, graph, 2)
    found = loop(built.run())
    assert found is not None
    assert (found.node, found.count, found.p95_seconds) == ("plan", 2, 10)


def test_nodes_side_by_side_are_no_loop() -> None:
    built = Builder()
    graph = built.workflow(0, 10)
    for end in (2, 5, 9):
        built.node("worker", 0, end, graph, 1)
        built.node("free", 0, end, graph)
    assert loop(built.run()) is None


@given(st.one_of(graphs(), trees()))
@settings(max_examples=200, deadline=None)
def test_nothing_follows_itself(built: Builder) -> None:
    run = built.run()
    for source, target in follows(run):
        assert source != target
        assert run.parents[source] == run.parents[target]
    assert all(one.median_seconds >= 0 for one in transitions(run))
    found = loop(run)
    if found is not None:
        assert found.count == len(found.iterations) >= 1
