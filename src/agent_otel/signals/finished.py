"""What a call was, once it is over: the record that metrics, the store and the live lines are made from.

It exists for every captured call, sampled or not, so that metrics and ``agent-performance.json`` do not depend on
sampling.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opentelemetry.context import Context

    from agent_otel import semconv


@dataclass(slots=True)
class Usage:
    """What the LLM calls and CLIs below a call used: counts, tokens, cost in USD where it is known."""

    llm_calls: int = 0
    cli_runs: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """One call that ended.

    ``operation`` is a word of ``semconv`` (``chat``, ``node``, ``git``, ``wait`` ...), ``subject`` what follows it in
    the span's name. ``start`` and ``end`` are nanoseconds since the epoch on one monotonic clock, so ``end - start``
    is exact. ``attributes`` are those of the span. ``framework`` is the library that ran it (``langgraph``,
    ``openai`` ...). ``context`` is the context with the span in it, for exemplars; ``trace_id`` is zero when there was
    no tracer. ``usage`` is None where nothing below was seen.
    """

    operation: str
    subject: str
    start: int
    end: int
    attributes: semconv.Attributes
    outcome: semconv.Outcome
    error_type: str | None
    framework: str
    context: Context | None
    trace_id: int
    span_id: int
    usage: Usage | None

    @property
    def seconds(self) -> float:
        """The duration in seconds."""
        return (self.end - self.start) / 1e9


Listener = Callable[[Finished], None]
