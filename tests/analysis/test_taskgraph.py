"""Which spans are tasks, what they depend on, and what runs between them."""

from __future__ import annotations

from agent_otel import semconv
from agent_otel.analysis.dependencies import circles
from agent_otel.analysis.passes import CONTINUOUS, SUPERSTEP
from agent_otel.analysis.taskgraph import TaskGraph, task_graph
from agent_otel.analysis.whatif import WhatIf
from tests.analysis.build import Builder, example
from tests.analysis.loops import STRAGGLERS, Task, supersteps_of, task_facts


def graph_of(built: Builder) -> TaskGraph:
    found = task_graph(built.run())
    assert found is not None
    return found


def names(graph: TaskGraph, positions: tuple[int, ...]) -> list[str]:
    return [graph.run.spans[position].name for position in positions]


def test_director_and_strategist_are_known_by_their_place() -> None:
    graph = graph_of(supersteps_of(STRAGGLERS))
    assert [unit.id for unit in graph.units] == ["T1", "T2", "T3", "T4", "T5", "T6"]
    assert graph.rule == SUPERSTEP
    assert graph.slots == 3
    assert graph.dependent
    assert names(graph, graph.opening) == ["node director"]
    assert [names(graph, one.nodes) for one in graph.passes] == [["node strategist", "node director"]] * 2
    assert [(one.finished, one.handed) for one in graph.passes] == [(3, 3), (3, 0)]
    assert [len(members) for members in graph.rounds] == [3, 3]
    assert not graph.pooled


def test_needs_are_earlier_units() -> None:
    graph = graph_of(supersteps_of(STRAGGLERS))
    needs = {
        unit.id: [graph.units[need].id for need in needed]
        for unit, needed in zip(graph.units, graph.needs, strict=True)
    }
    assert needs == {"T1": [], "T2": [], "T3": [], "T4": ["T1"], "T5": ["T2"], "T6": ["T3"]}


def test_a_task_that_ran_twice_depends_on_its_first_run() -> None:
    graph = graph_of(supersteps_of([[Task("T1", 2)], [Task("T1", 1)], [Task("T2", 1, ("T1",))]]))
    assert graph.needs == ((), (0,), (1,))
    assert not graph.warnings


def test_circles_are_named_and_left_out() -> None:
    graph = graph_of(supersteps_of([[Task("T3", 2, ("T7",))], [Task("T7", 1, ("T3",))]]))
    assert graph.needs == ((), (0,))
    assert graph.warnings == ("depends_on goes in a circle: T3 -> T7 -> T3; it was left out",)
    assert circles(graph.units, [("T3",), ()]) == ["T3 -> T3"]


def test_what_the_run_did_not_keep_to_is_left_out() -> None:
    graph = graph_of(supersteps_of([[Task("T1", 2, ("T2", "T9")), Task("T3", 1)], [Task("T2", 1)]]))
    assert graph.needs[-1] == ()
    assert graph.warnings == (
        "the run did not keep to depends_on (T1 on T2); that was left out",
        "no task of the run is called T9; taken as complete from the start",
    )


def test_without_tasks_the_nodes_of_a_fan_out_are_units() -> None:
    graph = graph_of(example())
    assert [unit.id for unit in graph.units] == ["first 2", "slow 1", "third 3"]
    assert not graph.dependent
    assert graph.passes == ()


def test_nothing_to_hand_out() -> None:
    built = Builder()
    built.chat(0, 1, built.workflow(0, 1))
    assert task_graph(built.run()) is None


def test_tasks_of_the_api_in_a_pool() -> None:
    built = Builder()
    flow = built.workflow(0, 6)
    for name, start, end, needs in (("a", 0, 4, ()), ("b", 0, 1, ()), ("c", 1, 3, ("b",)), ("d", 4, 6, ("a", "c"))):
        built.task(name, start, end, flow, needs)
    graph = graph_of(built)
    assert graph.rule == CONTINUOUS
    assert (graph.slots, graph.needs) == (2, ((), (), (1,), (0, 2)))


def test_a_node_around_a_task_is_the_unit() -> None:
    built = Builder()
    graph = built.workflow(0, 10)
    for name, start in (("a", 0), ("b", 1)):
        node = built.node("worker", start, start + 5, graph, 1)
        built.chat(start, start + 1, node)
        built.task(name, start + 1, start + 4, node)
    found = graph_of(built)
    assert names(found, tuple(unit.position for unit in found.units)) == ["node worker"] * 2
    assert [unit.type for unit in found.units] == ["code", "code"]


def dispatcher() -> Builder:
    """LangGraph's functional API: one node around all, one step number, a pass for every task that finishes."""
    built = Builder()
    around = built.node("dispatcher", 0, 11, built.workflow(0, 11), 0)
    spans: list[tuple[str, float, float]] = [
        ("director", 0, 1),
        ("worker", 1, 4),
        ("worker", 1, 9),
        ("strategist", 4, 5),
        ("director", 5, 6),
    ]
    spans += [("worker", 6, 8), ("strategist", 8, 9), ("director", 9, 9.5), ("strategist", 9.5, 10.5)]
    for number, (name, start, end) in enumerate([*spans, ("director", 10.5, 11)]):
        facts = task_facts(Task(f"T{number}", 0)) if name == "worker" else None
        built.node(name, start, end, around, 0, facts)
    return built


def test_a_run_that_dispatches_continuously_is_known() -> None:
    for built in (dispatcher(), _without_tasks(dispatcher())):
        graph = graph_of(built)
        assert graph.rule == CONTINUOUS
        assert (len(graph.units), graph.slots) == (3, 2)
        assert names(graph, graph.opening) == ["node director"]
        assert [(one.finished, one.handed) for one in graph.passes] == [(1, 1), (1, 0), (1, 0)]
        assert abs(WhatIf(built.run()).confidence.error) < 0.1


def _without_tasks(built: Builder) -> Builder:
    bare = Builder()
    for span in built.spans:
        facts = {key: value for key, value in span.attributes.items() if "task" not in key}
        start, end = ((time - bare.epoch) / 1e9 for time in (span.start, span.end))
        bare.span(span.name, start, end, span.parent_id, facts, span_id=span.span_id)
    return bare


def test_a_node_beside_the_workers_of_its_step_is_one_of_them() -> None:
    built = supersteps_of([[Task("T1", 5), Task("T2", 3)]])
    root = built.spans[-1].span_id
    built.node("monitor", 5, 9, root, 2)
    assert sorted(unit.id for unit in graph_of(built).units) == ["T1", "T2", "node monitor"]


def test_preference_is_what_was_taken_while_others_were_ready() -> None:
    graph = graph_of(supersteps_of([[Task("T1", 1), Task("T9", 1)], [Task("T2", 1), Task("T3", 1, ("T1",))]]))
    ranked = sorted(zip(graph.ranks, (unit.id for unit in graph.units), strict=True))
    # T9 was taken before T2, which was ready; T3 was not ready then.
    assert [name for _, name in ranked] == ["T1", "T3", "T9", "T2"]


def test_a_pool_inside_a_step_is_known() -> None:
    built = Builder()
    graph = built.workflow(0, 10)
    built.node("director", 0, 1, graph, 1)
    for number, (start, end) in enumerate([(1, 4), (1, 3), (3, 5), (4, 6)]):
        built.node("worker", start, end, graph, 2, task_facts(Task(f"T{number}", 0)))
    built.node("end", 6, 10, graph, 3)
    found = graph_of(built)
    assert (found.rule, found.slots, found.pooled) == (SUPERSTEP, 2, True)
    assert WhatIf(built.run()).confidence.error == 0


def test_semantics_of_the_scope() -> None:
    """The busiest graph is replayed; what lies around it stays."""
    built = Builder()
    outer = built.node("outer", 0, 30, built.workflow(0, 32), 1)
    inner = built.workflow(5, 25, outer)
    built.node("worker", 5, 25, inner, 1, task_facts(Task("T1", 20)))
    built.node("worker", 5, 15, inner, 1, task_facts(Task("T2", 10)))
    other = built.workflow(26, 29, outer)
    built.node("worker", 26, 29, other, 1, {semconv.TASK_ID: "X"})
    what_if = WhatIf(built.run())
    assert what_if.graph is not None
    assert what_if.graph.run.spans[what_if.graph.scope].start == built.epoch + 5_000_000_000
    assert what_if.confidence.replayed_seconds == 32
