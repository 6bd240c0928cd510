"""What a span takes if parts of it are faster."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_otel.analysis.changes import cache, factors, speedup
from agent_otel.analysis.work import TOP, Works, evaluate
from tests.analysis.build import Builder, nanoseconds
from tests.analysis.test_properties import trees


def seconds(built: Builder, *levers: str) -> float:
    """The run at these speedups."""
    works = Works(built.run())
    work = works.stretch(works.children.get(TOP, ()), works.run.start, works.run.end, works.top_label)
    return sum(evaluate(work, factors([speedup(one) for one in levers], works.labels), works.labels).values()) / 1e9


def test_what_follows_each_other_is_summed() -> None:
    built = Builder()
    node = built.node("worker", 0, 10, built.workflow(0, 12), 1)
    built.chat(1, 7, node)
    built.git("commit", 7, 9, node)
    assert seconds(built) == 12
    assert seconds(built, "llm=2") == 9
    assert seconds(built, "llm=2", "git=2") == 8
    assert seconds(built, "node:worker=2") == 7
    assert seconds(built, "node:worker=2", "llm=3") == pytest.approx(12 - 5 - 2)
    assert seconds(built, "git:commit=4") == 10.5
    assert seconds(built, "llm:gpt-4o=2") == 9
    assert seconds(built, "llm:other=2") == 12
    assert seconds(built, "own=2") == 10


def test_of_what_overlaps_the_last_one_counts() -> None:
    built = Builder()
    graph = built.workflow(0, 12)
    fast, slow = built.node("fast", 0, 6, graph, 1), built.node("slow", 0, 10, graph, 1)
    built.chat(0, 10, slow)
    built.git("fetch", 0, 6, fast)
    built.node("after", 10, 12, graph, 2)
    assert seconds(built) == 12
    assert seconds(built, "llm=2") == 8
    assert seconds(built, "git=2") == 12
    assert seconds(built, "llm=2", "git=2") == 7


def test_what_started_when_others_had_ended_waits_for_them() -> None:
    built = Builder()
    graph = built.workflow(0, 10)
    built.chat(0, 4, graph)
    built.git("fetch", 0, 10, graph)
    built.chat(5, 9, graph)
    assert seconds(built, "git=5") == 9
    assert seconds(built, "git=5", "llm=2") == 5


def test_a_cli_is_faster_with_the_calls_in_it() -> None:
    built = Builder()
    cli = built.agent("claude", 0, 10, built.workflow(0, 10), cli="claude")
    built.chat(2, 8, cli, process="claude")
    assert seconds(built, "cli=2") == 5
    assert seconds(built, "cli:claude=2") == 5
    assert seconds(built, "llm=2") == 7


def test_a_cache_takes_a_part_away() -> None:
    built = Builder()
    built.chat(0, 10, built.workflow(0, 10))
    works = Works(built.run())
    work = works.of(0)
    assert evaluate(work, factors([cache("llm=0.3")], works.labels), works.labels)["llm"] == nanoseconds(7)


@pytest.mark.parametrize("text", ["llm", "llm=", "=2", "llm=fast", "llm=0", "llm=-1", "llm=inf", "llm=nan"])
def test_a_wrong_speedup_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write llm=2|above 0"):
        speedup(text)


@pytest.mark.parametrize("text", ["llm=1.1", "llm=-0.1", "llm", "llm=nan"])
def test_a_wrong_cache_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"write llm=0.3|from 0 to 1"):
        cache(text)


@given(trees())
@settings(max_examples=200, deadline=None)
def test_a_speedup_of_one_changes_nothing(built: Builder) -> None:
    assert seconds(built, "llm=1", "own=1") * 1e9 == pytest.approx(built.run().wall, abs=1e-3)


@given(trees(), st.sampled_from(["llm", "git", "own", "cli", "node:n"]), st.floats(1, 10))
@settings(max_examples=200, deadline=None)
def test_a_speedup_never_costs(built: Builder, target: str, factor: float) -> None:
    assert seconds(built, f"{target}={factor}") <= seconds(built) + 1e-9
