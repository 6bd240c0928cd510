"""Programs in processes of their own, under the launcher, and what they left in the store."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent
SPAN = "from opentelemetry import trace\nwith trace.get_tracer('x').start_as_current_span('hello'): pass\n"
GIT = "import subprocess\nsubprocess.run(['git', '--version'], check=True)\n"


def environment(**variables: str) -> dict[str, str]:
    """This environment without anything that steers OpenTelemetry, with our venv first, and ``variables``."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OTEL_", "AGENT_OTEL_", "TRACE")) and name != "PYTHONPATH"
    }
    return {**kept, "PATH": f"{BIN}{os.pathsep}{kept.get('PATH', '')}", **variables}


@dataclass
class Workshop:
    """A folder in which programs run."""

    folder: Path
    variables: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def store(self) -> Path:
        """The default store."""
        return self.folder / ".planning" / "metrics"

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the folder."""
        return subprocess.run(
            command, cwd=self.folder, env=environment(**self.variables, **variables), capture_output=True, text=True,
            timeout=60, check=False,
        )  # fmt: skip

    def instrumented(self, code: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a script named ``app.py`` under ``opentelemetry-instrument``."""
        self.write("app.py", code)
        return self.run("opentelemetry-instrument", "python", "app.py", **variables)

    def reported(self, code: str, **variables: str) -> Any:
        """What a script that prints one JSON document says under ``opentelemetry-instrument``."""
        done = self.instrumented(code, **variables)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def write(self, name: str, text: str) -> Path:
        """Write a file into the folder."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def executable(self, name: str, text: str) -> Path:
        """Write an executable file into the folder."""
        file = self.write(name, text)
        file.chmod(0o755)
        return file

    def spans(self, store: Path | None = None) -> list[dict[str, Any]]:
        """Every span in the store, attributes as a plain dictionary, with the resource's beside them."""
        found: list[dict[str, Any]] = []
        for segment in sorted(((store or self.store) / "otlp").glob("traces-*.jsonl")):
            for line in segment.read_text().splitlines():
                for group in json.loads(line)["resourceSpans"]:
                    resource = plain(group["resource"]["attributes"])
                    for scope in group["scopeSpans"]:
                        found += [
                            {**span, "attributes": plain(span.get("attributes", [])), "resource": resource}
                            for span in scope["spans"]
                        ]
        return found

    def span(self, name: str) -> dict[str, Any]:
        """The only span of that name."""
        (found,) = [span for span in self.spans() if span["name"] == name]
        return found

    def metric(self, name: str) -> list[dict[str, Any]]:
        """Every stored collection of a metric."""
        return [
            metric
            for segment in (self.store / "otlp").glob("metrics-*.jsonl")
            for line in segment.read_text().splitlines()
            for group in json.loads(line)["resourceMetrics"]
            for scope in group["scopeMetrics"]
            for metric in scope["metrics"]
            if metric["name"] == name
        ]

    def another_distro(self) -> None:
        """Install another package with a distro, a configurator and an instrumentor that fails, found before ours."""
        self.write("other/other-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: other\nVersion: 1.0\n")
        self.write(
            "other/other-1.0.dist-info/entry_points.txt",
            "[opentelemetry_distro]\nother = other_distro:Distro\n"
            "[opentelemetry_configurator]\nother = other_distro:Configurator\n"
            "[opentelemetry_instrumentor]\nbroken = other_distro:Broken\nabsent = not_installed:Absent\n",
        )
        self.write("other/other_distro.py", _OTHER)
        self.variables["PYTHONPATH"] = str(self.folder / "other")


_OTHER = """
import sys
from opentelemetry.instrumentation.distro import BaseDistro
from opentelemetry.sdk._configuration import _OTelSDKConfigurator
class Distro(BaseDistro):
    def _configure(self, **kwargs):
        sys.other_distro = True
    def load_instrumentor(self, entry_point, **kwargs):
        if entry_point.name != "broken":
            super().load_instrumentor(entry_point, **kwargs)
class Configurator(_OTelSDKConfigurator):
    def _configure(self, **kwargs):
        sys.other_configurator = True
        super()._configure(**kwargs)
class Broken:
    def instrument(self, **kwargs):
        raise LookupError("broken")
"""


def plain(attributes: list[dict[str, Any]]) -> dict[str, Any]:
    """OTLP key-value pairs as a dictionary; whole numbers as int."""
    values: dict[str, Any] = {}
    for pair in attributes:
        ((kind, value),) = pair["value"].items()
        values[pair["key"]] = int(value) if kind == "intValue" else value
    return values
