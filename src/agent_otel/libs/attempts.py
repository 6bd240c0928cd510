"""Attempts of a node under a retry policy: how many there were, and how long it waited between them.

The retry loop is inside the library; it calls the node's runnable once per attempt, so the runnable is stood in for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import wrapt

from agent_otel import safe, semconv
from agent_otel.capture.call import Call, Waiting, current

_WAITING: Final = "waiting"
_COUNT: Final = "attempts"

if TYPE_CHECKING:
    _Proxy = wrapt.ObjectProxy[Any]
else:
    _Proxy = wrapt.ObjectProxy


class Attempts(_Proxy):
    """A node's runnable that tells the node's call of each attempt, and behaves the same."""

    def invoke(self, *args: Any, **kwargs: Any) -> Any:
        """Run one attempt."""
        call = safe.call(_begun)
        try:
            return self.__wrapped__.invoke(*args, **kwargs)
        except Exception:
            safe.call(_failed, call)
            raise

    async def ainvoke(self, *args: Any, **kwargs: Any) -> Any:
        """Run one attempt."""
        call = safe.call(_begun)
        try:
            return await self.__wrapped__.ainvoke(*args, **kwargs)
        except Exception:
            safe.call(_failed, call)
            raise

    async def astream(self, *args: Any, **kwargs: Any) -> Any:
        """Run one attempt, item by item."""
        call = safe.call(_begun)
        try:
            async for item in self.__wrapped__.astream(*args, **kwargs):
                yield item
        except Exception:
            safe.call(_failed, call)
            raise


def _begun() -> Call | None:
    here = current()
    node = here.enclosing(semconv.NODE) if here is not None else None
    if node is None:
        return None
    waiting = node.notes.pop(_WAITING, None)
    if isinstance(waiting, Waiting):
        waiting.over()
    count = int(node.notes.get(_COUNT, 0)) + 1
    node.notes[_COUNT] = count
    node.set({semconv.NODE_ATTEMPT: count})
    return node


def _failed(node: Call | None) -> None:
    if node is not None:
        # Whether another attempt follows is the library's to say; without one the wait is dropped.
        facts = {semconv.NODE_NAME: node.subject}
        node.notes[_WAITING] = Waiting(node.capture, semconv.RETRY, facts, framework=node.framework)


def drop_waiting(node: Call) -> None:
    """The node is over: what followed its last failure was no wait for a retry."""
    waiting = node.notes.pop(_WAITING, None)
    if isinstance(waiting, Waiting):
        waiting.dropped()
