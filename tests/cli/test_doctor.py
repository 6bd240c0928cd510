"""``agent-otel doctor``."""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import socket
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agent_otel.cli import checks, checks_output
from agent_otel.cli.checks import Check
from agent_otel.cli.doctor import as_json, as_text
from agent_otel.libs.registry import LIBRARIES, Library
from agent_otel.settings import Settings
from tests.launching import Workshop

if TYPE_CHECKING:
    from collections.abc import Iterator

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture
def listening() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def by_name(found: Any) -> dict[str, Check]:
    return {check.name: check for check in found}


def test_a_healthy_installation(tmp_path: Path) -> None:
    done = Workshop(tmp_path).run("agent-otel", "doctor")
    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    assert lines[-1] == "All is well."
    assert [line for line in lines if line and not line.startswith(" ")][:-1] == [
        "versions", "launcher", "libraries", "store", "otlp",
    ]  # fmt: skip
    assert list(tmp_path.iterdir()) == []


def test_what_is_broken_makes_the_exit_status_one(tmp_path: Path) -> None:
    done = Workshop(tmp_path).run(
        "agent-otel", "doctor", "--format", "json", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9"
    )
    assert done.returncode == 1
    found = json.loads(done.stdout)
    assert found["ok"] is False
    (problem,) = [check for check in found["checks"] if check["state"] == "problem"]
    assert (problem["section"], problem["name"]) == ("otlp", "endpoint")
    assert Workshop(tmp_path).run("agent-otel", "doctor", "--format", "xml").returncode == 2


def test_every_library_is_told(tmp_path: Path) -> None:
    found = by_name(checks.libraries(Settings(tmp_path, disabled=frozenset({"openai"}))))
    assert list(found) == [library.name for library in LIBRARIES]
    assert (found["openai"].state, "switched off" in found["openai"].detail) == ("note", True)
    assert found["git"].state == "ok"
    assert "supported: langgraph" in found["langgraph"].detail


def test_a_library_that_is_missing_or_too_old_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "LIBRARIES", [Library("openai", "openai", "no-such-package")])
    (missing,) = checks.libraries(Settings(tmp_path))
    assert (missing.state, missing.detail.split(" (")[0]) == ("note", "not installed")

    def conflict(_library: Library) -> str:
        return "too old"

    def version(_library: Library) -> str:
        return "0.1"

    monkeypatch.setattr(Library, "conflict", conflict)
    monkeypatch.setattr(Library, "version", version)
    monkeypatch.setattr(checks, "LIBRARIES", LIBRARIES[:1])
    (old,) = checks.libraries(Settings(tmp_path))
    assert (old.state, old.detail.split(" (")[0]) == ("warning", "0.1 is not recorded")


def test_who_wins_is_told(tmp_path: Path) -> None:
    workshop = Workshop(tmp_path)
    workshop.another_distro()
    done = workshop.run("agent-otel", "doctor")
    assert done.returncode == 0
    lines = [line for line in done.stdout.splitlines() if "other wins over agent_otel" in line]
    assert [line.split()[1] for line in lines] == ["distro", "configurator"]
    assert all("everything still works through the instrumentor" in line for line in lines)
    assert "other wins" not in workshop.run("agent-otel", "doctor", OTEL_PYTHON_DISTRO="agent_otel").stdout


@pytest.mark.parametrize(("disabled", "state"), [("agent_otel", "warning"), ("*", "warning"), ("openai", "ok")])
def test_a_disabled_instrumentor_is_told(disabled: str, state: str) -> None:
    found = by_name(checks.launcher({"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": disabled}))
    assert found["instrumentor"].state == state


def test_a_version_conflict_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    assert {check.state for check in checks.versions()} == {"ok"}

    def requires(name: str) -> list[str]:
        return ["wrapt>99"] if name == "agent-otel" else []

    monkeypatch.setattr(importlib.metadata, "requires", requires)
    conflict = by_name(checks.versions())["requirements"]
    assert (conflict.state, "wrapt" in conflict.detail) == ("problem", True)
    monkeypatch.setattr(checks, "PACKAGES", ("no-such-package",))
    assert by_name(checks.versions())["no-such-package"].state == "problem"


def test_a_store_that_cannot_be_written_is_a_problem(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    (found,) = checks_output.store(Settings(file / "metrics"))
    assert (found.state, "is not a folder" in found.detail) == ("problem", True)
    if os.name == "posix":
        (found,) = checks_output.store(Settings(Path("/proc/metrics")))
        assert found.state == "problem"


def test_what_is_in_the_store_is_told(tmp_path: Path) -> None:
    (tmp_path / "otlp").mkdir()
    (tmp_path / "otlp" / "traces-1.jsonl").write_bytes(b"x" * 200_000)
    (tmp_path / "agent-performance.json").write_text("{")
    found = by_name(checks_output.store(Settings(tmp_path)))
    assert found["agent-performance.json"].state == "warning"
    assert found["segments"].detail == "1 files, 0.2 MB"
    (tmp_path / "agent-performance.json").write_text("[{}]")
    assert by_name(checks_output.store(Settings(tmp_path)))["agent-performance.json"].detail == "1 records"
    (off,) = checks_output.store(Settings(tmp_path, store=False))
    assert off.state == "note"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["agent-performance.json", "otlp"]


def test_endpoints_are_tried(listening: int) -> None:
    url = f"http://127.0.0.1:{listening}"
    (found,) = checks_output.endpoints({ENDPOINT: url})
    assert (found.state, found.detail) == ("ok", f"{url} for traces, metrics, logs (reachable)")
    mixed = {ENDPOINT: url, "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "unix:///no/such.sock", "OTEL_METRICS_EXPORTER": "none"}
    assert [check.state for check in checks_output.endpoints(mixed)] == ["ok", "problem"]
    assert [check.state for check in checks_output.endpoints({ENDPOINT: "http://"})] == ["problem"] * 3
    (none,) = checks_output.endpoints({})
    (file,) = checks_output.endpoints({"OTEL_CONFIG_FILE": "x"})
    assert (none.state, file.state) == ("note", "note")


@pytest.mark.parametrize(
    ("environ", "port"),
    [
        ({ENDPOINT: "collector:4317"}, 4317),
        ({ENDPOINT: "http://collector"}, 4317),
        ({ENDPOINT: "https://collector", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, 443),
        ({ENDPOINT: "http://collector:99", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"}, 99),
        ({"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"}, 4318),
        ({"OTEL_TRACES_EXPORTER": "otlp_proto_grpc,console"}, 4317),
    ],
)
def test_the_port_is_the_one_that_the_exporter_uses(environ: dict[str, str], port: int) -> None:
    found = checks_output.endpoint(environ, "TRACES")
    assert found is not None
    assert found.port == port


def test_the_environment_is_told(tmp_path: Path) -> None:
    file = tmp_path / "otel.yaml"
    file.touch()
    given = {
        "OTEL_SDK_DISABLED": "True",
        "OTEL_CONFIG_FILE": str(file),
        "TRACEPARENT": "x",
        "OTEL_SERVICE_NAME": "shop",
    }
    found = by_name(checks.environment(given))
    assert [(name, check.state) for name, check in found.items()] == [
        ("OTEL_SDK_DISABLED", "warning"), ("OTEL_CONFIG_FILE", "ok"), ("OTEL_SERVICE_NAME", "note"),
        ("TRACEPARENT", "note"),
    ]  # fmt: skip
    assert by_name(checks.environment({"OTEL_CONFIG_FILE": "no/such"}))["OTEL_CONFIG_FILE"].state == "problem"


class Terminal(io.TextIOWrapper):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("encoding", "no_color", "mark"), [("utf-8", "", "\x1b[31m✗\x1b[0m"), ("utf-8", "1", "✗"), ("ascii", "1", "FAIL")]
)
def test_signs_and_colours_are_for_terminals(
    monkeypatch: pytest.MonkeyPatch, encoding: str, no_color: str, mark: str
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", "xterm")
    found = [Check("store", "folder", "problem", "/x cannot be written")]
    text = as_text(found, Terminal(io.BytesIO(), encoding=encoding))
    assert text == f"store\n  {mark} folder  /x cannot be written\n\n1 problem: folder\n"
    assert json.loads(as_json([]))["ok"] is True
