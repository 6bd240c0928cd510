"""Continuous dispatch: when a task finishes, strategist and director run and hand out what is ready by then.

No task waits for one that it does not depend on. What finishes while they run is collected the next time. The nodes
are those of the graph; LangGraph runs them as tasks of its functional API.
"""

from __future__ import annotations

from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import TYPE_CHECKING, cast

import nodes
from drivers import Blocking
from langgraph.func import entrypoint, task
from state import Job, State, Update, applied

if TYPE_CHECKING:
    from langgraph.pregel import Pregel


def build(driver: Blocking) -> Pregel[State, None, State, State]:
    """The dispatcher; its tasks are carried out by the driver."""

    @task
    def setup(state: State) -> Update:
        return driver.run(nodes.setup(state))

    @task
    def director(state: State) -> Update:
        return driver.run(nodes.director(state))

    @task
    def worker(job: Job) -> Update:
        return driver.run(nodes.worker(job))

    @task
    def strategist(state: State) -> Update:
        return driver.run(nodes.strategist(state))

    @entrypoint()
    def orchestrator(start: State) -> State:
        state = applied(start, setup(start).result())
        state = applied(state, director(state).result())
        running: dict[Future[Update], str] = {}
        while True:
            for job in jobs(state, set(running.values())):
                running[worker(job)] = job["task"]["id"]
            if not running:
                return state
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                del running[future]
                state = applied(state, future.result())
            state = applied(state, strategist(state).result())
            state = applied(state, director(state).result())

    return orchestrator


def jobs(state: State, running: set[str]) -> list[Job]:
    """One for each active task that does not run yet."""
    return [
        {"folder": state["folder"], "brief": state["brief"], "task": task}
        for task in state["tasks"]
        if task["status"] == "active" and task["id"] not in running
    ]


def run(start: State) -> State:
    """Run the dispatcher with a thread for each worker, and for the nodes around them."""
    driver = Blocking()
    with driver.client:
        return cast("State", build(driver).invoke(start, {"max_concurrency": len(start["tasks"]) + 2}))
