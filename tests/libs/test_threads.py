"""Threads and pools inside a call: what runs in them belongs to it; outside one, nothing changes."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import context as context_api

from agent_otel.api import node, tool
from agent_otel.capture import runtime
from agent_otel.capture.patch import Patches
from agent_otel.libs import threads
from tests.libs.graphs import chain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Recording
    from tests.libs.graphs import State


@pytest.fixture(autouse=True)
def patched(recording: Recording) -> Iterator[None]:
    patches = Patches()
    before = (threading.Thread.__dict__["start"], ThreadPoolExecutor.__dict__["submit"])
    patches.install(recording.capture, threads.TARGETS, "threads")
    runtime.activate(recording.capture)
    yield
    runtime.deactivate()
    patches.undo()
    assert (threading.Thread.__dict__["start"], ThreadPoolExecutor.__dict__["submit"]) == before


def work(name: str = "t") -> str:
    with tool(name):
        return name


class Own(threading.Thread):
    """A thread with a run of its own."""

    def run(self) -> None:
        work()


def in_a_thread() -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert "run" not in vars(thread)


def in_a_subclass() -> None:
    thread = Own()
    thread.start()
    thread.join()


def in_a_timer() -> None:
    timer = threading.Timer(0, work)
    timer.start()
    timer.join()


def in_a_pool() -> None:
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(work, ["t"])) == ["t"]


def in_an_executor() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().run_in_executor(None, work)

    asyncio.run(main())


@pytest.mark.parametrize("way", [in_a_thread, in_a_subclass, in_a_timer, in_a_pool, in_an_executor])
def test_what_a_thread_does_belongs_to_the_call_that_started_it(recording: Recording, way: Callable[[], None]) -> None:
    with node("worker"):
        way()
    assert recording.parent(recording.span("execute_tool t")) == "node worker"
    way()
    assert recording.named("execute_tool t")[1].parent is None


def test_a_pool_that_outlives_the_call_keeps_nothing_of_it(recording: Recording) -> None:
    with ThreadPoolExecutor(1) as pool:
        with node("first"):
            pool.submit(work, "inside").result()
        pool.submit(work, "outside").result()
        assert pool.submit(context_api.get_current).result() == {}
    assert recording.parent(recording.span("execute_tool inside")) == "node first"
    assert recording.span("execute_tool outside").parent is None


def test_results_exceptions_and_cancellation_are_the_callers(recording: Recording) -> None:
    mine = KeyError("mine")

    def fail() -> None:
        raise mine

    with node("n"), ThreadPoolExecutor(1) as pool:
        failed: Future[Any] = pool.submit(fail)
        assert failed.exception() is mine
        assert pool.submit(dict, a=1).result() == {"a": 1}
        with pytest.raises(TypeError):
            pool.submit()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def test_threads_of_a_graph_node(recording: Recording) -> None:
    from agent_otel.libs import langgraph

    patches = Patches()
    patches.install(recording.capture, langgraph.TARGETS, "langgraph")

    def fan(_state: State) -> State:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(work, ["a", "b"]))
        return {"done": []}

    chain(fan, name="g").invoke({})
    patches.undo()
    assert {recording.parent(span) for span in recording.spans if span.name.startswith("execute_tool")} == {"node fan"}


def test_a_thread_that_could_not_be_started_at_first_runs_once(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("can't start new thread")

    ran: list[str] = []
    thread = threading.Thread(target=lambda: ran.append(work()))
    starters = [name for name in ("_start_new_thread", "_start_joinable_thread") if hasattr(threading, name)]
    with node("n"):
        with monkeypatch.context() as full:
            for name in starters:
                full.setattr(threading, name, exhausted)
            with pytest.raises(RuntimeError, match="can't start"):
                thread.start()
        thread.start()
        thread.join()
    assert ran == ["t"]
    assert "run" not in vars(thread)
    assert recording.parent(recording.span("execute_tool t")) == "node n"


def test_a_run_that_was_given_to_one_thread_stays_with_it(recording: Recording) -> None:
    def run() -> None:
        work()

    thread = threading.Thread()
    vars(thread)["run"] = run
    with node("n"):
        thread.start()
        thread.join()
    assert vars(thread)["run"] is run
    assert recording.parent(recording.span("execute_tool t")) == "node n"
