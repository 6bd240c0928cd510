"""P-values of several hypotheses, adjusted so that the chance of any false alarm among them stays bounded."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence


def holm(p_values: Sequence[float], hypotheses: int) -> list[float]:
    """Holm's adjusted p-values of some of that many hypotheses; those not given are taken as the least sure."""
    adjusted = [1.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        largest = max(largest, min(1.0, p_values[place] * (hypotheses - rank)))
        adjusted[place] = largest
    return adjusted


def hommel(p_values: Sequence[float]) -> list[float]:
    """Hommel's adjusted p-values: the closed test with Simes' bound (algorithm of Wright, 1992).

    They bound the chance of any false alarm as Holm's do, for tests that are independent or rise together, and lose
    nothing where tests say the same: a node and the only call in it.
    """
    n = len(p_values)
    order = sorted(range(n), key=p_values.__getitem__)
    p = np.array([p_values[place] for place in order], dtype=np.float64)
    ranks = np.arange(1, n + 1)
    adjusted = np.full(n, (n * p / ranks).min() if n else 0.0)
    for size in range(n - 1, 1, -1):
        split = n - size + 1
        least = (size * p[split:] / np.arange(2, size + 1)).min()
        bound = np.minimum(size * p, least)
        bound[split:] = bound[split - 1]
        adjusted = np.maximum(adjusted, bound)
    adjusted = np.minimum(1.0, np.maximum(adjusted, p))
    found = [1.0] * n
    for place, value in zip(order, adjusted.tolist(), strict=True):
        found[place] = value
    return found
