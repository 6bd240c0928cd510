from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent_otel import semconv
from agent_otel.store import follow, tail
from agent_otel.store.follow import Follower
from tests.analysis.build import Builder, nanoseconds
from tests.tui.program import Program

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from agent_otel.store.follow import News
    from agent_otel.store.model import Span


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """A program that is about to write."""
    return Program(tmp_path)


def following(program: Program) -> Follower:
    """A follower that asks at every poll whether processes live."""
    return Follower(program.directory, clock=program.clock, timer=iter(range(0, 10**6, 60)).__next__)


def names(spans: Iterable[Span]) -> list[str]:
    return [span.name for span in spans]


def run() -> tuple[Builder, str, str, str]:
    built = Builder()
    graph = built.workflow(90, 110)
    node = built.node("worker", 91, 105, graph, 1)
    return built, graph, node, built.chat(92, 99, node)


def test_a_missing_store_is_empty_until_there_is_one(program: Program) -> None:
    program.directory /= "later"
    found = following(program)
    assert not found.start()
    assert not found.poll()
    built, graph, node, chat = run()
    program.begin(built, graph, node)
    program.end(built, chat)
    news = found.poll()
    assert names(news.started) == ["invoke_workflow plan", "node worker"]
    assert {span.state for span in news.started} == {"running"}
    assert names(news.ended) == ["chat gpt-4o"]
    assert not found.poll()


def test_only_what_is_new_is_told_and_a_torn_line_waits_for_its_end(program: Program) -> None:
    built, graph, node, chat = run()
    program.end(built, chat)
    found = following(program)
    assert names(found.start().ended) == ["chat gpt-4o"]
    with program.path("traces").open("ab") as stream:
        stream.write(built.line(built.spans[1:2])[:50])
    assert not found.poll()
    with program.path("traces").open("ab") as stream:
        stream.write(built.line(built.spans[1:2])[50:] + b"nonsense\n")
    assert names(found.poll().ended) == ["node worker"]
    program.stem = "2-a"
    program.end(built, graph)
    assert names(found.poll().ended) == ["invoke_workflow plan"]
    program.path("traces").unlink()
    assert not found.poll()
    assert node


def test_what_ended_long_ago_is_not_told(program: Program) -> None:
    old = Builder("0b" * 16)
    old.workflow(0, 5)
    program.now = 10.0
    program.end(old)
    program.stem = "2-a"
    program.now = 2000.0
    new = Builder("0c" * 16)
    new.workflow(0, 5)
    new.workflow(1990, 1995, name="new")
    program.end(new)
    assert names(following(program).start().ended) == ["invoke_workflow new"]


def test_start_records_of_spans_that_ended_before_the_part_that_is_read_are_passed_over(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "TAIL_BYTES", 10)
    built, graph, node, chat = run()
    program.begin(built, graph, node, chat)
    program.end(built, chat)
    program.end(built, node)
    told: list[tuple[int, int]] = []
    news = following(program).start(lambda done, total: told.append((done, total)))
    assert names(news.started) == ["invoke_workflow plan"]
    assert told[-1][0] == told[-1][1] > 0


def test_spans_of_a_killed_process_are_abandoned_unless_they_had_ended(program: Program) -> None:
    built, graph, node, chat = run()
    program.begin(built, graph, node, chat)
    found = following(program)
    assert len(found.start().started) == 3
    program.end(built, chat)
    assert names(found.poll().ended) == ["chat gpt-4o"]
    program.now = 120.0
    program.die()
    news = found.poll()
    assert [(span.name, span.state) for span in news.started] == [
        ("invoke_workflow plan", "abandoned"),
        ("node worker", "abandoned"),
    ]
    assert {span.end for span in news.started} == {program.clock()}
    assert not found.poll()
    program.now = 1000.0
    assert not following(program).start().started


def test_a_clean_exit_takes_the_start_records_away(program: Program) -> None:
    built, graph, node, _ = run()
    program.begin(built, graph, node)
    found = following(program)
    found.start()
    program.exit()
    assert sorted(found.poll().gone) == [graph, node]


def test_start_records_written_anew_replace_the_old_ones(program: Program) -> None:
    built, graph, node, chat = run()
    program.begin(built, graph, node, chat)
    found = following(program)
    found.start()
    program.end(built, chat)
    found.poll()
    program.compact(built, graph, chat)
    news = found.poll()
    assert sorted(news.gone) == [graph, node]
    assert names(news.started) == ["invoke_workflow plan"]


def test_measured_are_queue_depth_and_activity_of_living_processes(program: Program) -> None:
    program.measure(semconv.METRIC_QUEUE_DEPTH, {("q", "ready"): 4})
    program.measure(semconv.METRIC_ACTIVITY_TIME, {("work", "llm"): 1.5}, age=30)
    found = following(program)
    news = found.start()
    assert [(process, sample.metric, sample.value) for process, sample in news.measured] == [
        ("metrics-1-a.jsonl", semconv.METRIC_QUEUE_DEPTH, 4.0),
        ("metrics-1-a.jsonl", semconv.METRIC_ACTIVITY_TIME, 1.5),
    ]
    sample = news.measured[1][1]
    assert (sample.time, sample.time - sample.start) == (program.clock(), nanoseconds(30))
    assert news.dead == []
    program.die()
    assert found.poll().dead == ["metrics-1-a.jsonl"]
    assert not found.poll()


def test_a_burst_is_read_in_several_steps(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "CHUNK_BYTES", 300)
    found = following(program)
    found.start()
    built = run()[0]
    for _ in range(4):
        program.end(built)
    polls: list[News] = [found.poll()]
    while polls[-1].more:
        polls.append(found.poll())
    assert sum(len(news.ended) for news in polls) == 12
    assert len(polls) > 4


def test_ends_that_are_remembered_are_bounded(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "ENDED_KNOWN", 2)
    built, graph, node, chat = run()
    found = following(program)
    found.start()
    for span in (graph, node, chat, graph, node, chat):
        program.end(built, span)
        found.poll()
    program.begin(built, graph, node, chat)
    assert len(found.poll().started) <= 1
