"""Samples by candidate: the values of each, and its figures with confidence intervals."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, get_args

import numpy as np

from agent_otel.analysis import statistics
from agent_otel.analysis.statistics import Interval, Moments, Numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agent_otel.analysis.samples import Kind, Sample

Metric: TypeAlias = Literal["duration", "quality", "success", "tokens", "cost"]
METRICS: Final[tuple[Metric, ...]] = get_args(Metric)
BY: Final = ("agent", "cli", "model", "prompt_version", "revision")
"""What ``--by`` may name."""
HIGHEST: Final = frozenset({"quality", "success"})
"""Metrics of which more is better."""
UNITS: Final = {"duration": "s", "quality": "score", "success": "share", "tokens": "tokens", "cost": "USD"}
MINIMUM: Final = 10
"""With fewer samples a candidate is shown, but neither compared nor recommended."""


@dataclass(slots=True)
class Pool:
    """What is kept of a candidate's samples: the values of the metric, and how many succeeded of how many settled."""

    count: int = 0
    settled: int = 0
    successes: int = 0
    values: array[float] = field(default_factory=lambda: array("d"))

    def add(self, sample: Sample, metric: Metric) -> None:
        """Count a sample. What failed has no duration, tokens or cost: it did not do the same work."""
        self.count += 1
        success = sample.success
        if success is not None:
            self.settled += 1
            self.successes += success
        value = sample.quality if metric == "quality" else None if success is False else _value(sample, metric)
        if value is not None:
            self.values.append(value)

    def extend(self, other: Pool) -> None:
        """Count all of another pool."""
        self.count += other.count
        self.settled += other.settled
        self.successes += other.successes
        self.values.extend(other.values)


def _value(sample: Sample, metric: Metric) -> float | None:
    if metric == "tokens":
        return None if sample.tokens is None else float(sample.tokens)
    if metric == "cost":
        return sample.cost
    if sample.outcome in {"cancelled", "interrupted", "abandoned"}:
        return None
    return sample.duration


@dataclass(frozen=True, slots=True)
class Candidate:
    """One candidate's figures, in the metric's unit (of ``success``: durations in seconds).

    ``n`` samples; ``measured`` of them have the metric; ``settled`` say whether they succeeded. ``centre`` is what
    candidates are ranked by: the geometric mean, the mean, or the success rate. ``probability_best`` is None where
    there are too few samples, and ``missing`` how many more would be enough to be compared.
    """

    keys: tuple[str, ...]
    n: int
    measured: int
    settled: int
    centre: float | None
    median: float | None
    median_interval: Interval
    p95: float | None
    p95_interval: Interval
    success_rate: float | None
    success_interval: Interval
    probability_best: float | None
    missing: int


@dataclass(frozen=True, slots=True)
class Measured:
    """A candidate's values, sorted, with what tests need of them: logs only where every value is above zero."""

    keys: tuple[str, ...]
    count: int
    settled: int
    successes: int
    values: Numbers
    plain: Moments | None
    logs: Moments | None

    @property
    def rate(self) -> tuple[int, int]:
        """Successes and how many settled."""
        return self.successes, self.settled


def measured(keys: tuple[str, ...], pool: Pool) -> Measured:
    """The values of a pool, sorted."""
    values = np.sort(np.frombuffer(pool.values, dtype=np.float64)) if pool.values else np.empty(0)
    positive = bool(len(values)) and float(values[0]) > 0
    return Measured(
        keys=keys,
        count=pool.count,
        settled=pool.settled,
        successes=pool.successes,
        values=values,
        plain=statistics.moments(values) if len(values) else None,
        logs=statistics.moments(np.log(values)) if positive else None,
    )


def candidate(found: Measured, centre: float | None, probability_best: float | None, missing: int) -> Candidate:
    """The figures of a candidate."""
    nothing = Interval(None, None)
    some = len(found.values) > 0
    return Candidate(
        keys=found.keys,
        n=found.count,
        measured=len(found.values),
        settled=found.settled,
        centre=centre,
        median=statistics.quantile(found.values, 0.5) if some else None,
        median_interval=statistics.quantile_interval(found.values, 0.5) if some else nothing,
        p95=statistics.quantile(found.values, 0.95) if some else None,
        p95_interval=statistics.quantile_interval(found.values, 0.95) if some else nothing,
        success_rate=found.successes / found.settled if found.settled else None,
        success_interval=statistics.wilson(found.successes, found.settled),
        probability_best=probability_best,
        missing=missing,
    )


class Pools:
    """Samples of one kind by category and candidate; only numbers are kept."""

    def __init__(self, by: Sequence[str], metric: Metric, kind: Kind, category: str | None = None) -> None:
        self.by = tuple(by)
        self.metric: Metric = metric
        self.kind: Kind = kind
        self.category = category
        self.by_category: dict[str, dict[tuple[str, ...], Pool]] = {}
        self.runs: set[str] = set()

    def add(self, samples: Iterable[Sample]) -> None:
        """Count samples of this kind; nodes that stand for an agent count among the agents."""
        for sample in samples:
            chosen = sample.acts if self.kind == "agent" else sample.kind == self.kind
            if not chosen or self.category not in (None, sample.category):
                continue
            self.runs.add(sample.run)
            key = tuple(str(getattr(sample, word)) for word in self.by)
            self.by_category.setdefault(sample.category, {}).setdefault(key, Pool()).add(sample, self.metric)

    def together(self) -> dict[tuple[str, ...], Pool]:
        """By candidate, all categories together."""
        found: dict[tuple[str, ...], Pool] = {}
        for pools in self.by_category.values():
            for key, pool in pools.items():
                found.setdefault(key, Pool()).extend(pool)
        return found
