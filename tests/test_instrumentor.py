"""Turning the instrumentation on and off, in this process and in processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider

import agent_otel
from agent_otel.capture import runtime
from agent_otel.instrumentor import AgentOtelInstrumentor
from tests.launching import GIT, SPAN, Workshop

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


@pytest.fixture
def providers() -> tuple[TracerProvider, MeterProvider]:
    return TracerProvider(shutdown_on_exit=False), MeterProvider(shutdown_on_exit=False)


def test_everything_is_undone(
    workshop: Workshop, providers: tuple[TracerProvider, MeterProvider], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AGENT_OTEL_DIR", "before")
    original = subprocess.Popen.__init__
    tracers, meters = providers
    agent_otel.instrument(tracer_provider=tracers, meter_provider=meters, directory=workshop.store)
    try:
        active = runtime.active()
        assert os.environ["AGENT_OTEL_DIR"] == str(workshop.store)
        subprocess.run(["git", "--version"], check=True, stdout=subprocess.DEVNULL)
    finally:
        agent_otel.uninstrument()
    assert os.environ["AGENT_OTEL_DIR"] == "before"
    assert subprocess.Popen.__init__ is original
    assert runtime.active() is not active
    assert active.signals.listeners == []
    subprocess.run(["git", "--version"], check=True, stdout=subprocess.DEVNULL)
    with tracers.get_tracer("x").start_as_current_span("later"):
        pass
    assert [span["name"] for span in workshop.spans()] == ["git version"]


def test_it_can_be_turned_on_again(workshop: Workshop, providers: tuple[TracerProvider, MeterProvider]) -> None:
    tracers, meters = providers
    for name in ("one", "two"):
        agent_otel.instrument(tracer_provider=tracers, meter_provider=meters, directory=workshop.folder / name)
        subprocess.run(["git", "--version"], check=True, stdout=subprocess.DEVNULL)
        agent_otel.uninstrument()
    for name in ("one", "two"):
        other = Workshop(workshop.folder)
        assert [span["name"] for span in other.spans(workshop.folder / name)] == ["git version"]
        metrics = "".join(file.read_text() for file in (workshop.folder / name / "otlp").glob("metrics-*.jsonl"))
        assert "agent_otel.git.duration" in metrics


def test_it_may_be_asked_for_twice(workshop: Workshop, providers: tuple[TracerProvider, MeterProvider]) -> None:
    tracers, meters = providers
    agent_otel.instrument(tracer_provider=tracers, meter_provider=meters, directory=workshop.store)
    active = runtime.active()
    agent_otel.instrument()
    assert runtime.active() is active
    agent_otel.uninstrument()
    agent_otel.uninstrument()


def test_an_unknown_setting_is_refused(providers: tuple[TracerProvider, MeterProvider]) -> None:
    with pytest.raises(TypeError, match="directroy"):
        agent_otel.instrument(tracer_provider=providers[0], meter_provider=providers[1], directroy="x")
    assert not AgentOtelInstrumentor().is_instrumented_by_opentelemetry
    assert AgentOtelInstrumentor().instrumentation_dependencies() == ()


def test_a_notebook_needs_one_call(workshop: Workshop) -> None:
    workshop.write("app.py", f"import agent_otel\nagent_otel.instrument()\n{SPAN}{GIT}")
    done = workshop.run("python", "app.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert [span["name"] for span in workshop.spans()] == ["hello", "git version"]
    assert workshop.span("hello")["resource"]["service.name"] == "app"
    assert len(workshop.metric("agent_otel.git.duration")) >= 1


@pytest.mark.parametrize("kind", ["trace", "metrics"])
def test_the_program_may_have_set_up_one_half(workshop: Workshop, kind: str) -> None:
    setup = {
        "trace": "from opentelemetry.sdk.trace import TracerProvider as P\ntrace.set_tracer_provider(P())\n",
        "metrics": "from opentelemetry.sdk.metrics import MeterProvider as P\nmetrics.set_meter_provider(P())\n",
    }[kind]
    setup = f"from opentelemetry import {kind}\n{setup}"
    workshop.write("app.py", f"{setup}import agent_otel\nagent_otel.instrument()\n{SPAN}{GIT}")
    done = workshop.run("python", "app.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert [span["name"] for span in workshop.spans()] == ["hello", "git version"]
    assert len(workshop.metric("agent_otel.git.duration")) >= 1


def test_a_disabled_sdk_is_left_alone(workshop: Workshop) -> None:
    workshop.write("app.py", f"import agent_otel\nagent_otel.instrument(live=True)\n{GIT}agent_otel.uninstrument()\n")
    done = workshop.run("python", "app.py", OTEL_SDK_DISABLED="true")
    assert (done.returncode, done.stderr) == (0, "")
    assert not workshop.store.parent.exists()


def test_live_lines_come_without_being_asked_twice(workshop: Workshop) -> None:
    done = workshop.instrumented(GIT, AGENT_OTEL_LIVE="1")
    (line,) = done.stderr.splitlines()
    assert line.split()[1:3] == ["git", "version"]
    assert line.endswith(" s ok")


def test_what_is_open_at_the_end_is_written(workshop: Workshop) -> None:
    code = "from agent_otel.capture import runtime\nruntime.active().begin('node', 'worker', {})\n"
    workshop.instrumented(code)
    assert workshop.span("node worker")["attributes"]["agent_otel.outcome"] == "abandoned"


@pytest.mark.skipif(sys.platform == "win32", reason="there is no fork")
def test_a_forked_child_begins_at_zero(workshop: Workshop) -> None:
    code = f"""
import multiprocessing, os
from agent_otel.capture import runtime
{GIT}
def work():
{"".join("    " + line + chr(10) for line in GIT.splitlines())}
    runtime.active().begin('node', 'in the child', {{}})
    assert len(runtime.active().open) == 1
if __name__ == "__main__":
    with_parent = runtime.active().begin('node', 'in the parent', {{}})
    child = multiprocessing.get_context("fork").Process(target=work)
    child.start(); child.join()
    assert child.exitcode == 0
    with_parent.finish()
"""
    done = workshop.instrumented(code)
    assert done.returncode == 0, done.stderr
    found = {span["name"]: span["attributes"]["agent_otel.outcome"] for span in workshop.spans()}
    assert found == {"git version": "ok", "node in the child": "abandoned", "node in the parent": "ok"}
    assert len([span for span in workshop.spans() if span["name"] == "git version"]) == 2
    counts = [
        int(metric["histogram"]["dataPoints"][0]["count"]) for metric in workshop.metric("agent_otel.git.duration")
    ]
    assert set(counts) == {1}
