"""Work on several cores: the results of a function for many tasks, in their order."""

from __future__ import annotations

import signal
import sys
import threading
from collections import deque
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future, ProcessPoolExecutor

Task = TypeVar("Task")
Result = TypeVar("Result")

_AHEAD: Final = 3
"""How many results may wait to be taken, for each process: what bounds memory."""


def results(function: Callable[[Task], Result], tasks: Sequence[Task], processes: int) -> Iterator[Result]:
    """``map(function, tasks)`` on so many processes; function, tasks and results must be picklable for more than one.

    Where processes cannot be started, or die, this one does the rest of the work itself.
    """
    pool = _pool(min(processes, len(tasks)))
    if pool is None:
        yield from map(function, tasks)
        return
    from concurrent.futures import BrokenExecutor

    done = 0
    try:
        for result in _pooled(pool, function, tasks, processes):
            yield result
            done += 1
    except BrokenExecutor:
        yield from map(function, tasks[done:])
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _pooled(
    pool: ProcessPoolExecutor, function: Callable[[Task], Result], tasks: Iterable[Task], processes: int
) -> Iterator[Result]:
    waiting: deque[Future[Result]] = deque()
    for task in tasks:
        if len(waiting) >= processes * _AHEAD:
            yield waiting.popleft().result()
        waiting.append(pool.submit(function, task))
    while waiting:
        yield waiting.popleft().result()


def _pool(processes: int) -> ProcessPoolExecutor | None:
    if processes < 2:
        return None
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor

    # a fork starts in milliseconds, but only a process without other threads can be forked safely
    forks = sys.platform == "linux" and threading.active_count() == 1
    try:
        context = multiprocessing.get_context("fork" if forks else "spawn")
        return ProcessPoolExecutor(processes, mp_context=context, initializer=_ignore_interrupts)
    except (ImportError, NotImplementedError, OSError):  # no semaphores, no processes
        return None


def _ignore_interrupts() -> None:
    """Ctrl-C ends the command, which ends its workers; they need not say so too."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
