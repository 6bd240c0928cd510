"""Intervals, effects and corrections: against scipy, against brute force, and by their coverage."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_otel.analysis import posterior, statistics
from agent_otel.analysis.corrections import holm, hommel
from agent_otel.analysis.statistics import Interval, Moments

PROBABILITIES = st.lists(st.floats(0, 1), min_size=1, max_size=6)
SOME = st.lists(st.integers(0, 9), min_size=1, max_size=20)


def test_wilson_s_interval_of_nine_in_ten() -> None:
    found = statistics.wilson(9, 10)
    assert found.low == pytest.approx(0.5958499732)
    assert found.high == pytest.approx(0.9821237869)
    assert statistics.wilson(0, 0) == Interval(None, None)
    assert statistics.wilson(10, 10).high == 1
    assert statistics.wilson(0, 10).low == 0


def test_newcombe_s_interval_of_a_difference() -> None:
    # Newcombe (1998), example (a) of table II: 56/70 - 48/80, method 10
    value, interval = statistics.rate_difference((48, 80), (56, 70))
    assert value == pytest.approx(0.2)
    assert interval.low == pytest.approx(0.0524, abs=5e-5)
    assert interval.high == pytest.approx(0.3339, abs=5e-5)


@pytest.mark.parametrize(
    ("n", "fraction", "ranks"), [(30, 0.5, (10, 21)), (80, 0.95, (72, 80)), (5, 0.5, (None, None))]
)
def test_quantiles_lie_between_order_statistics(n: int, fraction: float, ranks: tuple[int | None, int | None]) -> None:
    found = statistics.quantile_interval(np.arange(1.0, n + 1), fraction)
    assert (found.low, found.high) == ranks


def test_quantile_intervals_cover_as_often_as_they_say() -> None:
    generator = np.random.default_rng(3)
    hits = 0
    for _ in range(500):
        found = statistics.quantile_interval(np.sort(generator.exponential(size=40)), 0.5)
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= np.log(2) <= found.high
    assert hits / 500 >= 0.93


def test_welch_s_test() -> None:
    # expected: scipy.stats.ttest_ind(other, one, equal_var=False)
    one = np.array([27.5, 21.0, 19.0, 23.6, 17.0, 17.9, 16.9, 20.1, 21.9, 22.6, 23.1, 19.6, 19.0, 21.7, 21.4])
    other = np.array([27.1, 22.0, 20.8, 23.4, 23.4, 23.5, 25.8, 22.0, 24.8, 20.2, 21.9, 22.1, 22.9, 30.5, 24.4])
    found = statistics.welch(statistics.moments(one), statistics.moments(other))
    assert found.value == pytest.approx(2.8333, abs=1e-4)
    assert found.p_value() == pytest.approx(0.0080719, abs=1e-7)
    interval = found.interval()
    assert interval.low is not None
    assert interval.low < found.lower(0.95) < found.value


def test_values_without_spread_are_certain() -> None:
    same, more = Moments(5, 1.0, 0.0), Moments(5, 2.0, 0.0)
    assert statistics.welch(same, more).p_value() == 0
    assert statistics.welch(same, same).p_value() == 1
    assert statistics.welch(same, same).p_above() == 1


@given(SOME, SOME)
def test_cliffs_delta_counts_pairs(one: list[int], other: list[int]) -> None:
    pairs = [(b > a) - (b < a) for a in one for b in other]
    found = statistics.cliffs_delta(np.array(one, dtype=np.float64), np.array(other, dtype=np.float64))
    assert found == pytest.approx(sum(pairs) / len(pairs))


@given(st.floats(-1, 1), st.integers(1, 500), st.integers(1, 500))
def test_the_interval_of_delta_is_around_it_and_inside_its_range(delta: float, one: int, other: int) -> None:
    found = statistics.delta_interval(delta, one, other)
    assert found.low is not None
    assert found.high is not None
    assert -1 <= found.low <= delta + 1e-9
    assert delta - 1e-9 <= found.high <= 1


def test_the_interval_of_delta_covers_as_often_as_it_says() -> None:
    generator = np.random.default_rng(5)
    hits = 0
    for _ in range(500):
        one, other = generator.normal(size=25), generator.normal(0.5, 2, 35)
        found = statistics.delta_interval(statistics.cliffs_delta(one, other), 25, 35)
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 0.1769 <= found.high  # 2 * Phi(0.5 / sqrt(5)) - 1
    assert hits / 500 >= 0.93


def test_rank_test_and_fisher_agree_with_known_values() -> None:
    assert statistics.fisher((8, 10), (1, 6)) == pytest.approx(0.0350, abs=1e-4)
    assert statistics.rank_test(np.ones(5), np.ones(7)) == 1
    assert statistics.rank_test(np.arange(10.0), np.arange(20.0, 30.0)) < 0.001


@given(PROBABILITIES)
def test_hommel_is_the_closed_test(p: list[float]) -> None:
    def simes(chosen: tuple[int, ...]) -> float:
        ordered = sorted(p[place] for place in chosen)
        return min(len(ordered) * value / rank for rank, value in enumerate(ordered, start=1))

    places = range(len(p))
    sets = [chosen for size in range(1, len(p) + 1) for chosen in combinations(places, size)]
    expected = [min(1.0, max(simes(chosen) for chosen in sets if place in chosen)) for place in places]
    assert hommel(p) == pytest.approx(expected)


@given(PROBABILITIES, st.integers(0, 5))
def test_holm_is_never_below_hommel_nor_the_raw_value(p: list[float], more: int) -> None:
    adjusted = holm(p, len(p) + more)
    for raw, one, other in zip(p, adjusted, hommel(p), strict=True):
        assert raw - 1e-12 <= other <= one + 1e-12 <= 1 + 2e-12


def test_corrections_of_nothing_and_of_one() -> None:
    assert hommel([]) == holm([], 0) == []
    assert hommel([0.03]) == holm([0.03], 1) == [0.03]
    assert hommel([0.03, 0.03, 0.03]) == pytest.approx([0.03] * 3)
    assert holm([0.01, 0.04], 3) == pytest.approx([0.03, 0.08])


def test_the_probability_to_be_best() -> None:
    found = posterior.share_best_mean([Moments(50, 0.0, 1.0), Moments(50, 0.2, 1.0)], lowest=True)
    assert sum(found) == pytest.approx(1)
    assert found[0] == pytest.approx(0.84, abs=0.02)  # Phi(0.2 / sqrt(2 / 50)) = Phi(1)
    assert posterior.share_best_mean([Moments(50, 0.0, 1.0), Moments(50, 0.2, 1.0)], lowest=False)[1] > 0.8
    assert found == posterior.share_best_mean([Moments(50, 0.0, 1.0), Moments(50, 0.2, 1.0)], lowest=True)
    rates = posterior.share_best_rate([(90, 100), (50, 100)])
    assert rates[0] > 0.999


def test_equals_share_the_probability() -> None:
    found = posterior.share_best_mean([Moments(9, 1.0, 0.0)] * 4, lowest=True)
    assert found == pytest.approx([0.25] * 4, abs=0.02)
