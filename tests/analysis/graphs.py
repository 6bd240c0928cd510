"""Runs of graphs for tests: fixed ones, and random ones with everything that a queue has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import strategies as st

from agent_otel import semconv
from tests.analysis.build import Builder

if TYPE_CHECKING:
    from hypothesis.strategies import DrawFn


def orchestrator() -> Builder:
    """Two cycles of director, two workers and strategist; worker t1 holds the first step, t4 the second.

    Cycle 1 takes 0 to 20 s, cycle 2 20 to 40 s, and at 40 s the director decides to end.
    """
    built = Builder()
    graph = built.workflow(0, 41)
    for cycle, tasks in ((0, (("t1", "code", 15), ("t2", "test", 5))), (1, (("t3", "code", 8), ("t4", "code", 12)))):
        start, step = 20 * cycle, 3 * cycle
        director = built.node("director", start, start + 1, graph, step + 1)
        built.chat(start, start + 1, director)
        last = max(seconds for _, _, seconds in tasks)
        for task, kind, seconds in tasks:
            facts: semconv.Attributes = {semconv.TASK_ID: task, semconv.TASK_TYPE: kind}
            begin = start + 2
            waited = {semconv.NODE_NAME: "worker", semconv.TASK_ID: task}
            built.wait(semconv.QUEUE, start + 1, begin, graph, waited)
            worker = built.node("worker", begin, begin + seconds, graph, step + 2, facts)
            built.chat(begin, begin + seconds, built.agent("coder", begin, begin + seconds, worker))
            if seconds < last:
                held: semconv.Attributes = {semconv.NODE_NAME: "worker", semconv.NODE_STEP: step + 2}
                built.wait(semconv.BARRIER, begin + seconds, begin + last, graph, held)
        built.superstep(step + 2, start + 2, start + 2 + last, graph)
        built.node("strategist", start + 2 + last, start + 20, graph, step + 3)
    built.node("director", 40, 41, graph, 7)
    return built


@st.composite
def graphs(draw: DrawFn) -> Builder:
    """Graphs of steps with nodes side by side, their waits, calls in them, child processes and graphs inside."""
    built = Builder()
    top = built.agent("boss", 0, 100) if draw(st.booleans()) else None
    graph = built.workflow(0, 90, top)
    time, number = draw(st.integers(0, 10)) / 10, 0
    for step in range(1, draw(st.integers(1, 4)) + 1):
        lengths = draw(st.lists(st.integers(0, 50), min_size=1, max_size=5))
        last = max(lengths) / 10
        ready = time
        for length in lengths:
            begin = ready + draw(st.sampled_from([0, 0, 0.3, 1]))
            end = begin + length / 10
            number += 1
            name = draw(st.sampled_from(["a", "b"]))
            facts: dict[str, semconv.AttributeValue] = {}
            if draw(st.booleans()):
                facts = {semconv.TASK_ID: f"t{number}", semconv.TASK_TYPE: draw(st.sampled_from(["x", "y"]))}
                facts[semconv.TASK_DEPENDS_ON] = tuple(
                    f"t{need}" for need in draw(st.lists(st.integers(1, 12), max_size=2))
                )
            if begin > ready:
                built.wait(semconv.QUEUE, ready, begin, graph, {**facts, semconv.NODE_NAME: name})
            node = built.node(name, begin, end, graph, step if draw(st.integers(0, 9)) else None, facts)
            time = max(time, end)
            _inside(draw, built, node, begin, end)
            if end < ready + last:
                built.wait(semconv.BARRIER, end, ready + last, graph, {semconv.NODE_NAME: name})
        time = max(time, ready + last) + draw(st.sampled_from([0, 0.1]))
    return built


def _inside(draw: DrawFn, built: Builder, node: str, begin: float, end: float) -> None:
    part = (end - begin) / 4
    for quarter in range(draw(st.integers(0, 4))):
        start = begin + quarter * part
        kind = draw(st.sampled_from(["chat", "git", "retry", "cli", "graph", "late"]))
        if kind == "chat":
            built.chat(start, start + part, node)
        elif kind == "git":
            built.git("add;now", start, start + 2 * part, node)
        elif kind == "retry":
            built.wait(semconv.RETRY, start, start + part, node)
        elif kind == "cli":
            agent = built.agent("claude", start, start + part, node, cli="claude")
            built.chat(start - 0.1, start + part, agent, process=f"cli {start}")
        elif kind == "graph":
            inner = built.workflow(start, start + part, node, name="inner")
            built.node("inside", start, start + part / 2, inner, 1)
            built.node("inside", start, start + part, inner, 1)
        else:
            built.chat(start, end + 1, node)
