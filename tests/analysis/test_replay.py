"""The replay of units under rules: by hand, and what holds for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_otel.analysis.passes import CONTINUOUS, SUPERSTEP
from agent_otel.analysis.plan import Plan, Stage, Turn
from agent_otel.analysis.replay import NO_BARRIER, RULES, Replay, Rules, replay

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import DrawFn

NOTHING = Turn({}, {}, {})


def plan(durations: Sequence[float], *, collect: float = 0, dispatch: float = 0, idle: float = 0) -> Plan:
    """Units of these durations, and passes that always take the same."""

    def turn(duration: float) -> Turn:
        return Turn({"llm": duration}, {"llm": duration}, {})

    return Plan(
        opening={"own": dispatch},
        units=tuple((Stage({"llm": duration}),) for duration in durations),
        collect=turn(collect),
        dispatch=turn(dispatch),
        idle=turn(idle),
        closed=True,
        lag={},
        closing={},
    )


def replayed(
    durations: Sequence[float], needs: Sequence[Sequence[int]] | None = None, rule: str = CONTINUOUS, slots: int = 99
) -> Replay:
    return replay(plan(durations), needs or [()] * len(durations), Rules(rule, slots))


def test_a_superstep_lasts_as_long_as_its_slowest_unit() -> None:
    made = plan([30, 600, 30, 600, 30, 30], collect=5, dispatch=5, idle=1)
    needs = [(), (), (), (0,), (1,), (2,)]
    found = replay(made, needs, Rules(SUPERSTEP, 3))
    assert found.makespan == 5 + 600 + 10 + 600 + 6
    assert list(found.starts[3:]) == [615, 615, 615]
    assert found.passes == 2


def test_continuous_dispatch_collects_what_finishes_meanwhile_in_the_next_pass() -> None:
    made = plan([30, 600, 36, 600, 30, 30], collect=5, dispatch=5, idle=1)
    needs = [(), (), (), (0,), (1,), (2,)]
    found = replay(made, needs, Rules(CONTINUOUS, 3))
    # T1 ends at 35, its pass at 45. T3 ends at 41: the pass from 45 to 55 collects it.
    assert list(found.starts) == [5, 5, 5, 45, 615, 55]
    assert list(found.ends) == [35, 605, 41, 645, 645, 85]
    assert found.makespan == 645 + 5 + 1
    assert found.passes == 5


def test_without_a_barrier_nobody_waits_for_passes_but_at_the_end() -> None:
    made = plan([30, 600, 36, 600, 30, 30], collect=5, dispatch=5, idle=1)
    found = replay(made, [(), (), (), (0,), (1,), (2,)], Rules(NO_BARRIER, 3))
    assert list(found.starts) == [5, 5, 5, 35, 605, 41]
    assert found.makespan == 635 + 5 + 1


def test_the_first_pass_is_cold_and_each_task_costs() -> None:
    made = plan([10, 10, 10])
    made = Plan(made.opening, made.units, Turn({"own": 7}, {"own": 1}, {"git": 2}), NOTHING, NOTHING, False, {}, {})
    found = replay(made, [(), (), ()], Rules(SUPERSTEP, 2))
    assert found.makespan == 10 + (7 + 2 * 2) + 10 + (1 + 2)
    assert found.path == {"own": 8, "llm": 20, "git": 6}


def test_more_than_the_slots_wait_in_a_pool() -> None:
    made = plan([4, 1, 1, 1])
    found = replay(made, [()] * 4, Rules(SUPERSTEP, 2, pooled=True))
    assert list(found.starts) == [0, 0, 1, 2]
    assert found.makespan == 4


def test_rounds_are_kept_where_dependencies_are_unknown() -> None:
    found = replay(plan([4, 1, 3, 1]), [()] * 4, Rules(SUPERSTEP, 2, rounds=((0, 1), (2, 3))))
    assert list(found.starts) == [0, 0, 4, 4]
    assert found.makespan == 7


def test_a_lock_is_held_by_one_at_a_time() -> None:
    made = plan([0, 0, 0])
    stages = (Stage({"own": 1}), Stage({"git": 5}, "git worktree add"), Stage({"llm": 10}))
    made = Plan(made.opening, (stages,) * 3, NOTHING, NOTHING, NOTHING, False, {"own": 0.5}, {})
    found = replay(made, [()] * 3, Rules(SUPERSTEP, 3))
    assert list(found.ends) == [16.5, 21.5, 26.5]
    assert found.path == {"own": 1.5, "git": 15, "llm": 10}


def test_the_lowest_rank_goes_first() -> None:
    found = replay(plan([1, 1, 1]), [()] * 3, Rules(CONTINUOUS, 1), ranks=[2, 0, 1])
    assert list(found.starts) == [2, 0, 1]


def test_an_anomaly_of_graham() -> None:
    """With a fourth worker this takes longer: list scheduling promises no more where tasks depend on each other."""
    durations = [3, 2, 2, 2, 4, 4, 4, 4, 9]
    needs = [(), (), (), (), (3,), (3,), (3,), (3,), (0,)]
    assert replayed(durations, needs, slots=3).makespan == 12
    assert replayed(durations, needs, slots=4).makespan == 15


@st.composite
def graphs(draw: DrawFn) -> tuple[list[int], list[tuple[int, ...]]]:
    """Durations, and needs of earlier units."""
    durations = draw(st.lists(st.integers(0, 50), min_size=1, max_size=12))
    needs = [
        tuple(sorted(draw(st.sets(st.integers(0, place - 1), max_size=3)))) if place else ()
        for place in range(len(durations))
    ]
    return durations, needs


def chain(durations: Sequence[float], needs: Sequence[Sequence[int]]) -> float:
    ends: list[float] = []
    for duration, found in zip(durations, needs, strict=True):
        ends.append(duration + max((ends[need] for need in found), default=0))
    return max(ends)


@given(graphs(), st.sampled_from(RULES), st.integers(1, 6), st.integers(0, 9), st.booleans())
@settings(max_examples=300, deadline=None)
def test_no_schedule_beats_the_longest_chain_or_the_work_per_slot(
    graph: tuple[list[int], list[tuple[int, ...]]], rule: str, slots: int, overhead: int, pooled: bool
) -> None:
    durations, needs = graph
    found = replay(plan(durations, collect=overhead, dispatch=overhead), needs, Rules(rule, slots, pooled))
    assert found.makespan >= max(chain(durations, needs), sum(durations) / slots)
    assert sum(found.path.values()) == pytest.approx(found.makespan)
    for place, needed in enumerate(needs):
        assert all(found.ends[need] <= found.starts[place] for need in needed)
        assert found.ends[place] - found.starts[place] == durations[place]


@given(graphs(), st.sampled_from(RULES), st.integers(1, 6))
@settings(max_examples=200, deadline=None)
def test_slots_are_never_exceeded(graph: tuple[list[int], list[tuple[int, ...]]], rule: str, slots: int) -> None:
    durations, needs = graph
    found = replayed(durations, needs, rule, slots)
    for time in found.starts:
        assert sum(start <= time < end for start, end in zip(found.starts, found.ends, strict=True)) <= slots


@given(graphs(), st.integers(0, 9))
@settings(max_examples=200, deadline=None)
def test_with_slots_for_all_each_rule_is_at_least_as_fast_as_the_stricter_one(
    graph: tuple[list[int], list[tuple[int, ...]]], overhead: int
) -> None:
    durations, needs = graph
    free = replayed(durations, needs, CONTINUOUS).makespan
    assert free == chain(durations, needs) <= replayed(durations, needs, SUPERSTEP).makespan
    made = plan(durations, collect=overhead, dispatch=overhead)
    continuous = replay(made, needs, Rules(CONTINUOUS, 99)).makespan
    assert replay(made, needs, Rules(NO_BARRIER, 99)).makespan <= continuous


@given(st.lists(st.integers(0, 50), min_size=1, max_size=12), st.integers(1, 6))
@settings(max_examples=200, deadline=None)
def test_independent_units_gain_by_dispatch_and_by_workers(durations: list[int], slots: int) -> None:
    continuous = replayed(durations, slots=slots).makespan
    assert continuous <= replayed(durations, rule=SUPERSTEP, slots=slots).makespan
    assert replayed(durations, slots=slots + 1).makespan <= continuous
