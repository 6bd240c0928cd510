"""A comparison as one CSV table: a row a candidate, with its effect against the best; times in seconds."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from agent_otel.analysis.candidates import Candidate
    from agent_otel.analysis.compare import Comparison, Effect

FIGURES: Final = (
    "n", "measured", "settled", "centre", "median", "median_low", "median_high", "p95", "p95_low", "p95_high",
    "success_rate", "success_low", "success_high", "probability_best", "missing",
)  # fmt: skip
EFFECT: Final = ("effect", "effect_value", "effect_low", "effect_high", "p", "verdict")
Cell = str | int | float | None


def render(found: Comparison, stream: TextIO) -> None:
    """Write the table, a column a key."""
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow((*found.by, *FIGURES, *EFFECT))
    effects = {one.keys: one for one in found.effects}
    writer.writerows(
        (*one.keys, *_figures(one), *_effect(effects.get(one.keys), best=one.keys == found.best))
        for one in found.candidates
    )


def _figures(one: Candidate) -> tuple[Cell, ...]:
    return (
        one.n,
        one.measured,
        one.settled,
        one.centre,
        one.median,
        one.median_interval.low,
        one.median_interval.high,
        one.p95,
        one.p95_interval.low,
        one.p95_interval.high,
        one.success_rate,
        one.success_interval.low,
        one.success_interval.high,
        one.probability_best,
        one.missing,
    )


def _effect(one: Effect | None, *, best: bool) -> tuple[Cell, ...]:
    if one is None:
        return (None, None, None, None, None, "best" if best else None)
    return one.measure, one.value, one.interval.low, one.interval.high, one.p, one.verdict
