"""What follows what in a graph and how long that takes: times between nodes, and iterations of its loop."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from agent_otel import semconv
from agent_otel.analysis.groups import quantile
from agent_otel.analysis.ratios import Window, windows
from agent_otel.analysis.releases import SLACK
from agent_otel.store.model import text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from agent_otel.store.reader import Run


@dataclass(frozen=True, slots=True)
class Transition:
    """From the end of one node to the start of the next; ``median`` and ``p95`` in seconds, interpolated."""

    source: str
    target: str
    count: int
    median_seconds: float
    p95_seconds: float
    total_seconds: float


@dataclass(frozen=True, slots=True)
class Loop:
    """The iterations of a loop, each from a start of ``node`` to its next start, with work and wait in between."""

    node: str
    count: int
    median_seconds: float
    p95_seconds: float
    iterations: tuple[Window, ...]


class UnknownNodeError(ValueError):
    """No node has the name that was asked for."""


def follows(run: Run) -> Iterator[tuple[int, int]]:
    """Pairs of nodes (their positions): the second began when the first had ended.

    In a graph with supersteps the first is the node of the step before that ended last; else it is the node of the
    same graph that ended last before the second began (1 ms is allowed for clocks that are read one after the other).
    """
    for members in _graphs(run).values():
        steps = _steps(run, members)
        if steps is None:
            yield from _by_time(run, members)
            continue
        for before, after in pairwise(steps):
            last = max(before, key=lambda member: (run.spans[member].end, run.spans[member].start))
            for member in after:
                yield last, member


def transitions(run: Run) -> tuple[Transition, ...]:
    """The times between nodes, by the names of both; the greatest sum first."""
    found: dict[tuple[str, str], list[int]] = {}
    for source, target in follows(run):
        gap = max(0, run.spans[target].start - run.spans[source].end)
        found.setdefault((_name(run, source), _name(run, target)), []).append(gap)
    made: list[Transition] = []
    for (source_name, target_name), gaps in found.items():
        gaps.sort()
        made.append(
            Transition(
                source_name, target_name, len(gaps), quantile(gaps, 0.5) / 1e9, quantile(gaps, 0.95) / 1e9,
                sum(gaps) / 1e9,
            )
        )  # fmt: skip
    return tuple(sorted(made, key=lambda one: (-one.total_seconds, one.source, one.target)))


def loop(run: Run, node: str | None = None) -> Loop | None:
    """The loop of the outermost graph that has one; None without.

    Its node is the first that runs again in a later step, or the one named; ``UnknownNodeError`` if none is named so.
    Node runs of one step, or that overlap, are one start. A loop around whole graph runs is found too.
    """
    graphs = _graphs(run)
    every = [member for members in graphs.values() for member in members]
    if node is not None and all(_name(run, member) != node for member in every):
        names = ", ".join(sorted({_name(run, member) for member in every}))
        raise UnknownNodeError(f"no node of the run is named {node!r}; it has {names or 'none'}")
    for members in (*graphs.values(), sorted(every)):
        starts = _starts(run, members)
        chosen = node or min((name for name, found in starts.items() if len(found) > 1), default=None,
                             key=lambda name: (starts[name][0], name))  # fmt: skip
        edges = starts.get(chosen or "", [])
        if chosen is not None and len(edges) > 1:
            found = windows_between(run, edges)
            lengths = sorted(after - before for before, after in pairwise(edges))
            return Loop(chosen, len(lengths), quantile(lengths, 0.5) / 1e9, quantile(lengths, 0.95) / 1e9, found)
    return None


def windows_between(run: Run, edges: Sequence[int]) -> tuple[Window, ...]:
    """The windows between these moments, without what lies before the first and after the last."""
    return windows(run, [min(run.start, edges[0]), *edges, max(run.end, edges[-1])])[1:-1]


def _graphs(run: Run) -> dict[int, list[int]]:
    """The position of a graph -> its nodes, by start; the graph that began first comes first."""
    graphs: dict[int, list[int]] = {}
    for position, span in enumerate(run.spans):
        if semconv.NODE_NAME in span.attributes and not span.annotation:
            graphs.setdefault(run.parents[position], []).append(position)
    return graphs


def _name(run: Run, position: int) -> str:
    return text(run.spans[position], semconv.NODE_NAME) or run.spans[position].name


def _step(run: Run, position: int) -> int | None:
    step = run.spans[position].attributes.get(semconv.NODE_STEP)
    return step if isinstance(step, int) else None


def _steps(run: Run, members: Sequence[int]) -> list[list[int]] | None:
    """The nodes of each step in the order of steps; None if one has no step."""
    steps: dict[int, list[int]] = {}
    for member in members:
        step = _step(run, member)
        if step is None:
            return None
        steps.setdefault(step, []).append(member)
    return [steps[step] for step in sorted(steps)]


def _by_time(run: Run, members: Sequence[int]) -> Iterator[tuple[int, int]]:
    ended = sorted(members, key=lambda member: (run.spans[member].end, run.spans[member].start))
    place = -1
    for member in members:
        start = run.spans[member].start
        while place + 1 < len(ended) and run.spans[ended[place + 1]].end <= start + SLACK:
            place += 1
        before = place
        while before >= 0 and (ended[before] == member or run.spans[ended[before]].start >= start):
            before -= 1
        if before >= 0:
            yield ended[before], member


def _starts(run: Run, members: Sequence[int]) -> dict[str, list[int]]:
    """Node name -> the starts of its runs, those of one step or that overlap as one."""
    starts: dict[str, list[int]] = {}
    latest: dict[str, tuple[int, set[tuple[int, int]]]] = {}
    for member in members:
        name, span, step = _name(run, member), run.spans[member], _step(run, member)
        places = set[tuple[int, int]]() if step is None else {(run.parents[member], step)}
        end, known = latest.get(name, (-1, set[tuple[int, int]]()))
        if known & places or span.start < end:
            latest[name] = max(end, span.end), known | places
            continue
        starts.setdefault(name, []).append(span.start)
        latest[name] = span.end, places
    return starts
