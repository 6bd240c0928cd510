"""A run looked at from all sides, for a diagnosis: totals, what-ifs, and how much of the path lies in each span."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from agent_otel.analysis.critical_path import critical_path
from agent_otel.analysis.totals import Totals
from agent_otel.analysis.whatif import Prediction, WhatIf
from agent_otel.store.assemble import top_down

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent_otel.analysis.changes import Change
    from agent_otel.store.reader import Run


class Examined:
    """What the hypotheses of a diagnosis ask of a run; looked at once."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.what_if = WhatIf(run)
        self.totals = Totals()
        self.totals.add(run)

    @cached_property
    def own_path(self) -> dict[int, int]:
        """Nanoseconds of the critical path that are charged to each span, by position; those with none are left out."""
        positions = {span.span_id: position for position, span in enumerate(self.run.spans)}
        found: dict[int, int] = {}
        for segment in critical_path(self.run).segments:
            if segment.span is not None:
                position = positions[segment.span.span_id]
                found[position] = found.get(position, 0) + segment.duration
        return found

    @cached_property
    def path_inside(self) -> dict[int, int]:
        """The same with everything that lies in the span."""
        found = dict(self.own_path)
        for position in reversed(top_down(self.run.parents)):
            above = self.run.parents[position]
            if above != -1 and position in found:
                found[above] = found.get(above, 0) + found[position]
        return found

    def share(self, nanoseconds: float) -> float:
        """A part of the wall time."""
        return nanoseconds / self.run.wall if self.run.wall else 0.0

    def best(self, changes: Iterable[Change]) -> Prediction | None:
        """The change that saves most; a bracket only where there is nothing better."""
        found = [self.what_if.predict(change) for change in changes]
        return max(found, key=lambda one: (one.known, one.saving_seconds), default=None)
