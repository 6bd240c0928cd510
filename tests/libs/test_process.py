"""Real processes through ``subprocess`` and ``asyncio``: what is recorded, and that the caller sees no difference."""

from __future__ import annotations

import asyncio
import inspect
import os
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.instrumentation.utils import suppress_instrumentation
from opentelemetry.trace import SpanKind, StatusCode

from agent_otel import semconv
from tests.conftest import attributes
from tests.libs.processes import Node, outcome, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Recording

pytestmark = pytest.mark.usefixtures("processes")


def test_git(recording: Recording, repository: Path) -> None:
    done = subprocess.run(["git", "status", "--short"], cwd=repository, capture_output=True, text=True, check=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    span = recording.span("git status")
    found = attributes(span)
    assert found.pop("process.pid") > 0
    assert found == {
        "process.executable.name": "git", "process.exit.code": 0, "agent_otel.git.operation": "status",
        "agent_otel.git.worktree": ".", "agent_otel.outcome": "ok", "vcs.ref.head.name": "main",
        "vcs.repository.name": "project",
    }  # fmt: skip
    assert span.kind is SpanKind.CLIENT
    assert span.status.status_code is StatusCode.UNSET
    (finished,) = recording.finished
    assert (finished.operation, finished.subject, finished.framework) == ("git", "status", "process")


def test_every_way_to_start(recording: Recording, repository: Path) -> None:
    subprocess.call(["git", "log"], cwd=repository, stdout=subprocess.DEVNULL)
    subprocess.check_call(("git", "log"), cwd=repository, stdout=subprocess.DEVNULL)
    assert b"first" in subprocess.check_output([b"git", b"log"], cwd=os.fsencode(repository))
    with subprocess.Popen(["git", "log"], cwd=repository, stdout=subprocess.DEVNULL) as popen:
        pass
    assert popen.returncode == 0
    popen = subprocess.Popen(args=["git", "log"], cwd=repository, stdout=subprocess.DEVNULL)
    while popen.poll() is None:
        time.sleep(0.001)
    subprocess.run("git log -1", shell=True, cwd=repository, stdout=subprocess.DEVNULL, check=True)
    subprocess.run(["env", "A=b", "git", "log"], cwd=repository, stdout=subprocess.DEVNULL, check=True)
    subprocess.run(["any", "log"], executable="git", cwd=repository, stdout=subprocess.DEVNULL, check=True)
    assert [attributes(span)["agent_otel.outcome"] for span in recording.named("git log")] == ["ok"] * 8


def test_what_is_left_alone(recording: Recording, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", f"{repository}/opentelemetry/instrumentation/auto_instrumentation")
    for command in ("git log | cat", "cd . && git log", "echo git", "'git"):
        subprocess.run(command, shell=True, cwd=repository, capture_output=True, check=False)
    out = subprocess.check_output(["env"], text=True)
    assert "TRACEPARENT" not in out
    assert "auto_instrumentation" in out
    words: Any = iter(["echo", "git"])
    assert subprocess.check_output(words) == b"git\n"
    with pytest.raises(TypeError):
        subprocess.run(["git", 1], check=False)  # type: ignore[list-item]
    with pytest.raises(IndexError):
        subprocess.run([], check=False)
    with pytest.raises(TypeError):
        subprocess.run(None, check=False)  # type: ignore[call-overload]
    with suppress_instrumentation():
        subprocess.run(["git", "log"], cwd=repository, capture_output=True, check=True)
    assert recording.spans == ()


def test_exit_status(recording: Recording, repository: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as raised:
        subprocess.run(["git", "rev-parse", "--verify", "nope"], cwd=repository, capture_output=True, check=True)
    assert (raised.value.returncode, raised.value.cmd) == (128, ["git", "rev-parse", "--verify", "nope"])
    span = recording.span("git rev-parse")
    assert attributes(span)[semconv.ERROR_TYPE] == "exit_status_128"
    assert attributes(span)[semconv.PROCESS_EXIT_CODE] == 128
    assert span.status.status_code is StatusCode.ERROR
    assert subprocess.run(["git", "grep", "nope"], cwd=repository, check=False).returncode == 1
    answer = recording.span("git grep")
    assert attributes(answer)[semconv.OUTCOME] == "ok"
    assert attributes(answer)[semconv.PROCESS_EXIT_CODE] == 1
    assert answer.status.status_code is StatusCode.UNSET


def test_worktree(recording: Recording, repository: Path) -> None:
    subprocess.run(["git", "worktree", "add", "-q", "-b", "task", ".trees/one"], cwd=repository, check=True)
    subprocess.run(["git", "status"], cwd=repository / ".trees/one", capture_output=True, check=True)
    made, there = recording.span("git worktree"), recording.span("git status")
    assert attributes(made)[semconv.GIT_OPERATION] == "worktree add"
    for span in (made, there):
        assert attributes(span)[semconv.GIT_WORKTREE] == ".trees/one"
        assert attributes(span)[semconv.VCS_REF_HEAD_NAME] == "task"


def test_cli(recording: Recording, tools: Path) -> None:
    write(tools / "claude", "#!/bin/sh\nprintf '%s' \"$TRACEPARENT\"; sleep 0.05; exit 3\n")
    with Node(recording):
        done = subprocess.run(["claude", "-p", "x", "--model", "opus"], capture_output=True, text=True, check=False)
    span = recording.span("invoke_agent claude")
    assert recording.parent(span) == "node worker"
    assert span.context is not None
    assert done.stdout == f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-{span.context.trace_flags:02x}"
    found = attributes(span)
    assert found.pop("process.pid") > 0
    assert found == {
        "process.executable.name": "claude", "process.exit.code": 3, "agent_otel.agent.cli": "claude",
        "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "claude", "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "opus", "agent_otel.outcome": "error", "error.type": "exit_status_3",
    }  # fmt: skip
    assert span.kind is SpanKind.CLIENT
    assert span.end_time is not None
    assert span.start_time is not None
    assert span.end_time - span.start_time >= 50_000_000
    assert recording.finished[-1].usage is not None
    assert recording.finished[-1].usage.cli_runs == 1


def test_not_found(recording: Recording) -> None:
    with pytest.raises(FileNotFoundError) as raised:
        subprocess.run(["/nowhere/codex", "exec"], check=False)
    assert raised.value.filename == "/nowhere/codex"
    assert raised.value.__context__ is None
    found = attributes(recording.span("invoke_agent codex"))
    assert (found[semconv.OUTCOME], found[semconv.ERROR_TYPE]) == ("error", "FileNotFoundError")
    assert semconv.PROCESS_PID not in found


async def test_asyncio(recording: Recording, repository: Path, tools: Path) -> None:
    write(tools / "codex", "#!/bin/sh\ncat; exit 7\n")
    with Node(recording):
        first = await asyncio.create_subprocess_exec(
            "codex", "exec", "-m", "gpt-5", stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        second = await asyncio.create_subprocess_shell("git log", cwd=repository, stdout=subprocess.PIPE)
        assert (await first.communicate(b"hello"))[0] == b"hello"
        assert b"first" in (await second.communicate())[0]
    assert (first.returncode, second.returncode) == (7, 0)
    assert outcome(recording, "invoke_agent codex") == ("error", "exit_status_7", 7)
    assert outcome(recording, "git log") == ("ok", None, 0)
    assert recording.parent(recording.span("git log")) == "node worker"
    with pytest.raises(FileNotFoundError):
        await asyncio.create_subprocess_exec("/nowhere/claude")
    assert outcome(recording) == ("error", "FileNotFoundError", None)


def test_subclasses_and_signature() -> None:
    class Mine(subprocess.Popen[bytes]):
        def __init__(self, *words: str) -> None:
            super().__init__(list(words), stdout=subprocess.PIPE)

    popen = Mine("git", "--version")
    assert isinstance(popen, subprocess.Popen)
    assert popen.communicate()[0].startswith(b"git version")
    assert "preexec_fn" in inspect.signature(subprocess.Popen).parameters
    assert "timeout" in inspect.signature(Mine.wait).parameters


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_is_not_read(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe, 0o700)
    with pytest.raises(PermissionError):
        subprocess.Popen([str(pipe)])
