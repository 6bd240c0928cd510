"""OpenTelemetry instrumentation for AI agents: where the time goes, what waits for what, what to change first.

Nothing has to be imported to be instrumented (``opentelemetry-instrument python app.py``); these names are for code
that wants to say more. They are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from agent_otel.version import __version__

if TYPE_CHECKING:
    from agent_otel.api import agent, git, llm, node, queue, task, tool, wait, workflow
    from agent_otel.start import instrument, uninstrument

__all__ = [
    "__version__",
    "agent",
    "git",
    "instrument",
    "llm",
    "node",
    "queue",
    "task",
    "tool",
    "uninstrument",
    "wait",
    "workflow",
]

_HOMES = dict.fromkeys(__all__, "agent_otel.api") | dict.fromkeys(["instrument", "uninstrument"], "agent_otel.start")


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'agent_otel' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
