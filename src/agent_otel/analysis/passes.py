"""What runs between the units of a task graph: the passes of director and strategist, and what they hand out."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise, takewhile
from typing import TYPE_CHECKING, Final

from agent_otel.analysis.releases import SLACK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_otel.store.reader import Run

SUPERSTEP: Final = "superstep"
CONTINUOUS: Final = "continuous"


@dataclass(frozen=True, slots=True)
class Unit:
    """The span (by position) that carries out one task. ``task`` is the span with the task's id; ``step`` the
    superstep that ran it, None where there are none."""

    id: str
    type: str
    task: int
    position: int
    start: int
    end: int
    step: int | None


@dataclass(frozen=True, slots=True)
class Pass:
    """Director and strategist once (positions, by start): ``finished`` units were collected, ``handed`` handed out.

    ``since`` is when it was called for: its last unit had ended (its first, where passes run beside units), and so
    had the pass before.
    """

    nodes: tuple[int, ...]
    since: int
    start: int
    end: int
    finished: int
    handed: int


@dataclass(frozen=True, slots=True)
class Turns:
    """The positions that ran before the first unit, the passes after it, and the units handed out together.

    ``handed_by`` is the number of the pass that handed out each round, -1 for the opening.
    """

    opening: tuple[int, ...]
    passes: tuple[Pass, ...]
    rounds: tuple[tuple[int, ...], ...]
    handed_by: tuple[int, ...]
    rule: str


def turns_of(run: Run, units: Sequence[Unit], others: Sequence[int]) -> Turns:
    """How units (by start) and the other spans beside them (by start) took turns."""
    first = units[0].start
    opening = tuple(takewhile(lambda other: run.spans[other].end <= first + SLACK, others))
    groups = _groups(run, sorted(unit.start for unit in units), others[len(opening) :])
    extents = [(run.spans[group[0]].start, max(run.spans[node].end for node in group)) for group in groups]
    handed_by = _handed_by(units, [end for _, end in extents])
    rule = _rule(units, extents, handed_by)
    handed = Counter(handed_by)
    ends = sorted(unit.end for unit in units)
    passes: list[Pass] = []
    collected, previous = 0, first
    for number, (group, (start, end)) in enumerate(zip(groups, extents, strict=True)):
        finished = ends[collected : max(collected, bisect_right(ends, start + SLACK))]
        called = finished[-1:] if rule == SUPERSTEP else finished[:1]
        since = min(start, max([previous, *called]))
        passes.append(Pass(tuple(group), since, start, end, len(finished), handed[number]))
        collected += len(finished)
        previous = end
    rounds: dict[tuple[int, int | None], list[int]] = {}
    for place, (unit, number) in enumerate(zip(units, handed_by, strict=True)):
        rounds.setdefault((number, unit.step), []).append(place)
    return Turns(
        opening, tuple(passes), tuple(map(tuple, rounds.values())), tuple(number for number, _ in rounds), rule
    )


def _groups(run: Run, starts: Sequence[int], others: Sequence[int]) -> list[list[int]]:
    """A pass ends where a unit starts, or where one of its nodes runs again."""
    groups: list[list[int]] = []
    names: set[str] = set()
    reached = place = 0
    for other in others:
        span = run.spans[other]
        while place < len(starts) and starts[place] < reached - SLACK:
            place += 1
        parted = place < len(starts) and starts[place] < span.start
        if not groups or parted or span.name in names:
            groups.append([])
            names.clear()
            reached = 0
        groups[-1].append(other)
        names.add(span.name)
        reached = max(reached, span.end)
    return groups


def _handed_by(units: Sequence[Unit], ends: Sequence[int]) -> list[int]:
    """The pass that handed out each unit: the last one that had ended when it started; -1 is the opening."""
    found: list[int] = []
    number = -1
    for unit in units:
        while number + 1 < len(ends) and ends[number + 1] <= unit.start + SLACK:
            number += 1
        found.append(number)
    return found


def _rule(units: Sequence[Unit], extents: Sequence[tuple[int, int]], handed_by: Sequence[int]) -> str:
    """How the run was scheduled; one whose steps do not tell is continuous where a pass ran beside a unit."""
    steps = {unit.step for unit in units}
    if None not in steps and len(steps) > 1:
        return SUPERSTEP
    place = latest = 0
    for start, end in extents:
        while place < len(units) and units[place].start < end - SLACK:
            latest = max(latest, units[place].end)
            place += 1
        if latest > start + SLACK:
            return CONTINUOUS
    overlapping = any(
        later.start < earlier.end and after != before
        for (earlier, before), (later, after) in pairwise(zip(units, handed_by, strict=True))
    )
    return CONTINUOUS if overlapping or (not extents and None in steps) else SUPERSTEP
