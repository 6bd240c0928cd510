"""The answer of ``agent-otel compare``: which candidate is best, how sure that is, and what would make it surer."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from agent_otel.analysis import posterior, statistics
from agent_otel.analysis.candidates import (
    HIGHEST,
    MINIMUM,
    UNITS,
    Candidate,
    Measured,
    Metric,
    Pools,
    candidate,
    measured,
)
from agent_otel.analysis.corrections import holm
from agent_otel.analysis.groups import UNKNOWN
from agent_otel.analysis.recommend import Recommendation, recommend
from agent_otel.analysis.statistics import Interval

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent_otel.analysis.candidates import Pool

Measure: TypeAlias = Literal["ratio", "delta", "difference"]
Verdict: TypeAlias = Literal["worse", "same", "undecided"]

ERROR: Final = 0.05
"""The chance of calling any candidate worse by mistake, over all pairs."""
POWER: Final = 0.80
SAME_RATIO: Final = 1.10
"""Ratios within a tenth either way are the same for practice, and so are the differences below."""
SAME_DELTA: Final = 0.147
SAME_DIFFERENCE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Effect:
    """How a candidate compares with the best one.

    ``ratio``: its geometric mean / the best one's. ``delta``: Cliff's delta, P(its value is greater) - P(less).
    ``difference``: its success rate - the best one's. ``p`` is adjusted for all pairs (Holm). ``missing`` is about how
    many more samples of each would decide an undecided one.
    """

    keys: tuple[str, ...]
    measure: Measure
    value: float
    interval: Interval
    p: float
    verdict: Verdict
    missing: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """Candidates, the best first, those with too few samples last; effects against the best; what to use for what."""

    by: tuple[str, ...]
    kind: str
    metric: str
    unit: str
    category: str | None
    samples: int
    runs: int
    centre: str
    candidates: tuple[Candidate, ...]
    best: tuple[str, ...] | None
    effects: tuple[Effect, ...]
    recommendations: tuple[Recommendation, ...]
    method: tuple[str, ...]
    notes: tuple[str, ...]


def compare(pools: Pools, minimum: int = MINIMUM, problems: Sequence[str] = ()) -> Comparison:
    """Compare all candidates of some pools, overall and in each category; ``problems`` of the store become notes."""
    together = pools.together()
    ranking = Ranking(together, pools.metric, minimum)
    categories = {
        name: Ranking(found, pools.metric, minimum)
        for name, found in sorted(pools.by_category.items())
        if name != UNKNOWN and len(pools.by_category) > 1
    }
    return Comparison(
        by=pools.by,
        kind=pools.kind,
        metric=pools.metric,
        unit=UNITS[pools.metric],
        category=pools.category,
        samples=sum(pool.count for pool in together.values()),
        runs=len(pools.runs),
        centre=ranking.centre_name,
        candidates=ranking.candidates,
        best=ranking.compared[0].keys if len(ranking.compared) > 1 else None,
        effects=ranking.effects,
        recommendations=(
            recommend(None, ranking.candidates, ranking.effects, minimum),
            *(recommend(name, one.candidates, one.effects, minimum) for name, one in categories.items()),
        ),
        method=ranking.method,
        notes=(*_notes(ranking, categories), *problems),
    )


class Ranking:
    """Candidates of one population in order, with the effects of each against the best."""

    def __init__(self, pools: Mapping[tuple[str, ...], Pool], metric: Metric, minimum: int) -> None:
        self.metric = metric
        every = [measured(keys, pool) for keys, pool in sorted(pools.items())]
        self.measure: Measure = self._measure(every)
        enough = [found for found in every if self._count(found) >= minimum]
        sign = -1.0 if metric in HIGHEST else 1.0
        self.compared = sorted(enough, key=lambda found: (sign * (self.centre(found) or 0.0), found.keys))
        few = [found for found in every if self._count(found) < minimum]
        few.sort(key=lambda found: (-self._count(found), found.keys))
        shares = self._shares()
        self.candidates = tuple(
            candidate(found, self.centre(found), share, max(0, minimum - self._count(found)))
            for found, share in [*zip(self.compared, shares, strict=True), *((found, None) for found in few)]
        )
        self.effects = self._effects()

    def _measure(self, every: Sequence[Measured]) -> Measure:
        if self.metric == "success":
            return "difference"
        logs = self.metric != "quality" and all(found.logs is not None or not len(found.values) for found in every)
        return "ratio" if logs else "delta"

    def _count(self, found: Measured) -> int:
        return found.settled if self.metric == "success" else len(found.values)

    @property
    def centre_name(self) -> str:
        """What candidates are ranked by."""
        return {"ratio": "geometric mean", "delta": "mean", "difference": "success rate"}[self.measure]

    def centre(self, found: Measured) -> float | None:
        """What a candidate is ranked by."""
        if self.measure == "difference":
            return found.successes / found.settled if found.settled else None
        moments = found.logs if self.measure == "ratio" else found.plain
        if moments is None:
            return None
        return math.exp(moments.mean) if self.measure == "ratio" else moments.mean

    def _shares(self) -> list[float | None]:
        if len(self.compared) < 2:
            return [None] * len(self.compared)
        if self.measure == "difference":
            return [*posterior.share_best_rate([found.rate for found in self.compared])]
        means = [found.logs if self.measure == "ratio" else found.plain for found in self.compared]
        known = [found for found in means if found is not None]
        return [*posterior.share_best_mean(known, lowest=self.metric not in HIGHEST)]

    def _effects(self) -> tuple[Effect, ...]:
        if len(self.compared) < 2:
            return ()
        best, others = self.compared[0], self.compared[1:]
        pairs = len(self.compared) * len(others) // 2
        raw = [self._test(best, other) for other in others]
        adjusted = holm([p for _, _, p in raw], pairs)
        return tuple(
            self._effect(best, other, value, interval, p, pairs)
            for other, (value, interval, _), p in zip(others, raw, adjusted, strict=True)
        )

    def _test(self, best: Measured, other: Measured) -> tuple[float, Interval, float]:
        if self.measure == "difference":
            value, interval = statistics.rate_difference(best.rate, other.rate)
            return value, interval, statistics.fisher(best.rate, other.rate)
        if self.measure == "delta":
            delta = statistics.cliffs_delta(best.values, other.values)
            interval = statistics.delta_interval(delta, len(best.values), len(other.values))
            return delta, interval, statistics.rank_test(best.values, other.values)
        assert best.logs is not None
        assert other.logs is not None
        difference = statistics.welch(best.logs, other.logs)
        logs = difference.interval()
        interval = Interval(_exp(logs.low), _exp(logs.high))
        return math.exp(difference.value), interval, difference.p_value()

    def _effect(
        self, best: Measured, other: Measured, value: float, interval: Interval, p: float, pairs: int
    ) -> Effect:
        verdict: Verdict = "worse" if p < ERROR else "same" if self._within(interval) else "undecided"
        missing = self._missing(best, other, value, pairs) if verdict == "undecided" else 0
        return Effect(other.keys, self.measure, value, interval, p, verdict, missing)

    def _within(self, interval: Interval) -> bool:
        low, high = interval.low or 0.0, math.inf if interval.high is None else interval.high
        if self.measure == "ratio":
            return low > 1 / SAME_RATIO and high < SAME_RATIO
        limit = SAME_DELTA if self.measure == "delta" else SAME_DIFFERENCE
        return low > -limit and high < limit

    def _missing(self, best: Measured, other: Measured, value: float, pairs: int) -> int:
        """How many more samples of each find a difference as great as this one, or as one that matters."""
        z = (statistics.normal_quantile(1 - ERROR / 2 / pairs) + statistics.normal_quantile(POWER)) ** 2
        if self.measure == "ratio":
            assert best.logs is not None
            assert other.logs is not None
            gap = max(abs(math.log(value)), math.log(SAME_RATIO))
            needed = z * (best.logs.variance + other.logs.variance) / gap**2
        elif self.measure == "delta":
            needed = z * 2 / 3 / max(abs(value), SAME_DELTA) ** 2
        else:
            spread = sum((hits + 0.5) * (n - hits + 0.5) / (n + 1) ** 2 for hits, n in (best.rate, other.rate))
            needed = z * spread / max(abs(value), SAME_DIFFERENCE) ** 2
        return max(1, math.ceil(needed) - min(self._count(best), self._count(other)))

    @property
    def method(self) -> tuple[str, ...]:
        """What was computed how, a sentence each."""
        tests = {
            "ratio": "Effects are ratios of geometric means with Welch's interval on logarithms: such values are "
            "skewed, and people think of them as 1.3 times as much.",
            "delta": "Effects are Cliff's delta with Newcombe's interval, p-values Mann and Whitney's: scores and "
            "values with zeros have no meaningful ratio.",
            "difference": "Effects are differences of success rates with Newcombe's interval, p-values Fisher's.",
        }[self.measure]
        best = "Beta posteriors (Jeffreys)" if self.measure == "difference" else "Student posteriors of the means"
        return (
            "Intervals are of 95 %: of quantiles between order statistics, of rates by Wilson.",
            tests,
            f"P values are adjusted for all pairs (Holm); P(best) counts {posterior.DRAWS:,} draws from {best}.",
        )


def _exp(value: float | None) -> float | None:
    return None if value is None else math.exp(min(value, 700.0))


def _notes(ranking: Ranking, categories: Mapping[str, Ranking]) -> list[str]:
    notes: list[str] = []
    unmeasured = sum(not found.measured for found in ranking.candidates)
    if unmeasured and ranking.metric != "success":
        plural = "candidate has" if unmeasured == 1 else "candidates have"
        notes.append(f"{unmeasured} {plural} no {ranking.metric} at all.")
    if len(ranking.compared) > 1:
        best = ranking.compared[0].keys
        other = [
            name
            for name, one in categories.items()
            if best in {found.keys for found in one.compared} and one.compared[0].keys != best
        ]
        if other:
            notes.append(f"The best over everything is not the best in {', '.join(other)}: look at the categories.")
    return notes
