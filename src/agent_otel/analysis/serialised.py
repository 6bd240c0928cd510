"""Calls that units make one at a time though the units run side by side: a lock that no span tells of.

It shows where a unit does nothing until the very moment in which another unit's call of the same kind ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agent_otel import semconv
from agent_otel.store.model import text

if TYPE_CHECKING:
    from agent_otel.analysis.taskgraph import TaskGraph
    from agent_otel.analysis.work import Works
    from agent_otel.store.reader import Span

SHORTEST: Final = 2_000_000
"""Nanoseconds before a call from which on it may have waited."""
HANDOVER: Final = 5_000_000
"""Nanoseconds in which a lock goes from one call to the next."""
FEWEST: Final = 2
"""Calls that must have waited."""


@dataclass(frozen=True, slots=True)
class Held:
    """The call (position) of a unit that holds a lock, and the nanoseconds that it waited for it."""

    call: int
    lock: str
    waited: int


@dataclass(frozen=True, slots=True)
class Serialised:
    """By place of the unit the call that was serialised; ``waits`` by kind of call the waits in nanoseconds."""

    held: dict[int, Held]
    waits: dict[str, list[int]]


def serialised(graph: TaskGraph, works: Works) -> Serialised:
    """The locks that the units' calls show."""
    calls: dict[str, list[tuple[int, int, int]]] = {}
    spans = graph.run.spans
    for place, unit in enumerate(graph.units):
        reached, seen = unit.start, set[str]()
        for child in works.children.get(unit.position, ()):
            span = spans[child]
            kind = _kind(span)
            if kind is not None and kind not in seen and span.start >= reached:
                calls.setdefault(kind, []).append((place, child, span.start - reached))
                seen.add(kind)
            reached = max(reached, span.end)
    found = Serialised({}, {})
    for kind, made in calls.items():
        _judge(kind, made, spans, found)
    return found


def _judge(kind: str, made: list[tuple[int, int, int]], spans: tuple[Span, ...], found: Serialised) -> None:
    """Add the lock of one kind of call, if there is one and no other was found in these units."""
    made.sort(key=lambda one: spans[one[1]].start)
    usual = min(gap for _, _, gap in made)
    waits: list[int] = []
    held: dict[int, Held] = {}
    ended = None
    for place, call, gap in made:
        span = spans[call]
        if ended is not None and span.start < ended - SHORTEST:
            return
        waited = 0
        if ended is not None and gap > SHORTEST and span.start - gap < ended and span.start - ended <= HANDOVER:
            waited = gap - usual
            waits.append(waited)
        held[place] = Held(call, kind, waited)
        ended = span.end if ended is None else max(ended, span.end)
    if len(waits) >= FEWEST and not found.held.keys() & held.keys():
        found.held.update(held)
        found.waits[kind] = waits


def _kind(span: Span) -> str | None:
    if span.annotation or semconv.GIT_OPERATION not in span.attributes:
        return None
    return f"git {text(span, semconv.GIT_OPERATION)}"
