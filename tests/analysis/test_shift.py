"""Moves of a mean when values of one run are alike."""

from __future__ import annotations

import math

import numpy as np
import pytest

from agent_otel.analysis import statistics
from agent_otel.analysis.shift import Shift, shift, side


def drawn(generator: np.random.Generator, runs: int, size: int, alike: float) -> list[list[float]]:
    """Normal values with variance 0.09, a share ``alike`` of it between runs."""
    centres = generator.normal(0, 0.3 * math.sqrt(alike), runs)
    return [generator.normal(centre, 0.3 * math.sqrt(1 - alike), size).tolist() for centre in centres.tolist()]


def moved(generator: np.random.Generator, runs: tuple[int, int], size: int, alike: float) -> Shift:
    """The move between two sides that do not differ."""
    return shift(*(side(drawn(generator, count, size, alike)) for count in runs))


def test_with_a_run_for_each_value_it_is_welch_s_test() -> None:
    generator = np.random.default_rng(1)
    one, other = generator.normal(0, 1, 20), generator.normal(1, 3, 50)
    expected = statistics.welch(statistics.moments(one), statistics.moments(other))
    found = shift(side([[value] for value in one.tolist()]), side([[value] for value in other.tolist()]))
    assert found.value == pytest.approx(expected.value)
    assert found.p_above == pytest.approx(expected.p_above())
    assert found.p_below == pytest.approx(1 - expected.p_above())
    assert found.lower(0.96) == pytest.approx(expected.lower(0.96))


def test_values_of_one_run_a_side_are_taken_as_independent() -> None:
    generator = np.random.default_rng(2)
    one, other = generator.normal(size=30), generator.normal(size=40)
    expected = statistics.welch(statistics.moments(one), statistics.moments(other))
    found = shift(side([one.tolist()]), side([other.tolist()]))
    assert found.p_above == pytest.approx(expected.p_above())


def test_runs_that_repeat_one_value_count_once() -> None:
    before, after = [0.0, 0.1, 0.3, 0.2], [0.4, 0.6, 0.3, 0.7]
    single = shift(side([[value] for value in before]), side([[value] for value in after]))
    repeated = shift(side([[value] * 50 for value in before]), side([[value] * 50 for value in after]))
    assert repeated.value == pytest.approx(single.value)
    assert repeated.p_above == pytest.approx(single.p_above, rel=0.05)


@pytest.mark.parametrize("alike", [0.0, 0.1, 0.4])
@pytest.mark.parametrize(("runs", "size"), [((3, 3), 20), ((10, 10), 6), ((10, 3), 10), ((30, 1), 10)])
def test_runs_alike_in_themselves_raise_no_more_alarms(runs: tuple[int, int], size: int, alike: float) -> None:
    generator = np.random.default_rng(4)
    alarms = sum(moved(generator, runs, size, alike).p_above < 0.04 for _ in range(1000))
    assert alarms <= 50


def test_what_is_called_detectable_is_found_that_often() -> None:
    generator = np.random.default_rng(6)
    least, hits = math.log(1.1), 0
    detectable: list[float] = []
    for _ in range(1000):
        before = side([[value] for value in generator.normal(0, 0.3, 60).tolist()])
        after = side([[value] for value in generator.normal(0.167, 0.3, 60).tolist()])
        found = shift(before, after)
        detectable.append(found.detectable(0.96, 0.9, least))
        hits += found.value > least and found.p_above < 0.04
    assert sum(detectable) / 1000 == pytest.approx(0.167, abs=0.002)
    assert hits / 1000 == pytest.approx(0.9, abs=0.03)


def test_no_spread_at_all() -> None:
    same = side([[1.0]] * 5)
    assert shift(same, same).p_above == 1
    assert shift(same, side([[1.5]] * 5)).p_above == 0
