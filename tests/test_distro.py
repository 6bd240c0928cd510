"""The distro and the configurator, in real processes under the launcher."""

from __future__ import annotations

import json
import os
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

import pytest

from agent_otel import resource, safe
from agent_otel.distro import AgentOtelDistro, borrowed, exporter_defaults
from tests.launching import GIT, SPAN, Workshop

if TYPE_CHECKING:
    from pathlib import Path

ENVIRONMENT = "import json, os\nprint(json.dumps(dict(os.environ)))\n"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def workshop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def test_spans_and_git_calls_are_stored_by_default(workshop: Workshop) -> None:
    done = workshop.instrumented(SPAN + GIT)
    assert (done.returncode, done.stderr) == (0, "")
    assert [span["name"] for span in workshop.spans()] == ["hello", "git version"]
    assert json.loads((workshop.store / "agent-performance.json").read_text()) == []


def test_the_program_finds_the_environment_that_the_user_made(workshop: Workshop) -> None:
    bare = json.loads(workshop.run("python", "-c", ENVIRONMENT).stdout)
    found = workshop.reported(ENVIRONMENT)
    assert found.pop("AGENT_OTEL_DIR") == str(workshop.store)
    del found["PYTHONPATH"]
    assert found == bare


@pytest.mark.parametrize("disabled", ["*", "agent_otel"])
def test_the_environment_is_put_back_without_any_instrumentor(workshop: Workshop, disabled: str) -> None:
    found = workshop.reported(ENVIRONMENT, OTEL_PYTHON_DISABLED_INSTRUMENTATIONS=disabled)
    assert [name for name in found if name.startswith("OTEL_")] == ["OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"]


def test_what_is_not_used_is_not_imported(workshop: Workshop) -> None:
    unused = {"openai", "langgraph", "grpc", "requests", "typer", "rich", "filelock", "multiprocessing"}
    modules = set(workshop.reported("import json, sys\nprint(json.dumps(list(sys.modules)))\n"))
    modules -= set(json.loads(workshop.run("python", "app.py").stdout))
    assert unused.isdisjoint(modules)
    assert not [name for name in modules if name.startswith(("agent_otel.cli", "agent_otel.report", "agent_otel.api"))]


def test_the_resource_says_what_ran(workshop: Workshop) -> None:
    workshop.run("git", "init", "-q")
    workshop.run("git", "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a", "--allow-empty")
    commit = workshop.run("git", "rev-parse", "HEAD").stdout.strip()
    workshop.instrumented(SPAN)
    found = workshop.span("hello")["resource"]
    assert found["service.name"] == "app"
    assert found["vcs.ref.head.revision"] == commit
    assert found["telemetry.distro.name"] == "agent-otel"
    assert len(found["service.instance.id"]) == 36


def test_what_the_user_says_about_the_resource_wins(workshop: Workshop) -> None:
    said = "service.name=shop,vcs.ref.head.revision=abc,service.instance.id=one"
    workshop.instrumented(SPAN, OTEL_RESOURCE_ATTRIBUTES=said)
    found = workshop.span("hello")["resource"]
    assert (found["service.name"], found["vcs.ref.head.revision"], found["service.instance.id"]) == (
        "shop",
        "abc",
        "one",
    )


def test_a_disabled_sdk_records_and_writes_nothing(workshop: Workshop) -> None:
    found = workshop.reported(
        GIT.replace("check=True", "check=True, stdout=-3") + ENVIRONMENT, OTEL_SDK_DISABLED="true"
    )
    assert not workshop.store.parent.exists()
    assert "AGENT_OTEL_DIR" not in found


def test_a_store_that_is_off_writes_nothing(workshop: Workshop) -> None:
    done = workshop.instrumented(SPAN + GIT, AGENT_OTEL_STORE="off")
    assert (done.returncode, done.stderr) == (0, "")
    assert not workshop.store.parent.exists()


def test_the_exporter_names_write_once(workshop: Workshop) -> None:
    workshop.instrumented(SPAN, OTEL_TRACES_EXPORTER="agent_store", OTEL_METRICS_EXPORTER="agent_store")
    assert [span["name"] for span in workshop.spans()] == ["hello"]


def test_a_wrong_exporter_is_told_and_the_store_goes_on(workshop: Workshop) -> None:
    done = workshop.instrumented(SPAN, OTEL_TRACES_EXPORTER="nonsense")
    assert "'nonsense' not found" in done.stderr
    assert done.returncode == 0
    workshop.span("hello")


def test_a_process_below_another_continues_its_trace(workshop: Workshop) -> None:
    workshop.instrumented(GIT, TRACEPARENT=PARENT)
    span = workshop.span("git version")
    assert (span["traceId"], span["parentSpanId"]) == (PARENT[3:35], PARENT[36:52])
    points = workshop.metric("agent_otel.activity.time")[-1]["sum"]["dataPoints"]
    assert [pair["key"] for point in points for pair in point["attributes"]].count("agent_otel.process.nested") == len(
        points
    )


YAML = """
file_format: "1.0"
tracer_provider:
  processors:
    - batch:
        exporter:
          {exporter}
meter_provider:
  readers:
    - periodic:
        exporter:
          {exporter}
"""


@pytest.mark.parametrize("exporter", ["console: {}", "agent_store:", "agent_store: {}"])
def test_a_declarative_file_gets_the_store_once(workshop: Workshop, exporter: str) -> None:
    workshop.write("otel.yaml", YAML.format(exporter=exporter))
    done = workshop.instrumented(SPAN + GIT, OTEL_CONFIG_FILE="otel.yaml")
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(span["name"] for span in workshop.spans()) == ["git version", "hello"]
    assert len(workshop.metric("agent_otel.git.duration")) == 1


def test_a_declarative_file_names_the_folder(workshop: Workshop) -> None:
    folder = workshop.folder / "named"
    workshop.write("otel.yaml", YAML.format(exporter=f"agent_store: {{directory: {folder}}}"))
    found = workshop.reported(SPAN + ENVIRONMENT, OTEL_CONFIG_FILE="otel.yaml")
    assert [span["name"] for span in workshop.spans(folder)] == ["hello"]
    assert found["AGENT_OTEL_DIR"] == str(folder)
    assert not workshop.store.exists()


@pytest.mark.parametrize("exporter", ["console: {}", "agent_store: {}"])
def test_a_declarative_file_with_the_store_off(workshop: Workshop, exporter: str) -> None:
    workshop.write("otel.yaml", YAML.format(exporter=exporter))
    workshop.instrumented(SPAN, OTEL_CONFIG_FILE="otel.yaml", AGENT_OTEL_STORE="off")
    assert not workshop.store.exists()


def test_a_declarative_file_without_providers_records_nothing(workshop: Workshop) -> None:
    workshop.write("otel.yaml", 'file_format: "1.0"\n')
    done = workshop.instrumented(SPAN, OTEL_CONFIG_FILE="otel.yaml")
    assert (done.returncode, workshop.spans()) == (0, [])


OTHERS = "import json, sys\nprint(json.dumps([hasattr(sys, 'other_distro'), hasattr(sys, 'other_configurator')]))\n"


@pytest.mark.parametrize(
    ("variables", "others"),
    [
        ({}, [True, True]),
        ({"OTEL_PYTHON_DISTRO": "agent_otel"}, [False, False]),
        ({"OTEL_PYTHON_CONFIGURATOR": "agent_otel"}, [True, False]),
        ({"OTEL_PYTHON_DISTRO": "agent_otel", "OTEL_PYTHON_CONFIGURATOR": "other"}, [False, True]),
    ],
)
def test_each_works_with_the_other_of_another_package(
    workshop: Workshop, variables: dict[str, str], others: list[bool]
) -> None:
    workshop.another_distro()
    assert workshop.reported(SPAN + GIT.replace("check=True", "stdout=-3") + OTHERS, **variables) == others
    assert [span["name"] for span in workshop.spans()] == ["hello", "git version"]


def test_an_instrumentor_that_fails_does_not_stop_the_others(workshop: Workshop) -> None:
    workshop.another_distro()
    done = workshop.instrumented(GIT, OTEL_PYTHON_DISTRO="agent_otel")
    assert "the instrumentor broken (LookupError)" in done.stderr
    assert "absent" not in done.stderr
    workshop.span("git version")


def test_what_the_launcher_expects_is_raised_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModuleNotFoundError):
        AgentOtelDistro().load_instrumentor(EntryPoint("absent", "not_installed:Absent", "opentelemetry_instrumentor"))
    monkeypatch.setattr(safe, "reraise", False)
    broken = EntryPoint("broken", "json:loads", "opentelemetry_instrumentor")
    AgentOtelDistro().load_instrumentor(broken)


@pytest.mark.parametrize(
    ("given", "exporters"),
    [
        ({}, ["none", "none", "none"]),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4317"}, ["otlp", "otlp", "otlp"]),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4317"}, ["otlp", "none", "none"]),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c", "OTEL_LOGS_EXPORTER": "none"}, ["otlp", "otlp", None]),
    ],
)
def test_otlp_is_the_default_where_there_is_an_endpoint(given: dict[str, str], exporters: list[str | None]) -> None:
    chosen = exporter_defaults(given)
    assert [chosen.get(f"OTEL_{signal}_EXPORTER") for signal in ("TRACES", "METRICS", "LOGS")] == exporters
    assert chosen["OTEL_METRIC_EXPORT_INTERVAL"] == "5000"
    assert "OTEL_METRIC_EXPORT_INTERVAL" not in exporter_defaults({**given, "OTEL_METRIC_EXPORT_INTERVAL": "1"})


def test_borrowed_variables_are_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_A", "before")
    monkeypatch.delenv("OTEL_B", raising=False)

    def use() -> None:
        with borrowed({"OTEL_A": "x", "OTEL_B": "y"}):
            assert (os.environ["OTEL_A"], os.environ["OTEL_B"]) == ("x", "y")
            raise KeyError

    with pytest.raises(KeyError):
        use()
    assert os.environ["OTEL_A"] == "before"
    assert "OTEL_B" not in os.environ


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["python", "app.py", "--x"], "app"),
        (["python", "-X", "dev", "-u", "src/app.py"], "app"),
        (["python", "-m", "shop.web", "-p", "1"], "shop.web"),
        (["python", "-Im", "shop"], "shop"),
        (["python", "/venv/bin/uvicorn", "a:b"], "uvicorn"),
        (["python", "shop/__main__.py"], "shop"),
        (["python", "-c", "pass", "app.py"], None),
        (["python", "-uc", "pass"], None),
        (["python", "-"], None),
        (["python"], None),
    ],
)
def test_the_service_is_called_like_the_script(argv: list[str], name: str | None) -> None:
    assert resource.service_name(argv) == name


def test_a_detector_may_know_the_name() -> None:
    assert "service.name" not in resource.attributes(
        {"OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "k8s"}, ["python", "a.py"]
    )
