"""Live self time by category: whose clock runs right now.

A call's clock runs while no call below it is open, so that the sum over categories is the work being done. Opening and
closing a call are O(1); a collection adds the clocks that run at that moment.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Clock:
    """The clock of one open call; stopped while a call below it is open."""

    __slots__ = ("category", "open_below", "parent", "since")

    def __init__(self, category: str | None, parent: Clock | None, now: int) -> None:
        self.category = category
        self.parent = parent
        self.open_below = 0
        self.since: int | None = now


class Activity:
    """Seconds of work by category and of waiting by reason, in this process since its start (or since its fork)."""

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        # Reentrant: the garbage collector may run code of the user that makes calls while it is held.
        self._lock = threading.RLock()
        self._work: defaultdict[str, int] = defaultdict(int)
        self._waits: defaultdict[str, int] = defaultdict(int)
        self._open: set[Clock] = set()

    def open(self, category: str | None, parent: Clock | None, now: int) -> Clock:
        """Start a call's clock and stop its parent's; without a category (a wait) it only stops the parent's."""
        clock = Clock(category, parent, now)
        with self._lock:
            self._open.add(clock)
            if parent is not None:
                parent.open_below += 1
                # What a forked child has from its parent is not open here: that time is the parent's.
                if parent.open_below == 1 and parent in self._open:
                    self._stop(parent, now)
        return clock

    def close(self, clock: Clock, now: int) -> None:
        """Stop a call's clock for good; its parent's runs again when nothing else is open below it."""
        with self._lock:
            if clock not in self._open:
                return
            self._stop(clock, now)
            self._open.discard(clock)
            parent = clock.parent
            if parent is None:
                return
            parent.open_below -= 1
            if parent.open_below == 0 and parent in self._open:
                parent.since = now

    def waited(self, reason: str, nanoseconds: int) -> None:
        """Count a wait that is over."""
        with self._lock:
            self._waits[reason] += max(0, nanoseconds)

    def seconds(self) -> tuple[dict[str, float], dict[str, float]]:
        """(work by category, waits by reason), calls that are still open included."""
        now = self._now()
        with self._lock:
            work = dict(self._work)
            for clock in self._open:
                if clock.since is not None and clock.category is not None:
                    work[clock.category] = work.get(clock.category, 0) + max(0, now - clock.since)
            waits = dict(self._waits)
        return {key: value / 1e9 for key, value in work.items()}, {key: value / 1e9 for key, value in waits.items()}

    def restart(self) -> None:
        """Begin at zero, as a forked child must; the calls that its parent had open are not the child's."""
        self._lock = threading.RLock()
        self._work.clear()
        self._waits.clear()
        self._open.clear()

    def _stop(self, clock: Clock, now: int) -> None:
        if clock.since is not None and clock.category is not None:
            self._work[clock.category] += max(0, now - clock.since)
        clock.since = None
