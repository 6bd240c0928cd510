"""Graphs that the tests run: director, fan-out of workers by ``Send``, strategist."""

from __future__ import annotations

import asyncio
import operator
import time
from typing import TYPE_CHECKING, Annotated, Any

from langgraph.cache.memory import InMemoryCache
from langgraph.graph import END, START, StateGraph
from langgraph.types import CachePolicy, Send
from typing_extensions import TypedDict

if TYPE_CHECKING:
    from collections.abc import Callable


class State(TypedDict, total=False):
    """What the nodes hand on."""

    done: Annotated[list[str], operator.add]
    delays: list[float]


class Work(TypedDict):
    """What a worker is sent."""

    name: str
    seconds: float


def worker(work: Work) -> State:
    """Sleep as long as the work takes."""
    time.sleep(work["seconds"])
    return {"done": [work["name"]]}


async def async_worker(work: Work) -> State:
    """Sleep as long as the work takes, in the event loop."""
    await asyncio.sleep(work["seconds"])
    return {"done": [work["name"]]}


def fan_out(work: Callable[..., Any] = worker, name: str = "crew", **options: Any) -> Any:
    """START -> director -> one worker per delay -> strategist -> END."""

    def send(state: State) -> list[Send]:
        return [Send("worker", {"name": f"w{i}", "seconds": s}) for i, s in enumerate(state.get("delays", []))]

    def director(_state: State) -> State:
        return {"done": []}

    def strategist(_state: State) -> State:
        return {"done": []}

    graph: Any = StateGraph(State)
    graph.add_node("director", director)
    graph.add_node("worker", work, **options)
    graph.add_node("strategist", strategist)
    graph.add_edge(START, "director")
    graph.add_conditional_edges("director", send, ["worker"])
    graph.add_edge("worker", "strategist")
    graph.add_edge("strategist", END)
    return graph.compile(name=name)


def side_by_side(name: str = "crew", **nodes: Any) -> Any:
    """The nodes in one superstep; what the node ``cached`` gives is cached."""
    graph: Any = StateGraph(State)
    for label, node in nodes.items():
        graph.add_node(label, node, cache_policy=CachePolicy() if label == "cached" else None)
        graph.add_edge(START, label)
    return graph.compile(name=name, cache=InMemoryCache())


def chain(*nodes: Any, name: str = "chain", checkpointer: Any = None, **compiled: Any) -> Any:
    """The nodes one after the other, named after their functions."""
    graph: Any = StateGraph(State)
    last = START
    for number, node in enumerate(nodes):
        label = getattr(node, "__name__", f"node{number}")
        graph.add_node(label, node)
        graph.add_edge(last, label)
        last = label
    graph.add_edge(last, END)
    return graph.compile(name=name, checkpointer=checkpointer, **compiled)
