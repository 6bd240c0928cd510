"""The names that users call, as decorators and as context managers."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial, wraps
from typing import TYPE_CHECKING, Any

import pytest

import agent_otel
from agent_otel.api import Operation, agent, git, llm, node, queue, task, tool, wait, workflow
from agent_otel.capture import runtime
from tests.conftest import Recording, attributes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterator

NAMES: list[tuple[Callable[..., Any], str, str]] = [
    (agent, "invoke_agent", "gen_ai.agent.name"),
    (workflow, "invoke_workflow", "gen_ai.workflow.name"),
    (node, "node", "agent_otel.node.name"),
    (llm, "chat", "gen_ai.request.model"),
    (tool, "execute_tool", "gen_ai.tool.name"),
    (git, "git", "agent_otel.git.operation"),
]


@pytest.fixture(autouse=True)
def active(recording: Recording) -> Iterator[None]:
    runtime.activate(recording.capture)
    yield
    runtime.deactivate()


@pytest.mark.parametrize(("name", "operation", "key"), NAMES)
def test_each_name_is_a_context_manager(recording: Recording, name: Any, operation: str, key: str) -> None:
    with name("x"):
        assert recording.spans == ()
    span = recording.span(f"{operation} x")
    assert attributes(span)[key] == "x"
    assert attributes(span)["agent_otel.outcome"] == "ok"


@pytest.mark.parametrize(("name", "operation", "key"), NAMES)
def test_each_name_is_a_decorator_with_and_without_a_name(
    recording: Recording, name: Any, operation: str, key: str
) -> None:
    def plain(number: int) -> int:
        """Its own words."""
        return number + 1

    bare: Callable[[int], int] = name(plain)
    named: Callable[[int], int] = name("given")(plain)
    assert (bare(1), named(1)) == (2, 2)
    assert bare.__name__ == "plain"
    assert bare.__doc__ == "Its own words."
    assert [span.name for span in recording.spans] == [f"{operation} plain", f"{operation} given"]
    assert attributes(recording.spans[0])[key] == "plain"


async def test_coroutines_generators_and_async_generators(recording: Recording) -> None:
    @agent
    async def coroutine() -> int:
        with tool("inside"):
            return 1

    @node
    def generator() -> Iterator[int]:
        with tool("in generator"):
            yield 1
        yield 2

    @node
    async def agen() -> AsyncIterator[int]:
        yield 1
        with tool("in agen"):
            yield 2

    assert await coroutine() == 1
    assert recording.parent(recording.span("execute_tool inside")) == "invoke_agent coroutine"
    numbers = generator()
    assert next(numbers) == 1
    with tool("of the consumer"):
        pass
    assert list(numbers) == [2]
    assert recording.span("execute_tool of the consumer").parent is None
    assert recording.parent(recording.span("execute_tool in generator")) == "node generator"
    assert [number async for number in agen()] == [1, 2]
    assert recording.parent(recording.span("execute_tool in agen")) == "node agen"


def test_generators_keep_send_throw_and_their_return_value(recording: Recording) -> None:
    @node
    def echo() -> Generator[object, object, str]:
        got: object = None
        while got != "end":
            try:
                got = yield got
            except KeyError as error:
                got = error
        return "returned"

    generator = echo()
    assert next(generator) is None
    assert generator.send("a") == "a"
    thrown = KeyError("k")
    assert generator.throw(thrown) is thrown
    with pytest.raises(StopIteration) as stopped:
        generator.send("end")
    assert stopped.value.value == "returned"
    assert attributes(recording.span("node echo"))["agent_otel.outcome"] == "ok"


def test_methods_and_static_methods_are_decorated(recording: Recording) -> None:
    class Crew:
        @node("worker")
        def work(self, number: int) -> tuple[Crew, int]:
            return self, number

        @staticmethod
        @tool
        def grep(number: int) -> int:
            return number

    crew = Crew()
    assert crew.work(3) == (crew, 3)
    assert Crew.grep(4) == 4
    assert [span.name for span in recording.spans] == ["node worker", "execute_tool grep"]


def test_the_callers_exception_is_its_own(recording: Recording) -> None:
    mine = ValueError("mine")
    with pytest.raises(ValueError, match="mine") as caught, agent("coder"):
        raise mine
    assert caught.value is mine
    assert mine.__context__ is None
    span = recording.span("invoke_agent coder")
    assert attributes(span)["error.type"] == "ValueError"
    assert span.events == ()


async def test_a_cancelled_block_is_cancelled(recording: Recording) -> None:
    async def work() -> None:
        async with agent("coder"):
            await asyncio.sleep(60)

    running = asyncio.create_task(work())
    await asyncio.sleep(0.01)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert attributes(recording.span("invoke_agent coder"))["agent_otel.outcome"] == "cancelled"


def test_facts_are_added_inside_the_block(recording: Recording) -> None:
    with agent("coder", cli="claude", model="m", provider="anthropic", conversation="c") as running:
        running.set({"team": "a"})
        running.tokens(input=10, output=5, cost=0.25)
        running.end_as("interrupted")
    read = attributes(recording.span("invoke_agent coder"))
    assert read["gen_ai.usage.input_tokens"] == 10
    assert read["agent_otel.cost"] == 0.25
    assert read["agent_otel.outcome"] == "interrupted"
    assert (read["team"], read["agent_otel.agent.cli"], read["gen_ai.request.model"]) == ("a", "claude", "m")
    (cost,) = recording.points("agent_otel.cost")
    assert cost.value == 0.25
    Operation("node", "outside", {}).set({"nothing": "happens"})


def test_one_operation_object_serves_many_threads_at_once(recording: Recording) -> None:
    shared = agent("shared")
    together = threading.Barrier(8)

    def work(number: int) -> None:
        with shared:
            together.wait()
            shared.set({"number": number})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert sorted(attributes(span)["number"] for span in recording.spans) == list(range(8))
    assert recording.capture.open == {}


def test_a_task_by_id_and_by_its_dictionary(recording: Recording) -> None:
    with task("t1", type="build", complexity="low", depends_on=["t0"]):
        pass
    read = attributes(recording.span("task build"))
    assert read["agent_otel.task.id"] == "t1"
    assert read["agent_otel.task.depends_on"] == ("t0",)
    state: dict[str, Any] = {"id": 7, "phase": "test", "depends_on": ["t1"], "status": "active"}
    with task(state):
        assert datetime.fromisoformat(state["started_at"]).utcoffset() is not None
        assert "duration_seconds" not in state
    span = recording.span("task test")
    assert attributes(span)["agent_otel.task.id"] == "7"
    assert state["duration_seconds"] == ((span.end_time or 0) - (span.start_time or 0)) / 1e9

    @task
    def build() -> str:
        return "built"

    assert build() == "built"
    assert [point.attributes["agent_otel.task.type"] for point in recording.points("agent_otel.task.duration")]


def test_context_reaches_threads_that_carry_it(recording: Recording) -> None:
    def work() -> None:
        with tool("t"):
            pass

    with agent("a"):
        thread = threading.Thread(target=contextvars.copy_context().run, args=(work,))
        thread.start()
        thread.join()
    assert recording.parent(recording.span("execute_tool t")) == "invoke_agent a"


def test_the_package_exports_its_names_lazily() -> None:
    assert agent_otel.agent is agent
    assert set(agent_otel.__all__) <= set(dir(agent_otel))
    for name in agent_otel.__all__:
        assert getattr(agent_otel, name) is not None
    with pytest.raises(AttributeError, match="nonsense"):
        _ = vars(agent_otel)["__getattr__"]("nonsense")


def _of_another_context(block: Any) -> None:
    contextvars.copy_context().run(block.__enter__)
    contextvars.copy_context().run(block.__exit__, None, None, None)


def test_a_block_that_is_left_in_another_context_ends_there(
    recording: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    with agent("around") as around:
        _of_another_context(agent("inside"))
        around.set({"outer": True})
    inside, outside = recording.spans
    assert (inside.name, outside.name) == ("invoke_agent inside", "invoke_agent around")
    assert "outer" not in attributes(inside)
    assert attributes(outside)["outer"] is True
    assert recording.capture.open == {}
    assert caplog.text == ""
    around.__exit__(None, None, None)
    assert len(recording.spans) == 2


def _double(number: int) -> int:
    return number * 2


class _Callable:
    def __call__(self, number: int) -> int:
        return number + 1


def test_whatever_can_be_called_is_decorated(recording: Recording) -> None:
    class Crew:
        @tool
        @classmethod
        def name(cls) -> str:
            return cls.__name__

        @tool
        @staticmethod
        def grep(number: int) -> int:
            return number

    assert (Crew.name(), Crew().name(), Crew.grep(4), Crew().grep(5)) == ("Crew", "Crew", 4, 5)
    assert (tool(partial(_double, 2))(), tool(_Callable())(1)) == (4, 2)
    names = ["execute_tool name"] * 2 + ["execute_tool grep"] * 2 + ["execute_tool _double", "execute_tool _Callable"]
    assert [span.name for span in recording.spans] == names


def test_a_function_that_runs_a_coroutine_function_itself_stays_what_it_is(recording: Recording) -> None:
    def at_once(function: Callable[[], Any]) -> Callable[[], Any]:
        @wraps(function)
        def run() -> Any:
            return asyncio.run(function())

        return run

    @agent
    @at_once
    async def coder() -> int:
        return 3

    @wait("lock")
    @at_once
    async def locked() -> int:
        return 4

    @queue("jobs")
    @at_once
    async def queued() -> int:
        return 5

    assert (coder(), locked(), queued()) == (3, 4, 5)
    assert recording.span("invoke_agent coder")
