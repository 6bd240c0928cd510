"""Where a finished call goes: to the metrics, the live counts, and whoever listens (store, live lines)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_otel import safe, semconv
from agent_otel.signals.activity import Activity
from agent_otel.signals.metrics import Metrics
from agent_otel.signals.queues import TaskTable

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.metrics import Meter

    from agent_otel.signals.finished import Finished, Listener


class Signals:
    """The signals of one process. ``listeners`` are called on the caller's thread and must only queue."""

    def __init__(self, meter: Meter, now: Callable[[], int], *, nested: bool = False) -> None:
        self.activity = Activity(now)
        self.queues = TaskTable()
        self.metrics = Metrics(meter, self.activity, self.queues, nested=nested)
        self.listeners: list[Listener] = []

    def finished(self, record: Finished) -> None:
        """Take in a call that ended."""
        self.metrics.finished(record)
        if record.operation == semconv.WAIT:
            reason = record.attributes.get(semconv.WAIT_REASON)
            if isinstance(reason, str):
                self.activity.waited(reason, record.end - record.start)
        for listener in self.listeners:
            safe.call(listener, record)

    def restart(self) -> None:
        """Begin at zero in a forked child."""
        self.activity.restart()
        self.queues.restart()
        self.metrics.restart()
