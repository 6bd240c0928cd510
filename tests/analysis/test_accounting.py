from __future__ import annotations

import pytest

from agent_otel import semconv
from agent_otel.analysis.accounting import account
from tests.analysis.build import Builder, example, nanoseconds


def test_the_example_of_three_parallel_nodes() -> None:
    found = account(example().run())
    assert {key: value for key, value in found.busy.items() if value} == {semconv.LLM: nanoseconds(660)}
    assert found.waits == {semconv.BARRIER: nanoseconds(1140)}
    assert found.ratio == pytest.approx(1.73, abs=0.005)


def test_overlapping_children_are_subtracted_once_and_clipped() -> None:
    built = Builder()
    root = built.agent("boss", 0, 10)
    built.chat(1, 5, root)
    built.chat(3, 7, root)
    built.git("push", 9, 14, root)
    run = built.run()
    self_times = dict(zip((span.name for span in run.spans), account(run).self_times, strict=True))
    assert self_times["invoke_agent boss"] == nanoseconds(10 - 6 - 1)
    assert self_times["git push"] == nanoseconds(5)


@pytest.mark.parametrize("reason", [semconv.RATE_LIMIT, semconv.RETRY, semconv.APPROVAL, semconv.LOCK])
def test_a_pause_in_a_span_is_not_its_work(reason: str) -> None:
    built = Builder()
    call = built.chat(0, 10, built.node("worker", 0, 10, None))
    built.wait(reason, 2, 8, call)
    found = account(built.run())
    assert found.busy == {semconv.OWN: 0, semconv.LLM: nanoseconds(4)}
    assert found.ratio == 1.5


@pytest.mark.parametrize("reason", [semconv.QUEUE, semconv.BARRIER, semconv.DEPENDENCY])
def test_a_wait_of_others_leaves_the_span_its_work(reason: str) -> None:
    built = Builder()
    built.wait(reason, 2, 8, built.agent("boss", 0, 10))
    assert account(built.run()).busy == {semconv.OWN: nanoseconds(10)}


def test_dependency_waits_are_shown_but_outside_the_ratio() -> None:
    built = Builder()
    root = built.agent("boss", 0, 10)
    built.wait(semconv.DEPENDENCY, 0, 8, root)
    built.wait(semconv.QUEUE, 8, 9, root)
    found = account(built.run())
    assert found.waits == {semconv.DEPENDENCY: nanoseconds(8), semconv.QUEUE: nanoseconds(1)}
    assert found.ratio == 0.1


def test_without_work_there_is_no_ratio() -> None:
    built = Builder()
    built.wait(semconv.QUEUE, 0, 1, None)
    assert account(built.run()).ratio is None
