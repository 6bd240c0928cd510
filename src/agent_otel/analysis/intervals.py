"""Half-open intervals of integer nanoseconds: unions and what they leave over."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Interval: TypeAlias = tuple[int, int]


def union(intervals: Iterable[Interval]) -> list[Interval]:
    """The same points as disjoint, sorted intervals; empty ones vanish."""
    merged: list[Interval] = []
    for start, end in sorted(intervals):
        if end <= start:
            continue
        if merged and start <= merged[-1][1]:
            if end > merged[-1][1]:
                merged[-1] = (merged[-1][0], end)
        else:
            merged.append((start, end))
    return merged


def length(intervals: Iterable[Interval]) -> int:
    """How many nanoseconds lie in the union."""
    return sum(end - start for start, end in union(intervals))


def covered(ordered: Iterable[Interval], start: int, end: int) -> int:
    """How many nanoseconds between ``start`` and ``end`` lie in the union of intervals that come by their starts."""
    total = 0
    for low, high in ordered:
        begin = low if low > start else start
        finish = high if high < end else end
        if finish > begin:
            total += finish - begin
            start = finish
    return total


def clipped(intervals: Iterable[Interval], start: int, end: int) -> list[Interval]:
    """The parts between ``start`` and ``end``."""
    return [(max(low, start), min(high, end)) for low, high in intervals if low < end and high > start]


def overlap(first: Iterable[Interval], second: Iterable[Interval]) -> int:
    """How many nanoseconds lie in both unions."""
    left, right = union(first), union(second)
    total = here = there = 0
    while here < len(left) and there < len(right):
        total += max(0, min(left[here][1], right[there][1]) - max(left[here][0], right[there][0]))
        if left[here][1] < right[there][1]:
            here += 1
        else:
            there += 1
    return total


def previous_longer(ends: Sequence[int]) -> list[int]:
    """For each position the nearest one before it with a later end, -1 if none.

    With intervals sorted by start it leads to the next candidate that still runs at some time, skipping all
    that ended before.
    """
    pointers: list[int] = []
    for position, end in enumerate(ends):
        candidate = position - 1
        while candidate != -1 and ends[candidate] <= end:
            candidate = pointers[candidate]
        pointers.append(candidate)
    return pointers
