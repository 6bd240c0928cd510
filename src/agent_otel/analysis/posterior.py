"""How probable it is that a candidate is the best: draws from posteriors, by a generator with a fixed seed."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agent_otel.analysis.statistics import Moments, Numbers

DRAWS: Final = 10_000
SEED: Final = 20260601


def share_best_mean(candidates: Sequence[Moments], *, lowest: bool) -> list[float]:
    """How probable it is that each mean is the lowest (or highest): draws from the means' posteriors.

    With the reference prior these are Student's t: mean + t(n - 1) * standard error.
    """
    generator = np.random.default_rng(SEED)
    sign = 1.0 if lowest else -1.0
    return _share_least(
        (
            sign * (found.mean + generator.standard_t(found.n - 1, DRAWS) * math.sqrt(found.variance / found.n))
            for found in candidates
        ),
        len(candidates),
    )


def share_best_rate(candidates: Sequence[tuple[int, int]]) -> list[float]:
    """How probable it is that each rate (successes, n) is the highest: Beta posteriors with Jeffreys' prior."""
    generator = np.random.default_rng(SEED)
    return _share_least(
        (-generator.beta(successes + 0.5, n - successes + 0.5, DRAWS) for successes, n in candidates), len(candidates)
    )


def _share_least(drawn: Iterable[Numbers], count: int) -> list[float]:
    generator = np.random.default_rng(SEED + 1)
    least = np.full(DRAWS, np.inf)
    winner = np.zeros(DRAWS, dtype=np.int64)
    ties = np.ones(DRAWS)
    for number, values in enumerate(drawn):
        ties = np.where(values < least, 1.0, ties + (values == least))
        wins = (values < least) | ((values == least) & (generator.random(DRAWS) < 1 / ties))
        winner[wins] = number
        least = np.minimum(least, values)
    counts = np.bincount(winner, minlength=count)
    return [int(found) / DRAWS for found in counts[:count].tolist()]
