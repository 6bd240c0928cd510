"""The rows of a Gantt chart: one for each span down to a depth, many equal siblings folded into one."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from agent_otel.analysis.accounting import PAUSES
from agent_otel.analysis.items import owners
from agent_otel.analysis.own_time import own_intervals
from agent_otel.store.assemble import top_down

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent_otel.analysis.intervals import Interval
    from agent_otel.store.reader import Run

FOLDED: Final = 24
"""More siblings of one name than this share a row."""
ROWS: Final = 60
"""Without a depth asked for, the chart is as deep as this many rows allow."""


@dataclass(slots=True)
class Row:
    """A row of the chart: the spans that it stands for, several when they are folded.

    ``busy`` are the intervals in which they, or what runs in them, worked, by category; ``waits`` when they waited:
    in queues and barriers beside them and in pauses inside.
    """

    members: list[int]
    level: int
    below: int = 0
    """Spans inside that have no row of their own."""
    busy: dict[str, list[Interval]] = field(default_factory=dict[str, "list[Interval]"])
    waits: list[Interval] = field(default_factory=list["Interval"])


def rows(run: Run, depth: int | None = None) -> list[Row]:
    """The rows, each before those of its children, siblings by start. Levels count from 1."""
    children = _children(run)
    made = _folded(run, children, depth if depth is not None else _depth(run, children))
    _fill(run, made)
    return made


def _children(run: Run) -> Mapping[int, list[int]]:
    """The children of each span that have rows: not the waits that are drawn with what waited, nor supersteps."""
    belonging = owners(run)
    children: dict[int, list[int]] = {}
    for position, above in enumerate(run.parents):
        reason = run.spans[position].wait_reason
        alone = reason is not None and position not in belonging and (reason not in PAUSES or above == -1)
        if alone or not run.spans[position].annotation:
            children.setdefault(above, []).append(position)
    return children


def _groups(run: Run, members: Sequence[int]) -> list[list[int]]:
    """Siblings by start, those with too many of their name together where the first of them is."""
    names = Counter(run.spans[member].name for member in members)
    groups: dict[str | int, list[int]] = {}
    for member in members:
        name = run.spans[member].name
        groups.setdefault(name if names[name] > FOLDED else member, []).append(member)
    return list(groups.values())


def _depth(run: Run, children: Mapping[int, list[int]]) -> int:
    """The greatest depth with few enough rows, at least two."""
    level, count = 0, 0
    here = _groups(run, children.get(-1, ()))
    while here and (count + len(here) <= ROWS or level < 2):
        level += 1
        count += len(here)
        here = [group for row in here if len(row) == 1 for group in _groups(run, children.get(row[0], ()))]
    return level


def _folded(run: Run, children: Mapping[int, list[int]], depth: int) -> list[Row]:
    made: list[Row] = []
    pending = [(group, 1) for group in reversed(_groups(run, children.get(-1, ())))]
    while pending:
        members, level = pending.pop()
        made.append(Row(members, level))
        if len(members) == 1 and level < depth:
            inside = _groups(run, children.get(members[0], ()))
            pending.extend((group, level + 1) for group in reversed(inside))
    return made


def _fill(run: Run, made: Sequence[Row]) -> None:
    """Give each row the work of its spans and of all that lies below them, and their waits."""
    of_span = {member: row for row in made for member in row.members}
    lines: list[tuple[Row, ...]] = [()] * len(run.spans)
    belonging = owners(run)
    own = own_intervals(run)
    for position in top_down(run.parents):
        span, above = run.spans[position], run.parents[position]
        outer = () if above == -1 else lines[above]
        row = of_span.get(position)
        lines[position] = outer if row is None else (*outer, row)
        if row is None and outer and not span.annotation:
            outer[-1].below += 1
        for line in lines[position]:
            line.busy.setdefault(span.category, []).extend(own[position])
    for position, span in enumerate(run.spans):
        if span.wait_reason is None:
            continue
        row = of_span.get(position) or of_span.get(belonging.get(position, -1))
        if row is None and span.wait_reason in PAUSES and lines[position]:
            row = lines[position][-1]
        if row is not None:
            row.waits.append((span.start, span.end))
