"""What ``agent-otel top`` costs with 10,000 live spans: CPU time of a frame, and of standing still.

``python -m bench.top [--spans 10000] [--runs 100] [--seconds 15]``. The program runs in a pseudo-terminal of 160x50. A
frame is the CPU time of its process from asking for new records to the written update; twice a second a hundred spans
end and a hundred start, in one run after another. Idle is a store in which nothing runs.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import pty
import resource
import struct
import sys
import tempfile
import termios
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.demo_shape import attributes_json

from agent_otel import semconv
from agent_otel.analysis.groups import quantile

if TYPE_CHECKING:
    from typing import IO

COLUMNS, ROWS = 160, 50
NEWS: Final = 100
SETTLE_SECONDS: Final = 4.0


def record(trace: int, span: int, parent: int, name: str, start: int, end: int = 0) -> str:
    """A span as the store writes it; a start record without an end."""
    attributes: dict[str, semconv.AttributeValue] = {semconv.NODE_NAME: name, semconv.TASK_ID: f"T{span % 1000:03d}"}
    above = f'"parentSpanId":"{parent:016x}",' if parent else ""
    ended = f'"endTimeUnixNano":"{end}",' if end else ""
    return (
        f'{{"traceId":"{trace:032x}","spanId":"{span:016x}",{above}"flags":259,"name":"node {name}","kind":1,'
        f'"startTimeUnixNano":"{start}",{ended}"attributes":[{attributes_json(attributes)}]}}'
    )


def line(records: list[str]) -> bytes:
    """A line of these."""
    resource_json = attributes_json({semconv.SERVICE_INSTANCE_ID: "bench", semconv.SERVICE_NAME: "bench"})
    return (
        f'{{"resourceSpans":[{{"resource":{{"attributes":[{resource_json}]}},"scopeSpans":[{{"scope":{{"name":'
        f'"{semconv.SCOPE}"}},"spans":[{",".join(records)}]}}]}}]}}\n'
    ).encode()


class Program:
    """Writes a store in which so many spans are open at any time."""

    def __init__(self, directory: Path, spans: int, runs: int) -> None:
        for folder in ("otlp", "open"):
            (directory / folder).mkdir(parents=True)
        self.runs = runs
        self.next = runs + 1
        self.live: list[tuple[int, int, int]] = []
        self.traces: IO[bytes] = (directory / "otlp" / "traces-1-bench.jsonl").open("ab", buffering=0)
        self.open: IO[bytes] = (directory / "open" / "spans-1-bench.jsonl").open("ab", buffering=0)
        fcntl.flock(self.open, fcntl.LOCK_EX)
        now = time.time_ns()
        self.open.write(line([record(run, run, 0, "root", now) for run in range(1, runs + 1)]))
        self.start([1 + number % runs for number in range(spans - runs)])

    def start(self, runs: list[int]) -> None:
        """A span begins in each of these runs."""
        now = time.time_ns()
        records: list[str] = []
        for run in runs:
            self.live.append((run, self.next, now))
            records.append(record(run, self.next, run, f"worker{self.next % 7}", now))
            self.next += 1
        for place in range(0, len(records), 100):
            self.open.write(line(records[place : place + 100]))

    def step(self) -> None:
        """The hundred oldest spans end, as many begin."""
        over, self.live = self.live[:NEWS], self.live[NEWS:]
        now = time.time_ns()
        self.traces.write(line([record(run, span, run, "worker", start, now) for run, span, start in over]))
        self.start([run for run, _, _ in over])


def child(directory: Path, output: Path, seconds: float) -> None:
    """The program measured: ends by itself and writes what it cost."""
    from agent_otel.store.follow import Follower
    from agent_otel.tui.app import Top

    app = Top(Follower(directory), "")

    def settled() -> None:
        app.frames.clear()
        began, moment = time.process_time(), time.monotonic()

        def over() -> None:
            share = (time.process_time() - began) / (time.monotonic() - moment)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            found = {"frames": list(app.frames), "share": share, "megabytes": peak, "open": app.live.open_spans}
            output.write_text(json.dumps(found))
            app.exit()

        app.set_timer(seconds, over)

    app.call_later(lambda: app.set_timer(SETTLE_SECONDS, settled))
    app.run()


def measure(directory: Path, seconds: float, program: Program | None) -> dict[str, float | list[float]]:
    """Run the child in a pseudo-terminal while the program goes on."""
    output = directory / "cost.json"
    process, terminal = pty.fork()
    if not process:
        os.environ |= {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        arguments = ["--child", str(directory), "--output", str(output), "--seconds", str(seconds)]
        os.execv(sys.executable, [sys.executable, "-m", "bench.top", *arguments])
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    reader = threading.Thread(target=_drain, args=(terminal,), daemon=True)
    reader.start()
    while os.waitpid(process, os.WNOHANG) == (0, 0):
        if program is not None:
            program.step()
        time.sleep(0.5)
    found: dict[str, float | list[float]] = json.loads(output.read_text())
    output.unlink()
    return found


def _drain(terminal: int) -> None:
    while True:
        try:
            if not os.read(terminal, 65536):
                return
        except OSError:
            return


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, default=10_000)
    parser.add_argument("--runs", type=int, nargs="+", default=[100, 1])
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--child", type=Path)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    if given.child is not None:
        child(given.child, given.output, given.seconds)
        return
    print("| live spans | runs | frames | median, ms | p95, ms | greatest, ms | CPU | MB |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    for spans, runs in [*((given.spans, runs) for runs in given.runs), (0, 0)]:
        with tempfile.TemporaryDirectory(prefix="agent-otel-bench-") as folder:
            directory = Path(folder)
            program = Program(directory, spans, runs) if spans else None
            cost = measure(directory, given.seconds, program)
            _print(spans, runs, cost)


def _print(spans: int, runs: int, cost: dict[str, float | list[float]]) -> None:
    frames = cost["frames"]
    assert isinstance(frames, list)
    micros = sorted(round(frame * 1e6) for frame in frames)
    figures = [
        f"{value / 1e3:.1f}" for value in (quantile(micros, 0.5), quantile(micros, 0.95), max(micros, default=0))
    ]
    shown = figures if micros else ["-"] * 3
    print(
        f"| {spans:,} | {runs} | {len(micros)} | {' | '.join(shown)} | {cost['share']:.2%} | {cost['megabytes']:.0f} |",
        flush=True,
    )


if __name__ == "__main__":
    main()
