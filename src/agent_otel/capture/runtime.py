"""The capture of this process: the instrumentor's while it is active, else one over the global providers.

An asynchronous instrument can be registered once per meter, so the signals of a meter provider are made once and kept.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

from opentelemetry import metrics, trace
from opentelemetry.context import Context

from agent_otel import semconv
from agent_otel.capture import clock
from agent_otel.capture.call import Capture
from agent_otel.signals.hub import Signals
from agent_otel.version import __version__

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_ENV_PARENT: Final = "TRACEPARENT"
_ENV_PROPAGATORS: Final = "OTEL_PROPAGATORS"


class _Process:
    """What this process has made so far."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.active: Capture | None = None
        self.default: Capture | None = None
        self.signals: Signals | None = None
        self.signals_by_meters: WeakKeyDictionary[metrics.MeterProvider, Signals] = WeakKeyDictionary()
        self.after_fork: Callable[[], None] | None = None
        self.watches_forks = False


_process: Final = _Process()


def active() -> Capture:
    """The capture to make calls with; over the global providers, whatever they are, until one is activated."""
    return _process.active or _process.default or _made_default()


def activate(capture: Capture, after_fork: Callable[[], None] | None = None) -> None:
    """Make this the active capture; ``after_fork`` runs in forked children after it has started anew."""
    _process.active = capture
    _process.after_fork = after_fork
    _watch_forks()


def deactivate() -> None:
    """Go back to the global providers."""
    _process.active = None
    _process.after_fork = None


def make(tracers: trace.TracerProvider | None = None, meters: metrics.MeterProvider | None = None) -> Capture:
    """A capture over the given providers, by default the global ones, below the process that started this one."""
    parent = process_parent(os.environ)
    provider = trace.get_tracer_provider() if tracers is None else tracers
    tracer = provider.get_tracer(semconv.SCOPE, __version__, semconv.SCHEMA_URL)
    return Capture(tracer, _signals_of(meters, nested=parent is not None), origin=parent)


def process_parent(environ: Mapping[str, str]) -> trace.Span | None:
    """The remote span that started this process, which handed it on in the environment."""
    if _ENV_PARENT not in environ and not environ.get(_ENV_PROPAGATORS):
        return None
    from opentelemetry import propagate
    from opentelemetry.propagators._envcarrier import EnvironmentGetter

    span = trace.get_current_span(propagate.extract(environ, Context(), EnvironmentGetter()))
    return span if span.get_span_context().is_valid else None


def forked() -> None:
    """Start anew in a forked child: nothing is open there, and what waits is the parent's."""
    _process.lock = threading.Lock()
    for capture in (_process.active, _process.default):
        if capture is not None:
            capture.restart()
    if _process.after_fork is not None:
        _process.after_fork()


def _watch_forks() -> None:
    if not _process.watches_forks and hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=forked)
        _process.watches_forks = True


def _made_default() -> Capture:
    _watch_forks()
    made = make()
    with _process.lock:
        if _process.default is None:
            _process.default = made
        return _process.default


def _signals_of(meters: metrics.MeterProvider | None, *, nested: bool) -> Signals:
    current = metrics.get_meter_provider()
    with _process.lock:
        if meters is None or meters is current:
            if _process.signals is None:
                _process.signals = _made_signals(current, nested=nested)
            return _process.signals
        found = _process.signals_by_meters.get(meters)
        if found is None:
            found = _process.signals_by_meters[meters] = _made_signals(meters, nested=nested)
        return found


def _made_signals(meters: metrics.MeterProvider, *, nested: bool) -> Signals:
    return Signals(meters.get_meter(semconv.SCOPE, __version__, semconv.SCHEMA_URL), clock.now, nested=nested)
