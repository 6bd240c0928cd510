"""The environment that git, agent CLIs and Python children get."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import baggage
from opentelemetry import context as context_api
from opentelemetry.instrumentation import auto_instrumentation

from agent_otel.settings import ENV_DIR
from tests.libs.processes import Node, write

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.trace import ReadableSpan

    from tests.conftest import Recording

LAUNCHER = str(Path(auto_instrumentation.__file__).parent)
PRINT = "import json, os; print(json.dumps(dict(os.environ)))"


pytestmark = pytest.mark.usefixtures("processes")


@pytest.fixture(autouse=True)
def _nothing_inherited(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TRACEPARENT", "TRACESTATE", "BAGGAGE", "PYTHONPATH", ENV_DIR):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def claude(tmp_path: Path) -> str:
    """A CLI that prints its environment, in the shell."""
    return str(write(tmp_path / "claude", "#!/bin/sh\n/usr/bin/env\n"))


def environment(command: list[Any], **options: Any) -> dict[str, str]:
    """What the child says that its environment is."""
    out = str(subprocess.check_output(command, text=True, **options))
    if out.startswith("{"):
        return dict(json.loads(out))
    return dict(line.split("=", 1) for line in out.splitlines() if "=" in line)


def parent(span: ReadableSpan) -> str:
    """The ``TRACEPARENT`` that makes a span the parent."""
    assert span.context is not None
    return f"00-{span.context.trace_id:032x}-{span.context.span_id:016x}-{span.context.trace_flags:02x}"


def test_inherited(recording: Recording, claude: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINE", "1")
    monkeypatch.setenv("TRACEPARENT", "00-" + "1" * 32 + "-" + "2" * 16 + "-01")
    monkeypatch.setenv("TRACESTATE", "old=1")
    monkeypatch.setenv(ENV_DIR, "/store")
    before = dict(os.environ)
    token = context_api.attach(baggage.set_baggage("secret", "x"))
    found = environment([claude])
    context_api.detach(token)
    assert found["MINE"] == "1"
    assert found["TRACEPARENT"] == parent(recording.span("invoke_agent claude"))
    assert "TRACESTATE" not in found
    assert "BAGGAGE" not in found
    assert found[ENV_DIR] == "/store"
    assert dict(os.environ) == before


@pytest.mark.parametrize("how", ["keyword", "position", "bytes"])
def test_given(recording: Recording, claude: str, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setenv(ENV_DIR, "/store")
    env: Mapping[Any, Any] = {"A": "b"} if how != "bytes" else {b"A": b"b", b"TRACEPARENT": b"x"}
    given = dict(env)
    if how == "position":
        popen = subprocess.Popen([claude], -1, None, None, subprocess.PIPE, None, None, True, False, None, env)
        out = popen.communicate()[0].decode()
        found = dict(line.split("=", 1) for line in out.splitlines())
    else:
        found = environment([claude], env=env)
    assert env == given
    found = {name: value for name, value in found.items() if name not in {"PWD", "SHLVL", "_"}}
    assert found == {"A": "b", "TRACEPARENT": parent(recording.span("invoke_agent claude")), ENV_DIR: "/store"}


def test_empty_stays_empty(recording: Recording, claude: str) -> None:
    env: dict[str, str] = {}
    assert "TRACEPARENT" not in environment([claude], env=env)
    assert env == {}
    assert len(recording.spans) == 1


def test_what_popen_refuses(claude: str) -> None:
    with pytest.raises(TypeError):
        environment([claude], env={"A": 1})


def test_git_hooks_get_it(recording: Recording, tmp_path: Path) -> None:
    found = environment(["git", "-c", "alias.env=!/usr/bin/env", "env"], cwd=tmp_path)
    assert found["TRACEPARENT"] == parent(recording.span("git other"))


def test_python_gets_the_current_span_and_none_of_its_own(recording: Recording, tmp_path: Path) -> None:
    script = write(tmp_path / "script", f"#!{sys.executable}\n{PRINT}\n")
    named = write(tmp_path / "named", f"#!/usr/bin/env python3\n{PRINT}\n")
    with Node(recording):
        found = [environment(command) for command in ([sys.executable, "-c", PRINT], [script], [str(named)])]
    assert len(recording.spans) == 1
    assert {env["TRACEPARENT"] for env in found} == {parent(recording.span("node worker"))}
    assert "TRACEPARENT" not in environment([sys.executable, "-c", PRINT])


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` folder of another environment of the same interpreter."""
    folder = tmp_path_factory.mktemp("other")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder / "bin"


def test_the_launcher_is_kept_for_our_own_interpreter_only(
    other: Path, claude: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    monkeypatch.setenv("OTEL_PYTHON_DISABLED_INSTRUMENTATIONS", "*")
    monkeypatch.setenv("PYTHONPATH", f"{LAUNCHER}{os.pathsep}/mine")
    own = Path(sys.executable).parent
    script = write(tmp_path / "codex", f"#!/usr/bin/env python3\n{PRINT}\n")

    def path(command: list[str], first: Path | None = None) -> str | None:
        env = None if first is None else {**os.environ, "PATH": f"{first}{os.pathsep}{os.environ['PATH']}"}
        found = subprocess.run(command, capture_output=True, check=True, env=env, text=True)
        assert "sitecustomize" not in found.stderr
        return dict(json.loads(found.stdout.splitlines()[-1])).get("PYTHONPATH")

    kept = f"{LAUNCHER}{os.pathsep}/mine"
    assert path([sys.executable, "-c", PRINT]) == kept
    assert path(["python3", "-c", PRINT], own) == kept
    assert path([str(script)], own) == kept
    assert path([str(other / "python"), "-c", PRINT]) == "/mine"
    assert path(["python3", "-c", PRINT], other) == "/mine"
    assert path([str(script)], other) == "/mine"
    monkeypatch.setenv("OTEL_PYTHON_DISTRO", "agent_otel")
    monkeypatch.setenv("OTEL_PYTHON_CONFIGURATOR", "mine")
    handed = environment([claude])
    assert handed["PYTHONPATH"] == "/mine"
    assert "OTEL_PYTHON_DISTRO" not in handed
    assert handed["OTEL_PYTHON_CONFIGURATOR"] == "mine"
    monkeypatch.setenv("PYTHONPATH", LAUNCHER)
    assert path([str(other / "python"), "-c", PRINT]) is None
    assert path([sys.executable, "-c", PRINT]) == LAUNCHER
