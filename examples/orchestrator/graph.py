"""The graph: setup, then director, workers side by side, strategist, and again until all is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

import nodes
from drivers import Blocking, Concurrent
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send
from state import Job, State, Task, Update

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from langgraph.graph.state import CompiledStateGraph


class Node(Protocol):
    """A node that sees the whole state; ``Worker`` is one that sees its own job only."""

    def __call__(self, state: State) -> Update | Awaitable[Update]: ...


class Worker(Protocol):
    """A node that ``Send`` starts, once for each job."""

    def __call__(self, state: Job) -> Update | Awaitable[Update]: ...


def dispatch(state: State) -> list[Send] | str:
    """One worker for each task that the director made active; the end when there is none."""
    jobs: list[Job] = [
        {"folder": state["folder"], "brief": state["brief"], "task": task}
        for task in state["tasks"]
        if task["status"] == "active"
    ]
    return [Send("worker", job) for job in jobs] or END


def build(
    setup: Node, director: Node, worker: Worker, strategist: Node
) -> CompiledStateGraph[State, None, State, State]:
    """The graph of these nodes."""
    builder = StateGraph(State)
    builder.add_node("setup", setup)
    builder.add_node("director", director)
    builder.add_node("worker", worker, input_schema=Job)
    builder.add_node("strategist", strategist)
    builder.add_edge(START, "setup")
    builder.add_edge("setup", "director")
    builder.add_conditional_edges("director", dispatch, ["worker", END])
    builder.add_edge("worker", "strategist")
    builder.add_edge("strategist", "director")
    return builder.compile(name="orchestrator")


def first_state(folder: str, tasks: list[Task], workers: int) -> State:
    """The state that a run starts from."""
    return {"folder": folder, "workers": workers, "cycle": 0, "brief": "", "tasks": tasks, "journal": []}


def recursion_limit(start: State) -> int:
    """Enough supersteps for one task per cycle."""
    return 3 * len(start["tasks"]) + 10


def run(start: State) -> State:
    """Run the graph with a thread for each worker."""
    driver = Blocking()

    def setup(state: State) -> Update:
        return driver.run(nodes.setup(state))

    def director(state: State) -> Update:
        return driver.run(nodes.director(state))

    def worker(state: Job) -> Update:
        return driver.run(nodes.worker(state))

    def strategist(state: State) -> Update:
        return driver.run(nodes.strategist(state))

    app = build(setup, director, worker, strategist)
    with driver.client:
        return cast("State", app.invoke(start, {"recursion_limit": recursion_limit(start)}))


async def run_async(start: State) -> State:
    """Run the graph on the event loop."""
    driver = Concurrent()

    async def setup(state: State) -> Update:
        return await driver.run(nodes.setup(state))

    async def director(state: State) -> Update:
        return await driver.run(nodes.director(state))

    async def worker(state: Job) -> Update:
        return await driver.run(nodes.worker(state))

    async def strategist(state: State) -> Update:
        return await driver.run(nodes.strategist(state))

    app = build(setup, director, worker, strategist)
    async with driver.client:
        return cast("State", await app.ainvoke(start, {"recursion_limit": recursion_limit(start)}))
