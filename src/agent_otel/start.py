"""Instrumentation without the launcher: for notebooks, pytest and servers."""

from __future__ import annotations

from typing import Any


def instrument(**kwargs: Any) -> None:
    """Do in this process what ``opentelemetry-instrument`` does: record every library, keep it in the local store.

    ``tracer_provider`` and ``meter_provider`` are used instead of the global ones; without either, the SDK is set up
    from ``OTEL_*`` variables unless the program has done so. Other keywords are fields of
    ``agent_otel.settings.Settings`` (``directory``, ``store``, ``live`` ...) and win over the environment; an unknown
    one raises ``TypeError``. Without effect where the launcher or an earlier call has instrumented already.
    """
    from agent_otel.instrumentor import AgentOtelInstrumentor

    instrumentor = AgentOtelInstrumentor()
    if not instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.instrument(**kwargs)


def uninstrument() -> None:
    """Put the libraries back as they were, write what is still in memory and close the store; may be repeated."""
    from agent_otel.instrumentor import AgentOtelInstrumentor

    instrumentor = AgentOtelInstrumentor()
    if instrumentor.is_instrumented_by_opentelemetry:
        instrumentor.uninstrument()
