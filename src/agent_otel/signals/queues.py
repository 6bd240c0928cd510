"""The one table of tasks from which queue depths are read."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterable

Change = Callable[[str, "Counter[str]"], None]


class TaskTable:
    """Which task is ready, active or waiting in which queue; every change is told to the listeners."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._states: dict[str, dict[str, str]] = {}
        self.listeners: list[Change] = []

    def move(self, queue: str, task: str, state: str) -> None:
        """Put a task into a state; the first move enters it."""
        with self._lock:
            tasks = self._states.setdefault(queue, {})
            changed = tasks.get(task) != state
            tasks[task] = state
        if changed:
            self._tell(queue)

    def leave(self, queue: str, tasks: Iterable[str]) -> None:
        """Take tasks out of the queue; unknown ones are ignored."""
        with self._lock:
            states = self._states.get(queue, {})
            changed = [task for task in tasks if states.pop(task, None) is not None]
        if changed:
            self._tell(queue)

    def depths(self) -> dict[str, Counter[str]]:
        """Queue -> state -> number of tasks; a queue that was used stays, with zeros."""
        with self._lock:
            return {queue: Counter(tasks.values()) for queue, tasks in self._states.items()}

    def restart(self) -> None:
        """Forget everything, as a forked child must."""
        self._lock = threading.RLock()
        self._states.clear()

    def _tell(self, queue: str) -> None:
        if self.listeners:
            with self._lock:
                depth = Counter(self._states.get(queue, {}).values())
            for listener in self.listeners:
                listener(queue, depth)
