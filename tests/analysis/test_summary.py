from __future__ import annotations

import pytest

from agent_otel import semconv
from agent_otel.analysis import groups
from agent_otel.analysis.diagnosis import LLM_LATENCY, SEQUENTIAL_NODES, SUPERSTEP_BLOCKING
from agent_otel.analysis.dispatch import bracket, longest_chain, sequential_time
from agent_otel.analysis.duration import duration_text
from agent_otel.analysis.summary import Report, analyse, report
from agent_otel.analysis.supersteps import node_time, supersteps
from tests.analysis.build import Builder, example, nanoseconds


def reported(*built: Builder, by: tuple[str, ...] = ()) -> Report:
    return report(analyse([one.run() for one in built], by))


def test_the_example_of_three_parallel_nodes() -> None:
    found = reported(example())
    assert found.wall_seconds == 600
    assert found.critical_path[semconv.LLM] == 600
    assert sum(found.critical_path.values()) == 600
    assert found.wait_work_ratio == pytest.approx(1140 / 660)
    assert found.supersteps.count == 1
    assert found.supersteps.blocked_seconds == 1140
    assert found.supersteps.share == pytest.approx(0.63, abs=0.005)
    straggler = found.supersteps.worst_straggler
    assert straggler is not None
    assert (straggler.node, straggler.blocked_seconds) == ("slow", 1140)


def test_several_runs_add_up() -> None:
    other = Builder("f" * 32)
    other.chat(0, 10, other.workflow(0, 10))
    found = reported(example(), other)
    assert (len(found.runs), found.wall_seconds, found.critical_path[semconv.LLM]) == (2, 610, 610)
    assert found.llm[0].count == 4


def test_superstep_share_over_a_third_recommends_continuous_dispatch_with_its_bracket() -> None:
    built = Builder()
    graph = built.workflow(0, 40)
    for step, start in ((1, 0), (2, 20)):
        built.node("slow", start, start + 20, graph, step)
        for _ in range(3):
            built.node("quick", start, start + 2, graph, step)
            built.wait(semconv.BARRIER, start + 2, start + 20, graph)
    found = {finding.hypothesis: finding for finding in reported(built).diagnosis}
    blocking = found[SUPERSTEP_BLOCKING]
    assert blocking.share == pytest.approx(108 / 160)
    assert blocking.verdict == "high"
    assert "Continuous dispatch pays" in blocking.advice
    assert "between 20.0 s and 40.0 s (saving at most 50 %)" in blocking.advice


def test_findings_are_compared_with_what_is_usual() -> None:
    built = Builder()
    graph = built.workflow(0, 100)
    built.chat(0, 70, graph)
    built.git("commit", 70, 75, graph)
    found = reported(built).diagnosis
    assert [(one.hypothesis, one.verdict) for one in found] == [
        (LLM_LATENCY, "usual"),
        ("git I/O", "low"),
        (SUPERSTEP_BLOCKING, "none"),
        (SEQUENTIAL_NODES, "none"),
    ]


def test_nodes_in_nodes_count_once() -> None:
    built = Builder()
    outer = built.node("outer", 0, 10, built.workflow(0, 10), 1)
    inner = built.workflow(1, 9, outer)
    built.node("a", 1, 5, inner, 1)
    built.node("b", 1, 9, inner, 1)
    run = built.run()
    assert node_time(run) == nanoseconds(2 + 4 + 8)
    assert [step.straggler for step in supersteps(run).steps] == ["b"]
    assert supersteps(run).count == 2
    assert sequential_time(run) == nanoseconds(2)


def test_nodes_one_after_another_are_sequential() -> None:
    built = Builder()
    graph = built.workflow(0, 10)
    built.node("a", 0, 4, graph, 1)
    built.node("b", 4, 8, graph, 2)
    built.node("c", 8, 10, graph, 3)
    built.node("d", 8, 9, graph, 3)
    assert sequential_time(built.run()) == nanoseconds(8)


def test_the_bracket_follows_dependencies() -> None:
    built = Builder()
    graph = built.workflow(0, 30)
    for name, start, needs in (("a", 0, ()), ("b", 10, ("a",)), ("c", 20, ("b", "c", "nobody"))):
        built.task(name, start, start + 6, built.node(name, start, start + 6, graph), needs)
    run = built.run()
    assert longest_chain(run) == nanoseconds(18)
    assert bracket(run, node_time(run)).best == nanoseconds(18)


def test_groups_by_keys_take_what_lies_around_them() -> None:
    built = Builder()
    graph = built.workflow(0, 10)
    worker = built.node("worker", 0, 10, graph, 1)
    built.chat(0, 2, worker)
    coder = built.agent("coder", 2, 9, worker, cli="claude")
    built.chat(3, 8, coder, model="opus", status=2)
    planner = built.node("planner", 0, 1, graph, 2)
    built.chat(0, 1, planner)
    models = reported(built, by=("agent", "model")).groups
    assert [(row.keys, row.figures.total, row.figures.errors) for row in models] == [
        (("coder", "opus"), 7, 0),
        (("planner", "gpt-4o"), 1, 0),
    ]
    calls = reported(built, by=("model", "node")).groups
    assert [(row.keys, row.figures.total, row.figures.errors) for row in calls] == [
        (("opus", "worker"), 5, 1),
        (("gpt-4o", "worker"), 2, 0),
        (("gpt-4o", "planner"), 1, 0),
    ]
    agents = reported(built, by=("agent", "cli")).groups
    assert {row.keys for row in agents} == {("coder", "claude"), ("planner", "in process")}
    assert [row.keys for row in reported(built, by=("node",)).groups] == [("worker",), ("planner",)]


def test_a_cli_whose_calls_are_not_seen_counts_by_its_model() -> None:
    built = Builder()
    attributes = {
        semconv.OPERATION_NAME: semconv.INVOKE_AGENT,
        semconv.AGENT_NAME: "claude",
        semconv.AGENT_CLI: "claude",
        semconv.PROCESS_EXECUTABLE_NAME: "claude",
        semconv.REQUEST_MODEL: "opus",
    }
    built.span("invoke_agent claude", 0, 4, built.workflow(0, 4), attributes)
    found = reported(built, by=("cli", "model"))
    assert [row.keys for row in found.groups] == [("claude", "opus")]
    assert found.critical_path["cli"] == 4


def test_abandoned_spans_and_other_clocks_are_said() -> None:
    built = Builder()
    graph = built.workflow(0, 10)
    built.chat(-1, 12, graph, process="other")
    built.node("never", 2, 10, graph, 1, state="abandoned")
    found = reported(built)
    assert found.wall_seconds == 10
    assert any("clipped" in warning and "2,000 ms" in warning for warning in found.warnings)
    assert any("never ended" in warning for warning in found.warnings)


@pytest.mark.parametrize(("fraction", "expected"), [(0.0, 1.0), (0.5, 2.5), (0.95, 3.85), (1.0, 4.0)])
def test_quantiles_are_interpolated(fraction: float, expected: float) -> None:
    assert groups.quantile([1, 2, 3, 4], fraction) == pytest.approx(expected)
    assert groups.quantile([], fraction) == 0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (0.0000015, "2 us"),
        (0.0012, "1.20 ms"),
        (0.9996, "1.00 s"),
        (34.46, "34.5 s"),
        (725, "12m 05s"),
        (11_220, "3h 07m"),
        (-2, "-2.00 s"),
    ],
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
