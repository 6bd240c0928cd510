"""Supersteps where they are wide, come out of a cache, or are broken off."""

from __future__ import annotations

import gc
import threading
from typing import TYPE_CHECKING, Any

import pytest

from agent_otel import semconv
from agent_otel.capture.patch import Patches
from agent_otel.libs import langgraph as library
from agent_otel.libs import state_tasks
from agent_otel.libs.supersteps import Supersteps
from tests.conftest import Recording, attributes
from tests.libs.graphs import State, side_by_side

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def patched(recording: Recording) -> Iterator[None]:
    patches = Patches()
    patches.install(recording.capture, library.TARGETS, "langgraph")
    yield
    patches.undo()


def test_the_cost_of_a_step_grows_with_its_width_and_not_with_its_square(
    recording: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = 0
    key = Supersteps._key  # pyright: ignore[reportPrivateUsage]

    def counted(self: Supersteps, name: str) -> str:
        nonlocal keys
        keys += 1
        return key(self, name)

    monkeypatch.setattr(Supersteps, "_key", counted)
    workflow = recording.capture.begin(semconv.INVOKE_WORKFLOW, "w", {})
    assert workflow is not None
    steps = Supersteps(workflow, "langgraph")
    for index in (1, 2):
        steps.prepare(index, {f"{index}.{number}": "n" for number in range(300)}, [])
    assert dict(recording.capture.signals.queues.depths()["w"]) == {"ready": 300}
    assert keys <= 2 * 2 * 300


@pytest.mark.usefixtures("patched")
def test_what_comes_out_of_a_cache_is_no_part_of_the_step(recording: Recording) -> None:
    def cached(_state: Any) -> State:
        return {"done": ["cached"]}

    def run(_state: Any) -> State:
        return {"done": ["run"]}

    graph = side_by_side(cached=cached, run=run)
    for _ in range(2):
        assert graph.invoke({"delays": []})["done"] == ["cached", "run"]
    assert [span.name for span in recording.spans if span.name.startswith("node ")].count("node run") == 2
    assert attributes(recording.span("superstep"))["agent_otel.superstep.size"] == 2


@pytest.mark.usefixtures("patched")
def test_a_node_that_outlives_its_run_leaves_nothing_behind(recording: Recording) -> None:
    release = threading.Event()

    def slow(_state: Any) -> State:
        # The run has been dropped by now, and something else settles what that left open.
        release.wait(5)
        recording.capture.settle()
        return {"done": []}

    def quick(_state: Any) -> State:
        return {"done": []}

    stream = side_by_side(quick=quick, slow=slow).stream({"delays": []})
    assert next(stream) == {"quick": {"done": []}}
    threading.Timer(0.05, release.set).start()
    del stream
    gc.collect()
    assert attributes(recording.span("invoke_workflow crew"))["agent_otel.outcome"] == "abandoned"
    assert recording.named("superstep") == []
    assert dict(recording.capture.signals.queues.depths()["crew"]) == {}


class _Looked(list[Any]):
    """A list that counts how many of its items were looked at."""

    looks = 0

    def __iter__(self) -> Iterator[Any]:
        for item in super().__iter__():
            self.looks += 1
            yield item


def test_a_long_list_of_messages_costs_one_look() -> None:
    messages = _Looked(["message"] * 1000)
    assert state_tasks.in_state([messages, {}, []]) == []
    assert messages.looks == 1
