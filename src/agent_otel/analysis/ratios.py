"""Wait/work ratios: over windows of time, and of agents, nodes and task types."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent_otel import semconv
from agent_otel.analysis.items import owners, task_id
from agent_otel.analysis.own_time import own_intervals
from agent_otel.store.assemble import top_down
from agent_otel.store.model import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from agent_otel.analysis.intervals import Interval
    from agent_otel.store.reader import Run, Span


@dataclass(frozen=True, slots=True)
class Ratio:
    """Work and wait of what has this name; ``ratio`` = wait / work, None without work."""

    name: str
    work_seconds: float
    wait_seconds: float
    ratio: float | None


@dataclass(frozen=True, slots=True)
class Window:
    """Work and wait between two moments, in seconds since the run's start."""

    start_seconds: float
    end_seconds: float
    work_seconds: float
    wait_seconds: float
    ratio: float | None


def counts(span: Span) -> bool:
    """Whether the span is a wait of the ratio: ready, but not running."""
    return span.wait_reason is not None and span.wait_reason != semconv.DEPENDENCY


def evenly(run: Run, count: int) -> list[int]:
    """The edges of ``count`` windows of equal length over the run."""
    return [run.start + run.wall * number // count for number in range(count + 1)]


def windows(run: Run, edges: Sequence[int]) -> tuple[Window, ...]:
    """Work and wait between each two edges; what lies outside counts in the first or last one, so nothing is lost."""
    work = _between(edges, (interval for own in own_intervals(run) for interval in own))
    wait = _between(edges, ((span.start, span.end) for span in run.spans if counts(span)))
    return tuple(
        Window(
            start_seconds=(edges[place] - run.start) / 1e9,
            end_seconds=(edges[place + 1] - run.start) / 1e9,
            work_seconds=work[place] / 1e9,
            wait_seconds=wait[place] / 1e9,
            ratio=wait[place] / work[place] if work[place] else None,
        )
        for place in range(len(edges) - 1)
    )


def _between(edges: Sequence[int], found: Iterable[Interval]) -> list[int]:
    last = len(edges) - 2
    sums = [0] * (last + 1)
    for start, end in found:
        time, place = start, min(max(bisect_right(edges, start) - 1, 0), last)
        while time < end:
            upto = end if place == last else min(end, edges[place + 1])
            sums[place] += upto - time
            time, place = upto, place + 1
    return sums


@dataclass(slots=True)
class Ratios:
    """Work and wait in nanoseconds, by name."""

    work: Counter[str]
    wait: Counter[str]

    def ranked(self) -> tuple[Ratio, ...]:
        """What waited longest first."""
        names = sorted({*self.work, *self.wait}, key=lambda name: (-self.wait[name], -self.work[name], name))
        return tuple(
            Ratio(
                name,
                self.work[name] / 1e9,
                self.wait[name] / 1e9,
                self.wait[name] / self.work[name] if self.work[name] else None,
            )
            for name in names
        )


KINDS = ("agents", "nodes", "task_types")


def ratios(run: Run) -> Mapping[str, Ratios]:
    """``agents``, ``nodes`` and ``task_types``: work and wait of each.

    Work is self time, counted for the nearest agent, node and task type around it. A queue or barrier wait counts
    for the node that waited. A node in which one agent ran, and no other, is that agent's with its waits and all;
    else, if an LLM was called in it, it is an agent by its own name.
    """
    own = own_intervals(run)
    contexts = _contexts(run)
    owner = owners(run)
    types = {task_id(span): text(span, semconv.TASK_TYPE) for span in run.spans if semconv.TASK_TYPE in span.attributes}
    found = {kind: Ratios(Counter(), Counter()) for kind in KINDS}
    for position, span in enumerate(run.spans):
        agent, node, task_type = contexts[owner.get(position, position)]
        if counts(span):
            if position not in owner:
                node = text(span, semconv.NODE_NAME) or node
                agent = text(span, semconv.AGENT_NAME) or agent
                task_type = types.get(task_id(span)) or task_type
            amount = span.duration
        else:
            amount = sum(end - start for start, end in own[position])
        for kind, name in zip(KINDS, (agent, node, task_type), strict=True):
            if name and amount:
                (found[kind].wait if counts(span) else found[kind].work)[name] += amount
    return found


_Context = tuple[str, str, str]


def _contexts(run: Run) -> list[_Context]:
    """The agent, node and task type that each span belongs to, empty where there is none."""
    agents = _agents_of_nodes(run)
    found: list[_Context] = [("", "", "")] * len(run.spans)
    for position in top_down(run.parents):
        span, above = run.spans[position], run.parents[position]
        agent, node, task_type = ("", "", "") if above == -1 else found[above]
        if position in agents:
            agent, node = agents[position], text(span, semconv.NODE_NAME) or node
        elif span.operation == semconv.INVOKE_AGENT:
            agent = text(span, semconv.AGENT_NAME) or agent
        found[position] = agent, node, text(span, semconv.TASK_TYPE) or task_type
    return found


def _agents_of_nodes(run: Run) -> dict[int, str]:
    """For each node its agent; empty for one in which neither an agent nor an LLM ran."""
    nearest = [-1] * len(run.spans)
    inside: dict[int, set[str]] = {}
    calling: set[int] = set()
    for position in top_down(run.parents):
        span, above = run.spans[position], run.parents[position]
        word = span.operation
        if above != -1:
            nearest[position] = above if above in inside else nearest[above]
        if word == semconv.NODE:
            inside[position] = set()
        elif nearest[position] != -1 and word == semconv.INVOKE_AGENT:
            inside[nearest[position]].add(text(span, semconv.AGENT_NAME) or "")
        elif nearest[position] != -1 and word in semconv.LLM_OPERATIONS:
            calling.add(nearest[position])
    found: dict[int, str] = {}
    for position, names in inside.items():
        own_name = text(run.spans[position], semconv.NODE_NAME) or ""
        found[position] = next(iter(names)) if len(names) == 1 else own_name if names or position in calling else ""
    return found
