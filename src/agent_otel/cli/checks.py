"""The single checks of ``agent-otel doctor``."""

from __future__ import annotations

import os
import platform
import sys
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from opentelemetry.instrumentation.dependencies import get_dependency_conflicts
from packaging.requirements import Requirement

from agent_otel import pipeline
from agent_otel.distro import ENV_CONFIG_FILE, ENV_CONFIGURATOR, ENV_DISTRO, NAME
from agent_otel.libs.registry import LIBRARIES, Library
from agent_otel.settings import ENV_DISABLED, Settings
from agent_otel.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

State: TypeAlias = Literal["ok", "note", "warning", "problem"]
PACKAGES: Final = (
    "opentelemetry-api",
    "opentelemetry-sdk",
    "opentelemetry-instrumentation",
    "opentelemetry-semantic-conventions",
    "opentelemetry-exporter-otlp",
    "wrapt",
)
_OWN: Final = "agent-otel"
_OLDEST_PYTHON: Final = (3, 10)


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found; only a ``problem`` makes the doctor's exit status 1."""

    section: str
    name: str
    state: State
    detail: str


def everything(environ: Mapping[str, str]) -> list[Check]:
    """All checks, in the order in which they are shown."""
    from agent_otel.cli.checks_output import endpoints, store

    settings = Settings.read(environ)
    return [
        *versions(),
        *launcher(environ),
        *libraries(settings),
        *store(settings),
        *endpoints(environ),
        *environment(environ),
    ]


def versions() -> Iterator[Check]:
    """Python, this package, OpenTelemetry, and whether they fit together."""
    section = "versions"
    state: State = "ok" if sys.version_info >= _OLDEST_PYTHON else "problem"
    yield Check(section, "python", state, f"{platform.python_version()} ({sys.executable})")
    yield Check(section, _OWN, "ok", __version__)
    for name in PACKAGES:
        try:
            installed = metadata.version(name)
        except metadata.PackageNotFoundError:
            yield Check(section, name, "problem", f"not installed; pip install {name}")
            continue
        conflict = _conflict(name)
        yield Check(section, name, "problem" if conflict else "ok", f"{installed} {conflict}".rstrip())
    conflict = _conflict(_OWN)
    if conflict:
        yield Check(section, "requirements", "problem", conflict)


def _conflict(distribution: str) -> str:
    try:
        declared = [Requirement(text) for text in metadata.requires(distribution) or ()]
    except metadata.PackageNotFoundError:
        return ""
    needed = [one for one in declared if one.marker is None or one.marker.evaluate({"extra": ""})]
    found = get_dependency_conflicts([f"{one.name}{one.specifier}" for one in needed])
    if found is None:
        return ""
    return f"requires {found.required}, found {found.found or 'none'}; pip install -U {distribution}"


def launcher(environ: Mapping[str, str]) -> Iterator[Check]:
    """Which distro and configurator ``opentelemetry-instrument`` would load, and whether we are found."""
    section = "launcher"
    distro = _winner("opentelemetry_distro", environ.get(ENV_DISTRO))
    chosen = environ.get(ENV_CONFIGURATOR)
    if chosen is None and distro == NAME:
        chosen = NAME
    configurator = _winner("opentelemetry_configurator", chosen)
    for kind, winner in (("distro", distro), ("configurator", configurator)):
        if winner == NAME:
            yield Check(section, kind, "ok", NAME)
        else:
            detail = f"{winner or 'none'} wins over {NAME}; everything still works through the instrumentor"
            yield Check(section, kind, "note", f"{detail} (or start with: agent-otel run --)")
    disabled = {word.strip() for word in environ.get(ENV_DISABLED, "").split(",")}
    if not any(entry.name == NAME for entry in metadata.entry_points(group="opentelemetry_instrumentor")):
        yield Check(section, "instrumentor", "problem", f"its entry point is not installed; pip install -U {_OWN}")
    elif disabled & {NAME, "*"}:
        yield Check(section, "instrumentor", "warning", f"switched off by {ENV_DISABLED}")
    else:
        yield Check(section, "instrumentor", "ok", NAME)
    for name in _unknown(disabled):
        yield Check(section, ENV_DISABLED, "warning", f"{name!r} is no instrumentation that is installed")


def _unknown(disabled: set[str]) -> list[str]:
    """Names in the list of disabled instrumentations that nothing here goes by."""
    known = {entry.name for entry in metadata.entry_points(group="opentelemetry_instrumentor")}
    known |= {library.name for library in LIBRARIES} | {library.file for library in LIBRARIES}
    return sorted(disabled - known - {"", "*"})


def _winner(group: str, chosen: str | None) -> str | None:
    names = [entry.name for entry in metadata.entry_points(group=group)]
    return next((name for name in names if chosen is None or name == chosen), None)


def libraries(settings: Settings) -> Iterator[Check]:
    """Every library that can be recorded: its version, what is supported, and why it would not be recorded."""
    for library in LIBRARIES:
        state, detail = _library(library, settings)
        yield Check("libraries", library.name, state, detail)


def _library(library: Library, settings: Settings) -> tuple[State, str]:
    if library.disabled(settings.disabled):
        return "note", f"switched off by {ENV_DISABLED}"
    if library.distribution is None:
        return "ok", "comes with Python"
    supported = ", ".join(library.requires())
    version = library.version()
    if version is None:
        return "note", f"not installed (supported: {supported})"
    if library.conflict() is not None:
        return "warning", f"{version} is not recorded (supported: {supported})"
    return "ok", f"{version}, recorded (supported: {supported})"


def environment(environ: Mapping[str, str]) -> Iterator[Check]:
    """The variables that change what is recorded."""
    section = "environment"
    if pipeline.disabled(environ):
        yield Check(section, "OTEL_SDK_DISABLED", "warning", "nothing is recorded and nothing is written")
    file = environ.get(ENV_CONFIG_FILE)
    if file:
        yield Check(section, ENV_CONFIG_FILE, *_config_file(file))
    for name in (ENV_DISABLED, "OTEL_SERVICE_NAME", "OTEL_TRACES_SAMPLER", "OTEL_PROPAGATORS"):
        if name in environ:
            yield Check(section, name, "note", environ[name])
    if "TRACEPARENT" in environ:
        yield Check(section, "TRACEPARENT", "note", "spans of this shell's programs have a parent in another process")


def _config_file(file: str) -> tuple[State, str]:
    if not os.access(file, os.R_OK):
        return "problem", f"{file} cannot be read"
    try:
        metadata.version("opentelemetry-configuration")
    except metadata.PackageNotFoundError:
        return "problem", f"{file} needs a package; pip install opentelemetry-configuration"
    return "ok", f"{file} makes the pipeline"
