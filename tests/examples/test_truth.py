"""The recorded demo against clocks that know nothing of us: the LLM server's own, and that of a git wrapper."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

import pytest
from opentelemetry.proto_json.collector.metrics.v1.metrics_service import ExportMetricsServiceRequest
from opentelemetry.proto_json.collector.trace.v1.trace_service import ExportTraceServiceRequest

from .truth import EXAMPLES, LAUNCHER, Demo, read_log, run_demo

if TYPE_CHECKING:
    from collections.abc import Iterable

pytestmark = pytest.mark.alone
AGENT_OTEL: Final = str(Path(LAUNCHER[0]).with_name("agent-otel"))
SEEDS: Final = (8, 1, 2, 3, 4)
OLDER_READERS_KEYS: Final = ("agent", "cli", "duration", "timestamp")


@pytest.fixture(scope="module")
def demos(tmp_path_factory: pytest.TempPathFactory) -> list[Demo]:
    """The demo with five seeds, one after the other so that they do not slow each other down."""
    return [run_demo(tmp_path_factory.mktemp(f"seed{seed}"), seed) for seed in SEEDS]


@pytest.fixture(scope="module")
def async_demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return run_demo(tmp_path_factory.mktemp("async"), 8, 0.3, async_=True)


@pytest.fixture(scope="module", params=["sync", "async"])
def demo(request: pytest.FixtureRequest) -> Demo:
    if request.param == "async":
        asynchronous: Demo = request.getfixturevalue("async_demo")
        return asynchronous
    several: list[Demo] = request.getfixturevalue("demos")
    return several[0]


def report(demo: Demo) -> dict[str, Any]:
    argv = [AGENT_OTEL, "report", "--format", "json", "--dir", str(demo.store)]
    done = subprocess.run(argv, check=True, capture_output=True, text=True)
    read: dict[str, Any] = json.loads(done.stdout)
    return read


def spans(demo: Demo) -> dict[str, dict[str, Any]]:
    """Span id -> span of the store, with its attributes as a dictionary."""
    found: dict[str, dict[str, Any]] = {}
    for file in sorted((demo.store / "otlp").glob("traces-*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            for resource in json.loads(line)["resourceSpans"]:
                for scope in resource["scopeSpans"]:
                    for span in scope["spans"]:
                        values = {one["key"]: next(iter(one["value"].values())) for one in span["attributes"]}
                        found[span["spanId"]] = span | {"facts": values}
    return found


def total(groups: Iterable[dict[str, Any]]) -> float:
    return sum(float(group["total"]) for group in groups)


def test_the_orchestrator_knows_nothing_of_us() -> None:
    for file in EXAMPLES.rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            assert "agent_otel" not in file.read_text(encoding="utf-8"), file


def test_llm_and_git_totals_agree_with_the_independent_clocks(demos: list[Demo]) -> None:
    errors: dict[str, list[float]] = {"llm": [], "git": []}
    for demo in demos:
        read = report(demo)
        for kind, log, share, per_call in (("llm", demo.llm_log, 0.02, 0.005), ("git", demo.git_log, 0.05, 0.010)):
            logged = [line.seconds for line in read_log(log)]
            assert sum(group["count"] for group in read[kind]) == len(logged)
            errors[kind].append(abs(total(read[kind]) - sum(logged)) / max(share * sum(logged), per_call * len(logged)))
    print("errors as shares of what is allowed:", errors)
    assert median(errors["llm"]) <= 1
    assert median(errors["git"]) <= 1


def test_the_critical_path_sums_to_the_wall(demos: list[Demo]) -> None:
    for demo in demos:
        read = report(demo)
        assert sum(read["critical_path"].values()) == pytest.approx(read["wall_seconds"], abs=0.001)
        assert read["wall_seconds"] < demo.elapsed


def test_one_trace_and_every_parent_is_right(demo: Demo) -> None:
    found = spans(demo)
    assert len({span["traceId"] for span in found.values()}) == 1
    (root,) = [span for span in found.values() if not span.get("parentSpanId")]
    assert root["name"] == "invoke_workflow orchestrator"
    nodes = [span for span in found.values() if span["name"].startswith("node ")]
    assert sum(span["name"] == "node worker" for span in nodes) >= 12
    assert {span["parentSpanId"] for span in nodes} == {root["spanId"]}
    clis = {span["spanId"] for span in found.values() if span["name"].startswith("invoke_agent ")}
    node_ids = {span["spanId"] for span in nodes}
    calls = [span for span in found.values() if span["name"].startswith(("chat ", "git "))]
    assert len(calls) > 100
    assert {span["parentSpanId"] for span in calls} <= node_ids | clis
    # The CLI's own process made the LLM calls under it.
    inside = [span for span in calls if span["parentSpanId"] in clis]
    assert len(inside) == len(clis) > 0
    assert {found[span["parentSpanId"]]["parentSpanId"] for span in inside} <= node_ids
    assert all(span["facts"]["agent_otel.outcome"] == "ok" for span in found.values())
    sizes = [int(span["facts"]["agent_otel.superstep.size"]) for span in found.values() if span["name"] == "superstep"]
    assert len(sizes) >= 4
    assert min(sizes) >= 2


def test_calls_lie_inside_their_nodes(demo: Demo) -> None:
    found = spans(demo)
    for span in found.values():
        around = found.get(span.get("parentSpanId", ""))
        if around is not None:
            assert int(around["startTimeUnixNano"]) <= int(span["startTimeUnixNano"])
            assert int(span["endTimeUnixNano"]) <= int(around["endTimeUnixNano"])


def lines(demo: Demo, pattern: str) -> list[str]:
    files = sorted((demo.store / "otlp").glob(pattern))
    return [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def test_the_store_is_read_by_the_official_parser_and_by_a_four_key_reader(demo: Demo) -> None:
    ours = {(span["traceId"], identity) for identity, span in spans(demo).items()}
    parsed = [
        span
        for line in lines(demo, "traces-*.jsonl")
        for resource in ExportTraceServiceRequest.from_json(line).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]
    assert {((span.trace_id or b"").hex(), (span.span_id or b"").hex()) for span in parsed} == ours
    metrics = {
        metric.name
        for line in lines(demo, "metrics-*.jsonl")
        for resource in ExportMetricsServiceRequest.from_json(line).resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }
    assert {"agent_otel.node.duration", "gen_ai.client.operation.duration", "agent_otel.queue.depth"} <= metrics
    records: list[dict[str, Any]] = json.loads((demo.store / "agent-performance.json").read_text(encoding="utf-8"))
    rows = [tuple(record[key] for key in OLDER_READERS_KEYS) for record in records]
    assert {(agent, cli) for agent, cli, _, _ in rows} >= {("worker", "langgraph"), ("claude", "claude")}
    assert all(isinstance(duration, float) and stamp.endswith("Z") for _, _, duration, stamp in rows)


def test_git_add_all_stages_nothing_of_the_store_but_the_performance_file(tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    subprocess.run(["git", "init", "-q", str(project)], check=True)
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("AGENT_OTEL", "OTEL"))}
    program = "import subprocess; subprocess.run(['git', 'status', '--short'], check=True, capture_output=True)"
    argv = [*LAUNCHER, str(Path(LAUNCHER[0]).with_name("python")), "-c", program]
    subprocess.run(argv, cwd=project, env=environment, check=True)
    assert list((project / ".planning/metrics/otlp").glob("traces-*.jsonl"))
    subprocess.run(["git", "add", "-A"], cwd=project, check=True)
    staged = subprocess.run(
        ["git", "diff", "--cached", "--name-only"], cwd=project, check=True, capture_output=True, text=True
    )
    assert staged.stdout.split() == [".planning/metrics/agent-performance.json"]
