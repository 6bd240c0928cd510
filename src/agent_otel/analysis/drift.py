"""What else changed since a baseline: success rates, tokens and cost. It is reported, and never fails a check."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from agent_otel.analysis import statistics
from agent_otel.analysis.corrections import hommel
from agent_otel.analysis.shift import shift, side

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from agent_otel.store.baselines import Batch, Group

Metric: TypeAlias = Literal["success", "tokens", "cost"]

ERROR: Final = 0.04
"""The chance of any false report, over all groups and metrics."""


@dataclass(frozen=True, slots=True)
class Drift:
    """A change for the worse: success rates, or geometric means; ``p`` is adjusted for all of them."""

    kind: str
    name: str
    metric: Metric
    before: float
    after: float
    p: float


def drifts(pairs: Iterable[tuple[Group, Group]], limit: float, minimum: int) -> list[Drift]:
    """Groups that fail more often than before, or use more than ``limit`` (a share) more tokens or money."""
    found = [drift for before, after in pairs for drift in _tested(before, after, minimum)]
    adjusted = hommel([drift.p for drift in found])
    return [
        Drift(drift.kind, drift.name, drift.metric, drift.before, drift.after, p)
        for drift, p in zip(found, adjusted, strict=True)
        if p < ERROR and (drift.metric == "success" or drift.after > drift.before * (1 + limit))
    ]


def _tested(before: Group, after: Group, minimum: int) -> Iterator[Drift]:
    old, new = _rate(before), _rate(after)
    if min(old[1], new[1]) >= minimum:
        a, b = old[0] / old[1], new[0] / new[1]
        yield Drift(after.kind, after.name, "success", a, b, statistics.fisher(old, new) if b < a else 1.0)
    for metric in ("tokens", "cost"):
        sides = [[_values(batch, metric) for batch in group.runs] for group in (before, after)]
        flat = [[value for run in one for value in run] for one in sides]
        if min(map(len, flat)) < minimum or min(map(min, flat)) <= 0:
            continue
        moved = shift(*(side([[math.log(value) for value in run] for run in one]) for one in sides))
        means = [math.exp(sum(map(math.log, one)) / len(one)) for one in flat]
        yield Drift(after.kind, after.name, metric, means[0], means[1], moved.p_above)


def _rate(group: Group) -> tuple[int, int]:
    return sum(batch.successes for batch in group.runs), sum(batch.settled for batch in group.runs)


def _values(batch: Batch, metric: Literal["tokens", "cost"]) -> Sequence[float]:
    return batch.tokens if metric == "tokens" else batch.cost
