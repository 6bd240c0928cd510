"""The driver: one wrapper for sync functions, coroutines, iterators and async iterators.

It dispatches on the object that came back and not on the function, because decorators and overloads of the SDKs hide
what a function is.
"""

from __future__ import annotations

import inspect
from enum import Enum
from types import CoroutineType
from typing import TYPE_CHECKING, Any, TypeAlias

from opentelemetry import context as context_api

from agent_otel import safe
from agent_otel.capture.ending import Ending
from agent_otel.capture.stream import is_stream, watch
from agent_otel.capture.target import Arguments, Observer, Result, Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agent_otel.capture.call import Call, Capture

Wrapped: TypeAlias = "Callable[..., Any]"
Wrapper: TypeAlias = "Callable[[Wrapped, Any, tuple[Any, ...], Mapping[str, Any]], Any]"


class Kind(Enum):
    """What a function is known to return, read from its code: then its call begins when it is first stepped."""

    UNKNOWN = "unknown"
    COROUTINE = "coroutine"
    GENERATOR = "generator"


def call_wrapper(capture: Capture, target: Target, framework: str, kind: Kind = Kind.UNKNOWN) -> Wrapper:
    """The wrapt wrapper that turns each call of a target into a span."""

    def wrapper(wrapped: Wrapped, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        arguments = Arguments(instance, args, kwargs)
        if target.rewrite is not None:
            arguments = safe.call_or(arguments, target.rewrite, arguments)
        if kind is not Kind.UNKNOWN:
            result = wrapped(*arguments.args, **arguments.kwargs)
            return safe.call_or(result, _begun_later, capture, target, framework, arguments, result)
        call = safe.call(begin, capture, target, framework, arguments)
        if call is None:
            return wrapped(*arguments.args, **arguments.kwargs)
        ending = Ending(target, arguments, call)
        if target.prepare is not None:
            arguments = safe.call_or(arguments, target.prepare, call, arguments)
        token = safe.call(context_api.attach, call.context)
        try:
            result = wrapped(*arguments.args, **arguments.kwargs)
        except BaseException as error:
            _detach(token)
            safe.call(ending.fail, error)
            raise
        _detach(token)
        return safe.call_or(result, settle, target, call, ending, result)

    return wrapper


def begin(capture: Capture, target: Target, framework: str, arguments: Arguments) -> Call | None:
    """Begin the call of a target, unless the library file says that this one is none."""
    start = target.start(arguments)
    if start is None:
        return None
    call = capture.begin(
        start.operation or target.operation, start.subject, start.attributes, target.kind,
        framework=framework, links=start.links,
    )  # fmt: skip
    if call is not None and target.begun is not None:
        safe.call(target.begun, call, arguments)
    return call


def settle(target: Target, call: Call, ending: Ending, result: Any) -> Any:
    """What the caller gets: the result itself, or a stand-in that ends the call when it is used up."""
    if isinstance(result, CoroutineType):
        return named(_awaited(target, call, ending, Held(result, ending)), result)
    if target.detached:
        ending.goes_on(result)
        return result
    if (target.stream is not None or target.resume) and is_stream(result):
        ending.stream()
        return watch(result, ending)
    ending.result(result)
    return result


class Held:
    """The user's coroutine in the frame of its stand-in; dropped unstarted, both go, and one warning tells of it."""

    __slots__ = ("coroutine", "ending")

    def __init__(self, coroutine: Any, ending: Ending | None = None) -> None:
        self.coroutine = coroutine
        self.ending = ending

    def __del__(self) -> None:
        self.coroutine.close()
        if self.ending is not None:
            safe.call(self.ending.dropped)


async def _awaited(target: Target, call: Call, ending: Ending, held: Held) -> Any:
    token = safe.call(context_api.attach, call.context)
    try:
        result = await held.coroutine
    except GeneratorExit:
        # Thrown by whoever drops the coroutine, in a context of theirs: there is nothing to restore.
        safe.call(ending.finish, "abandoned")
        raise
    except BaseException as error:
        _detach(token)
        safe.call(ending.fail, error)
        raise
    _detach(token)
    return safe.call_or(result, settle, target, call, ending, result)


def _begun_later(capture: Capture, target: Target, framework: str, arguments: Arguments, result: Any) -> Any:
    if isinstance(result, CoroutineType):
        return named(_begun_when_awaited(capture, target, framework, arguments, Held(result)), result)
    if is_stream(result):
        ending = Ending(target, arguments, None, lambda: begin(capture, target, framework, arguments))
        ending.stream()
        return watch(result, ending)
    return result


async def _begun_when_awaited(
    capture: Capture, target: Target, framework: str, arguments: Arguments, held: Held
) -> Any:
    call = safe.call(begin, capture, target, framework, arguments)
    if call is None:
        return await held.coroutine
    return await _awaited(target, call, Ending(target, arguments, call), held)


def named(stand_in: Any, coroutine: Any) -> Any:
    """The stand-in under the name of the coroutine, by which a warning tells that it was never awaited."""
    stand_in.__name__, stand_in.__qualname__ = coroutine.__name__, coroutine.__qualname__
    return stand_in


def _detach(token: Any) -> None:
    if token is not None:
        safe.call(context_api.detach, token)


def observe_wrapper(capture: Capture, observer: Observer) -> Wrapper:
    """The wrapt wrapper that tells an observer before and after a function, and changes nothing."""

    def told(arguments: Arguments, note: Any, value: Any, error: BaseException | None) -> None:
        if observer.after is not None:
            safe.call(observer.after, capture, arguments, note, Result(value, error))

    async def awaited(arguments: Arguments, note: Any, held: Held) -> Any:
        try:
            value = await held.coroutine
        except BaseException as error:
            told(arguments, note, None, error)
            raise
        told(arguments, note, value, None)
        return value

    def wrapper(wrapped: Wrapped, instance: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        arguments = Arguments(instance, args, kwargs)
        note = safe.call(observer.before, capture, arguments) if observer.before is not None else None
        try:
            value = wrapped(*args, **kwargs)
        except BaseException as error:
            told(arguments, note, None, error)
            raise
        if isinstance(value, CoroutineType):
            return named(awaited(arguments, note, Held(value)), value)
        told(arguments, note, value, None)
        return value

    return wrapper


def kind_of(function: object) -> Kind:
    """What the function returns, where its code says so; not that of a function below it, which others may drive."""
    if inspect.iscoroutinefunction(function):
        return Kind.COROUTINE
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return Kind.GENERATOR
    return Kind.UNKNOWN
