"""The ``with`` blocks of one object that are open: many tasks and threads may be inside it at once."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

T = TypeVar("T")


class _Block(Generic[T]):
    """One block, by its identity."""

    __slots__ = ("kept",)

    def __init__(self, kept: T) -> None:
        self.kept = kept


@dataclass(frozen=True)
class Left(Generic[T]):
    """A block that was left: what was kept for it, and whether that was in the context that it was entered in."""

    kept: T
    here: bool


_here: ContextVar[tuple[_Block[Any], ...]] = ContextVar("agent_otel_blocks", default=())


class Blocks(Generic[T]):
    """What an object keeps for each of its open blocks; a context finds those that were entered in it.

    Frameworks run the two halves of a generator in two contexts (a synchronous dependency of FastAPI), so a block that
    is left elsewhere is the newest one that is open.
    """

    def __init__(self) -> None:
        self._open: dict[_Block[T], None] = {}

    def enter(self, kept: T) -> None:
        """A block begins."""
        block = _Block(kept)
        self._open[block] = None
        _here.set((*_here.get(), block))

    def innermost(self) -> T | None:
        """What is kept for the block that is running here."""
        block = self._found()
        return block.kept if block is not None else None

    def leave(self) -> Left[T] | None:
        """A block ends; None where none was open."""
        block = self._found()
        here = block is not None
        if block is None:
            block = next(reversed(list(self._open)), None)
            if block is None:
                return None
        self._open.pop(block, None)
        _here.set(tuple(one for one in _here.get() if one is not block))
        return Left(block.kept, here)

    def _found(self) -> _Block[T] | None:
        return next((block for block in reversed(_here.get()) if block in self._open), None)
