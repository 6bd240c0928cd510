"""The real LangGraph: one trace per run, every node under its workflow, every wait measured."""

from __future__ import annotations

import asyncio
import gc
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphRecursionError
from langgraph.func import entrypoint
from langgraph.func import task as graph_task
from langgraph.graph import START, StateGraph
from langgraph.pregel import Pregel
from langgraph.types import Command, RetryPolicy, Send, interrupt
from typing_extensions import TypedDict

from agent_otel.capture.patch import Patches
from agent_otel.libs import langgraph as library
from tests.conftest import Recording, attributes
from tests.libs.graphs import State, async_worker, chain, fan_out

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKFLOW = "invoke_workflow crew"


class TaskState(TypedDict):
    """A state with a list of task dictionaries."""

    tasks: list[dict[str, Any]]


@pytest.fixture(autouse=True)
def patched(recording: Recording) -> Iterator[None]:
    patches = Patches()
    patches.install(recording.capture, library.TARGETS, "langgraph")
    yield
    patches.undo()


def seconds(span: Any) -> float:
    return float(span.end_time - span.start_time) / 1e9


def check_fan_out(recording: Recording) -> None:
    assert len({span.context.trace_id for span in recording.spans if span.context}) == 1
    nodes = [span for span in recording.spans if span.name.startswith("node ")]
    assert sorted(span.name for span in nodes) == ["node director", "node strategist", *["node worker"] * 3]
    assert {recording.parent(span) for span in nodes} == {WORKFLOW}
    barriers = recording.named("wait barrier")
    assert {recording.parent(span) for span in barriers} == {WORKFLOW}
    assert len(barriers) == 2
    straggler = max(recording.named("node worker"), key=seconds)
    assert {span.end_time for span in barriers} == {straggler.end_time}
    superstep = recording.span("superstep")
    read = attributes(superstep)
    assert read["agent_otel.superstep.size"] == 3
    assert read["agent_otel.superstep.waste"] == pytest.approx(sum(map(seconds, barriers)), abs=1e-9)
    assert read["agent_otel.span.role"] == "annotation"
    assert attributes(recording.span(WORKFLOW))["gen_ai.operation.name"] == "invoke_workflow"
    assert recording.capture.open == {}


def test_a_fan_out_is_one_trace_with_its_waits(recording: Recording) -> None:
    result = fan_out().invoke({"delays": [0.003, 0.06, 0.003]})
    assert result["done"] == ["w0", "w1", "w2"]
    check_fan_out(recording)
    read = attributes(recording.named("node worker")[0])
    assert read["agent_otel.node.name"] == "worker"
    assert read["agent_otel.node.step"] == 2
    assert read["agent_otel.node.triggers"] == ("__pregel_push",)
    assert read["agent_otel.node.writes"] == ("done",)
    assert read["agent_otel.node.attempt"] == 1
    assert read["agent_otel.node.path"] == "worker"


async def test_an_async_fan_out_is_one_trace_with_its_waits(recording: Recording) -> None:
    result = await fan_out(async_worker).ainvoke({"delays": [0.003, 0.06, 0.003]})
    assert result["done"] == ["w0", "w1", "w2"]
    check_fan_out(recording)


def test_the_worked_example_of_thirty_and_six_hundred_seconds_scaled(recording: Recording) -> None:
    fan_out().invoke({"delays": [0.03, 0.6, 0.03]})
    barrier = sum(map(seconds, recording.named("wait barrier")))
    worked = sum(map(seconds, recording.named("node worker")))
    assert barrier / worked == pytest.approx(1.73, abs=0.05)
    assert barrier / (barrier + worked) == pytest.approx(0.63, abs=0.02)


def test_metrics_of_nodes_supersteps_and_waits(recording: Recording) -> None:
    fan_out().invoke({"delays": [0.002, 0.02]})
    nodes = {
        point.attributes["agent_otel.node.name"]: point.count for point in recording.points("agent_otel.node.duration")
    }
    assert nodes == {"director": 1, "worker": 2, "strategist": 1}
    (workflow,) = recording.points("gen_ai.invoke_workflow.duration")
    assert workflow.attributes["gen_ai.workflow.name"] == "crew"
    assert [point.count for point in recording.points("agent_otel.superstep.duration")] == [1]
    (held,) = recording.points("agent_otel.superstep.wait")
    assert held.attributes["agent_otel.node.name"] == "worker"
    reasons = {point.attributes["agent_otel.wait.reason"] for point in recording.points("agent_otel.task.wait")}
    assert reasons == {"queue", "barrier"}
    activity = {
        (point.attributes["agent_otel.activity.state"], point.attributes["agent_otel.activity.category"]): point.value
        for point in recording.points("agent_otel.activity.time")
    }
    assert activity["work", "own"] > 0.02
    assert 0.01 < activity["wait", "barrier"] < 0.1


def test_queue_depth_follows_the_run(recording: Recording) -> None:
    seen: list[dict[str, int]] = []
    recording.capture.signals.queues.listeners.append(lambda queue, depth: seen.append(dict(depth)))
    fan_out().invoke({"delays": [0.002, 0.02]})
    assert {"ready": 2} in seen
    assert {"active": 1, "waiting": 1} in seen
    assert recording.points("agent_otel.queue.depth")[0].value == 0
    assert seen[-1] == {}


def test_queue_depth_is_read_from_task_dictionaries(recording: Recording) -> None:
    seen: list[dict[str, int]] = []
    recording.capture.signals.queues.listeners.append(lambda queue, depth: seen.append(dict(depth)))

    def plan(_state: Any) -> Any:
        return {
            "tasks": [
                {"id": "a", "status": "complete"},
                {"id": "b", "status": "ready", "depends_on": ["a"], "phase": "build"},
                {"id": "c", "status": "planned", "depends_on": ["b"]},
            ]
        }

    def work(state: Any) -> Any:
        return {"tasks": [{**one, "status": "complete"} for one in state["tasks"]]}

    graph: Any = StateGraph(TaskState)
    graph.add_node("plan", plan)
    graph.add_node("work", work)
    graph.add_edge(START, "plan")
    graph.add_edge("plan", "work")
    graph.compile(name="orchestrator").invoke({"tasks": []})
    assert {"ready": 1, "waiting": 1} in seen
    assert seen[-1] == {}


def test_a_worker_carries_the_facts_of_its_task(recording: Recording) -> None:
    def work(_sent: Any) -> State:
        return {"done": ["t7"]}

    graph = chain(work)
    graph.invoke({"task": {"id": "t7", "status": "ready", "phase": "build", "depends_on": ["t1"]}})
    assert "agent_otel.task.id" not in attributes(recording.span("node work"))

    sent = {"task": {"id": "t7", "status": "ready", "phase": "build", "depends_on": ["t1", "t2"]}}
    two: Any = StateGraph(State)
    two.add_node("work", work)
    two.add_conditional_edges(START, lambda _state: [Send("work", sent)], ["work"])
    two.compile().invoke({})
    read = attributes(recording.named("node work")[-1])
    assert read["agent_otel.task.id"] == "t7"
    assert read["agent_otel.task.type"] == "build"
    assert read["agent_otel.task.depends_on"] == ("t1", "t2")


def test_a_subgraph_is_a_workflow_under_its_node(recording: Recording) -> None:
    def inside(_state: State) -> State:
        return {"done": ["inside"]}

    graph: Any = StateGraph(State)
    graph.add_node("outer", chain(inside, name="inner"))
    graph.add_edge(START, "outer")
    graph.compile(name="parent").invoke({})
    assert recording.parent(recording.span("node inside")) == "invoke_workflow inner"
    assert recording.parent(recording.span("invoke_workflow inner")) == "node outer"
    assert recording.parent(recording.span("node outer")) == "invoke_workflow parent"
    assert attributes(recording.span("node inside"))["agent_otel.node.path"] == "outer/inside"


# Under Python 3.10, where tasks take no context, LangGraph itself has no interrupt() in async runs.
@pytest.mark.parametrize("asynchronous", [False, True] if sys.version_info >= (3, 11) else [False])
async def test_an_interrupt_is_no_error_and_the_resumed_run_links_to_it(
    recording: Recording, asynchronous: bool
) -> None:
    def ask(_state: State) -> State:
        return {"done": [interrupt("go on?")]}

    graph = chain(ask, name="asking", checkpointer=InMemorySaver())
    config = {"configurable": {"thread_id": f"thread-{asynchronous}"}}
    if asynchronous:
        await graph.ainvoke({"done": []}, config)
        await graph.ainvoke(Command(resume="yes"), config)
    else:
        graph.invoke({"done": []}, config)
        assert graph.invoke(Command(resume="yes"), config)["done"] == ["yes"]
    first, second = recording.named("invoke_workflow asking")
    assert attributes(first)["agent_otel.outcome"] == "interrupted"
    assert "error.type" not in attributes(first)
    assert attributes(second)["agent_otel.outcome"] == "ok"
    assert [link.context.span_id for link in second.links] == [first.context.span_id if first.context else 0]
    outcomes = [attributes(span)["agent_otel.outcome"] for span in recording.named("node ask")]
    assert outcomes == ["interrupted", "ok"]
    assert attributes(first)["gen_ai.conversation.id"] == f"thread-{asynchronous}"


def test_a_breakpoint_interrupts_the_run(recording: Recording) -> None:
    def one(_state: State) -> State:
        return {"done": ["one"]}

    def two(_state: State) -> State:
        return {"done": ["two"]}

    graph = chain(one, two, name="stepped", checkpointer=InMemorySaver(), interrupt_before=["two"])
    graph.invoke({"done": []}, {"configurable": {"thread_id": "t"}})
    assert attributes(recording.span("invoke_workflow stepped"))["agent_otel.outcome"] == "interrupted"


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_retries_are_counted_and_their_waits_measured(recording: Recording, asynchronous: bool) -> None:
    tries: list[int] = []
    policy = RetryPolicy(initial_interval=0.01, jitter=False, retry_on=ValueError)

    async def flaky(_work: Any) -> State:
        tries.append(1)
        if len(tries) < 3:
            raise ValueError
        return {"done": ["at last"]}

    def sync_flaky(work: Any) -> State:
        return asyncio.run(flaky(work))

    graph = fan_out(flaky if asynchronous else sync_flaky, retry_policy=policy)
    await graph.ainvoke({"delays": [0]}) if asynchronous else await asyncio.to_thread(graph.invoke, {"delays": [0]})
    node = recording.span("node worker")
    assert attributes(node)["agent_otel.node.attempt"] == 3
    assert attributes(node)["agent_otel.outcome"] == "ok"
    waits = recording.named("wait retry")
    assert [recording.parent(span) for span in waits] == ["node worker"] * 2
    assert [seconds(span) >= backoff for span, backoff in zip(waits, (0.01, 0.02), strict=True)] == [True, True]


def test_the_last_failure_is_no_wait_and_the_callers_exception_is_the_same(recording: Recording) -> None:
    mine = ValueError("mine")

    def broken(_state: State) -> State:
        raise mine

    graph = fan_out(broken, retry_policy=RetryPolicy(max_attempts=1, retry_on=ValueError))
    with pytest.raises(ValueError, match="mine") as caught:
        graph.invoke({"delays": [0]})
    assert caught.value is mine
    assert recording.named("wait retry") == []
    for name in ("node worker", WORKFLOW):
        assert attributes(recording.span(name))["error.type"] == "ValueError"
    assert recording.capture.open == {}


def test_the_functional_api(recording: Recording) -> None:
    @graph_task
    def double(number: int) -> int:
        return number * 2

    @entrypoint()
    def program(numbers: list[int]) -> list[int]:
        return [future.result() for future in [double(n) for n in numbers]]

    runnable: Any = program
    assert runnable.invoke([1, 2, 3]) == [2, 4, 6]
    assert recording.parent(recording.span("node program")) == "invoke_workflow program"
    assert {recording.parent(span) for span in recording.named("node double")} == {"node program"}
    assert len(recording.named("node double")) == 3


@pytest.mark.parametrize("mode", ["values", "updates", "messages", "custom"])
def test_streaming_modes_give_what_they_gave(recording: Recording, mode: str) -> None:
    graph = fan_out()
    seen = list(graph.stream({"delays": [0.001]}, stream_mode=mode))
    assert bool(seen) == (mode in {"values", "updates"})
    assert attributes(recording.span(WORKFLOW))["agent_otel.outcome"] == "ok"


async def test_an_abandoned_stream_ends_and_leaves_no_context_behind(
    recording: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    async for _ in fan_out(async_worker).astream({"delays": [0.001]}):
        break
    gc.collect()
    await asyncio.sleep(0.01)
    assert attributes(recording.span(WORKFLOW))["agent_otel.outcome"] == "abandoned"
    for _ in fan_out().stream({"delays": [0.001]}):
        break
    gc.collect()
    assert [attributes(span)["agent_otel.outcome"] for span in recording.named(WORKFLOW)] == ["abandoned"] * 2
    assert "Failed to detach context" not in caplog.text


def test_a_generator_that_is_never_started_is_no_run(recording: Recording) -> None:
    del_me = fan_out().stream({"delays": [0.001]})
    del del_me
    gc.collect()
    assert recording.spans == ()


def test_the_recursion_limit_is_an_error_of_the_run(recording: Recording) -> None:
    graph: Any = StateGraph(State)
    graph.add_node("again", lambda _state: {"done": ["x"]})
    graph.add_edge(START, "again")
    graph.add_edge("again", "again")
    with pytest.raises(GraphRecursionError):
        graph.compile(name="loop").invoke({}, {"recursion_limit": 4})
    assert attributes(recording.span("invoke_workflow loop"))["error.type"] == "langgraph.errors.GraphRecursionError"


async def test_two_graphs_in_one_loop_are_two_traces(recording: Recording) -> None:
    graph = fan_out(async_worker)
    await asyncio.gather(graph.ainvoke({"delays": [0.01, 0.02]}), graph.ainvoke({"delays": [0.02, 0.01]}))
    roots = recording.named(WORKFLOW)
    assert len({span.context.trace_id for span in roots if span.context}) == 2
    for root in roots:
        inside = [
            s for s in recording.spans if s.context and root.context and s.context.trace_id == root.context.trace_id
        ]
        assert sum(span.name.startswith("node ") for span in inside) == 4
        assert {s.parent.span_id for s in inside if s.parent} == {root.context.span_id if root.context else 0}


def test_a_graph_inside_a_nodes_thread_stays_in_the_trace(recording: Recording) -> None:
    def inside(_state: State) -> State:
        return {"done": []}

    inner = chain(inside, name="inner")

    def outer(_state: State) -> State:
        import contextvars

        with ThreadPoolExecutor(1) as pool:
            pool.submit(contextvars.copy_context().run, inner.invoke, {"done": []}).result()
        return {"done": []}

    chain(outer, name="threaded").invoke({})
    assert recording.parent(recording.span("invoke_workflow inner")) == "node outer"


def test_undo_puts_the_originals_back(recording: Recording) -> None:
    runner = import_module("langgraph.pregel._runner")
    patches = Patches()
    before = (Pregel.__dict__["stream"], runner.run_with_retry)
    patches.install(recording.capture, library.TARGETS, "langgraph")
    patches.undo()
    assert (Pregel.__dict__["stream"], runner.run_with_retry) == before
