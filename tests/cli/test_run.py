"""``agent-otel run``, in real processes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agent_otel.cli import child
from agent_otel.cli.run import put_launcher_first, runs_python
from tests.launching import BIN, GIT, SPAN, Workshop, environment

TOLD = "import json, os, sys\nprint(json.dumps([sys.argv, dict(os.environ)]))\n"


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def told(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_a_python_program_is_recorded_as_under_the_launcher(workshop: Workshop) -> None:
    workshop.write("app.py", SPAN + GIT + TOLD)
    done = workshop.run("agent-otel", "run", "--", "python", "app.py", "--live", "--", "x")
    argv, _ = json.loads(done.stdout.splitlines()[-1])
    assert argv == ["app.py", "--live", "--", "x"]
    assert [span["name"] for span in workshop.spans()] == ["hello", "git version"]
    assert workshop.span("hello")["resource"]["service.name"] == "app"


def test_the_options_are_those_before_the_command(workshop: Workshop) -> None:
    workshop.write("app.py", TOLD)
    argv, environ = told(workshop.run("agent-otel", "run", "--dir", "here", "--live", "python", "app.py", "--dir", "x"))
    assert argv == ["app.py", "--dir", "x"]
    assert environ["AGENT_OTEL_DIR"] == str(workshop.folder / "here")
    assert environ["AGENT_OTEL_LIVE"] == "1"


def test_without_a_store_nothing_is_written(workshop: Workshop) -> None:
    workshop.write("app.py", SPAN)
    assert workshop.run("agent-otel", "run", "--no-store", "--", "python", "app.py").returncode == 0
    assert workshop.run("agent-otel", "run", "--no-store", "--", "true").returncode == 0
    assert not workshop.store.parent.exists()


def test_it_wins_over_another_distro_unless_the_user_chose_that(workshop: Workshop) -> None:
    workshop.another_distro()
    workshop.write("app.py", "import sys\nprint(hasattr(sys, 'other_distro'))\n")
    command = ("agent-otel", "run", "--", "python", "app.py")
    assert workshop.run(*command).stdout == "False\n"
    assert workshop.run(*command, OTEL_PYTHON_DISTRO="other").stdout == "True\n"


def test_the_launcher_comes_first_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    environ = {"PYTHONPATH": os.pathsep.join(["lib", ""])}
    put_launcher_first(environ)
    put_launcher_first(environ)
    first, *rest = environ["PYTHONPATH"].split(os.pathsep)
    assert (Path(first) / "sitecustomize.py").is_file()
    assert rest == [str(tmp_path), "lib"]


@pytest.mark.parametrize(
    ("status", "command"),
    [(0, "exit 0"), (3, "exit 3"), (128 + signal.SIGTERM, "kill -TERM $$"), (128 + signal.SIGKILL, "kill -KILL $$")],
)
def test_another_command_is_an_agent_run_with_its_exit_status(workshop: Workshop, status: int, command: str) -> None:
    done = workshop.run("agent-otel", "run", "--", "sh", "-c", command)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")
    found = workshop.span("invoke_agent sh")
    assert found["kind"] == 3
    assert found["attributes"]["agent_otel.agent.cli"] == "sh"
    assert found["attributes"]["process.exit.code"] == (status if status < 128 else 128 - status)
    error = {0: None, 3: "exit_status_3", 143: "SIGTERM", 137: "SIGKILL"}[status]
    assert found["attributes"].get("error.type") == error
    (record,) = json.loads((workshop.store / "agent-performance.json").read_text())
    assert (record["agent"], record["cli"]) == ("sh", "sh")


def test_a_known_cli_is_recorded_by_the_process_hook(workshop: Workshop) -> None:
    claude = workshop.executable("claude", "#!/bin/sh\nread line\necho $line $TRACEPARENT\n")
    done = subprocess.run(
        ["agent-otel", "run", "--", str(claude), "-p", "secret", "--model", "opus"],
        input="typed\n", cwd=workshop.folder, env=environment(), capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    found = workshop.span("invoke_agent claude")
    assert done.stdout == f"typed 00-{found['traceId']}-{found['spanId']}-03\n"
    assert found["attributes"]["gen_ai.request.model"] == "opus"
    assert "secret" not in str(workshop.spans())


def test_a_cli_written_in_python_is_recorded_from_the_inside_too(workshop: Workshop) -> None:
    claude = workshop.executable("claude", f"#!{sys.executable}\n{GIT}")
    assert workshop.run("agent-otel", "run", str(claude)).returncode == 0
    outer, inner = workshop.span("invoke_agent claude"), workshop.span("git version")
    assert (inner["traceId"], inner["parentSpanId"]) == (outer["traceId"], outer["spanId"])


@pytest.mark.parametrize(
    ("command", "status", "message"),
    [
        (["agent-otel", "run"], 2, "Missing argument"),
        (["agent-otel", "run", "--nonsense", "python"], 2, "--nonsense"),
        (["agent-otel", "run", "--", "no-such-command"], 127, "no-such-command: command not found"),
        (["agent-otel", "run", "./app.py"], 126, "not executable; try: agent-otel run -- python ./app.py"),
        (["agent-otel", "run", "./"], 126, "is a directory"),
        (["agent-otel", "run", "./broken"], 126, "broken: "),
    ],
)
def test_what_cannot_be_run_is_one_line(workshop: Workshop, command: list[str], status: int, message: str) -> None:
    workshop.write("app.py", "")
    workshop.executable("broken", "#!/no/such/interpreter\n")
    done = workshop.run(*command)
    assert done.returncode == status
    (line,) = done.stderr.splitlines()
    assert message in line


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_go_to_the_command(workshop: Workshop, number: signal.Signals) -> None:
    script = "trap 'echo caught; exit 7' INT TERM; echo ready; while :; do sleep 0.05; done"
    running = subprocess.Popen(
        ["agent-otel", "run", "--", "sh", "-c", script],
        cwd=workshop.folder, env=environment(), stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert running.stdout is not None
    assert running.stdout.readline() == "ready\n"
    running.send_signal(number)
    assert running.stdout.read() == "caught\n"
    assert running.wait(30) == 7
    assert workshop.span("invoke_agent sh")["attributes"]["agent_otel.outcome"] == "cancelled"


@pytest.mark.parametrize(
    ("command", "python"),
    [
        (["python3.11", "x"], True),
        (["env", "A=b", "python", "x"], True),
        ([str(BIN / "pytest")], True),
        (["uv", "run", "app.py"], True),
        (["poetry", "run", "x"], True),
        (["uvx", "--from", "x", "claude"], False),
        (["sh", "-c", "python x"], False),
        (["git", "status"], False),
        (["claude"], False),
    ],
)
def test_what_ends_up_in_python(command: list[str], python: bool) -> None:
    assert runs_python(command, f"/usr/bin/{command[0]}") is python


def test_a_signal_before_the_start_waits_for_the_child() -> None:
    forwarding = child.Forwarding()
    with forwarding:
        os.kill(os.getpid(), signal.SIGTERM)
        process = subprocess.Popen(["sleep", "30"])
        forwarding.to(process)
        assert process.wait(10) == -signal.SIGTERM
    assert forwarding.interrupted


def test_closed_and_full_streams_are_no_reason_to_fail_badly(tmp_path: Path) -> None:
    def shell(line: str) -> subprocess.CompletedProcess[str]:
        env = environment(AGENT_OTEL_DIR=str(tmp_path))
        return subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False, env=env)

    done = shell(f"exec {BIN}/agent-otel run -- {BIN}/python -c 'print(7)' 2>&-")
    assert (done.returncode, done.stdout) == (0, "7\n")
    assert shell(f"{BIN}/agent-otel doctor >&-").returncode == 0
    full = shell(f"{BIN}/agent-otel doctor >/dev/full")
    assert (full.returncode, full.stderr) == (1, "agent-otel: cannot write: No space left on device\n")


def test_python_inside_a_wrapper_is_recorded_too(workshop: Workshop) -> None:
    workshop.write("app.py", GIT)
    workshop.run("agent-otel", "run", "--", "sh", "-c", "python app.py; true")
    assert {span["name"] for span in workshop.spans()} == {"invoke_agent sh", "git version"}
    assert workshop.span("git version")["parentSpanId"] == workshop.span("invoke_agent sh")["spanId"]
