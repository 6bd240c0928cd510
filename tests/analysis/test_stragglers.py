from __future__ import annotations

import pytest
from hypothesis import given, settings

from agent_otel import semconv
from agent_otel.analysis.stragglers import StragglerCost, steps_report
from agent_otel.analysis.supersteps import supersteps
from tests.analysis.build import Builder, example
from tests.analysis.graphs import graphs, orchestrator


def test_the_example_of_three_parallel_nodes() -> None:
    found = steps_report([example().run()])
    (step,) = found.steps
    assert (step.step, step.size, step.seconds, step.waste_seconds, step.alone_seconds) == (1, 3, 600, 1140, 570)
    assert step.straggler.node == "slow"
    assert {one.node: one.waited_seconds for one in step.others} == {"first": 570, "third": 570}
    assert found.share == pytest.approx(0.63, abs=0.005)
    assert found.nodes[0] == StragglerCost("slow", 1, 1, 1.0, 1140, 570)
    assert [cost.held for cost in found.nodes[1:]] == [0, 0]


def test_stragglers_are_counted_by_node_and_task_type_over_runs() -> None:
    other = Builder("f" * 32)
    graph = other.workflow(0, 10)
    other.node("worker", 0, 10, graph, 1, {semconv.TASK_TYPE: "test"})
    other.node("worker", 0, 4, graph, 1, {semconv.TASK_TYPE: "code"})
    found = steps_report([orchestrator().run(), other.run()], lambda: ["a problem"])
    assert found.count == 7 + 1
    assert [(step.straggler.task, step.waste_seconds) for step in found.steps] == [("t1", 10), ("t4", 4), (None, 6)]
    assert found.nodes == (StragglerCost("worker", 3, 3, 1.0, 20, 20),)
    assert found.task_types == (StragglerCost("code", 3, 2, 2 / 3, 14, 14), StragglerCost("test", 2, 1, 0.5, 6, 6))
    assert found.warnings == ("a problem",)


def test_a_step_whose_nodes_end_together_has_no_one_to_blame() -> None:
    built = Builder()
    graph = built.workflow(0, 5)
    built.node("a", 0, 5, graph, 1)
    built.node("b", 1, 5, graph, 1)
    found = steps_report([built.run()])
    assert found.steps[0].waste_seconds == 0
    assert [cost.held for cost in found.nodes] == [0, 0]


def test_a_step_that_was_killed_is_shown_as_far_as_it_came() -> None:
    built = Builder()
    graph = built.workflow(0, 5)
    built.node("a", 0, 5, graph, 1, state="abandoned")
    built.node("b", 0, 2, graph, 1)
    found = steps_report([built.run()])
    assert (found.steps[0].straggler.outcome, found.steps[0].waste_seconds) == ("abandoned", 3)
    assert "never ended" in found.warnings[0]


def test_a_run_without_steps_has_none() -> None:
    built = Builder()
    built.chat(0, 1)
    found = steps_report([built.run()])
    assert (found.count, found.steps, found.share) == (0, (), None)


@given(graphs())
@settings(max_examples=100, deadline=None)
def test_steps_are_those_of_the_report(built: Builder) -> None:
    run = built.run()
    found = steps_report([run])
    before = supersteps(run)
    assert found.count == before.count
    wastes = sorted(step.waste / 1e9 for step in before.steps)
    assert sorted(step.waste_seconds for step in found.steps) == pytest.approx(wastes)
    for step in found.steps:
        assert step.waste_seconds == pytest.approx(sum(one.waited_seconds for one in step.others))
        assert 0 <= step.alone_seconds <= step.seconds
        assert step.straggler.waited_seconds == 0
