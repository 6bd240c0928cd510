"""A run replayed under other rules: a discrete-event simulation of its units, director and strategist.

Three ways to hand out units, all in the order in which the run did:

- **superstep**: a pass of strategist and director starts when everything handed out has finished;
- **continuous**: it starts when a unit finishes; what finishes during a pass is collected by the next one;
- **no barrier**: a unit starts when what it depends on has finished, and passes run beside the units, but the last.

A unit is ready when the pass has begun that collected all that it depends on. A slot is free again at that moment,
too: the director knows what the strategist collected. Units that were handed out beyond the slots wait for one.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from agent_otel.analysis.passes import CONTINUOUS, SUPERSTEP
from agent_otel.analysis.work import Parts, merge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_otel.analysis.plan import Plan, Stage

NO_BARRIER: Final = "no barrier"
RULES: Final = (SUPERSTEP, CONTINUOUS, NO_BARRIER)
_PASS: Final = -1
"""Stands for the pass where events name a unit."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How units are handed out: one of ``RULES``, to how many slots; ``pooled`` if everything that is ready is handed
    out and waits for a slot. ``rounds`` keeps to these rounds instead of asking what is ready."""

    dispatch: str
    slots: int
    pooled: bool = False
    rounds: tuple[tuple[int, ...], ...] | None = None


@dataclass(slots=True)
class Activity:
    """Something that took time because what ended at its start had ended (``cause``, None for the first)."""

    end: float
    parts: Parts
    cause: int | None


@dataclass(frozen=True, slots=True)
class Replay:
    """The outcome, in nanoseconds: ``path`` is the critical path by category and sums to ``makespan``.

    ``starts`` and ``ends`` are of the units by place.
    """

    makespan: float
    path: Parts
    starts: tuple[float, ...]
    ends: tuple[float, ...]
    passes: int


def replay(plan: Plan, needs: Sequence[Sequence[int]], rules: Rules, ranks: Sequence[int] | None = None) -> Replay:
    """Replay the units of a plan, of which each needs some earlier ones; of those ready the lowest rank goes first."""
    return _Machine(plan, needs, rules, ranks or range(len(needs))).run()


@dataclass(slots=True)
class _Lock:
    holder: bool = False
    waiting: deque[tuple[int, int]] = field(default_factory=deque[tuple[int, int]])


class _Machine:
    def __init__(self, plan: Plan, needs: Sequence[Sequence[int]], rules: Rules, ranks: Sequence[int]) -> None:
        self.plan = plan
        self.rules = rules
        self.missing = [len(found) for found in needs]
        self.needed_by: list[list[int]] = [[] for _ in needs]
        for place, found in enumerate(needs):
            for need in found:
                self.needed_by[need].append(place)
        self.ranks = ranks
        self.ready = [(ranks[place], place) for place, count in enumerate(self.missing) if not count]
        heapq.heapify(self.ready)
        self.rounds = deque(rules.rounds or ())
        self.activities: list[Activity] = []
        self.events: list[tuple[float, int, int, int]] = []
        self.queue: deque[int] = deque()
        self.locks: dict[str, _Lock] = {}
        self.now: float = 0
        self.latest = 0
        self.running = self.outstanding = self.passes = 0
        self.busy = False
        self.finished: list[int] = []
        self.left = len(needs)
        self.batch: list[int] = []
        self.starts: list[float] = [0] * len(needs)
        self.ends: list[float] = [0] * len(needs)

    def run(self) -> Replay:
        """Run until every unit has been collected."""
        self.now = sum(self.plan.opening.values())
        self.activities.append(Activity(self.now, self.plan.opening, None))
        self.batch = self._choose()
        self._hand_out()
        while self.events:
            self.now = self.events[0][0]
            while self.events and self.events[0][0] == self.now:
                _, activity, unit, stage = heapq.heappop(self.events)
                self.latest = activity
                if unit == _PASS:
                    self.busy = False
                    self._hand_out()
                else:
                    self._stage_over(unit, stage)
            self._turn()
        self.activities.append(Activity(self.now + sum(self.plan.closing.values()), self.plan.closing, self.latest))
        return Replay(self.activities[-1].end, self._path(), tuple(self.starts), tuple(self.ends), self.passes)

    def _turn(self) -> None:
        """Start a pass if there is a reason to."""
        rule, idle = self.rules.dispatch, not self.running and not self.queue
        if self.busy or not self.finished or (rule == SUPERSTEP and not idle):
            return
        done, self.finished = self.finished, []
        self.outstanding -= len(done)
        self.left -= len(done)
        for unit in done:
            for dependent in self.needed_by[unit]:
                self.missing[dependent] -= 1
                if not self.missing[dependent]:
                    heapq.heappush(self.ready, (self.ranks[dependent], dependent))
        self.batch = self._choose()
        self.busy = True
        self._begin(self._pass(len(done)), _PASS, 0, self.latest)

    def _pass(self, done: int) -> Parts:
        plan = self.plan
        if self.rules.dispatch == NO_BARRIER and self.left:
            return {}
        parts = plan.collect.parts(self.passes, done)
        if self.batch:
            merge(parts, plan.dispatch.parts(self.passes, len(self.batch)))
        elif self.left or plan.closed:
            merge(parts, plan.idle.parts(1, 0))
        self.passes += 1
        return parts

    def _choose(self) -> list[int]:
        """What is handed out next: the next round, or what is ready, as far as slots reach."""
        if self.rules.rounds is not None:
            return list(self.rounds.popleft()) if self.rounds else []
        free = len(self.ready) if self.rules.pooled else self.rules.slots - self.outstanding
        return [heapq.heappop(self.ready)[1] for _ in range(min(free, len(self.ready)))]

    def _hand_out(self) -> None:
        self.outstanding += len(self.batch)
        self.queue.extend(self.batch)
        self.batch = []
        self._fill()

    def _fill(self) -> None:
        """Start what waits for a slot."""
        while self.queue and self.running < self.rules.slots:
            unit = self.queue.popleft()
            self.running += 1
            self.starts[unit] = self.now + sum(self.plan.lag.values())
            self._enter(unit, 0, self.latest)

    def _enter(self, unit: int, stage: int, cause: int) -> None:
        """Start a stage of a unit, or wait for its lock."""
        found: Stage = self.plan.units[unit][stage]
        if found.lock is not None:
            lock = self.locks.setdefault(found.lock, _Lock())
            if lock.holder:
                lock.waiting.append((unit, stage))
                return
            lock.holder = True
        parts = found.parts
        if not stage:
            parts = dict(parts)
            merge(parts, self.plan.lag)
        self._begin(parts, unit, stage, cause)

    def _begin(self, parts: Parts, unit: int, stage: int, cause: int) -> None:
        end = self.now + sum(parts.values())
        self.activities.append(Activity(end, parts, cause))
        heapq.heappush(self.events, (end, len(self.activities) - 1, unit, stage))

    def _stage_over(self, unit: int, stage: int) -> None:
        stages = self.plan.units[unit]
        name = stages[stage].lock
        if name is not None:
            lock = self.locks[name]
            lock.holder = False
            if lock.waiting:
                self._enter(*lock.waiting.popleft(), self.latest)
        if stage + 1 < len(stages):
            self._enter(unit, stage + 1, self.latest)
            return
        self.ends[unit] = self.now
        self.finished.append(unit)
        self.running -= 1
        self._fill()

    def _path(self) -> Parts:
        found: Parts = {}
        place: int | None = len(self.activities) - 1
        while place is not None:
            merge(found, self.activities[place].parts)
            place = self.activities[place].cause
        return found
