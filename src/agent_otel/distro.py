"""What ``opentelemetry-instrument`` loads first: our defaults, then the SDK, then the local store.

The launcher chooses the distro and the configurator independently, the first entry point found wins, so each of the
two works alone. Variables that are set for the SDK to read are put back as soon as it has read them: a child process
must find the environment that the user made.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry import metrics, trace
from opentelemetry.instrumentation.dependencies import DependencyConflictError
from opentelemetry.instrumentation.distro import BaseDistro  # type: ignore[attr-defined]
from opentelemetry.sdk._configuration import _OTelSDKConfigurator  # pyright: ignore[reportPrivateUsage]

from agent_otel import pipeline, resource, safe
from agent_otel.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping
    from importlib.metadata import EntryPoint

NAME: Final = "agent_otel"
"""The name of all our entry points."""
ENV_DISTRO: Final = "OTEL_PYTHON_DISTRO"
ENV_CONFIGURATOR: Final = "OTEL_PYTHON_CONFIGURATOR"
ENV_CONFIG_FILE: Final = "OTEL_CONFIG_FILE"
ENV_ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
ENV_EXPORT_INTERVAL: Final = "OTEL_METRIC_EXPORT_INTERVAL"
SIGNALS: Final = ("TRACES", "METRICS", "LOGS")
_EXPORT_INTERVAL_MS: Final = "5000"
_lent: Final[set[str]] = set()
"""Variables that are set until the configurator has run, because the launcher reads them in between."""


def exporter_defaults(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that the user left unset: ``otlp`` for each signal that has an endpoint, 5 s between exports."""
    chosen: dict[str, str] = {}
    for signal in SIGNALS:
        variable = f"OTEL_{signal}_EXPORTER"
        if variable not in environ:
            endpoint = environ.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT") or environ.get(ENV_ENDPOINT)
            chosen[variable] = "otlp" if endpoint else "none"
    if ENV_EXPORT_INTERVAL not in environ:
        chosen[ENV_EXPORT_INTERVAL] = _EXPORT_INTERVAL_MS
    return chosen


@contextmanager
def borrowed(values: Mapping[str, str]) -> Generator[None]:
    """Set environment variables for the time of a block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


class AgentOtelDistro(BaseDistro):  # type: ignore[misc]
    """Chooses our configurator unless the user chose one; keeps one broken instrumentor from stopping the others."""

    def _configure(self, **kwargs: Any) -> None:
        if ENV_CONFIGURATOR not in os.environ:
            os.environ[ENV_CONFIGURATOR] = NAME
            _lent.add(ENV_CONFIGURATOR)

    def load_instrumentor(self, entry_point: EntryPoint, **kwargs: Any) -> None:
        """Load one instrumentor; what the launcher expects to fail (a library that is not there) is raised to it."""
        _give_back()

        def load() -> Exception | None:
            try:
                cast("Any", super(AgentOtelDistro, self)).load_instrumentor(entry_point, **kwargs)
            except (DependencyConflictError, ImportError) as expected:
                return expected
            return None

        load.__qualname__ = f"the instrumentor {entry_point.name}"
        expected = safe.call(load)
        if expected is not None:
            raise expected


class AgentOtelConfigurator(_OTelSDKConfigurator):
    """Sets up the SDK the standard way with our defaults, then adds the local store.

    With ``OTEL_CONFIG_FILE`` the file alone makes the pipeline; the store is still added to the providers of the file,
    unless ``AGENT_OTEL_STORE=off``. If the file names ``agent_store`` itself, that is the store.
    """

    has_run = False

    def _configure(self, **kwargs: Any) -> None:
        type(self).has_run = True
        try:
            if os.environ.get(ENV_CONFIG_FILE):
                self._set_up()
            else:
                self._configure_from_environment(kwargs)
        finally:
            _give_back()
        if not pipeline.disabled():
            safe.call(_add_store)

    def _configure_from_environment(self, kwargs: dict[str, Any]) -> None:
        given = {**kwargs, "resource_attributes": _described() | dict(kwargs.get("resource_attributes") or {})}
        with borrowed(exporter_defaults(os.environ)):
            try:
                self._set_up(**given)
            except (ImportError, OSError, RuntimeError, ValueError) as error:
                safe.warn(f"no exporter is used, because one is set up wrong: {error}")
            else:
                return
        # A wrong exporter is no reason to lose what the local store would have kept.
        with borrowed({f"OTEL_{signal}_EXPORTER": "none" for signal in SIGNALS}):
            self._set_up(**given)

    def _set_up(self, **kwargs: Any) -> None:
        super()._configure(**kwargs)  # type: ignore[no-untyped-call]  # pyright: ignore[reportUnknownMemberType]


def configure() -> None:
    """Set up the SDK and the store as the launcher would, where it has not."""
    cast("Any", AgentOtelConfigurator)().configure()


def provide(*, no_tracers: bool) -> None:
    """Set the one global provider that is missing, of the tracers or else of the meters, with our resource."""
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider

    described = Resource.create(_described())
    if no_tracers:
        trace.set_tracer_provider(TracerProvider(resource=described))
    else:
        metrics.set_meter_provider(MeterProvider(resource=described))


def _described() -> dict[str, str]:
    return safe.call(resource.attributes, os.environ) or {}


def _give_back() -> None:
    while _lent:
        os.environ.pop(_lent.pop(), None)


def _add_store() -> None:
    # A declarative file may have named the store's folder; there is one store, and that is it.
    settings = pipeline.current() or Settings.read()
    pipeline.attach(settings, trace.get_tracer_provider(), metrics.get_meter_provider())
