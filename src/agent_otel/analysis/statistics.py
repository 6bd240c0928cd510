"""The intervals, effects and tests behind comparisons and the regression gate; the only module that imports scipy."""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Numbers: TypeAlias = NDArray[np.float64]

CONFIDENCE: Final = 0.95


class _Special(Protocol):
    """What is used of ``scipy.special``, which has no complete types."""

    def ndtr(self, x: float) -> float: ...
    def ndtri(self, p: float) -> float: ...
    def stdtr(self, df: float, t: float) -> float: ...
    def stdtrit(self, df: float, p: float) -> float: ...
    def bdtr(self, k: float, n: int, p: float) -> float: ...


class _Tested(Protocol):
    pvalue: float


class _Stats(Protocol):
    """What is used of ``scipy.stats``."""

    def mannwhitneyu(self, x: Numbers, y: Numbers) -> _Tested: ...
    def fisher_exact(self, table: Sequence[Sequence[int]]) -> _Tested: ...


_special: Final = cast("_Special", import_module("scipy.special"))


def _stats() -> _Stats:
    return cast("_Stats", import_module("scipy.stats"))  # slow to import, and seldom needed


@dataclass(frozen=True, slots=True)
class Interval:
    """A confidence interval; None for a bound that so few samples cannot give."""

    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Moments:
    """How many values, their mean, and their variance (over n - 1; 0 for a single value)."""

    n: int
    mean: float
    variance: float


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference of two means, its standard error, and the degrees of freedom of that."""

    value: float
    error: float
    freedom: float

    def interval(self, confidence: float = CONFIDENCE) -> Interval:
        """The two-sided interval by Student's t."""
        reach = t_quantile(0.5 + confidence / 2, self.freedom) * self.error
        return Interval(self.value - reach, self.value + reach)

    def lower(self, confidence: float) -> float:
        """The one-sided lower bound."""
        return self.value - t_quantile(confidence, self.freedom) * self.error

    def p_above(self) -> float:
        """The one-sided p-value: how probable a difference this great is where there is none or less."""
        if not self.error:
            return 0.0 if self.value > 0 else 1.0
        return float(_special.stdtr(self.freedom, -self.value / self.error))

    def p_value(self) -> float:
        """The two-sided p-value."""
        if not self.error:
            return 0.0 if self.value else 1.0
        return min(1.0, 2 * min(self.p_above(), 1 - self.p_above()))


def moments(values: Numbers) -> Moments:
    """The moments of some values, at least one."""
    return Moments(len(values), float(values.mean()), float(values.var(ddof=1)) if len(values) > 1 else 0.0)


def t_quantile(probability: float, freedom: float) -> float:
    """A quantile of Student's t."""
    return float(_special.stdtrit(freedom, probability))


def normal_quantile(probability: float) -> float:
    """A quantile of the normal distribution."""
    return float(_special.ndtri(probability))


def welch(one: Moments, other: Moments) -> Difference:
    """``other`` - ``one``, variances not assumed equal (Welch; degrees of freedom by Satterthwaite)."""
    return combined(other.mean - one.mean, (one.variance / one.n, one.n - 1), (other.variance / other.n, other.n - 1))


def combined(value: float, one: tuple[float, float], other: tuple[float, float]) -> Difference:
    """A difference from the variance of each mean and its degrees of freedom."""
    variance = one[0] + other[0]
    if not variance:
        return Difference(value, 0.0, 1.0)
    parts = sum(part * part / max(freedom, 1e-9) for part, freedom in (one, other))
    return Difference(value, math.sqrt(variance), max(1.0, variance * variance / parts))


def quantile(ordered: Numbers, fraction: float) -> float:
    """The quantile of sorted values, interpolated linearly (type 7)."""
    return float(np.quantile(ordered, fraction))


def quantile_interval(ordered: Numbers, fraction: float, confidence: float = CONFIDENCE) -> Interval:
    """The interval of a quantile between two order statistics: right for every distribution.

    The number of values below the quantile is binomial, so the ranks are quantiles of that. A bound beyond the
    smallest or the greatest value is None.
    """
    n, tail = len(ordered), (1 - confidence) / 2
    low = _binomial_quantile(tail, n, fraction)
    high = _binomial_quantile(1 - tail, n, fraction) + 1
    return Interval(
        float(ordered[low - 1]) if low >= 1 else None,
        float(ordered[high - 1]) if high <= n else None,
    )


def _binomial_quantile(probability: float, n: int, share: float) -> int:
    """The least k with P(B <= k) >= probability."""
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        if float(_special.bdtr(middle, n, share)) >= probability:
            high = middle
        else:
            low = middle + 1
    return low


def wilson(successes: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Wilson's score interval of a rate; both bounds None for no trial."""
    if not n:
        return Interval(None, None)
    z = normal_quantile(0.5 + confidence / 2)
    rate = successes / n
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    return Interval(0.0 if not successes else centre - reach, 1.0 if successes == n else centre + reach)


def rate_difference(one: tuple[int, int], other: tuple[int, int]) -> tuple[float, Interval]:
    """Rate of ``other`` - rate of ``one`` (successes, n), with Newcombe's interval from the two of Wilson."""
    a, b = one[0] / one[1], other[0] / other[1]
    low_a, high_a = _bounds(wilson(*one))
    low_b, high_b = _bounds(wilson(*other))
    value = b - a
    return value, Interval(value - math.hypot(b - low_b, high_a - a), value + math.hypot(high_b - b, a - low_a))


def _bounds(interval: Interval) -> tuple[float, float]:
    return interval.low or 0.0, 1.0 if interval.high is None else interval.high


def fisher(one: tuple[int, int], other: tuple[int, int]) -> float:
    """The two-sided p-value of Fisher's exact test on two rates (successes, n)."""
    return float(_stats().fisher_exact([[one[0], one[1] - one[0]], [other[0], other[1] - other[0]]]).pvalue)


def cliffs_delta(one: Numbers, other: Numbers) -> float:
    """P(other > one) - P(other < one) for values drawn at random: from -1 to 1, no matter the distribution."""
    ordered = np.sort(one)
    below = np.searchsorted(ordered, other, side="left").sum(dtype=np.int64)
    above = (len(one) - np.searchsorted(ordered, other, side="right")).sum(dtype=np.int64)
    return float(below - above) / (len(one) * len(other))


def delta_interval(delta: float, one: int, other: int, confidence: float = CONFIDENCE) -> Interval:
    """The interval of Cliff's delta of samples of these sizes: twice Newcombe's (2006, method 5) of P(other > one)."""
    z = normal_quantile(0.5 + confidence / 2)
    estimate, middle = (delta + 1) / 2, (one + other) / 2 - 1

    def beyond(theta: float) -> bool:
        spread = 1 + middle * ((1 - theta) / (2 - theta) + theta / (1 + theta))
        return abs(theta - estimate) > z * math.sqrt(theta * (1 - theta) * spread / (one * other))

    return Interval(2 * _edge(estimate, 0.0, beyond) - 1, 2 * _edge(estimate, 1.0, beyond) - 1)


def _edge(inside: float, outside: float, beyond: Callable[[float], bool]) -> float:
    for _ in range(60):
        middle = (inside + outside) / 2
        inside, outside = (inside, middle) if beyond(middle) else (middle, outside)
    return inside


def rank_test(one: Numbers, other: Numbers) -> float:
    """The two-sided p-value of Mann and Whitney's test."""
    found = float(_stats().mannwhitneyu(one, other).pvalue)
    return found if math.isfinite(found) else 1.0
