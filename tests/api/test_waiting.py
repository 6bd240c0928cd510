"""Waits and queues of the user's own code."""

from __future__ import annotations

import contextvars
import gc
import logging
import queue as standard
import threading
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, cast

import pytest

from agent_otel import safe
from agent_otel.api import agent, queue, task, wait
from agent_otel.capture import runtime
from tests.conftest import Recording, attributes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture(autouse=True)
def active(recording: Recording) -> Iterator[None]:
    runtime.activate(recording.capture)
    yield
    runtime.deactivate()


def depths(recording: Recording, name: str) -> dict[str, int]:
    return dict(recording.capture.signals.queues.depths().get(name, {}))


def seconds(span: Any) -> float:
    return float(span.end_time - span.start_time) / 1e9


def test_a_wait_is_an_annotation_beside_the_work(recording: Recording) -> None:
    with agent("a"), wait("approval"):
        time.sleep(0.003)
    span = recording.span("wait approval")
    assert recording.parent(span) == "invoke_agent a"
    assert attributes(span) == {
        "agent_otel.wait.reason": "approval",
        "agent_otel.span.role": "annotation",
        "agent_otel.outcome": "ok",
    }
    assert seconds(span) >= 0.003
    work, waits = recording.capture.signals.activity.seconds()
    assert waits["approval"] >= 0.003
    assert work["own"] < 0.003


def test_a_wait_under_a_millisecond_goes_to_the_metrics_only(recording: Recording) -> None:
    with wait("lock"):
        pass
    assert recording.spans == ()
    assert [point.count for point in recording.points("agent_otel.task.wait")] == [1]


async def test_functions_that_only_wait(recording: Recording) -> None:
    @wait("lock")
    def acquire() -> str:
        time.sleep(0.002)
        return "locked"

    @wait("rate_limit")
    async def back_off() -> str:
        time.sleep(0.002)
        return "again"

    assert acquire() == "locked"
    assert await back_off() == "again"
    assert [span.name for span in recording.spans] == ["wait lock", "wait rate_limit"]


def test_an_unknown_reason_is_told_and_recorded(recording: Recording, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger=safe.logger.name), wait(cast("Any", "coffee")):
        time.sleep(0.002)
    assert "coffee" in caplog.text
    assert "approval" in caplog.text
    assert recording.span("wait coffee")


def test_a_queue_keeps_its_states_and_measures_each_tasks_wait(recording: Recording) -> None:
    builds = queue("builds")
    with agent("planner"):
        builds.put("a")
        builds.put("b")
        assert depths(recording, "builds") == {"ready": 2}
        time.sleep(0.005)
        with builds.task("a"), task("a", type="build"):
            assert depths(recording, "builds") == {"ready": 1, "active": 1}
            builds.hold("a")
            assert depths(recording, "builds") == {"ready": 1, "waiting": 1}
        builds.start("b")
        builds.done("b")
    assert depths(recording, "builds") == {}
    first, second = recording.named("wait queue")
    assert seconds(first) >= 0.005
    assert seconds(second) >= 0.005
    assert recording.parent(first) == recording.parent(recording.span("task build")) == "invoke_agent planner"
    assert attributes(first)["agent_otel.task.id"] == "a"
    states = recording.points("agent_otel.queue.depth")
    shown = {point.attributes["agent_otel.queue.state"]: point.value for point in states}
    assert shown == {"ready": 0, "active": 0, "waiting": 0}


def test_a_worker_thread_joins_the_trace_in_which_the_task_was_put(recording: Recording) -> None:
    jobs = queue("jobs")
    inbox: standard.Queue[str] = standard.Queue()

    def worker() -> None:
        name = inbox.get()
        with jobs.task(name), task(name):
            pass

    thread = threading.Thread(target=worker)
    thread.start()
    with agent("producer"):
        jobs.put("t1")
        inbox.put("t1")
        thread.join()
    assert recording.parent(recording.span("task general")) == "invoke_agent producer"


def test_a_function_handed_to_a_pool_is_ready_until_it_runs(recording: Recording) -> None:
    jobs = queue("pool")
    with agent("producer"), ThreadPoolExecutor(1) as pool:
        futures = [pool.submit(jobs.ready(time.sleep), 0.01) for _ in range(3)]
        assert depths(recording, "pool")["ready"] >= 1
        for future in futures:
            future.result()
    waits = sorted(map(seconds, recording.named("wait queue")))
    assert waits[-1] >= 0.015
    assert depths(recording, "pool") == {}


async def test_a_queue_as_context_manager_and_decorator(recording: Recording) -> None:
    jobs = queue("blocks")

    @jobs
    def call() -> dict[str, int]:
        return depths(recording, "blocks")

    @jobs
    async def async_call() -> dict[str, int]:
        return depths(recording, "blocks")

    with jobs:
        assert call() == {"active": 2}
    async with jobs:
        assert await async_call() == {"active": 2}
    assert depths(recording, "blocks") == {}


def test_a_wait_that_nothing_encloses_goes_to_the_metrics(recording: Recording) -> None:
    jobs = queue("loose")
    jobs.put("x")
    time.sleep(0.002)
    jobs.start("x")
    assert recording.spans == ()
    (waited,) = recording.points("agent_otel.task.wait")
    assert waited.attributes["agent_otel.wait.reason"] == "queue"


def test_blocks_that_are_left_in_another_context_end_there(recording: Recording) -> None:
    jobs = queue("elsewhere")
    for block in (wait("lock"), jobs):
        contextvars.copy_context().run(block.__enter__)
        contextvars.copy_context().run(block.__exit__, None, None, None)
        block.__exit__(None, None, None)
    assert [point.count for point in recording.points("agent_otel.task.wait")] == [1]
    assert depths(recording, "elsewhere") == {}


def _called(function: Callable[[], Any]) -> None:
    function()


def test_a_coroutine_that_is_never_awaited_is_told_of_once_by_its_own_name() -> None:
    @wait("lock")
    async def acquire() -> None: ...

    @queue("never")
    async def job() -> None: ...

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for function in (acquire, job):
            _called(function)
        gc.collect()
    names = [function.__qualname__ for function in (acquire, job)]
    assert [str(warning.message) for warning in told] == [f"coroutine '{name}' was never awaited" for name in names]
