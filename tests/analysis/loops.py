"""Runs of an orchestrator made by hand: director, workers side by side, strategist, and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from agent_otel import semconv
from tests.analysis.build import Builder

if TYPE_CHECKING:
    from collections.abc import Sequence


class Task(NamedTuple):
    """A task, what it takes (seconds of one LLM call), and what it depends on."""

    name: str
    seconds: float
    needs: tuple[str, ...] = ()
    type: str = "code"


def task_facts(task: Task) -> dict[str, semconv.AttributeValue]:
    """The attributes of a node that was sent the task."""
    found: dict[str, semconv.AttributeValue] = {semconv.TASK_ID: task.name, semconv.TASK_TYPE: task.type}
    if task.needs:
        found[semconv.TASK_DEPENDS_ON] = task.needs
    return found


def supersteps_of(
    rounds: Sequence[Sequence[Task]], *, director: float = 5, strategist: float = 5, idle: float = 1
) -> Builder:
    """A run that handed out these rounds. The last director has nothing to hand out and asks nobody."""
    built = Builder()
    graph = built.workflow(0, 0)
    now, step = 0.0, 1

    def alone(name: str, seconds: float, *, asks: bool) -> None:
        nonlocal now, step
        node = built.node(name, now, now + seconds, graph, step)
        if asks:
            built.chat(now, now + seconds, node, model="large")
        now, step = now + seconds, step + 1

    alone("director", director, asks=True)
    for tasks in rounds:
        last = now + max(task.seconds for task in tasks)
        for task in tasks:
            end = now + task.seconds
            node = built.node("worker", now, end, graph, step, task_facts(task))
            built.chat(now, end, node)
            if end < last:
                built.wait(semconv.BARRIER, end, last, graph, {semconv.NODE_NAME: "worker"})
        now, step = last, step + 1
        alone("strategist", strategist, asks=True)
        alone("director", idle if tasks is rounds[-1] else director, asks=tasks is not rounds[-1])
    del built.spans[0]
    built.span(
        "invoke_workflow plan",
        0,
        now,
        None,
        {semconv.OPERATION_NAME: semconv.INVOKE_WORKFLOW, semconv.WORKFLOW_NAME: "plan"},
        span_id=graph,
    )
    return built


STRAGGLERS = (
    (Task("T1", 30), Task("T2", 600), Task("T3", 30)),
    (Task("T4", 600, ("T1",)), Task("T5", 30, ("T2",)), Task("T6", 30, ("T3",))),
)
"""DESIGN's 30/600/30, and a second round in which the slow task depends on a fast one."""
