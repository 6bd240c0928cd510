"""Samples of runs and records: who did what, and every run counted once."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import pytest

from agent_otel import semconv
from agent_otel.analysis.groups import IN_PROCESS, UNKNOWN
from agent_otel.analysis.sample_context import SEVERAL
from agent_otel.analysis.samples import Sample, record_samples, run_samples, stored_samples
from agent_otel.store.model import Resource
from agent_otel.store.performance_json import timestamp
from agent_otel.store.reader import PerformanceRecord, StoreReader, UnknownRunError
from tests.analysis.build import EPOCH, TRACE, Builder, nanoseconds

if TYPE_CHECKING:
    from collections.abc import Iterable

TRACKER = Path(__file__).parents[1] / "data" / "tracker-agent-performance.json"


def orchestrator() -> Builder:
    """A graph of a director that asks an LLM, and a worker whose task a CLI does."""
    built = Builder()
    graph = built.workflow(0, 10)
    director = built.node("director", 0, 2, graph, 1)
    call: semconv.Attributes = {
        semconv.OPERATION_NAME: semconv.CHAT,
        semconv.REQUEST_MODEL: "gpt-4o",
        semconv.USAGE_INPUT_TOKENS: 100,
        semconv.USAGE_OUTPUT_TOKENS: 20,
    }
    built.span("chat gpt-4o", 0, 1, director, call)
    worker = built.node("worker", 2, 10, graph, 2)
    task = built.span(
        "task code", 2, 10, worker, {semconv.TASK_ID: "t", semconv.TASK_TYPE: "code", semconv.TASK_QUALITY: 80}
    )
    built.span(
        "invoke_agent coder",
        2,
        9,
        task,
        {
            semconv.OPERATION_NAME: semconv.INVOKE_AGENT,
            semconv.AGENT_NAME: "coder",
            semconv.AGENT_CLI: "claude-code",
            semconv.REQUEST_MODEL: "opus",
            semconv.USAGE_INPUT_TOKENS: 1000,
            semconv.COST: 0.5,
            semconv.PROMPT_VERSION: 3,
        },
    )
    return built


def by_name(samples: Iterable[Sample]) -> dict[tuple[str, str], Sample]:
    """Samples by kind and name."""
    return {(sample.kind, sample.name): sample for sample in samples}


def record(
    agent: str = "coder", cli: str = "claude", end: float = 9, seconds: float = 7, **more: object
) -> dict[str, object]:
    """A record as stored."""
    stamp = timestamp(EPOCH + nanoseconds(end))
    return {"agent": agent, "cli": cli, "duration": seconds * 1e3, "timestamp": stamp, **more}


def test_every_kind_has_its_samples() -> None:
    found = by_name(run_samples(orchestrator().run()))
    assert {key: sample.duration for key, sample in found.items()} == {
        ("run", "invoke_workflow plan"): 10,
        ("node", "node director"): 2,
        ("llm", "chat gpt-4o"): 1,
        ("node", "node worker"): 8,
        ("agent", "invoke_agent coder"): 7,
    }


def test_a_sample_says_who_did_what_for_which_task() -> None:
    found = by_name(run_samples(orchestrator().run()))
    coder = found["agent", "invoke_agent coder"]
    assert (coder.agent, coder.cli, coder.model, coder.category) == ("coder", "claude", "opus", "code")
    assert (coder.tokens, coder.cost, coder.quality, coder.prompt_version) == (1000, 0.5, 80, "3")
    worker = found["node", "node worker"]
    assert (worker.agent, worker.model, worker.category, worker.tokens) == ("worker", "opus", "code", 1000)
    assert (worker.quality, worker.prompt_version) == (80, UNKNOWN)
    director = found["node", "node director"]
    assert (director.agent, director.cli, director.model, director.tokens) == ("director", IN_PROCESS, "gpt-4o", 120)
    assert (director.category, director.quality, director.cost) == (UNKNOWN, None, None)
    call = found["llm", "chat gpt-4o"]
    assert (call.agent, call.cli, call.model) == ("director", IN_PROCESS, "gpt-4o")
    run = found["run", "invoke_workflow plan"]
    assert (run.agent, run.model, run.tokens, run.cost, run.quality) == ("plan", SEVERAL, 1120, 0.5, 80)


def test_the_quality_of_what_holds_several_tasks_is_their_mean() -> None:
    built = Builder()
    graph = built.workflow(0, 10)
    for number, quality in enumerate((60, 70, 95)):
        task: semconv.Attributes = {
            semconv.TASK_ID: str(number),
            semconv.TASK_TYPE: "code",
            semconv.TASK_QUALITY: quality,
        }
        built.chat(0, 1, built.span("task code", 0, 2, graph, task))
    found = list(run_samples(built.run()))
    assert {sample.quality for sample in found if sample.kind == "run"} == {75}
    assert sorted(sample.quality or 0 for sample in found if sample.kind == "llm") == [60, 70, 95]
    assert {sample.category for sample in found} == {"code"}


def test_agents_are_agent_runs_and_nodes_that_call_an_llm_without_one() -> None:
    acting = {sample.name for sample in run_samples(orchestrator().run()) if sample.acts}
    assert acting == {"invoke_agent coder", "node director"}


def test_the_revision_is_the_resource_s() -> None:
    built = orchestrator()
    resource = Resource({semconv.VCS_REF_HEAD_REVISION: "f" * 40})
    built.spans = [msgspec.structs.replace(span, resource=resource) for span in built.spans]
    assert {sample.revision for sample in run_samples(built.run())} == {"f" * 40}


@pytest.mark.parametrize(
    ("outcome", "status", "success"),
    [("ok", 0, True), ("error", 2, False), ("timeout", 2, False), ("cancelled", 0, None), ("interrupted", 0, None)],
)
def test_what_was_stopped_neither_succeeded_nor_failed(outcome: str, status: int, success: bool | None) -> None:
    built = Builder()
    built.node("n", 0, 1, None, 1, {semconv.OUTCOME: outcome}, status=status)
    assert [sample.success for sample in run_samples(built.run()) if sample.kind == "node"] == [success]


def test_unended_spans_are_no_samples() -> None:
    built = Builder()
    workflow: semconv.Attributes = {semconv.OPERATION_NAME: semconv.INVOKE_WORKFLOW}
    graph = built.span("invoke_workflow w", 0, 5, None, workflow, state="running")
    built.node("done", 0, 1, graph, 1)
    built.node("open", 1, 5, graph, 2, state="abandoned")
    assert [sample.name for sample in run_samples(built.run())] == ["node done"]


def test_a_single_call_is_no_run() -> None:
    built = Builder()
    built.chat(0, 1)
    assert [sample.kind for sample in run_samples(built.run())] == ["llm"]


def test_a_record_whose_run_is_stored_counts_once(tmp_path: Path) -> None:
    orchestrator().write(tmp_path)
    records = [record(trace_id=TRACE), record(trace_id="e" * 32), record(end=20)]
    (tmp_path / "agent-performance.json").write_text(json.dumps(records))
    agents = [sample for sample in stored_samples(StoreReader(tmp_path)) if sample.kind == "agent"]
    assert [sample.run == TRACE for sample in agents] == [True, False, False]


def test_records_of_a_node_and_of_the_agent_of_its_name_in_it_count_once() -> None:
    found = [
        record("coder", "langgraph", 10, 8, trace_id="a" * 32),
        record("coder", "claude", 9, 7, trace_id="a" * 32),
        record("coder", "claude", 9, 7, trace_id="b" * 32),
        record("tester", "claude", 9, 6, trace_id="a" * 32),
    ]
    assert [(sample.agent, sample.cli) for sample in read(found)] == [
        ("coder", "claude"),
        ("coder", "claude"),
        ("tester", "claude"),
    ]


@pytest.mark.parametrize(
    ("stored", "compared"),
    [
        ("claude-code", "claude"),
        ("copilot-cli", "copilot"),
        ("github-copilot-cli", "copilot"),
        ("codex-cli", "codex"),
        ("claude", "claude"),
        ("my-cli", "my-cli"),
        ("unknown", "unknown"),
        ("langgraph", IN_PROCESS),
        ("python", IN_PROCESS),
        ("", UNKNOWN),
    ],
)
def test_clis_are_compared_under_one_name(stored: str, compared: str) -> None:
    assert [sample.cli for sample in read([record(cli=stored)])] == [compared]


def test_records_that_cannot_be_used_are_left_out() -> None:
    found = [record(seconds=-1), {**record(), "timestamp": "yesterday"}, record()]
    assert len(read(found)) == 1


def test_the_older_tracker_s_file_is_read(tmp_path: Path) -> None:
    shutil.copy(TRACKER, tmp_path / "agent-performance.json")
    found = list(stored_samples(StoreReader(tmp_path)))
    assert len(found) == 54
    assert sum(sample.duration for sample in found) / 54 * 1e3 == pytest.approx(48.9507655)
    assert {sample.success for sample in found} == {None}
    assert len({sample.run for sample in found}) == 54


def test_since_counts_runs_by_their_start_and_records_by_their_end(tmp_path: Path) -> None:
    orchestrator().write(tmp_path)
    later = Builder("e" * 32, EPOCH + 10**12)
    later.agent("coder", 0, 1, cli="claude")
    later.write(tmp_path)
    (tmp_path / "agent-performance.json").write_text(json.dumps([record(end=9), record(end=2000)]))
    moment = datetime.fromtimestamp(EPOCH / 1e9 + 500, timezone.utc)
    found = [sample for sample in stored_samples(StoreReader(tmp_path), moment) if sample.kind == "agent"]
    assert [(sample.when - EPOCH) / 1e9 for sample in found] == [1001, 2000]
    assert not list(stored_samples(StoreReader(tmp_path), timedelta(seconds=1)))


def test_named_runs_only(tmp_path: Path) -> None:
    orchestrator().write(tmp_path)
    (tmp_path / "agent-performance.json").write_text(json.dumps([record()]))
    found = list(stored_samples(StoreReader(tmp_path), runs=[TRACE[:4], TRACE]))
    assert len(found) == 5
    with pytest.raises(UnknownRunError):
        list(stored_samples(StoreReader(tmp_path), runs=["ffff"]))


def read(records: list[dict[str, object]]) -> list[Sample]:
    """The samples of records alone."""
    return list(record_samples([msgspec.convert(found, PerformanceRecord) for found in records], frozenset()))
