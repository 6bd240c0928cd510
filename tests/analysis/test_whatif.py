"""Predictions: by hand, bracketed, of runs without tasks, and of odd ones."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_otel import semconv
from agent_otel.analysis.changes import Change, cache, speedup, without
from agent_otel.analysis.levers import answer, levers, rank
from agent_otel.analysis.whatif import Prediction, WhatIf
from tests.analysis.build import Builder, example
from tests.analysis.loops import STRAGGLERS, Task, supersteps_of, task_facts
from tests.analysis.test_properties import trees


def predict(built: Builder, change: Change) -> Prediction:
    return WhatIf(built.run()).predict(change)


@pytest.mark.parametrize(
    ("change", "seconds"),
    [
        (Change(), 1221),
        (Change("continuous"), 651),
        (Change("no barrier"), 641),
        (Change(workers=2), 1261),
        (Change("continuous", 2), 691),
        (Change(workers=9), 1221),
        (Change(levers=(speedup("llm=2"),)), 611),
        (Change(levers=(speedup("node:worker=1.5"),)), 821),
        (Change(levers=(cache("llm=0.3"),)), 855),
        (Change("continuous", levers=(speedup("llm=2"),)), 326),
    ],
    ids=lambda value: value.text if isinstance(value, Change) else None,
)
def test_the_stragglers(change: Change, seconds: float) -> None:
    found = predict(supersteps_of(STRAGGLERS), change)
    assert found.measured_seconds == 1221
    assert found.predicted_seconds == pytest.approx(seconds)
    assert found.saving_seconds == pytest.approx(1221 - seconds)
    assert sum(found.critical_path.values()) == pytest.approx(seconds)


def test_a_model_that_reproduces_the_run_is_good() -> None:
    what_if = WhatIf(supersteps_of(STRAGGLERS).run())
    assert what_if.confidence.error == 0
    assert what_if.confidence.verdict == "good"


def test_a_model_that_does_not_is_poor() -> None:
    built = supersteps_of([[Task("T1", 10)], [Task("T2", 10)]], director=0, strategist=0, idle=0)
    # Both were ready, and two ran at once elsewhere: why T2 waited is not in the model.
    built.node("worker", 20, 30, built.spans[-1].span_id, 9, task_facts(Task("T3", 10)))
    built.node("worker", 20, 60, built.spans[-1].span_id, 9, task_facts(Task("T4", 40, ("T1",))))
    assert WhatIf(built.run()).confidence.verdict == "poor"


def test_without_depends_on_there_is_only_a_bracket() -> None:
    found = predict(example(), Change("continuous"))
    assert found.predicted_seconds is None
    assert list(found.between) == [600, 600]
    rounds = [[Task("T1", 30), Task("T2", 600)], [Task("T3", 300), Task("T4", 10)]]
    found = predict(supersteps_of(rounds, director=0, strategist=0, idle=0), Change("continuous"))
    assert list(found.between) == [600, 900]
    assert found.saving_seconds == 300
    assert found.critical_path == {}
    assert any("depends_on" in note for note in WhatIf(example().run()).notes)


def test_fewer_workers_without_depends_on() -> None:
    assert predict(example(), Change(workers=1)).predicted_seconds == 660


def test_a_circle_gives_a_partial_answer() -> None:
    what_if = WhatIf(supersteps_of([[Task("T3", 20, ("T7",))], [Task("T7", 10, ("T3",))]]).run())
    assert any("T3 -> T7 -> T3" in note for note in what_if.notes)
    assert what_if.predict(Change("continuous")).predicted_seconds is not None


def test_calls_that_are_made_for_each_task_are_counted_for_each() -> None:
    """The strategist merges (2 s) every task and asks once (3 s); passes of one task take 5 s."""
    built = Builder()
    graph = built.workflow(0, 0)
    built.node("director", 0, 1, graph, 1)
    for number, end in ((1, 11), (2, 31)):
        built.node("worker", 1, end, graph, 2, task_facts(Task(f"T{number}", 0)))
    strategist = built.node("strategist", 31, 38, graph, 3)
    built.git("merge", 31, 33, strategist)
    built.git("merge", 33, 35, strategist)
    built.chat(35, 38, strategist)
    built.node("director", 38, 39, graph, 4)
    built.node("worker", 39, 49, graph, 5, task_facts(Task("T3", 0, ("T1",))))
    strategist = built.node("strategist", 49, 54, graph, 6)
    built.git("merge", 49, 51, strategist)
    built.chat(51, 54, strategist)
    built.node("director", 54, 55, graph, 7)
    del built.spans[0]
    built.span("invoke_workflow plan", 0, 55, None, {semconv.WORKFLOW_NAME: "plan"}, span_id=graph)
    what_if = WhatIf(built.run())
    assert what_if.confidence.error == 0
    # T1 ends at 11: merged and judged by 16, T3 handed out at 17, done at 27; T2 at 31: 36, idle director 37.
    assert what_if.predict(Change("continuous")).predicted_seconds == 39


def test_a_lock_that_no_span_tells_of() -> None:
    built = Builder()
    graph = built.workflow(0, 17)
    built.node("director", 0, 1, graph, 1)
    for number in range(3):
        node = built.node("worker", 1, 12 + number * 2, graph, 2, task_facts(Task(f"T{number}", 0)))
        built.git("worktree add", 1 + number * 2, 3 + number * 2, node)
        built.chat(3 + number * 2, 12 + number * 2, node)
    built.node("end", 16, 17, graph, 3)
    what_if = WhatIf(built.run())
    assert what_if.confidence.error == 0
    assert any("git worktree add was never run by two at once: 2 calls waited 6 s" in note for note in what_if.notes)
    assert what_if.predict(Change(levers=(without("lock"),))).predicted_seconds == 13
    assert what_if.predict(Change(levers=(speedup("git=2"),))).predicted_seconds == 14
    assert what_if.predict(Change(workers=1)).predicted_seconds == 35


def test_no_rate_limits() -> None:
    built = Builder()
    node = built.node("worker", 0, 10, built.workflow(0, 10), 1)
    built.chat(0, 2, node, status=2)
    built.wait(semconv.RATE_LIMIT, 2, 7, node)
    built.chat(7, 10, node)
    assert predict(built, Change(levers=(without("rate_limit"),))).predicted_seconds == 5


def test_all_levers_are_ranked() -> None:
    what_if = WhatIf(supersteps_of(STRAGGLERS).run())
    ranked = rank(answer(what_if, levers(what_if), ["trouble"]))
    savings = [found.saving_seconds for found in ranked.predictions]
    assert savings == sorted(savings, reverse=True)
    changes = [found.change for found in ranked.predictions]
    assert {"continuous dispatch", "no barrier", "llm 2x as fast", "node:worker 2x as fast", "4 workers"} <= set(
        changes
    )
    assert len(changes) == len(set(changes))
    assert ranked.notes[0] == "trouble"
    assert ranked.critical_path == {"llm": 1220, "own": 1}


def test_changes_are_named() -> None:
    change = Change("continuous", 0, (speedup("llm=2"), cache("git=0.25"), without("rate_limit")))
    assert change.text == (
        "continuous dispatch, no limit on workers, llm 2x as fast, 25 % of git cached, no rate limit"
    )
    assert Change(workers=1).text == "1 worker"
    assert Change(workers=10).text == "10 workers"
    assert Change().text == "nothing changed"


@given(trees())
@settings(max_examples=200, deadline=None)
def test_anything_can_be_asked_about(built: Builder) -> None:
    what_if = WhatIf(built.run())
    for change in (*levers(what_if), Change("continuous"), Change(workers=1)):
        found = what_if.predict(change)
        low, high = found.between
        assert 0 <= low <= high + 1e-9
        assert found.known is not (found.critical_path == {} and high > 0) or low == high == 0
    unchanged = what_if.predict(Change(levers=(speedup("llm=1"), speedup("own=1"))))
    assert unchanged.predicted_seconds == pytest.approx(what_if.predict(Change()).predicted_seconds)


@st.composite
def loops(draw: st.DrawFn) -> Builder:
    """Rounds of tasks that depend on some of the rounds before."""
    earlier: list[str] = []
    rounds: list[list[Task]] = []
    for _ in range(draw(st.integers(1, 4))):
        tasks: list[Task] = []
        for _ in range(draw(st.integers(1, 4))):
            needs = tuple(sorted(draw(st.sets(st.sampled_from(earlier), max_size=2)))) if earlier else ()
            tasks.append(Task(f"T{len(earlier) + len(tasks) + 1}", draw(st.integers(1, 50)), needs))
        earlier += [task.name for task in tasks]
        rounds.append(tasks)
    seconds = [draw(st.integers(0, 5)) for _ in range(3)]
    return supersteps_of(rounds, director=seconds[0], strategist=seconds[1], idle=seconds[2])


@given(loops())
@settings(max_examples=100, deadline=None)
def test_a_prediction_is_at_least_the_longest_chain(built: Builder) -> None:
    what_if = WhatIf(built.run())
    chain: dict[str, float] = {}
    assert what_if.graph is not None
    for unit, needs in zip(what_if.graph.units, what_if.graph.needs, strict=True):
        before = max((chain[what_if.graph.units[need].id] for need in needs), default=0.0)
        chain[unit.id] = before + (unit.end - unit.start) / 1e9
    for change in (Change("continuous"), Change("no barrier", 0), Change(workers=0)):
        found = what_if.predict(change)
        assert found.between[1] >= max(chain.values()) - 1e-9
        assert found.saving_share <= 1
