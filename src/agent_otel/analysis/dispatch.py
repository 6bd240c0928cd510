"""What running nodes one after another costs, and what continuous dispatch could bring at best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent_otel import semconv
from agent_otel.analysis import intervals
from agent_otel.analysis.supersteps import enclosing_nodes
from agent_otel.store.model import texts

if TYPE_CHECKING:
    from agent_otel.store.reader import Run


@dataclass(frozen=True, slots=True)
class Bracket:
    """The makespan (nanoseconds) that continuous dispatch can reach at best, and the measured one.

    At best = max(longest chain, work / slots): a chain is tasks that depend on each other, or the longest node where
    nothing says what depends on what; slots are the most nodes that ran at once.
    """

    best: int
    measured: int


def sequential_time(run: Run) -> int:
    """Nanoseconds in which a single node ran that no other node of its graph overlapped.

    Nodes inside it that overlap each other take their time away again.
    """
    above = enclosing_nodes(run)
    siblings: dict[int, list[int]] = {}
    for position in above:
        siblings.setdefault(run.parents[position], []).append(position)
    alone = {position for members in siblings.values() for position in _alone(run, members)}
    single: list[intervals.Interval] = []
    shared: list[intervals.Interval] = []
    for position, outer in above.items():
        span = run.spans[position]
        if position not in alone:
            shared.append((span.start, span.end))
        elif outer is None:
            single.append((span.start, span.end))
    return intervals.length(single) - intervals.overlap(single, shared)


def _alone(run: Run, members: list[int]) -> list[int]:
    ordered = sorted(members, key=lambda member: run.spans[member].start)
    found: list[int] = []
    ended = -1
    for place, member in enumerate(ordered):
        span = run.spans[member]
        following = run.spans[ordered[place + 1]].start if place + 1 < len(ordered) else None
        if span.start >= ended and (following is None or following >= span.end):
            found.append(member)
        ended = max(ended, span.end)
    return found


def bracket(run: Run, node_time: int) -> Bracket:
    """What continuous dispatch could bring at best."""
    nodes = [run.spans[position] for position, outer in enclosing_nodes(run).items() if outer is None]
    edges = sorted([(node.start, 1) for node in nodes] + [(node.end, -1) for node in nodes])
    running = slots = 0
    for _, change in edges:
        running += change
        slots = max(slots, running)
    longest = max((node.duration for node in nodes), default=0)
    best = max(longest, longest_chain(run), -(-node_time // slots) if slots else 0)
    return Bracket(min(best, run.wall), run.wall)


def longest_chain(run: Run) -> int:
    """The longest sum of durations along ``depends_on``, in nanoseconds; 0 where nothing depends on anything.

    A dependency starts before what depends on it, so a circle of dependencies is cut where it would go back in time.
    """
    chains: dict[str, int] = {}
    dependent = False
    for span in run.spans:
        if span.annotation:
            continue
        task = span.attributes.get(semconv.TASK_ID)
        if task is None:
            continue
        needs = texts(span, semconv.TASK_DEPENDS_ON)
        dependent = dependent or bool(needs)
        before = max((chains.get(need, 0) for need in needs if need != str(task)), default=0)
        chains[str(task)] = max(chains.get(str(task), 0), before + span.duration)
    return max(chains.values(), default=0) if dependent else 0
