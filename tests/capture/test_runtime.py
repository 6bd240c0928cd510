"""Which capture is active, and what it is over."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from agent_otel.capture import runtime

if TYPE_CHECKING:
    from agent_otel.capture.call import Capture
    from tests.conftest import Recording

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def test_without_an_instrumentor_there_is_one_over_the_global_providers() -> None:
    runtime.deactivate()
    assert runtime.active() is runtime.active()
    call = runtime.active().begin("task", "one", {})
    assert call is not None
    assert call.finish()


def test_an_activated_capture_is_active_until_it_is_deactivated(recording: Recording) -> None:
    before = runtime.active()
    runtime.activate(recording.capture)
    assert runtime.active() is recording.capture
    runtime.deactivate()
    assert runtime.active() is before


def test_one_meter_provider_has_one_set_of_signals() -> None:
    tracers, meters = TracerProvider(shutdown_on_exit=False), MeterProvider(shutdown_on_exit=False)
    first, second = runtime.make(tracers, meters), runtime.make(tracers, meters)
    assert first is not second
    assert first.signals is second.signals
    assert first.signals is not runtime.active().signals


def test_calls_are_below_the_process_that_started_this_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACEPARENT", PARENT)
    exporter = InMemorySpanExporter()
    tracers, meters = TracerProvider(shutdown_on_exit=False), MeterProvider(shutdown_on_exit=False)
    tracers.add_span_processor(SimpleSpanProcessor(exporter))
    call = runtime.make(tracers, meters).begin("task", "one", {})
    assert call is not None
    call.finish()
    (span,) = exporter.get_finished_spans()
    assert span.parent is not None
    assert f"{span.parent.trace_id:032x}-{span.parent.span_id:016x}" == PARENT[3:52]
    assert span.parent.is_remote


@pytest.mark.parametrize(
    ("environ", "found"),
    [
        ({}, False),
        ({"TRACEPARENT": PARENT}, True),
        ({"TRACEPARENT": "nonsense"}, False),
        ({"TRACEPARENT": "00-" + "0" * 32 + "-" + "0" * 16 + "-01"}, False),
        ({"OTEL_PROPAGATORS": "tracecontext"}, False),
    ],
)
def test_the_parent_process_is_found_in_the_environment(environ: dict[str, str], found: bool) -> None:
    assert (runtime.process_parent(environ) is not None) is found


def test_a_fork_starts_anew(recording: Recording) -> None:
    told: list[str] = []
    runtime.activate(recording.capture, lambda: told.append("forked"))
    recording.capture.begin("task", "of the parent", {})
    runtime.forked()
    runtime.deactivate()
    runtime.forked()
    assert recording.capture.open == {}
    assert told == ["forked"]


def test_the_tracer_is_ours() -> None:
    tracers, meters = TracerProvider(shutdown_on_exit=False), MeterProvider(shutdown_on_exit=False)
    capture: Capture = runtime.make(tracers, meters)
    span = capture.tracer.start_span("one")
    scope = getattr(span, "instrumentation_scope", None)
    assert scope is not None
    assert scope.name == "agent_otel"
    assert scope.schema_url.startswith("https://opentelemetry.io/schemas/")


_FORK_WITH_A_LOCK_HELD = """
import os, signal, sys, threading
import agent_otel
from agent_otel.capture import runtime

lock = runtime.active().signals.activity._lock
held, over = threading.Event(), threading.Event()

def hold():
    with lock:
        held.set()
        over.wait()

threading.Thread(target=hold).start()
held.wait()
child = os.fork()
if not child:
    signal.alarm(5)
    with agent_otel.task("t"):
        os._exit(0)
status = os.waitpid(child, 0)[1]
over.set()
sys.exit(status)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_fork_without_an_instrumentor_inherits_no_lock() -> None:
    assert subprocess.run([sys.executable, "-c", _FORK_WITH_A_LOCK_HELD], check=False).returncode == 0
