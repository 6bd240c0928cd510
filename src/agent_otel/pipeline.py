"""The local store's place in the SDK's pipeline: added to the providers once, taken away again."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from agent_otel import safe, semconv
from agent_otel.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.metrics import MeterProvider
    from opentelemetry.sdk import metrics as sdk_metrics
    from opentelemetry.sdk import trace as sdk_trace
    from opentelemetry.trace import TracerProvider

    from agent_otel.settings import Settings
    from agent_otel.store.exporter import Store


@dataclass(frozen=True, slots=True)
class _Attached:
    store: Store
    meters: sdk_metrics.MeterProvider | None


_attached: Final[list[_Attached]] = []
"""The store of this process; one at most."""


def disabled(environ: Mapping[str, str] | None = None) -> bool:
    """Whether ``OTEL_SDK_DISABLED`` says that nothing is to be recorded, read as the SDK reads it."""
    env = os.environ if environ is None else environ
    return env.get("OTEL_SDK_DISABLED", "").lower().strip() == "true"


def current() -> Settings | None:
    """The settings of the store that is attached, or that an exporter of a declarative file has opened."""
    if _attached:
        return _attached[0].store.settings
    if "agent_otel.store.process_store" not in sys.modules:
        return None
    from agent_otel.store.process_store import opened_stores

    return next((store.settings for store in opened_stores()), None)


def attach(settings: Settings, tracers: TracerProvider, meters: MeterProvider) -> Store | None:
    """Make the providers feed the local store, unless they do already.

    None where there is no store: ``AGENT_OTEL_STORE=off``. Providers that are not an SDK's feed nothing.
    """
    if not settings.store:
        return None
    if _attached and _attached[0].store.settings.directory != settings.directory:
        detach()
    known = bool(_attached)
    from agent_otel.store.exporter import open_store

    store = _attached[0].store if known else open_store(settings)
    # By what they can do, not by class: other vendors' providers stand in for the SDK's.
    sdk_tracers = cast("sdk_trace.TracerProvider", tracers) if hasattr(tracers, "add_span_processor") else None
    sdk_meters = cast("sdk_metrics.MeterProvider", meters) if hasattr(meters, "add_metric_reader") else None
    store.install(sdk_tracers, sdk_meters)
    if not known:
        _attached.append(_Attached(store, sdk_meters))
        store.observe(meters.get_meter(semconv.SCOPE, __version__, semconv.SCHEMA_URL))
    return store


def detach() -> None:
    """Write what is still in memory and close the store; the providers go on without it."""
    while _attached:
        attached = _attached.pop()
        store = attached.store
        safe.call(store.force_flush)
        if attached.meters is not None and store.reader.registered:
            safe.call(attached.meters.remove_metric_reader, store.reader)
        store.shutdown()
