"""Real processes: exits of every kind, forks, multiprocessing and kill -9."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.store.conftest import lines_of, spans_in, stored_spans, stored_sum

if TYPE_CHECKING:
    from pathlib import Path

SETUP = """
import os, sys, time, signal, threading
from pathlib import Path
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from agent_otel import safe, semconv
from agent_otel.settings import Settings
from agent_otel.signals.finished import Finished
from agent_otel.store.exporter import open_store
safe.reraise = True
store = open_store(Settings(directory=Path({directory!r})))
tracers, meters = TracerProvider(), MeterProvider()
store.install(tracers, meters)
tracer = tracers.get_tracer("t")
counter = meters.get_meter("m").create_counter("count")
def work(name):
    tracer.start_span(name).end()
    counter.add(1)
def agent(name):
    store.finished(Finished(semconv.INVOKE_AGENT, name, 0, 10**18, {{}}, "ok", None, "f", None, 0, 0, None))
"""


def run(directory: Path, body: str, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a program with an open store; it must end by itself, with that status."""
    script = directory.parent / "program.py"
    script.write_text(SETUP.format(directory=str(directory)) + body)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status, done.stderr
    return done


def names(directory: Path) -> list[str]:
    return sorted(str(span.name) for span in stored_spans(directory))


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "store"


@pytest.mark.parametrize(
    ("ending", "status"),
    [
        ("", 0),
        ("sys.exit(3)", 3),
        ("raise RuntimeError('user error')", 1),
        ("threading.Thread(target=lambda: (time.sleep(0.05), work('late'))).start()", 0),
        ("import atexit; atexit.register(work, 'late')", 0),
    ],
)
def test_every_way_out_writes_everything(directory: Path, ending: str, status: int) -> None:
    run(directory, f"work('one'); agent('a')\n{ending}\n", status)
    expected = ["late", "one"] if "late" in ending else ["one"]
    assert names(directory) == expected
    assert stored_sum(directory, "count")[-1] == len(expected)
    assert len(json.loads((directory / "agent-performance.json").read_text())) == 1
    assert list((directory / "open").glob("spans-*")) == []


def test_spans_that_end_in_handlers_registered_before_the_store(directory: Path) -> None:
    script = SETUP.replace(
        "store = open_store", "import atexit\natexit.register(lambda: work('last'))\nstore = open_store"
    )
    program = directory.parent / "program.py"
    program.write_text(script.format(directory=str(directory)))
    subprocess.run([sys.executable, program], check=True, timeout=60)
    assert names(directory) == ["last"]


def test_a_span_left_open_at_exit_stays_visible(directory: Path) -> None:
    run(directory, "tracer.start_span('never ended'); work('one')")
    assert [span.name for span in spans_in(lines_of(directory / "open", "spans-*"))] == ["never ended"]


def start(directory: Path, body: str) -> subprocess.Popen[str]:
    script = directory.parent / "program.py"
    script.write_text(SETUP.format(directory=str(directory)) + body)
    return subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_process_loses_at_most_its_last_second(directory: Path, number: signal.Signals) -> None:
    body = """
root = tracer.start_span("root")
for number in range(10**6):
    work(f"{number} {time.time()}")
    if number % 50 == 49:
        print(number, flush=True)
    time.sleep(0.001)
"""
    process = start(directory, body)
    assert process.stdout is not None
    while int(process.stdout.readline()) < 1500:
        pass
    process.send_signal(number)
    killed = time.time()
    process.wait(10)
    process.stdout.close()
    spans = [str(span.name).split() for span in stored_spans(directory)]
    ends = {int(name): float(ended) for name, ended in spans}
    assert sorted(ends) == list(range(len(ends)))
    assert max(ends.values()) >= killed - 1.0
    assert [span.name for span in spans_in(lines_of(directory / "open", "spans-*"))] == ["root"]
    assert lines_of(directory / "otlp", "metrics-*.jsonl")


def test_a_forked_child_has_files_and_counts_of_its_own(directory: Path) -> None:
    run(
        directory,
        """
for _ in range(5): work("parent")
agent("parent")
with tracer.start_as_current_span("open in parent"):
    child = os.fork()
    if child == 0:
        work("child")
        agent("child")
        sys.exit(0)
    assert os.waitpid(child, 0)[1] == 0
work("parent")
""",
    )
    assert names(directory) == ["child", "open in parent", *["parent"] * 6]
    by_process = sorted(
        stored_sum(directory, "count", path.name)[-1] for path in (directory / "otlp").glob("metrics-*.jsonl")
    )
    assert by_process == [1, 6]
    records = json.loads((directory / "agent-performance.json").read_text())
    assert sorted(record["agent"] for record in records) == ["child", "parent"]


def test_a_child_that_ends_at_once_loses_only_what_its_thread_had_no_time_for(directory: Path) -> None:
    run(
        directory,
        """
if os.fork() == 0:
    work("child")
    time.sleep(0.8)
    os._exit(0)
assert os.wait()[1] == 0
""",
    )
    assert names(directory) == ["child"]


def test_forks_while_the_writer_writes_and_collects(directory: Path) -> None:
    run(
        directory,
        """
stop = threading.Event()
def flush():
    while not stop.is_set():
        work("noise"); store.force_flush()
thread = threading.Thread(target=flush); thread.start()
children = []
for number in range(20):
    child = os.fork()
    if child == 0:
        work(f"child {number}")
        store.shutdown()
        os._exit(0)
    children.append(child)
assert all(os.waitpid(child, 0)[1] == 0 for child in children)
stop.set(); thread.join()
""",
    )
    assert [name for name in names(directory) if name != "noise"] == sorted(f"child {number}" for number in range(20))


def test_a_fork_while_another_reader_collects_costs_metrics_not_the_program(directory: Path) -> None:
    done = run(
        directory,
        """
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
other = InMemoryMetricReader(); meters.add_metric_reader(other)
inside, leave = threading.Event(), threading.Event()
def slow(options):
    if threading.current_thread().name == "collector":
        inside.set(); leave.wait(30)
    return ()
meters.get_meter("m").create_observable_counter("slow", [slow])
thread = threading.Thread(target=other.collect, name="collector"); thread.start()
inside.wait()
child = os.fork()
if child == 0:
    work("child")
    time.sleep(0.8)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
leave.set(); thread.join()
""",
    )
    assert names(directory) == ["child"]
    assert "this process stores no metrics" in done.stderr


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_children_of_multiprocessing_write_before_they_end(directory: Path, method: str) -> None:
    # Started as the launcher would: the store opens in every process before the program runs.
    site = directory.parent / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(SETUP.format(directory=str(directory)))
    program = directory.parent / "program.py"
    program.write_text(f"""
import multiprocessing
import sitecustomize
def task(name):
    sitecustomize.work(name)
    sitecustomize.agent(name)
if __name__ == "__main__":
    context = multiprocessing.get_context({method!r})
    processes = [context.Process(target=task, args=(f"child {{number}}",)) for number in range(3)]
    for process in processes: process.start()
    for process in processes: process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    sitecustomize.work("parent")
""")
    environment = {**os.environ, "PYTHONPATH": str(site)}
    subprocess.run([sys.executable, program], check=True, timeout=60, env=environment)
    assert names(directory) == ["child 0", "child 1", "child 2", "parent"]
    counts = [stored_sum(directory, "count", path.name) for path in (directory / "otlp").glob("metrics-*.jsonl")]
    assert sorted(values[-1] for values in counts if values) == [1, 1, 1, 1]
    records = json.loads((directory / "agent-performance.json").read_text())
    assert sorted(record["agent"] for record in records) == ["child 0", "child 1", "child 2"]


def test_eight_processes_lose_nothing(directory: Path) -> None:
    script = directory.parent / "program.py"
    script.write_text(
        SETUP.format(directory=str(directory)) + "for n in range(500): work(str(n))\nfor n in range(50): agent('a')\n"
    )
    processes = [subprocess.Popen([sys.executable, script]) for _ in range(8)]
    assert [process.wait(60) for process in processes] == [0] * 8
    assert len(stored_spans(directory)) == 4000
    assert len(json.loads((directory / "agent-performance.json").read_text())) == 100


def test_importing_the_exporter_imports_nothing_that_it_may_not_need() -> None:
    code = (
        "import sys, agent_otel.store.exporter; "
        "print([name for name in ('typer', 'rich', 'filelock', 'multiprocessing', 'asyncio') if name in sys.modules])"
    )
    # Without the variables by which a measuring test run reaches into children.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout == "[]\n"
