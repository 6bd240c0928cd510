"""Comparisons: who is best, how sure that is, and when it cannot be said."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from agent_otel.analysis.candidates import MINIMUM, Metric, Pools
from agent_otel.analysis.compare import Comparison, compare
from agent_otel.analysis.samples import Kind, Sample

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def samples(
    agent: str,
    n: int,
    mean: float = 10.0,
    *,
    spread: float = 0.3,
    failed: int = 0,
    category: str = "code",
    seed: int = 1,
    cost: float | None = None,
    quality: float | None = None,
    kind: Kind = "agent",
) -> list[Sample]:
    """``n`` samples of an agent with exactly this geometric mean and standard deviation of logs."""
    logs = np.random.default_rng(seed).normal(size=n)
    if n > 1:
        logs = (logs - logs.mean()) / logs.std(ddof=1)
    return [
        Sample(
            kind=kind,
            name=f"invoke_agent {agent}",
            run=f"{agent}{place}",
            when=place,
            duration=mean * math.exp(spread * value),
            outcome="error" if place < failed else "ok",
            agent=agent,
            cli="claude",
            category=category,
            tokens=place,
            cost=cost,
            quality=None if quality is None else quality + value,
            acts=kind == "agent",
        )
        for place, value in enumerate(logs.tolist())
    ]


def compared(
    found: Iterable[Sample], metric: Metric = "duration", by: Sequence[str] = ("agent",), kind: Kind = "agent"
) -> Comparison:
    """A comparison of samples."""
    pools = Pools(by, metric, kind)
    pools.add(found)
    return compare(pools)


def test_a_clear_difference_is_found() -> None:
    found = compared([*samples("slow", 60, 13), *samples("fast", 60, 10, seed=2)])
    best, other = found.candidates
    assert found.best == best.keys == ("fast",)
    assert best.centre == pytest.approx(10)
    assert best.probability_best is not None
    assert best.probability_best > 0.99
    (effect,) = found.effects
    assert (effect.keys, effect.measure, effect.verdict) == (other.keys, "ratio", "worse")
    assert effect.value == pytest.approx(1.3)
    assert effect.interval.low is not None
    assert effect.interval.high is not None
    # log(1.3) -+ t(118) * 0.3 * sqrt(2 / 60)
    assert effect.interval.low == pytest.approx(1.3 * math.exp(-1.98027 * 0.3 * math.sqrt(2 / 60)), rel=1e-5)
    assert effect.p < 1e-4
    assert [(one.category, one.advice, one.keys) for one in found.recommendations] == [(None, "use", ("fast",))]


def test_too_few_samples_are_said_plainly() -> None:
    found = compared([*samples("many", 60), *samples("few", 4, seed=2)])
    assert found.best is None
    assert found.effects == ()
    assert [(one.keys, one.missing, one.probability_best) for one in found.candidates] == [
        (("many",), 0, None),
        (("few",), MINIMUM - 4, None),
    ]
    (advice,) = found.recommendations
    assert (advice.advice, advice.missing) == ("collect", 6)
    assert "too few samples: 6 more samples of a second candidate" in advice.reason
    both = compared([*samples("a", 9), *samples("b", 4)]).recommendations[0]
    assert "too few samples: 6 more samples of two candidates" in both.reason
    assert "only one candidate" in compared(samples("alone", 60)).recommendations[0].reason


def test_an_undecided_comparison_says_how_many_samples_would_decide_it() -> None:
    found = compared([*samples("a", 20), *samples("b", 20, 11.5, seed=2)])
    (effect,) = found.effects
    assert effect.verdict == "undecided"
    # (1.95996 + 0.84162)^2 * 2 * 0.3^2 / log(1.15)^2 = 72.3
    assert effect.missing == 73 - 20
    assert found.recommendations[0].advice == "lean"
    assert "53 more samples" in found.recommendations[0].reason


def test_no_difference_that_matters() -> None:
    found = compared([*samples("a", 2000), *samples("b", 2000, 10.001, seed=2)])
    assert found.effects[0].verdict == "same"
    assert (found.recommendations[0].advice, found.recommendations[0].keys) == ("any", None)


def test_p_values_are_adjusted_for_all_pairs() -> None:
    two = compared([*samples("a", 30), *samples("b", 30, 12, seed=2)])
    three = compared([*samples("a", 30), *samples("b", 30, 12, seed=2), *samples("c", 30, 20, seed=3)])
    raw = two.effects[0].p
    adjusted = {effect.keys: effect.p for effect in three.effects}
    assert adjusted["b",] == pytest.approx(2 * raw)
    assert adjusted["c",] < 1e-6


def test_equal_candidates_rarely_differ() -> None:
    alarms = 0
    for seed in range(200):
        logs = np.random.default_rng(seed).normal(0, 0.3, (5, 20))
        found = compared(
            Sample(kind="agent", name="x", run="r", when=0, duration=math.exp(value), agent=str(number), acts=True)
            for number, row in enumerate(logs.tolist())
            for value in row
        )
        alarms += any(effect.verdict == "worse" for effect in found.effects)
    assert alarms / 200 <= 0.05


def test_failures_have_no_duration() -> None:
    found = compared(samples("a", 40, failed=10))
    (one,) = found.candidates
    assert (one.n, one.measured, one.settled) == (40, 30, 40)
    assert one.success_rate == 0.75
    assert one.success_interval.low == pytest.approx(0.5981, abs=1e-4)
    assert one.success_interval.high == pytest.approx(0.8581, abs=1e-4)


def test_a_fast_candidate_that_fails_is_not_recommended() -> None:
    found = compared([*samples("hasty", 100, 5, failed=50), *samples("sound", 60, 10, seed=2)])
    assert found.best == ("hasty",)
    (advice,) = found.recommendations
    assert (advice.advice, advice.keys) == ("lean", ("sound",))
    assert "fails more often (50 % against 100 % succeed)" in advice.reason


def test_success_rates() -> None:
    found = compared([*samples("a", 100, failed=5), *samples("b", 100, failed=30)], "success")
    assert found.best == ("a",)
    (effect,) = found.effects
    assert (effect.measure, effect.verdict) == ("difference", "worse")
    assert effect.value == pytest.approx(-0.25)
    assert found.recommendations[0].advice == "use"


def test_quality_is_better_when_higher() -> None:
    found = compared([*samples("a", 50, quality=80), *samples("b", 50, quality=82, seed=2)], "quality")
    assert found.best == ("b",)
    assert (found.centre, found.unit) == ("mean", "score")
    (effect,) = found.effects
    assert (effect.measure, effect.verdict) == ("delta", "worse")
    assert effect.value < -0.7


def test_values_with_zeros_are_compared_by_ranks() -> None:
    free, dear = samples("free", 30, cost=0), samples("dear", 30, cost=0.5)
    found = compared([*free, *dear], "cost")
    assert found.best == ("free",)
    assert [(effect.measure, effect.value) for effect in found.effects] == [("delta", 1)]
    assert compared(samples("a", 30), "tokens").candidates[0].centre == 14.5


def test_what_lacks_the_metric_is_noted() -> None:
    found = compared([*samples("a", 20, cost=1), *samples("b", 20)], "cost")
    assert [one.measured for one in found.candidates] == [20, 0]
    assert "1 candidate has no cost at all." in found.notes


def test_categories_have_their_own_recommendation() -> None:
    found = compared(
        [
            *samples("a", 100, 5, category="docs"),
            *samples("b", 50, 8, category="docs", seed=2),
            *samples("a", 50, 30, category="code", seed=3),
            *samples("b", 50, 20, category="code", seed=4),
            *samples("c", 3, category="tests"),
        ]
    )
    assert [(one.category, one.advice, one.keys) for one in found.recommendations[1:]] == [
        ("code", "use", ("b",)),
        ("docs", "use", ("a",)),
        ("tests", "collect", None),
    ]
    assert found.best == ("a",)
    assert any("not the best in code" in note for note in found.notes)


def test_kinds_do_not_mix() -> None:
    mixed = [
        *samples("a", 3),
        *samples("b", 4, kind="node"),
        *samples("c", 5, kind="run"),
        *samples("d", 6, kind="llm"),
    ]
    for kind, expected in (("agent", "a"), ("node", "b"), ("run", "c"), ("llm", "d")):
        found = compared(mixed, kind=kind)  # type: ignore[arg-type]
        assert [one.keys for one in found.candidates] == [(expected,)]


def test_one_category_only() -> None:
    pools = Pools(("agent",), "duration", "agent", "docs")
    pools.add([*samples("a", 3), *samples("b", 4, category="docs")])
    found = compare(pools)
    assert (found.samples, found.category) == (4, "docs")
    assert len(found.recommendations) == 1


def test_a_hundred_thousand_samples() -> None:
    many = [sample for agent in range(20) for sample in samples(f"a{agent}", 5000, seed=agent)]
    assert compared(many).samples == 100_000
