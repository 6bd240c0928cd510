"""Spans of one trace become a ``Run``: parents found, circles cut, other processes' clocks clipped to their parents."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Final

import msgspec

from agent_otel.store.model import CALLS, CONTAINERS, COVERING_WAITS, Run, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

TOLERATED_SKEW: Final = 1_000_000
"""Nanoseconds by which a child process may stick out of its parent before a warning says that it was clipped."""


def assemble(trace_id: str, spans: Iterable[Span]) -> Run:
    """The run made of these spans; a span that was sent twice counts once, its ended record first.

    Raises ``ValueError`` without spans.
    """
    warnings: list[str] = []
    ordered = _forward(_unique(spans), warnings)
    if not ordered:
        raise ValueError(f"trace {trace_id} has no spans")
    _sort(ordered)
    parents = _parents(ordered, warnings)
    moved = _lengthen_unended(ordered, parents)
    if len({span.resource.process for span in ordered}) > 1:
        moved = _clip_processes(ordered, parents, warnings) or moved
    if moved:
        ordered, parents = _resorted(ordered, parents)
    abandoned = sum(span.state == "abandoned" for span in ordered)
    if abandoned:
        warnings.append(
            f"{count(abandoned, 'span')} never ended: the process was killed; they end here when it was last heard of"
        )
    start, end = _extent(ordered)
    return Run(trace_id, tuple(ordered), tuple(parents), _root(ordered, parents), start, end, tuple(warnings))


def count(number: int, noun: str) -> str:
    """``1 span``, ``2 spans``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _unique(spans: Iterable[Span]) -> list[Span]:
    given = list(spans)
    unique = {span.span_id: span for span in given}
    if len(unique) == len(given):
        return given
    unique.clear()
    for span in given:
        known = unique.get(span.span_id)
        if known is None or (known.state != "ended" and span.state == "ended"):
            unique[span.span_id] = span
    return list(unique.values())


def _forward(spans: list[Span], warnings: list[str]) -> list[Span]:
    forward: list[Span] = []
    backward = 0
    for span in spans:
        if span.end < span.start:
            backward += span.state == "ended"
            forward.append(msgspec.structs.replace(span, end=span.start))
        else:
            forward.append(span)
    if backward:
        warnings.append(f"{count(backward, 'span')} ended before starting and counted as zero seconds")
    return forward


def _sort(spans: list[Span]) -> None:
    """By start, of equals the one that ends last first, then by id."""
    spans.sort(key=attrgetter("span_id"))
    spans.sort(key=attrgetter("end"), reverse=True)
    spans.sort(key=attrgetter("start"))


def _parents(spans: Sequence[Span], warnings: list[str]) -> list[int]:
    positions = {span.span_id: position for position, span in enumerate(spans)}
    parents = [positions.get(span.parent_id, -1) if span.parent_id else -1 for span in spans]
    if all(above < position for position, above in enumerate(parents)):
        return parents
    done = bytearray(len(spans))  # 0 new, 1 on this path, 2 known to end at the top
    for first in range(len(spans)):
        path: list[int] = []
        position = first
        while position != -1 and not done[position]:
            done[position] = 1
            path.append(position)
            position = parents[position]
        if position != -1 and done[position] == 1:
            warnings.append(f"span {spans[position].span_id} is its own ancestor and was put at the top")
            parents[position] = -1
        for passed in path:
            done[passed] = 2
    return parents


def _lengthen_unended(spans: list[Span], parents: Sequence[int]) -> bool:
    """A span that never ended lasted at least as long as what ran in it. Whether any was changed."""
    if all(span.state == "ended" for span in spans):
        return False
    changed = False
    for position in sorted(range(len(spans)), key=lambda position: -spans[position].end):
        end = spans[position].end
        above = parents[position]
        while above != -1 and spans[above].state != "ended" and spans[above].end < end:
            spans[above] = msgspec.structs.replace(spans[above], end=end)
            changed = True
            above = parents[above]
    return changed


def _clip_processes(spans: list[Span], parents: Sequence[int], warnings: list[str]) -> bool:
    """Cut what sticks out of a parent in another process. Whether any was changed."""
    changed = False
    bounds: list[tuple[int, int] | None] = [None] * len(spans)
    clipped = worst = 0
    for position in top_down(parents):
        above = parents[position]
        if above == -1:
            continue
        span, parent = spans[position], spans[above]
        limit = bounds[above]
        crossed = span.resource.process != parent.resource.process
        if crossed and span.resource.process and parent.resource.process:
            limit = (parent.start, parent.end)
        if limit is None:
            continue
        bounds[position] = limit
        start = min(max(span.start, limit[0]), limit[1])
        end = max(min(span.end, limit[1]), start)
        if (start, end) != (span.start, span.end):
            spans[position] = msgspec.structs.replace(span, start=start, end=end)
            changed = True
            excess = max(start - span.start, span.end - end)
            clipped += excess > TOLERATED_SKEW
            worst = max(worst, excess)
    if clipped:
        warnings.append(
            f"{count(clipped, 'span')} of child processes stuck out of their parents by up to {worst / 1e6:,.0f} ms "
            "and were clipped to them: the clocks differ, or the child outlived the call that started it"
        )
    return changed


def top_down(parents: Sequence[int]) -> list[int]:
    """Positions in an order in which every parent comes before its children."""
    children: list[list[int]] = [[] for _ in parents]
    order: list[int] = []
    for position, above in enumerate(parents):
        if above == -1:
            order.append(position)
        else:
            children[above].append(position)
    for position in order:
        order.extend(children[position])
    return order


def _resorted(spans: Sequence[Span], parents: Sequence[int]) -> tuple[list[Span], list[int]]:
    order = sorted(range(len(spans)), key=lambda old: (spans[old].start, -spans[old].end, spans[old].span_id))
    places = [0] * len(spans)
    for new, old in enumerate(order):
        places[old] = new
    return [spans[old] for old in order], [-1 if parents[old] == -1 else places[parents[old]] for old in order]


def _extent(spans: Sequence[Span]) -> tuple[int, int]:
    enclosed = [span for span in spans if not span.annotation or span.wait_reason in COVERING_WAITS] or spans
    return enclosed[0].start, max([span.end for span in enclosed])


def _root(spans: Sequence[Span], parents: Sequence[int]) -> Span:
    tops = [span for span, above in zip(spans, parents, strict=True) if above == -1]

    def preference(span: Span) -> int:
        word = span.operation
        return 0 if word in CONTAINERS else 2 if word in CALLS else 1

    return min(tops, key=preference)
