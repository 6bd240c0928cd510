"""Figures over the last minutes: how many calls, how long they took, how work and waiting grew."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

from agent_otel import semconv
from agent_otel.analysis.groups import quantile

if TYPE_CHECKING:
    from agent_otel.store.wire_metrics import Sample

SECOND: Final = 1_000_000_000
WINDOW: Final = 60 * SECOND
"""Rates and quantiles are those of the last minute."""
BUCKET: Final = 10 * SECOND
BUCKETS: Final = 60
"""Sparklines reach back ten minutes."""
_CALLS_KEPT: Final = 20_000
_YOUNG: Final = 2 * BUCKET


class Buckets:
    """Values by ten seconds; old ones are dropped."""

    def __init__(self) -> None:
        self._values: dict[int, float] = {}

    def add(self, time: int, value: float) -> None:
        """Add to the value of the ten seconds around ``time``."""
        self._slot(time, self._values.get(time // BUCKET, 0.0) + value)

    def put(self, time: int, value: float) -> None:
        """Set it."""
        self._slot(time, value)

    def _slot(self, time: int, value: float) -> None:
        self._values[time // BUCKET] = value
        if len(self._values) > 2 * BUCKETS:
            newest = max(self._values)
            self._values = {slot: found for slot, found in self._values.items() if slot > newest - BUCKETS}

    def last(self, now: int, count: int) -> list[float]:
        """The newest ``count`` values, oldest first; 0 where nothing was added."""
        newest = now // BUCKET
        return [self._values.get(slot, 0.0) for slot in range(newest - count + 1, newest + 1)]


class CallFigures(NamedTuple):
    """LLM calls of the last minute: durations in seconds, None without calls."""

    a_second: float
    median: float | None
    p95: float | None
    failed: float


class Calls:
    """LLM calls as they end."""

    def __init__(self) -> None:
        self.counts = Buckets()
        self._ended: deque[tuple[int, int, bool]] = deque(maxlen=_CALLS_KEPT)

    def add(self, end: int, duration: int, failed: bool) -> None:
        """Count a call."""
        self.counts.add(end, 1)
        self._ended.append((end, duration, failed))

    def figures(self, now: int) -> CallFigures:
        """The last minute."""
        while self._ended and self._ended[0][0] < now - WINDOW:
            self._ended.popleft()
        # calls come in the order in which processes write them, nearly that of their ends
        recent = [call for call in self._ended if call[0] >= now - WINDOW]
        if not recent:
            return CallFigures(0.0, None, None, 0.0)
        durations = sorted(duration for _, duration, _ in recent)
        failed = sum(failed for _, _, failed in recent) / len(recent)
        seconds = WINDOW / SECOND
        return CallFigures(
            len(recent) / seconds, quantile(durations, 0.5) / SECOND, quantile(durations, 0.95) / SECOND, failed
        )


class ActivityFigures(NamedTuple):
    """``at_once`` is work / time, ``ratio`` wait / work (None without work), both of the last minute."""

    at_once: float
    ratio: float | None


@dataclass(slots=True)
class Activity:
    """Seconds of work and waiting, from the counters of all processes that have no instrumented parent."""

    work: Buckets = field(default_factory=Buckets)
    wait: Buckets = field(default_factory=Buckets)
    _last: dict[tuple[str, str, str], float] = field(default_factory=dict[tuple[str, str, str], float])
    _moves: deque[tuple[int, bool, float]] = field(default_factory=deque[tuple[int, bool, float]])

    def add(self, process: str, sample: Sample) -> None:
        """Take in a counter's value; the first one counts from zero if it is young, else what it grows by later."""
        if sample.attributes.get(semconv.PROCESS_NESTED) is True:
            return
        state = str(sample.attributes.get(semconv.ACTIVITY_STATE, ""))
        category = str(sample.attributes.get(semconv.ACTIVITY_CATEGORY, ""))
        if category == semconv.DEPENDENCY:
            return
        key = (process, state, category)
        before = self._last.get(key)
        if before is None:
            before = 0.0 if sample.time - sample.start <= _YOUNG else sample.value
        grown = sample.value - before
        self._last[key] = sample.value
        if grown > 0:
            waiting = state == "wait"
            (self.wait if waiting else self.work).add(sample.time, grown)
            self._moves.append((sample.time, waiting, grown))

    def forget(self, process: str) -> None:
        """The process has ended."""
        for key in [key for key in self._last if key[0] == process]:
            del self._last[key]

    def figures(self, now: int) -> ActivityFigures:
        """The last minute."""
        while self._moves and self._moves[0][0] < now - WINDOW:
            self._moves.popleft()
        work = sum(grown for _, waiting, grown in self._moves if not waiting)
        wait = sum(grown for _, waiting, grown in self._moves if waiting)
        return ActivityFigures(work * SECOND / WINDOW, wait / work if work else None)


@dataclass(slots=True)
class Queues:
    """The newest depth of every queue of every process."""

    ready: Buckets = field(default_factory=Buckets)
    _depths: dict[tuple[str, str, str], float] = field(default_factory=dict[tuple[str, str, str], float])

    def add(self, process: str, sample: Sample) -> None:
        """Take in a depth."""
        name = str(sample.attributes.get(semconv.QUEUE_NAME, ""))
        self._depths[process, name, str(sample.attributes.get(semconv.QUEUE_STATE, ""))] = sample.value
        self.ready.put(sample.time, self.depth(semconv.READY))

    def forget(self, process: str) -> None:
        """The process has ended."""
        for key in [key for key in self._depths if key[0] == process]:
            del self._depths[key]

    def depth(self, state: str) -> int:
        """How many tasks are in this state, over all queues."""
        return round(sum(value for (_, _, found), value in self._depths.items() if found == state))

    @property
    def known(self) -> bool:
        """Whether any process has a queue."""
        return bool(self._depths)
