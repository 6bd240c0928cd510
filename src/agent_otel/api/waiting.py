"""``wait`` and ``queue``: what waits, for how long, and how many."""

from __future__ import annotations

import itertools
from contextlib import contextmanager
from functools import wraps
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, ParamSpec, TypeAlias, TypeVar, cast

from opentelemetry import context as context_api

from agent_otel import safe, semconv
from agent_otel.api.blocks import Blocks
from agent_otel.api.operation import FRAMEWORK, F
from agent_otel.capture import runtime
from agent_otel.capture.call import Waiting, current, parent_in
from agent_otel.capture.function import Function
from agent_otel.capture.wrap import Held, Kind, kind_of, named

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from types import TracebackType

    from opentelemetry.context import Context
    from typing_extensions import Self

P = ParamSpec("P")
T = TypeVar("T")
Reason: TypeAlias = Literal["queue", "barrier", "rate_limit", "lock", "retry", "approval", "dependency"]


class Wait:
    """A stretch of waiting: a context manager, and a decorator for functions that only wait."""

    def __init__(self, reason: Reason) -> None:
        self._reason: Reason = reason
        self._blocks: Blocks[Waiting | None] = Blocks()

    def __call__(self, function: F) -> F:
        """Decorate a function: the time in it is waiting."""
        kind = kind_of(function)

        async def awaited(held: Held) -> Any:
            with Wait(self._reason):
                return await held.coroutine

        def wrapper(wrapped: Callable[..., Any], _instance: Any, args: Any, kwargs: Any) -> Any:
            if kind is Kind.COROUTINE:
                result = wrapped(*args, **kwargs)
                return named(awaited(Held(result)), result) if isinstance(result, CoroutineType) else result
            with Wait(self._reason):
                return wrapped(*args, **kwargs)

        return cast("F", Function(function, wrapper))

    def __enter__(self) -> Self:
        self._blocks.enter(safe.call(self._begin))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        left = self._blocks.leave()
        if left is not None and left.kept is not None:
            safe.call(left.kept.over)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)

    def _begin(self) -> Waiting:
        return Waiting(runtime.active(), self._reason, {}, framework=FRAMEWORK)


def wait(reason: Reason) -> Wait:
    """Waiting for a reason: ``with wait("approval"):``, or ``@wait("lock")`` on a function that only waits."""
    if reason not in semconv.WAIT_REASONS:
        safe.warn(
            f"wait({reason!r}): no known reason, it is recorded as given; known: {', '.join(semconv.WAIT_REASONS)}"
        )
    return Wait(reason)


class _Entry(NamedTuple):
    since: int
    context: Context


class Queue:
    """A queue of tasks: who is ready, active and waiting, and how long each task waited until it was active.

    ``put`` when a task could run, ``start`` when it does, ``hold`` while something else holds it, ``done`` at its end;
    or ``with queue.task(id):`` around the work, or ``pool.submit(queue.ready(function), ...)``. As a context manager or
    decorator each block or call is one active task. A worker thread without a context of its own joins the trace in
    which the task was put.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._entries: dict[str, _Entry] = {}
        self._numbers = itertools.count(1)
        self._blocks: Blocks[str] = Blocks()

    def put(self, task_id: str) -> None:
        """The task is ready: it could run now."""
        safe.call(self._put, task_id)

    def start(self, task_id: str) -> None:
        """The task runs: its wait since ``put`` is over."""
        safe.call(self._start, task_id)

    def hold(self, task_id: str) -> None:
        """The task waits for something else, such as an approval or a barrier."""
        safe.call(self._move, task_id, semconv.WAITING)

    def done(self, task_id: str) -> None:
        """The task is over and leaves the queue."""
        safe.call(self._done, task_id)

    @contextmanager
    def task(self, task_id: str) -> Generator[None, None, None]:
        """The task runs in this block and leaves the queue at its end."""
        entry = self._entries.get(task_id)
        token = None
        if entry is not None and current() is None:
            token = safe.call(context_api.attach, entry.context)
        self.start(task_id)
        try:
            yield
        finally:
            self.done(task_id)
            if token is not None:
                safe.call(context_api.detach, token)

    def ready(self, function: Callable[P, T]) -> Callable[P, T]:
        """The function as a task that is ready now, to be handed to an executor: it runs when it is called."""
        task_id = self._anonymous()
        self.put(task_id)

        @wraps(function)
        def run(*args: P.args, **kwargs: P.kwargs) -> T:
            with self.task(task_id):
                return function(*args, **kwargs)

        return run

    def __call__(self, function: F) -> F:
        """Decorate a function: each call of it is one active task."""
        kind = kind_of(function)

        async def awaited(held: Held) -> Any:
            with self.task(self._anonymous()):
                return await held.coroutine

        def wrapper(wrapped: Callable[..., Any], _instance: Any, args: Any, kwargs: Any) -> Any:
            if kind is Kind.COROUTINE:
                result = wrapped(*args, **kwargs)
                return named(awaited(Held(result)), result) if isinstance(result, CoroutineType) else result
            with self.task(self._anonymous()):
                return wrapped(*args, **kwargs)

        return cast("F", Function(function, wrapper))

    def __enter__(self) -> Self:
        task_id = self._anonymous()
        self._blocks.enter(task_id)
        self.start(task_id)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        left = self._blocks.leave()
        if left is not None:
            self.done(left.kept)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)

    def _anonymous(self) -> str:
        return f"#{next(self._numbers)}"

    def _put(self, task_id: str) -> None:
        self._entries[task_id] = _Entry(runtime.active().now(), context_api.get_current())
        self._move(task_id, semconv.READY)

    def _start(self, task_id: str) -> None:
        self._move(task_id, semconv.ACTIVE)
        entry = self._entries.pop(task_id, None)
        if entry is None:
            return
        capture = runtime.active()
        # Beside the task, under what put it; where nothing did, no span could hold a wait that began before it.
        held = parent_in(entry.context) is not None
        capture.waited(
            semconv.QUEUE, entry.since, capture.now(), {semconv.TASK_ID: task_id, semconv.QUEUE_NAME: self.name},
            framework=FRAMEWORK, within=entry.context, written=held,
        )  # fmt: skip

    def _done(self, task_id: str) -> None:
        self._entries.pop(task_id, None)
        runtime.active().signals.queues.leave(self.name, [self._key(task_id)])

    def _move(self, task_id: str, state: str) -> None:
        runtime.active().signals.queues.move(self.name, self._key(task_id), state)

    def _key(self, task_id: str) -> str:
        return f"{id(self):x}:{task_id}"


def queue(name: str) -> Queue:
    """A queue of that name; keep the object, its entries belong to it."""
    return Queue(name)
