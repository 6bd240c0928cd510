"""Did a mean move? A difference of two means whose values come in runs, and may be more alike within a run."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from agent_otel.analysis import statistics

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_otel.analysis.statistics import Difference, Numbers


@dataclass(frozen=True, slots=True)
class Side:
    """The values of one side: mean, variance, and by run the sum of deviations from the mean and the number."""

    n: int
    mean: float
    variance: float
    sums: Numbers
    sizes: Numbers

    @property
    def runs(self) -> int:
        """How many runs."""
        return len(self.sizes)

    @property
    def per_run(self) -> float:
        """Values in a run, weighted by their number: sum of squares / n (Kish)."""
        return float((self.sizes**2).sum()) / self.n


def side(runs: Sequence[Sequence[float]]) -> Side:
    """The values of some runs, at least two values in all."""
    filled = [run for run in runs if run]
    sizes = np.array([len(run) for run in filled], dtype=np.float64)
    values = np.fromiter((value for run in filled for value in run), dtype=np.float64)
    mean = float(values.mean())
    deviations = values - mean
    sums = np.add.reduceat(deviations, np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.intp))
    return Side(len(values), mean, float(deviations @ deviations) / (len(values) - 1), sums, sizes)


@dataclass(frozen=True, slots=True)
class Shift:
    """``value`` is the mean of the second side - the mean of the first.

    Its error is estimated in more than one way; every answer is by the most careful of them.
    """

    value: float
    estimates: tuple[Difference, ...]

    @property
    def p_above(self) -> float:
        """The one-sided p-value of a move upwards."""
        return max(found.p_above() for found in self.estimates)

    @property
    def p_below(self) -> float:
        """The one-sided p-value of a move downwards."""
        return max(1 - found.p_above() for found in self.estimates)

    def lower(self, confidence: float) -> float:
        """The one-sided lower bound."""
        return min(found.lower(confidence) for found in self.estimates)

    def detectable(self, confidence: float, power: float, least: float) -> float:
        """The move that would be found with that probability, where also the estimate must be above ``least``."""
        found = 0.0
        for estimate in self.estimates:
            bound = statistics.t_quantile(confidence, estimate.freedom) * estimate.error
            found = max(found, max(bound, least) + statistics.normal_quantile(power) * estimate.error)
        return found


def shift(before: Side, after: Side) -> Shift:
    """The move between two sides of two values or more.

    Values of one run may be alike: a slow hour slows all of them. So the error is estimated twice, and the larger
    counts: from the variance of values times the design effect 1 + (values per run - 1) * intraclass correlation, and,
    given two runs or more a side, from the variance between runs. Where every value has a run of its own both are
    Welch's test.
    """
    value = after.mean - before.mean
    correlation = _intraclass(before, after)
    effects = [1 + (one.per_run - 1) * correlation for one in (before, after)]
    parts = [
        (one.variance / one.n * effect, one.n / effect - 1)
        for one, effect in zip((before, after), effects, strict=True)
    ]
    estimates = [statistics.combined(value, parts[0], parts[1])]
    if before.runs > 1 and after.runs > 1:
        estimates.append(statistics.combined(value, _between(before), _between(after)))
    return Shift(value, tuple(estimates))


def _between(one: Side) -> tuple[float, float]:
    """The variance of a mean from the sums of its runs, and its degrees of freedom."""
    variance = one.runs / (one.runs - 1) * float(one.sums @ one.sums) / one.n**2
    return variance, one.runs - 1


def _intraclass(before: Side, after: Side) -> float:
    """How alike values of one run are (0 to 1), by analysis of variance; 0 where nothing tells."""
    n, runs = before.n + after.n, before.runs + after.runs
    if runs <= 2 or n <= runs:
        return 0.0
    between = sum(float((one.sums**2 / one.sizes).sum()) for one in (before, after))
    within = sum(one.variance * (one.n - 1) for one in (before, after)) - between
    mean_between, mean_within = between / (runs - 2), max(0.0, within / (n - runs))
    size = (n - before.per_run - after.per_run) / (runs - 2)
    extra = max(0.0, (mean_between - mean_within) / size) if size > 0 else 0.0
    whole = extra + mean_within
    return extra / whole if whole and math.isfinite(whole) else 0.0
