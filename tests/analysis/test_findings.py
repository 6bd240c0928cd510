"""Each hypothesis: found where it is so, with its spans and its saving, and not found where it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings

from agent_otel import semconv
from agent_otel.analysis.diagnosis import USUAL
from agent_otel.analysis.findings import EXAMINATIONS, Diagnosis, diagnose_run
from tests.analysis.build import Builder, example
from tests.analysis.loops import STRAGGLERS, Task, supersteps_of, task_facts
from tests.analysis.test_properties import trees

if TYPE_CHECKING:
    from agent_otel.analysis.symptom import Symptom


def diagnosis(built: Builder) -> Diagnosis:
    return diagnose_run(built.run())


def found(built: Builder, hypothesis: str) -> Symptom:
    (symptom,) = [one for one in diagnosis(built).findings if one.hypothesis == hypothesis]
    return symptom


def test_the_four_of_the_report_are_there_and_five_more() -> None:
    names = {one.hypothesis for one in diagnosis(example()).findings}
    assert names > set(USUAL)
    assert len(names) == len(EXAMINATIONS) == 9


def test_the_greatest_saving_comes_first_and_what_was_not_found_last() -> None:
    findings = diagnosis(supersteps_of(STRAGGLERS)).findings
    applying = [one for one in findings if one.verdict != "none"]
    assert findings[: len(applying)] == tuple(applying)
    savings = [one.saving_seconds or 0.0 for one in applying]
    assert savings == sorted(savings, reverse=True)
    assert all(one.evidence == () and one.change is None for one in findings[len(applying) :])


def test_blocking_supersteps_recommend_continuous_dispatch_with_what_it_saves() -> None:
    built = supersteps_of(STRAGGLERS)
    one = found(built, "superstep blocking")
    assert one.verdict == "high"
    assert one.share == pytest.approx(2 * 1140 / (2 * 1140 + 2 * 660 + 21))
    assert (one.change, one.saving_seconds, one.bracketed) == ("continuous dispatch", 570, False)
    assert "Continuous dispatch" in one.advice
    assert "save 9m 30s (47 %) of 20m 21s" in one.advice
    assert [span.name for span in one.evidence] == ["node worker"] * 2
    assert "held step 2: the others waited 19m 00s together" in one.evidence[0].why
    assert {span.span_id for span in built.spans} >= {span.span_id for span in one.evidence}


def test_continuous_dispatch_is_not_recommended_where_its_passes_cost_what_the_barrier_does() -> None:
    rounds = [
        [Task(f"T{3 * number + place}", seconds, needs(number, place)) for place, seconds in enumerate((5, 60, 5))]
        for number in range(4)
    ]
    one = found(supersteps_of(rounds, director=40, strategist=40, idle=40), "superstep blocking")
    assert one.share > 0.3
    assert one.change == "no barrier"
    assert "only if director and strategist run beside the workers" in one.advice


def needs(number: int, place: int) -> tuple[str, ...]:
    return (f"T{3 * (number - 1) + (place + 1) % 3}",) if number else ()


def test_without_dependencies_the_saving_is_a_bracket() -> None:
    rounds = [[Task("T1", 30), Task("T2", 600)], [Task("T3", 600), Task("T4", 10)]]
    one = found(supersteps_of(rounds), "superstep blocking")
    assert one.bracketed
    assert "between" in one.advice
    assert "depends_on" in one.advice


def test_one_long_chain_gains_nothing_by_dispatch() -> None:
    one = found(supersteps_of([[Task("T1", 30), Task("T2", 600)]]), "superstep blocking")
    assert one.saving_seconds == pytest.approx(0)
    assert "would not shorten this run" in one.advice


def test_llm_latency_names_the_longest_calls() -> None:
    one = found(supersteps_of(STRAGGLERS), "LLM latency")
    assert (one.change, one.saving_seconds) == ("llm 2x as fast", 610)
    assert one.share == pytest.approx(1220 / 1221)
    assert [(span.name, span.seconds) for span in one.evidence[:2]] == [("chat gpt-4o", 600)] * 2


def test_git_names_the_longest_calls() -> None:
    built = Builder()
    graph = built.workflow(0, 10)
    built.git("fetch", 0, 8, graph)
    one = found(built, "git I/O")
    assert (one.verdict, one.share, one.saving_seconds) == ("high", 0.8, 4)
    assert one.evidence[0].name == "git fetch"


def test_sequential_nodes_name_director_and_strategist() -> None:
    one = found(supersteps_of([[Task("T1", 5), Task("T2", 5)]], director=30, strategist=10), "sequential nodes")
    assert one.verdict == "high"
    assert one.change == "node:strategist 2x as fast, node:director 2x as fast"
    assert one.evidence[0].name == "node director"


def test_rate_limits_and_retries() -> None:
    built = Builder()
    graph = built.workflow(0, 20)
    failed = built.chat(0, 1, graph, status=2)
    wait = built.wait(semconv.RATE_LIMIT, 1, 9, graph)
    built.chat(9, 12, graph)
    built.wait(semconv.RETRY, 12, 14, graph)
    built.chat(14, 20, graph)
    one = found(built, "rate limits and retries")
    assert (one.verdict, one.share, one.saving_seconds) == ("high", 0.5, 10)
    assert one.change == "no rate limit, no retry"
    assert one.advice.startswith("2 waits")
    assert one.evidence[0].span_id == wait
    assert one.evidence[-1].span_id == failed
    assert one.evidence[-1].why == "ended as error"


def test_lock_contention_in_git() -> None:
    built = Builder()
    graph = built.workflow(0, 17)
    built.node("director", 0, 1, graph, 1)
    for number in range(3):
        node = built.node("worker", 1, 12 + number * 2, graph, 2, task_facts(Task(f"T{number}", 0)))
        built.git("worktree add", 1 + number * 2, 3 + number * 2, node)
        built.chat(3 + number * 2, 12 + number * 2, node)
    one = found(built, "lock contention in git")
    assert (one.change, one.saving_seconds) == ("no lock", 4)
    assert one.verdict == "high"
    assert one.share == pytest.approx(4 / 17)
    assert "git worktree add (2 calls)" in one.advice
    assert one.evidence[0].why == "task T2 waited 4.00 s for another git worktree add"


def test_cold_starts() -> None:
    built = Builder()
    graph = built.workflow(0, 10)
    cold = built.chat(0, 5, graph)
    for start in (5, 6, 7):
        built.chat(start, start + 1, graph)
    one = found(built, "cold starts")
    assert (one.share, one.saving_seconds) == (0.4, 4)
    assert one.evidence[0].span_id == cold
    warm = Builder()
    graph = warm.workflow(0, 10)
    for start, end in ((0, 5), (5, 6), (6, 10)):
        warm.chat(start, end, graph)
    assert found(warm, "cold starts").verdict == "none"


def test_one_slow_task_type() -> None:
    rounds = [[Task("T1", 10, type="plan"), Task("T2", 90, type="build")], [Task("T3", 50, ("T2",), type="build")]]
    one = found(supersteps_of(rounds, director=0, strategist=0, idle=0), "one slow task type")
    assert (one.verdict, one.share, one.saving_seconds) == ("high", 1.0, 70)
    assert one.change == "type:build 2x as fast"
    assert "7.0 times" in one.advice
    assert one.evidence[0].why == "task T2 of type build"


def test_idle_workers() -> None:
    one = found(supersteps_of(STRAGGLERS), "idle workers")
    assert one.share == pytest.approx(1 - 1320 / (3 * 1210))
    assert (one.verdict, one.change) == ("high", "continuous dispatch")
    busy = supersteps_of([[Task("T1", 50), Task("T2", 49)], [Task("T3", 50), Task("T4", 50, ("T1",))]], director=0)
    one = found(busy, "idle workers")
    assert (one.verdict, one.change) == ("low", "4 workers")
    assert one.saving_seconds == 0


def test_reports_keep_their_four() -> None:
    assert list(USUAL) == ["LLM latency", "git I/O", "superstep blocking", "sequential nodes"]


@given(trees())
@settings(max_examples=100, deadline=None)
def test_anything_can_be_diagnosed(built: Builder) -> None:
    for one in diagnosis(built).findings:
        assert 0 <= one.share <= 1
        assert one.verdict in {"none", "low", "usual", "high"}
        assert one.advice
        assert (one.change is None) is (one.saving_seconds is None)
