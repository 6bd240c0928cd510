"""What let a span start: dependencies of tasks, links, and the writes that triggered a node of a graph."""

from __future__ import annotations

from bisect import bisect_left
from functools import cached_property
from typing import TYPE_CHECKING, Final

from agent_otel import semconv
from agent_otel.analysis.tree import TOP, Tree
from agent_otel.store.model import texts

if TYPE_CHECKING:
    from collections.abc import Iterator

SLACK: Final = 1_000_000
"""Nanoseconds by which two spans that follow from each other may lie apart; shorter waits are never recorded."""
_PUSHED: Final = {"__pregel_push": "__pregel_tasks"}
"""LangGraph's trigger of a task made by ``Send``, and the channel that ``Send`` writes."""


class Releases:
    """For each span of a tree the siblings that released it, found when they are asked for."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.tasks: dict[str, list[int]] = {}
        self.writers: dict[tuple[int, int, str], list[int]] = {}
        self.bound: dict[int, list[int]] = {}
        self._dependent: list[int] = []
        self._known: dict[int, tuple[int, ...]] = {}
        self._sorted: dict[int, tuple[list[tuple[int, int]], list[tuple[int, int]]]] = {}
        self._index()
        self._lift()

    def _index(self) -> None:
        homes = self.tree.homes
        for position, span in enumerate(self.tree.run.spans):
            if span.annotation:
                continue
            attributes = span.attributes
            task = attributes.get(semconv.TASK_ID)
            if task is not None:
                self.tasks.setdefault(str(task), []).append(position)
            if span.links or semconv.TASK_DEPENDS_ON in attributes:
                self._dependent.append(position)
            step = attributes.get(semconv.NODE_STEP)
            if isinstance(step, int):
                for channel in texts(span, semconv.NODE_WRITES):
                    self.writers.setdefault((homes[position], step, channel), []).append(position)

    def _lift(self) -> None:
        """A dependency between spans in different branches holds between the branches, where they part.

        What starts a branch later than its first moment did not wait for the branch to be released.
        """
        for position in self._dependent:
            for source in self._sources(position):
                if source == position or not self.tree.working[source]:
                    continue
                above = self.tree.lineage(source)
                place = {member: number for number, member in enumerate(above)}
                branch = position
                while (home := self.tree.homes[branch]) != TOP and home not in place:
                    if self.tree.starts[position] - self.tree.starts[home] > SLACK:
                        break
                    branch = home
                home = self.tree.homes[branch]
                number = len(above) if home == TOP else place.get(home)
                if number is not None and branch not in place and number > 0:
                    self.bound.setdefault(branch, []).append(above[number - 1])

    def _sources(self, position: int) -> Iterator[int]:
        span = self.tree.run.spans[position]
        for task in texts(span, semconv.TASK_DEPENDS_ON):
            yield from self.tasks.get(task, ())
        for link in span.links:
            if link.trace_id == span.trace_id and link.span_id in self.positions:
                yield self.positions[link.span_id]

    @cached_property
    def positions(self) -> dict[str, int]:
        """Span id -> position."""
        return {span_id: position for position, span_id in enumerate(self.tree.ids)}

    def of(self, position: int) -> tuple[int, ...]:
        """The siblings that released this span."""
        known = self._known.get(position)
        if known is None:
            known = self._known[position] = (*self.bound.get(position, ()), *self._triggered_by(position))
        return known

    def _triggered_by(self, position: int) -> Iterator[int]:
        span = self.tree.run.spans[position]
        step = span.attributes.get(semconv.NODE_STEP)
        if isinstance(step, int):
            for trigger in texts(span, semconv.NODE_TRIGGERS):
                channel = _PUSHED.get(trigger, trigger)
                yield from self.writers.get((self.tree.homes[position], step - 1, channel), ())

    def releaser(self, position: int, time: int) -> int | None:
        """Of what released the span the one that ended last before ``time``; None if nothing did.

        Of several, one that started later comes first, then the one with the smaller span id.
        """
        tree = self.tree
        started = [source for source in self.of(position) if tree.starts[source] < time]
        if not started:
            return None
        last = max((min(tree.ends[source], time), tree.starts[source]) for source in started)
        tied = [s for s in started if (min(tree.ends[s], time), tree.starts[s]) == last]
        return min(tied, key=tree.ids.__getitem__)

    def held(self, releaser: int, released: int, start: int, end: int) -> bool:
        """Whether a barrier held the releaser, or a queue or lock what it released, between these times.

        Then the span waited for whatever ended last, not for the releaser.
        """
        if end - start <= SLACK:
            return False
        spans = self.tree.run.spans
        barriers, others = self._waits(self.tree.homes[released])
        for begin, wait in _around(barriers, spans[releaser].end):
            if begin < end and spans[wait].end <= end + SLACK:
                return True
        task = spans[released].attributes.get(semconv.TASK_ID)
        for _, wait in _around(others, self.tree.starts[released]):
            waiting = spans[wait].attributes.get(semconv.TASK_ID)
            if task is None or waiting is None or task == waiting:
                return True
        return False

    def _waits(self, home: int) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """Barrier waits by start, queue and lock waits by end."""
        found = self._sorted.get(home)
        if found is None:
            spans = self.tree.run.spans
            waits = self.tree.blocking.get(home, ())
            held = [wait for wait in waits if spans[wait].wait_reason == semconv.BARRIER]
            other = [wait for wait in waits if spans[wait].wait_reason != semconv.BARRIER]
            found = (
                sorted((spans[wait].start, wait) for wait in held),
                sorted((spans[wait].end, wait) for wait in other),
            )
            self._sorted[home] = found
        return found


def _around(waits: list[tuple[int, int]], time: int) -> Iterator[tuple[int, int]]:
    place = bisect_left(waits, (time - SLACK, -1))
    while place < len(waits) and waits[place][0] <= time + SLACK:
        yield waits[place]
        place += 1
