"""One proxy for every stream: sync and async, generators and the stream classes of the SDKs.

The call ends when the stream is drained, closed, fails or is dropped. The proxy passes for the wrapped object
(``isinstance``, attributes) and has exactly those iteration methods that the wrapped type has.
"""

from __future__ import annotations

import copy
import inspect
import weakref
from typing import TYPE_CHECKING, Any, cast

import wrapt

from agent_otel import safe

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Generator, Iterator

    from agent_otel.capture.ending import Ending


if TYPE_CHECKING:
    _Proxy = wrapt.ObjectProxy[Any]
else:
    _Proxy = wrapt.ObjectProxy


class Stream(_Proxy):
    """What the caller holds instead of the stream; subclasses of it add the methods of the wrapped type."""

    def __init__(self, wrapped: Any, ending: Ending) -> None:
        super().__init__(wrapped)
        self._self_ending = ending

    def __del__(self) -> None:
        safe.call(self._self_ending.dropped)

    # Copies are the library's own: one stream is one call.
    def __copy__(self) -> Any:
        return copy.copy(self.__wrapped__)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        return copy.deepcopy(self.__wrapped__, memo)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.__wrapped__.__reduce_ex__(protocol)


def watch(result: Any, ending: Ending) -> Any:
    """The proxy of a stream, of a class that fits its type."""
    kind = cast("type[object]", type(result))
    fitting = _proxy_types.get(kind)
    if fitting is None:
        fitting = _proxy_types[kind] = _proxy_type(kind)
    return fitting(result, ending)


def is_stream(result: object) -> bool:
    """Whether the object hands out its items one by one, and has not handed them out yet."""
    kind = type(result)
    return hasattr(kind, "__next__") or hasattr(kind, "__anext__")


def _proxy_type(kind: type[object]) -> type[Stream]:
    members: dict[str, Any] = {name: None for name in _PROTOCOLS if not hasattr(kind, name)}
    members |= {name: method for name, method in _METHODS.items() if hasattr(kind, name)}
    return type("Stream", (Stream,), members)


def _iterate(self: Any) -> Iterator[Any]:
    inner = iter(self.__wrapped__)
    return self if inner is self.__wrapped__ else _each(inner, self._self_ending, self)


def _each(inner: Iterator[Any], ending: Ending, _owner: Any) -> Generator[Any, None, None]:
    # The owner is held so that its call is not taken for abandoned while its items are read.
    try:
        for item in inner:
            safe.call(ending.chunk, item)
            yield item
    except GeneratorExit:
        raise
    except BaseException as error:
        safe.call(ending.fail, error)
        raise
    safe.call(ending.finish)


def _step(name: str) -> Callable[..., Any]:
    """A method that takes the next item from a sync iterator."""

    def step(self: Any, *args: Any, **kwargs: Any) -> Any:
        ending: Ending = self._self_ending
        token = ending.resume()
        try:
            item = getattr(self.__wrapped__, name)(*args, **kwargs)
        except StopIteration:
            ending.pause(token)
            safe.call(ending.finish)
            raise
        except BaseException as error:
            ending.pause(token)
            safe.call(ending.fail, error)
            raise
        ending.pause(token)
        safe.call(ending.chunk, item)
        return item

    return step


def _async_iterate(self: Any) -> Any:
    inner: AsyncIterator[Any] = aiter(self.__wrapped__)
    return self if inner is self.__wrapped__ else _async_each(inner, self._self_ending, self)


async def _async_each(inner: AsyncIterator[Any], ending: Ending, _owner: Any) -> Any:
    try:
        async for item in inner:
            safe.call(ending.chunk, item)
            yield item
    except GeneratorExit:
        raise
    except BaseException as error:
        safe.call(ending.fail, error)
        raise
    safe.call(ending.finish)


def _async_step(name: str) -> Callable[..., Any]:
    """A method that takes the next item from an async iterator."""

    def step(self: Any, *args: Any, **kwargs: Any) -> Any:
        # Called at once, as without us: what it raises before it is awaited is raised here.
        return _awaited_step(getattr(self.__wrapped__, name)(*args, **kwargs), self._self_ending)

    return step


async def _awaited_step(inner: Any, ending: Ending) -> Any:
    token = ending.resume()
    try:
        item = await inner
    except GeneratorExit:
        # Thrown by whoever drops the coroutine, in a context of theirs: there is nothing to restore.
        safe.call(ending.finish, "abandoned")
        raise
    except StopAsyncIteration:
        ending.pause(token)
        safe.call(ending.finish)
        raise
    except BaseException as error:
        ending.pause(token)
        safe.call(ending.fail, error)
        raise
    ending.pause(token)
    safe.call(ending.chunk, item)
    return item


def _closing(name: str) -> Callable[..., Any]:
    """A method that closes the stream, sync or async."""

    def close(self: Any, *args: Any, **kwargs: Any) -> Any:
        ending: Ending = self._self_ending
        ending.forgo()
        token = ending.resume()
        try:
            result = getattr(self.__wrapped__, name)(*args, **kwargs)
        except BaseException as error:
            ending.pause(token)
            safe.call(ending.fail, error)
            raise
        ending.pause(token)
        if inspect.isawaitable(result):
            return _awaited_close(result, ending)
        safe.call(ending.finish, "cancelled")
        return result

    return close


async def _awaited_close(inner: Any, ending: Ending) -> Any:
    token = ending.resume()
    try:
        result = await inner
    except GeneratorExit:
        safe.call(ending.finish, "abandoned")
        raise
    except BaseException as error:
        ending.pause(token)
        safe.call(ending.fail, error)
        raise
    ending.pause(token)
    safe.call(ending.finish, "cancelled")
    return result


def _enter(self: Any) -> Any:
    entered = self.__wrapped__.__enter__()
    return self if entered is self.__wrapped__ else entered


async def _async_enter(self: Any) -> Any:
    entered = await self.__wrapped__.__aenter__()
    return self if entered is self.__wrapped__ else entered


_proxy_types: weakref.WeakKeyDictionary[type[object], type[Stream]] = weakref.WeakKeyDictionary()
_PROTOCOLS = (
    "__iter__", "__len__", "__reversed__", "__enter__", "__exit__", "__aenter__", "__aexit__", "__index__", "__int__",
    "__float__", "__complex__", "__bytes__", "__abs__", "__round__",
)  # fmt: skip
"""What every proxy of wrapt has; None makes the stream no collection, context manager or number where it was none."""
_METHODS: dict[str, Callable[..., Any]] = {
    "__iter__": _iterate,
    "__next__": _step("__next__"),
    "send": _step("send"),
    "throw": _step("throw"),
    "close": _closing("close"),
    "__enter__": _enter,
    "__exit__": _closing("__exit__"),
    "__aiter__": _async_iterate,
    "__anext__": _async_step("__anext__"),
    "asend": _async_step("asend"),
    "athrow": _async_step("athrow"),
    "aclose": _closing("aclose"),
    "__aenter__": _async_enter,
    "__aexit__": _closing("__aexit__"),
}
