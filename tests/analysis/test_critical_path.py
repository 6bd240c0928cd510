from __future__ import annotations

import pytest

from agent_otel import semconv
from agent_otel.analysis.critical_path import Segment, critical_path
from tests.analysis.build import EPOCH, Builder, example, nanoseconds


def seconds(built: Builder) -> dict[str, float]:
    """The path's seconds by category, after checking that its segments tile the run."""
    run = built.run()
    path = critical_path(run)
    edges = [run.start, *(segment.end for segment in path.segments)]
    assert [segment.start for segment in path.segments] == edges[:-1]
    assert edges[-1] == run.end
    assert sum(path.by_category.values()) == run.wall
    return {category: value / 1e9 for category, value in path.by_category.items()}


def stretches(built: Builder) -> list[tuple[float, float, str]]:
    def plain(segment: Segment) -> tuple[float, float, str]:
        name = segment.span.name if segment.span else ""
        return (segment.start - EPOCH) / 1e9, (segment.end - EPOCH) / 1e9, name

    return [plain(segment) for segment in critical_path(built.run()).segments]


def test_the_example_of_three_parallel_nodes() -> None:
    assert seconds(example()) == {semconv.LLM: 600}


def test_gaps_belong_to_the_span_around_them() -> None:
    built = Builder()
    graph = built.workflow(0, 10)
    node = built.node("worker", 1, 9, graph, 1)
    built.chat(2, 5, node)
    built.git("commit", 5, 8, node)
    assert seconds(built) == {semconv.OWN: 1 + 1 + 1 + 1, semconv.LLM: 3, semconv.GIT: 3}


def test_a_checkpoint_lies_between_two_steps_and_does_not_hide_the_straggler() -> None:
    built = Builder()
    graph = built.workflow(0, 20)
    for name, end in (("a", 2), ("b", 9)):
        attributes = {semconv.NODE_WRITES: (f"branch:to:{name}x",)}
        built.node(name, 0, end, graph, 1, attributes)
    built.wait(semconv.BARRIER, 2, 9, graph, {semconv.NODE_NAME: "a"})
    built.checkpoint(9, 10, graph)
    built.node("join", 10, 20, graph, 2, {semconv.NODE_TRIGGERS: ("branch:to:ax",)})
    assert stretches(built) == [(0, 9, "node b"), (9, 10, "checkpoint"), (10, 20, "node join")]


def test_what_depends_on_takes_the_dependency_not_what_ended_last() -> None:
    built = Builder()
    root = built.agent("boss", 0, 30)
    built.task("a", 0, 10, root)
    built.task("unrelated", 0, 18, root)
    built.task("c", 20, 30, root, depends_on=("a",))
    assert stretches(built) == [(0, 10, "task code"), (10, 20, "invoke_agent boss"), (20, 30, "task code")]


def test_a_link_releases_like_a_dependency() -> None:
    built = Builder()
    root = built.agent("boss", 0, 30)
    first = built.chat(0, 10, root, model="first")
    built.chat(0, 18, root, model="other")
    built.span("execute_tool x", 20, 30, root, {semconv.OPERATION_NAME: "execute_tool"}, links=[first])
    assert stretches(built)[0] == (0, 10, "chat first")


def test_dependencies_in_different_nodes_hold_between_the_nodes() -> None:
    built = Builder()
    graph = built.workflow(0, 30)
    first = built.node("worker", 0, 10, graph, 1)
    built.task("a", 0, 10, first)
    built.node("other", 0, 18, graph, 1)
    second = built.node("later", 20, 30, graph, 2)
    built.task("b", 20, 30, second, depends_on=("a",))
    assert stretches(built) == [(0, 10, "task code"), (10, 20, "invoke_workflow plan"), (20, 30, "task code")]


def test_a_queue_wait_points_at_what_held_the_slot() -> None:
    built = Builder()
    root = built.agent("boss", 0, 30)
    built.task("a", 0, 10, root)
    built.task("hog", 5, 20, root)
    built.wait(semconv.QUEUE, 10, 20, root, {semconv.TASK_ID: "c"})
    built.task("c", 20, 30, root, depends_on=("a",))
    run = built.run()
    charged = [segment.span for segment in critical_path(run).segments]
    assert [span.attributes[semconv.TASK_ID] for span in charged if span and span.parent_id] == ["a", "hog", "c"]


def test_a_lock_wait_points_at_the_work_of_another_branch() -> None:
    built = Builder()
    graph = built.workflow(0, 20)
    holder = built.node("holder", 0, 19, graph, 1)
    built.git("merge", 2, 9, holder)
    waiter = built.node("waiter", 0, 20, graph, 1)
    built.wait(semconv.LOCK, 3, 9, waiter)
    assert seconds(built) == {semconv.OWN: 14, semconv.GIT: 6}
    assert (3, 9, "git merge") in stretches(built)


@pytest.mark.parametrize("reason", [semconv.RATE_LIMIT, semconv.RETRY, semconv.APPROVAL])
def test_waits_that_nothing_covers_are_on_the_path(reason: str) -> None:
    built = Builder()
    graph = built.workflow(0, 10)
    node = built.node("worker", 0, 10, graph, 1)
    built.chat(0, 3, node)
    built.wait(reason, 3, 7, node)
    built.chat(7, 10, node)
    assert seconds(built) == {semconv.LLM: 6, reason: 4}


def test_work_covers_a_wait_beside_it() -> None:
    built = Builder()
    node = built.node("worker", 0, 10, built.workflow(0, 10), 1)
    built.wait(semconv.RATE_LIMIT, 0, 9, node)
    built.chat(2, 6, node)
    assert seconds(built) == {semconv.OWN: 1, semconv.RATE_LIMIT: 3 + 2, semconv.LLM: 4}


@pytest.mark.parametrize("reason", [semconv.QUEUE, semconv.BARRIER, semconv.LOCK, semconv.DEPENDENCY])
def test_other_waits_are_never_segments(reason: str) -> None:
    built = Builder()
    built.wait(reason, 2, 8, built.workflow(0, 10))
    assert seconds(built) == {semconv.OWN: 10}


def test_children_that_outlive_their_parent_and_those_that_start_after_it() -> None:
    built = Builder()
    root = built.agent("boss", 0, 10)
    call = built.node("short", 0, 4, root)
    built.chat(3, 12, call)
    built.git("push", 13, 15, call)
    assert stretches(built) == [
        (0, 3, "node short"),
        (3, 12, "chat gpt-4o"),
        (12, 13, ""),
        (13, 15, "git push"),
    ]


def test_the_later_start_and_then_the_smaller_id_wins_a_tie() -> None:
    built = Builder()
    root = built.agent("boss", 0, 10)
    built.span("early", 0, 10, root)
    built.span("late, large id", 2, 10, root, span_id="f" * 16)
    built.span("late, small id", 2, 10, root, span_id="0" * 15 + "9")
    assert stretches(built) == [(0, 2, "early"), (2, 10, "late, small id")]


def test_two_roots_and_nothing_between_them() -> None:
    built = Builder()
    built.chat(0, 4)
    built.chat(6, 8)
    assert seconds(built) == {semconv.LLM: 6, semconv.OWN: 2}


def test_a_run_of_no_time_has_no_segments() -> None:
    built = Builder()
    built.chat(1, 1)
    assert critical_path(built.run()).segments == ()
    assert nanoseconds(1) == 1_000_000_000
