"""The driver, on functions of every shape: what the caller sees is what it would see without us."""

from __future__ import annotations

import asyncio
import copy
import gc
import inspect
import logging
import pickle
import sys
import warnings
from collections import abc
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import TYPE_CHECKING, Any, SupportsFloat, SupportsIndex, SupportsInt, cast

import pytest
from opentelemetry import context as context_api

from agent_otel import safe, semconv
from agent_otel.capture import call as call_module
from agent_otel.capture import wrap
from agent_otel.capture.patch import Patches
from agent_otel.capture.target import Start, Target
from tests.capture.library import NAME, Items, Reader, library
from tests.conftest import Recording, attributes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SPAN = "chat m"


@pytest.fixture
def lib(recording: Recording) -> Iterator[Any]:
    module = library()
    sys.modules[NAME] = module
    patches = Patches()
    for name in ("plain", "coroutine", "hidden", "generator", "agen"):
        target = Target(
            NAME, name, semconv.CHAT, lambda _arguments: Start("m", {}),
            lambda _arguments, result: {"read": str(result)}, stream=Reader, resume=True,
        )  # fmt: skip
        patches.install(recording.capture, [target], "test")
    yield module
    patches.undo()
    del sys.modules[NAME]


def outcome(recording: Recording) -> str:
    return str(attributes(recording.span(SPAN))["agent_otel.outcome"])


def test_a_plain_result_is_the_same_object(lib: Any, recording: Recording) -> None:
    value = object()
    assert lib.plain(value) is value
    assert attributes(recording.span(SPAN))["read"] == str(value)


@pytest.mark.parametrize(
    ("error", "expected", "kind"),
    [
        (ValueError("v"), "error", "ValueError"),
        (asyncio.CancelledError(), "cancelled", None),
        (KeyboardInterrupt(), "cancelled", None),
        (TimeoutError(), "timeout", "TimeoutError"),
        (GeneratorExit(), "abandoned", None),
        (SystemExit(0), "ok", None),
        (SystemExit(3), "error", "SystemExit"),
        (SystemExit(["unhashable"]), "error", "SystemExit"),
    ],
)
def test_an_exception_is_the_same_object_with_its_own_outcome(
    lib: Any, recording: Recording, error: BaseException, expected: str, kind: str | None
) -> None:
    cause = KeyError("cause")
    error.__cause__ = cause
    with pytest.raises(type(error)) as caught:
        lib.plain(error)
    assert caught.value is error
    assert (error.__cause__, error.__context__) == (cause, None)
    assert outcome(recording) == expected
    assert attributes(recording.span(SPAN)).get("error.type") == kind


@pytest.mark.parametrize("name", ["coroutine", "hidden"])
async def test_coroutines_are_awaited_inside_their_call(lib: Any, recording: Recording, name: str) -> None:
    called = getattr(lib, name)(5)
    assert inspect.iscoroutine(called)
    assert called.__name__ == "coroutine"
    assert await called == 5
    assert outcome(recording) == "ok"
    mine = ValueError()
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        await getattr(lib, name)(mine)
    assert caught.value is mine


def _never_awaited(function: Callable[[], Any]) -> None:
    function()


async def test_a_coroutine_function_begins_when_it_is_awaited(lib: Any, recording: Recording) -> None:
    called = lib.coroutine()
    assert recording.capture.open == {}
    called.close()
    del called
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        _never_awaited(lib.coroutine)
        _never_awaited(lib.hidden)
        gc.collect()
    messages = [str(warning.message) for warning in told]
    told.clear()  # a recorded warning holds its coroutine
    gc.collect()
    assert messages == ["coroutine 'library.<locals>.coroutine' was never awaited"] * 2
    assert [attributes(span)["agent_otel.outcome"] for span in recording.spans] == ["abandoned"]
    with pytest.raises(TypeError):
        lib.coroutine(1, 2, 3)


async def test_a_dropped_coroutine_is_abandoned_without_noise(
    lib: Any, recording: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    called = lib.hidden()
    called.send(None)
    called.close()
    assert outcome(recording) == "abandoned"
    assert caplog.text == ""


def test_generators_are_generators(lib: Any, recording: Recording) -> None:
    generator = lib.generator()
    assert inspect.isgenerator(cast("object", generator))
    assert recording.capture.open == {}
    assert next(generator) == 1
    assert generator.send(4) == 4
    with pytest.raises(StopIteration) as stopped:
        next(generator)
    assert stopped.value.value == "returned"
    assert attributes(recording.span(SPAN))["total"] == 5
    assert attributes(recording.span(SPAN))["gen_ai.response.time_to_first_chunk"] >= 0


def _drain(generator: Any) -> None:
    assert list(generator) == [1, None]


def _step(generator: Any) -> None:
    assert next(generator) == 1


def _close(generator: Any) -> None:
    _step(generator)
    generator.close()


@pytest.mark.parametrize(
    ("use", "expected"),
    [
        (_drain, "ok"),
        (_close, "cancelled"),
        (_step, "abandoned"),
    ],
)
def test_how_a_generator_ends(lib: Any, recording: Recording, use: Callable[[Any], Any], expected: str) -> None:
    generator = lib.generator()
    use(generator)
    del generator
    gc.collect()
    assert outcome(recording) == expected
    assert recording.capture.open == {}


def test_a_stream_object_can_be_read_on_after_a_break(lib: Any, recording: Recording) -> None:
    items = Items()
    stream = lib.plain(items)
    assert isinstance(stream, Items)
    for item in stream:
        assert item == 1
        break
    assert recording.spans == ()
    assert next(stream) == 7
    assert list(stream) == [1, 2]
    assert outcome(recording) == "ok"
    assert attributes(recording.span(SPAN))["total"] == 1 + 7 + 1 + 2
    assert stream.close() == "closed"
    assert items.closed
    assert len(recording.spans) == 1


def test_a_stream_that_fails_midway(lib: Any, recording: Recording) -> None:
    mine = ConnectionError("gone")
    with pytest.raises(ConnectionError) as caught:
        list(lib.plain(Items(mine)))
    assert caught.value is mine
    assert attributes(recording.span(SPAN))["error.type"] == "ConnectionError"
    assert attributes(recording.span(SPAN))["total"] == 3


async def test_async_generators(lib: Any, recording: Recording) -> None:
    stream = lib.agen()
    assert inspect.isasyncgen(stream)
    assert [item async for item in stream] == [1, 2]
    assert outcome(recording) == "ok"
    closed = lib.agen()
    await anext(closed)
    await closed.aclose()
    dropped = lib.agen()
    await anext(dropped)
    del dropped
    gc.collect()
    mine = ValueError()
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        _ = [item async for item in lib.agen(mine)]
    assert caught.value is mine
    outcomes = [attributes(span)["agent_otel.outcome"] for span in recording.spans]
    assert outcomes == ["ok", "cancelled", "abandoned", "error"]


def _broken(*_args: object, **_kwargs: object) -> Any:
    raise RuntimeError("telemetry is broken")


STEPS = [
    (wrap, "begin"),
    (wrap, "settle"),
    (wrap, "watch"),
    (context_api, "attach"),
    (call_module.Capture, "begin"),
    (call_module.Call, "finish"),
    (call_module.Call, "set"),
    (Reader, "chunk"),
    (Reader, "attributes"),
]


@pytest.mark.parametrize(("owner", "name"), STEPS, ids=[name for _, name in STEPS])
async def test_whatever_step_of_the_telemetry_fails_the_caller_does_not_see_it(
    lib: Any,
    recording: Recording,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    owner: Any,
    name: str,
) -> None:
    monkeypatch.setattr(safe, "reraise", False)
    monkeypatch.setattr(safe, "_told", cast("set[str]", set()))
    with monkeypatch.context() as broken, caplog.at_level(logging.WARNING):
        broken.setattr(owner, name, _broken)
        value = object()
        assert lib.plain(value) is value
        assert await lib.coroutine(value) is value
        assert await lib.hidden(value) is value
        assert list(lib.generator()) == [1, None]
        assert list(lib.plain(Items())) == [1, 2]
        assert [item async for item in lib.agen()] == [1, 2]
        mine = ValueError("mine")
        with pytest.raises(ValueError, match="mine") as caught:
            lib.plain(mine)
        assert caught.value is mine
    assert "the program goes on" in caplog.text
    assert "mine" not in caplog.text


def test_suppressed_instrumentation_is_a_plain_call(lib: Any, recording: Recording) -> None:
    from opentelemetry.instrumentation.utils import suppress_instrumentation

    with suppress_instrumentation():
        assert lib.plain(3) == 3
        assert list(lib.generator()) == [1, None]
    assert recording.spans == ()


def test_what_is_still_open_at_exit_is_abandoned(lib: Any, recording: Recording) -> None:
    generator = lib.generator()
    next(generator)
    recording.capture.abandon()
    assert outcome(recording) == "abandoned"
    assert list(generator) == [None]
    assert len(recording.spans) == 1


async def test_a_generator_that_is_closed_before_its_first_step_is_no_call(lib: Any, recording: Recording) -> None:
    lib.generator().close()
    await lib.agen().aclose()
    assert recording.spans == ()
    assert recording.capture.open == {}


PROTOCOLS: list[Any] = [
    abc.Iterable, abc.Iterator, abc.AsyncIterable, abc.AsyncIterator, abc.Sized, abc.Collection, abc.Reversible,
    abc.Sequence, abc.Mapping, abc.Awaitable, abc.Generator, abc.AsyncGenerator, AbstractContextManager,
    AbstractAsyncContextManager, SupportsInt, SupportsFloat, SupportsIndex,
]  # fmt: skip


@pytest.mark.parametrize("name", ["generator", "agen"])
@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.__name__)
def test_a_stream_passes_for_what_it_is_and_for_nothing_else(lib: Any, name: str, protocol: Any) -> None:
    function = getattr(lib, name)
    assert isinstance(function(), protocol) is isinstance(function.__wrapped__(), protocol)


def _pickled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, _pickled])
def test_a_stream_is_copied_as_without_us(lib: Any, recording: Recording, how: Callable[[Any], Any]) -> None:
    stream = lib.plain(Items())
    assert type(how(stream)) is Items
    with pytest.raises(TypeError, match="cannot pickle 'generator' object"):
        how(lib.generator())
    assert recording.spans == ()


def test_methods_of_a_stream_class_take_keywords(lib: Any) -> None:
    class Channel(Items):
        def send(self, *, event: int) -> int:
            return event

        def throw(self, *, error: int) -> int:
            return error

        async def asend(self, *, event: int) -> int:
            return event

    channel = lib.plain(Channel())
    assert (channel.send(event=1), channel.throw(error=2)) == (1, 2)
    assert asyncio.run(channel.asend(event=3)) == 3
