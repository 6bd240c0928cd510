"""Which units of a run depend on which, as far as the run kept to it."""

from __future__ import annotations

from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Final

from agent_otel.analysis.releases import SLACK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_otel.analysis.passes import Unit

CYCLES_NAMED: Final = 3


@dataclass(frozen=True, slots=True)
class Dependencies:
    """For each unit (by place) the places of those that it needs, all of them earlier; ``stated`` if any were.

    ``warnings`` name circles and what the run did not keep to; both are left out of ``needs``.
    """

    needs: tuple[tuple[int, ...], ...]
    stated: bool
    warnings: tuple[str, ...]


def dependencies(units: Sequence[Unit], stated: Sequence[Sequence[str]]) -> Dependencies:
    """The dependencies of units in the order of their starts; ``stated`` are the ids that each says it depends on.

    A task that ran several times depends on its run before, and others on its last run before they started.
    """
    places: dict[str, list[int]] = {}
    for place, unit in enumerate(units):
        places.setdefault(unit.id, []).append(place)
    needs: list[tuple[int, ...]] = []
    ignored: list[str] = []
    unknown: set[str] = set()
    for place, (unit, names) in enumerate(zip(units, stated, strict=True)):
        found: set[int] = set()
        for name in dict.fromkeys((*names, unit.id)):
            if name not in places:
                unknown.add(name)
                continue
            ended = [other for other in places[name] if other < place and units[other].end <= unit.start + SLACK]
            if ended:
                found.add(ended[-1])
            elif name != unit.id or name in names:
                ignored.append(f"{unit.id} on {name}")
        needs.append(tuple(sorted(found)))
    warnings = [f"depends_on goes in a circle: {circle}; it was left out" for circle in circles(units, stated)]
    if ignored and not warnings:
        warnings.append(f"the run did not keep to depends_on ({_some(ignored)}); that was left out")
    if unknown:
        warnings.append(f"no task of the run is called {_some(sorted(unknown))}; taken as complete from the start")
    return Dependencies(tuple(needs), any(names for names in stated), tuple(warnings))


def circles(units: Sequence[Unit], stated: Sequence[Sequence[str]]) -> list[str]:
    """Some circles of dependencies, as ``T3 -> T7 -> T3``: each depends on the next."""
    graph: dict[str, set[str]] = {}
    for unit, names in zip(units, stated, strict=True):
        graph.setdefault(unit.id, set()).update(names)
    found: list[str] = []
    while len(found) < CYCLES_NAMED:
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            circle: list[str] = error.args[1]
            lowest = min(range(len(circle) - 1), key=circle.__getitem__)
            around = [*circle[lowest:-1], *circle[:lowest], circle[lowest]]
            around.reverse()
            found.append(" -> ".join(around))
            graph[around[0]].discard(around[1])
        else:
            break
    return found


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - CYCLES_NAMED} more" if len(names) > CYCLES_NAMED else ""
    return ", ".join(names[:CYCLES_NAMED]) + more
