"""The gate: how often it raises false alarms, how often it finds what is there, and what it says otherwise."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numpy as np
import pytest

from agent_otel.analysis.recorded import collect, differences, machine, recorded
from agent_otel.analysis.regress import Check, check
from agent_otel.analysis.samples import Sample
from agent_otel.store.baselines import Baseline, Batch, Group

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

SPREAD: Final = 0.3
TRIALS: Final = 1000


def group(name: str, logs: Sequence[float], *, seconds: float = 10.0, runs: int = 0, kind: str = "node") -> Group:
    """Samples as logs of durations over ``seconds``, each in a run of its own, or spread over some runs."""
    batches: dict[str, Batch] = {}
    for number, value in enumerate(logs):
        run = str(number % runs if runs else number)
        batches.setdefault(run, Batch(run)).durations.append(seconds * math.exp(value))
    return Group(kind, name, list(batches.values()))


def judged(before: list[Group], after: list[Group], max_slowdown: float = 0.1) -> Check:
    """The verdict on groups."""
    return check(Baseline(name="main", created="2026-01-31T12:00:00.000Z", groups=before), after, max_slowdown)


def rate(trial: Callable[[np.random.Generator], Check], seed: int) -> float:
    """How often a trial is called a regression."""
    generator = np.random.default_rng(seed)
    return sum(trial(generator).verdict == "regression" for _ in range(TRIALS)) / TRIALS


def independent(
    n: int, groups: int = 1, slowdown: float = 0.0, later: int = 0
) -> Callable[[np.random.Generator], Check]:
    """Trials with some groups, the first of them slower."""

    def trial(generator: np.random.Generator) -> Check:
        shifts = [math.log1p(slowdown), *[0.0] * (groups - 1)]
        return judged(
            [group(f"g{place}", generator.normal(0, SPREAD, n).tolist()) for place in range(groups)],
            [
                group(f"g{place}", generator.normal(shift, SPREAD, later or n).tolist())
                for place, shift in enumerate(shifts)
            ],
        )

    return trial


def nested(slowdown: float) -> Callable[[np.random.Generator], Check]:
    """Trials in which a call lies in a node and that in a workflow, so that three groups say the same."""

    def side(generator: np.random.Generator, shift: float) -> list[Group]:
        call = generator.normal(shift, SPREAD, 60)
        return [
            group("chat gpt-4o", call.tolist(), kind="llm"),
            group("node worker", np.log(np.exp(call) + 0.05).tolist()),
            group("invoke_workflow plan", np.log(np.exp(call) + 0.1).tolist(), kind="run"),
        ]

    return lambda generator: judged(side(generator, 0.0), side(generator, math.log1p(slowdown)))


@pytest.mark.parametrize(
    ("n", "groups", "later"), [(60, 1, 0), (10, 1, 0), (20, 1, 0), (40, 1, 0), (60, 1, 10), (60, 5, 0)]
)
def test_at_most_five_percent_false_alarms(n: int, groups: int, later: int) -> None:
    assert rate(independent(n, groups, later=later), seed=17) <= 0.05


def test_a_slowdown_of_20_percent_is_found_nine_times_in_ten() -> None:
    assert rate(independent(60, slowdown=0.2), seed=18) >= 0.9


def test_groups_that_say_the_same_lose_no_power() -> None:
    assert rate(nested(0.0), seed=19) <= 0.05
    assert rate(nested(0.2), seed=20) >= 0.9


def exactly(n: int, mean: float = 0.0, spread: float = SPREAD) -> list[float]:
    """Logs with exactly this mean and standard deviation."""
    values = np.random.default_rng(n).normal(size=n)
    logs: list[float] = (mean + spread * (values - values.mean()) / values.std(ddof=1)).tolist()
    return logs


def test_both_conditions_must_hold() -> None:
    # n = 60 a side, spread 0.3: the bound is above zero from log means that differ by 1.767 * 0.0548 = 0.0968
    cases = {0.09: "fine", 0.0960: "unsure", 0.1: "regression"}
    for shift, verdict in cases.items():
        found = judged([group("g", exactly(60))], [group("g", exactly(60, shift))]).groups[0]
        assert found.verdict == verdict, shift
        assert found.slowdown == pytest.approx(math.expm1(shift))
    small = judged([group("g", exactly(60, spread=0.01))], [group("g", exactly(60, 0.09, 0.01))])
    assert small.groups[0].at_least is not None
    assert small.groups[0].at_least > 0
    assert small.verdict == "fine"
    assert judged([group("g", exactly(60))], [group("g", exactly(60, 0.15))], 0.2).verdict == "fine"


def test_the_lower_bound_decides_alone_for_a_single_group() -> None:
    for shift in (0.095, 0.0965, 0.097, 0.1):
        found = judged([group("g", exactly(60))], [group("g", exactly(60, shift))], 0.0).groups[0]
        assert found.at_least is not None
        assert found.p == found.p_adjusted
        assert (found.verdict == "regression") == (found.at_least > 0)


def test_several_groups_need_more_evidence_each() -> None:
    slow = group("slow", exactly(60, 0.1))
    others = [group(f"g{place}", exactly(60)) for place in range(4)]
    found = judged([group("slow", exactly(60)), *others], [slow, *others])
    first = found.groups[0]
    assert (first.name, first.verdict, found.verdict) == ("slow", "unsure", "fine")
    assert first.p is not None
    assert first.p_adjusted == pytest.approx(5 * first.p)


@pytest.mark.parametrize(("before", "after", "missing"), [(9, 60, 1), (60, 2, 8), (3, 3, 7)])
def test_too_few_samples(before: int, after: int, missing: int) -> None:
    found = judged([group("g", exactly(before))], [group("g", exactly(after, 2.0))])
    assert (found.verdict, found.exit_status) == ("cannot tell", 3)
    assert (found.groups[0].verdict, found.groups[0].missing) == ("too few", missing)
    assert f"at least {missing} more" in found.reason


def test_a_group_with_too_few_does_not_hide_the_others() -> None:
    few = group("few", exactly(3))
    found = judged([group("g", exactly(60)), few], [group("g", exactly(60, 0.5)), few])
    assert (found.verdict, found.exit_status) == ("regression", 1)
    assert found.reason == "g: 64.9 % slower, 10 % allowed"


def test_nothing_to_compare() -> None:
    some = [group("g", exactly(60))]
    assert "no runs besides" in judged(some, []).reason
    assert "holds no samples" in judged([], some).reason
    other = judged(some, [group("h", exactly(60))])
    assert "nothing that ran is in baseline main" in other.reason
    assert [found.verdict for found in other.groups] == ["gone", "new"]
    assert {found.exit_status for found in (judged(some, []), judged([], some), other)} == {3}


def test_faster_is_said() -> None:
    found = judged([group("g", exactly(60))], [group("g", exactly(60, -0.3))])
    assert (found.verdict, found.groups[0].verdict) == ("fine", "faster")


def test_samples_of_one_run_are_noted() -> None:
    found = judged([group("g", exactly(60), runs=1)], [group("g", exactly(60, 0.5), runs=1)])
    assert found.verdict == "regression"
    assert "come from one run" in found.notes[0]
    assert judged([group("g", exactly(60), runs=3)], [group("g", exactly(60), runs=1)]).notes == ()


def sample(
    run: str, seconds: float, outcome: str = "ok", tokens: int | None = None, cost: float | None = None
) -> Sample:
    """A node's sample."""
    return Sample(
        kind="node", name="node n", run=run, when=0, duration=seconds, outcome=outcome, tokens=tokens, cost=cost
    )


def test_samples_are_collected_by_run() -> None:
    found = collect(
        [sample("a", 1, tokens=5), sample("b", 2, "error"), sample("a", 3, cost=0.5), sample("b", 4, "cancelled")]
    )
    assert found == [Group("node", "node n", [Batch("a", [1, 3], 2, 2, [5], [0.5]), Batch("b", [], 1, 0)])]
    assert collect([sample("a", 1)], without={"a"}) == []


def test_failures_tokens_and_cost_are_reported_and_never_fail() -> None:
    generator = np.random.default_rng(1)

    def side(run: str, failed: int, factor: float) -> list[Sample]:
        logs = generator.normal(0, SPREAD, 60).tolist()
        return [
            sample(
                f"{run}{place}",
                10.0,
                "error" if place < failed else "ok",
                tokens=round(1000 * factor * math.exp(value)),
                cost=0.5 * factor * math.exp(value),
            )
            for place, value in enumerate(logs)
        ]

    baseline = recorded("main", side("a", 0, 1.0))
    worse = check(baseline, collect(side("b", 20, 1.5)))
    assert (worse.verdict, worse.exit_status) == ("fine", 0)
    assert [(drift.metric, round(drift.before, 1)) for drift in worse.drifts if drift.metric == "success"] == [
        ("success", 1.0)
    ]
    assert {drift.metric for drift in worse.drifts} == {"success", "tokens", "cost"}
    assert check(baseline, collect(side("c", 0, 1.0))).drifts == ()
    assert check(baseline, collect(side("d", 0, 0.5))).drifts == ()


def test_drifts_are_rarely_false() -> None:
    generator = np.random.default_rng(3)

    def side() -> Group:
        batches = [
            Batch(str(place), [1.0], 1, int(generator.random() < 0.9), [value], [value])
            for place, value in enumerate(np.exp(generator.normal(0, SPREAD, 40)).tolist())
        ]
        return Group("node", "n", batches)

    alarms = sum(bool(judged([side()], [side()]).drifts) for _ in range(300))
    assert alarms / 300 <= 0.05


def test_a_baseline_says_what_it_was_recorded_with() -> None:
    made = recorded("main", [sample("a", 1)])
    assert made.machine == machine()
    assert set(made.versions) == {"agent-otel", "python"}
    assert differences(made) == []
    made.machine["cpus"] = "1024"
    assert "cpus 1024 ->" in differences(made)[0]
