"""Runs the example orchestrator beside clocks that know nothing of the instrumentation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from . import git_clock

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

EXAMPLES: Final = Path(__file__).resolve().parents[2] / "examples"
ORCHESTRATOR: Final = EXAMPLES / "orchestrator"
LAUNCHER: Final = (str(Path(sys.executable).with_name("opentelemetry-instrument")),)
FOREIGN_PREFIXES: Final = ("OTEL_", "AGENT_OTEL_", "OPENAI_", "COV")
FOREIGN: Final = frozenset({"TRACEPARENT", "TRACESTATE", "BAGGAGE"})


@dataclass(frozen=True)
class Demo:
    """One run: where its files are, its wall seconds as a process, and what it printed.

    ``folder`` holds ``repository`` and ``worktrees``.
    """

    store: Path
    llm_log: Path
    git_log: Path
    folder: Path
    elapsed: float
    output: str
    errors: str


@dataclass(frozen=True)
class LogLine:
    """One call by the clock of the LLM server (``name`` is the path) or of git (``git merge``)."""

    name: str
    seconds: float
    stream: bool = False
    key: str = ""


def run_demo(
    tmp_path: Path,
    seed: int = 8,
    scale: float = 1.0,
    *,
    async_: bool = False,
    env: Mapping[str, str] | None = None,
    launcher: Sequence[str] = LAUNCHER,
    options: Sequence[str] = (),
) -> Demo:
    """Run the orchestrator once in ``tmp_path``; an empty ``launcher`` leaves the instrumentation out.

    The process starts in ``tmp_path`` and inherits no telemetry settings but those in ``env``. Raises
    ``AssertionError`` with all that it printed if it failed, ``subprocess.TimeoutExpired`` after 100 seconds.
    """
    store, folder, git_log = tmp_path / "store", tmp_path / "demo", tmp_path / "git.jsonl"
    wrapper = git_clock.install(tmp_path / "bin", git_log)
    environment = {name: value for name, value in os.environ.items() if not is_foreign(name)}
    environment["PATH"] = f"{wrapper.parent}{os.pathsep}{environment.get('PATH', os.defpath)}"
    environment["AGENT_OTEL_DIR"] = str(store)
    environment.update(env or {})
    argv = [*launcher, sys.executable, str(ORCHESTRATOR / "main.py"), "--folder", str(folder)]
    argv += ["--seed", str(seed), "--scale", str(scale), *(["--async"] if async_ else []), *options]
    began = time.perf_counter()
    done = subprocess.run(argv, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=100, check=False)
    elapsed = time.perf_counter() - began
    assert done.returncode == 0, f"exit status {done.returncode}\n{done.stdout}\n{done.stderr}"
    return Demo(store, folder / "llm.jsonl", git_log, folder, elapsed, done.stdout, done.stderr)


def is_foreign(name: str) -> bool:
    """Whether a variable of the test run would change what the demo records or whom it asks."""
    return name.startswith(FOREIGN_PREFIXES) or name in FOREIGN


def read_log(path: Path) -> list[LogLine]:
    """The lines of either log, oldest first."""
    lines: list[dict[str, Any]] = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        LogLine(
            name=line["command"] if "command" in line else line["path"],
            seconds=line["seconds"],
            stream=line.get("stream", False),
            key=line.get("key", ""),
        )
        for line in lines
    ]


def drawn_latencies(seed: int, keys: Iterable[str]) -> dict[str, float]:
    """The seconds that the LLM server draws at scale 1, asked of the server's code in a process of its own."""
    program = (
        "import json, sys; sys.path.insert(0, sys.argv[1]); from llm_server import latency; "
        "print(json.dumps({key: latency(int(sys.argv[2]), key) for key in json.load(sys.stdin)}))"
    )
    argv = [sys.executable, "-c", program, str(EXAMPLES), str(seed)]
    done = subprocess.run(argv, input=json.dumps(list(keys)), check=True, capture_output=True, text=True)
    drawn: dict[str, float] = json.loads(done.stdout)
    return drawn
