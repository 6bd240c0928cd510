"""A library with a function of every shape, for the driver to wrap."""

from __future__ import annotations

import asyncio
import types
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterator

    from agent_otel import semconv
    from agent_otel.capture.target import Arguments

NAME = "library_of_the_test"


class Items:
    """A stream class like those of the SDKs: its iterator is another object, and it can be closed."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.closed = False
        self._error = error

    def __iter__(self) -> Iterator[int]:
        yield 1
        yield 2
        if self._error is not None:
            raise self._error

    def __next__(self) -> int:
        return 7

    def close(self) -> str:
        self.closed = True
        return "closed"


class Reader:
    """Sums the chunks."""

    def __init__(self, arguments: Arguments) -> None:
        self.total = 0

    def chunk(self, item: int | None) -> None:
        self.total += item or 0

    def attributes(self) -> dict[str, semconv.AttributeValue]:
        return {"total": self.total}


def library() -> types.ModuleType:
    """A module with a function of every shape."""
    module: Any = types.ModuleType(NAME)

    def plain(value: Any = 1) -> Any:
        if isinstance(value, BaseException):
            raise value
        return value

    async def coroutine(value: Any = 1) -> Any:
        await asyncio.sleep(0)
        return plain(value)

    def hidden(value: Any = 1) -> Any:
        return coroutine(value)

    def generator(value: Any = None) -> Generator[Any, Any, str]:
        got = yield 1
        if value is not None:
            raise value
        yield got
        return "returned"

    async def agen(value: Any = None) -> AsyncIterator[int]:
        yield 1
        if value is not None:
            raise value
        yield 2

    module.plain, module.coroutine, module.hidden = plain, coroutine, hidden
    module.generator, module.agen = generator, agen
    return cast("types.ModuleType", module)
