"""In which order a run's scheduler prefers its units, as far as the run shows it.

Who started earlier was not always preferred: the other may not have been ready yet. Preferred is who was taken while
another one was ready and left for later, and of two taken together who started first. Where that says nothing, tasks
come by their ids (``T2`` before ``T10``), as they stand in most lists.
"""

from __future__ import annotations

import heapq
import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from agent_otel.analysis.passes import SUPERSTEP, Turns, Unit
from agent_otel.analysis.releases import SLACK

if TYPE_CHECKING:
    from collections.abc import Sequence

MOST_COMPARED: Final = 2_000
"""Units up to which all that was left for later is compared; more keep the order of their starts."""


def ranks(units: Sequence[Unit], needs: Sequence[Sequence[int]], turns: Turns) -> tuple[int, ...]:
    """The rank of each unit, by place; the lowest goes first."""
    if turns.rule != SUPERSTEP or len(units) > MOST_COMPARED:
        return tuple(range(len(units)))
    after: list[set[int]] = [set() for _ in units]
    for first, second in _preferences(units, needs, turns.rounds):
        after[first].add(second)
    before = [0] * len(units)
    for found in after:
        for place in found:
            before[place] += 1
    keys = [(_natural(unit.id), place) for place, unit in enumerate(units)]
    free = [(*keys[place], place) for place, count in enumerate(before) if not count]
    heapq.heapify(free)
    ranked = [0] * len(units)
    for rank in range(len(units)):
        # every preference is for a unit of the same round or an earlier one, so that there is always one left
        *_, place = heapq.heappop(free)
        ranked[place] = rank
        for other in after[place]:
            before[other] -= 1
            if not before[other]:
                heapq.heappush(free, (*keys[other], other))
    return tuple(ranked)


def _preferences(
    units: Sequence[Unit], needs: Sequence[Sequence[int]], rounds: Sequence[Sequence[int]]
) -> list[tuple[int, int]]:
    """Pairs of units of which the first was preferred."""
    round_of = {place: number for number, members in enumerate(rounds) for place in members}
    found: list[tuple[int, int]] = []
    ready_since = [max((round_of[need] + 1 for need in needed), default=0) for needed in needs]
    for number, members in enumerate(rounds):
        found += [(a, b) for a, b in pairwise(members) if units[b].start - units[a].start > SLACK]
        left = [place for place in round_of if round_of[place] > number and ready_since[place] <= number]
        found += [(taken, place) for taken in members for place in left]
    return found


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    """A key that sorts numbers within names by value."""
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name) if part)
