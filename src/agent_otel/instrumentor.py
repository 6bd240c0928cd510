"""Turns the instrumentation on and off: providers, store, capture, patches, live lines."""

from __future__ import annotations

import atexit
import os
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import metrics, trace
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor  # type: ignore[attr-defined]
from opentelemetry.metrics._internal import _ProxyMeterProvider  # pyright: ignore[reportPrivateUsage]

from agent_otel import pipeline, safe, settings
from agent_otel.capture import runtime
from agent_otel.capture.patch import Patches
from agent_otel.libs import registry
from agent_otel.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from types import ModuleType

    from agent_otel.capture.call import Capture
    from agent_otel.signals.hub import Signals
    from agent_otel.signals.live import LiveLines

_BEFORE_THE_STORE: Final = 1
"""The exit priority in a ``multiprocessing`` child, where the store closes at 0."""


class AgentOtelInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """Instruments every library that is found; ``instrument(tracer_provider=, meter_provider=, **settings)``.

    Keyword arguments other than the providers are fields of ``Settings`` and win over the environment. With
    ``OTEL_SDK_DISABLED=true`` nothing is patched and nothing is written.
    """

    _undo: ExitStack | None = None

    def instrumentation_dependencies(self) -> Collection[str]:
        """None: every library is checked on its own when it is imported."""
        return ()

    def _instrument(self, **kwargs: Any) -> None:
        if pipeline.disabled():
            return
        tracers: trace.TracerProvider | None = kwargs.pop("tracer_provider", None)
        meters: metrics.MeterProvider | None = kwargs.pop("meter_provider", None)
        chosen = Settings.read(**kwargs)
        attached = pipeline.current()
        if attached is not None and "directory" not in kwargs:
            chosen = replace(chosen, directory=attached.directory)
        with ExitStack() as undo:
            if chosen.store:
                undo.callback(_export(settings.ENV_DIR, str(chosen.directory)))
            _provide(tracers, meters)
            self._record(chosen, tracers, meters, undo)
            self._undo = undo.pop_all()

    def _record(
        self,
        chosen: Settings,
        tracers: trace.TracerProvider | None,
        meters: metrics.MeterProvider | None,
        undo: ExitStack,
    ) -> None:
        undo.callback(pipeline.detach)
        feeding = (tracers or trace.get_tracer_provider(), meters or metrics.get_meter_provider())
        store = safe.call(pipeline.attach, chosen, *feeding)
        capture = runtime.make(tracers, meters)
        signals = capture.signals
        if store is not None:
            signals.listeners.append(store.finished)
            undo.callback(signals.listeners.remove, store.finished)
        lines = _live_lines(signals, undo) if chosen.live else None
        runtime.activate(capture, lines.restart if lines is not None else None)
        undo.callback(runtime.deactivate)
        end = partial(_end, capture, lines)
        # Registered after the store's own, and so run before it: what is still open is written too.
        atexit.register(end)
        undo.callback(atexit.unregister, end)
        patches = Patches()
        undo.callback(patches.undo)
        patches.when_imported("multiprocessing.util", partial(_end_in_children, self, end))
        registry.install(capture, patches, chosen.disabled)

    def _uninstrument(self, **kwargs: Any) -> None:
        if self._undo is not None:
            undo, self._undo = self._undo, None
            undo.close()


def _export(name: str, value: str) -> Callable[[], None]:
    """Set an environment variable for this process and its children; returns what puts it back."""
    before = os.environ.get(name)
    os.environ[name] = value

    def put_back() -> None:
        if before is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = before

    return put_back


def _provide(tracers: trace.TracerProvider | None, meters: metrics.MeterProvider | None) -> None:
    """Set up the SDK, or the half of it that is missing, where nobody has."""
    no_tracers = tracers is None and isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)
    no_meters = meters is None and isinstance(metrics.get_meter_provider(), _ProxyMeterProvider)
    if not no_tracers and not no_meters:
        return
    from agent_otel import distro

    if no_tracers and no_meters:
        if not distro.AgentOtelConfigurator.has_run:
            distro.configure()
    elif not os.environ.get(distro.ENV_CONFIG_FILE):
        distro.provide(no_tracers=no_tracers)


def _live_lines(signals: Signals, undo: ExitStack) -> LiveLines:
    from agent_otel.signals.live import LiveLines

    lines = LiveLines()
    signals.listeners.append(lines.finished)
    undo.callback(lines.close)
    undo.callback(signals.listeners.remove, lines.finished)
    signals.queues.listeners.append(lines.changed)
    undo.callback(signals.queues.listeners.remove, lines.changed)
    return lines


def _end(capture: Capture, lines: LiveLines | None) -> None:
    capture.abandon()
    if lines is not None:
        safe.call(lines.close)


def _end_in_children(owner: AgentOtelInstrumentor, end: Callable[[], None], util: ModuleType) -> None:
    # A forked multiprocessing child leaves through os._exit, so it never comes to atexit.
    def in_child(_owner: AgentOtelInstrumentor) -> None:
        util.Finalize(None, end, exitpriority=_BEFORE_THE_STORE)

    util.register_after_fork(owner, in_child)
