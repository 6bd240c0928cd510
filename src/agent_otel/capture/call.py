"""Begin a call, and end it exactly once."""

from __future__ import annotations

import asyncio
import concurrent.futures
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as context_api
from opentelemetry import trace
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from agent_otel import safe, semconv
from agent_otel.capture import clock
from agent_otel.signals.finished import Finished, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.context import Context

    from agent_otel.semconv import AttributeValue, Outcome
    from agent_otel.signals.activity import Clock
    from agent_otel.signals.hub import Signals

SHORTEST_WAIT_NS: Final = 1_000_000
"""Waits under one millisecond go to the metrics only."""
CURRENT: Final = context_api.create_key("agent-otel-call")
_SUPPRESS: Final = "suppress_instrumentation"
_FAILURES: Final = frozenset({"error", "timeout"})


class Call:
    """One captured call: its span, its place among the calls around it, and what is known of it so far.

    ``attributes`` may be filled until the call ends. ``notes`` belong to the library file that declared the target, and
    ``verdict`` is the outcome that it saw where the call itself ends quietly (an interrupt that was suppressed).
    """

    __slots__ = (
        "__weakref__", "attributes", "capture", "clock", "context", "end", "ended", "framework", "known", "notes",
        "operation", "outcome", "parent", "span", "start", "subject", "usage", "verdict",
    )  # fmt: skip

    def __init__(
        self,
        capture: Capture,
        operation: str,
        subject: str,
        attributes: dict[str, AttributeValue],
        framework: str,
        span: trace.Span,
        context: Context,
        parent: Call | None,
        start: int,
    ) -> None:
        self.capture = capture
        self.operation = operation
        self.subject = subject
        self.attributes = attributes
        self.known = frozenset(attributes)
        self.framework = framework
        self.span = span
        self.context = context
        self.parent = parent
        self.start = start
        self.end: int | None = None
        self.ended = False
        self.outcome: Outcome | None = None
        self.verdict: Outcome | None = None
        self.usage: Usage | None = None
        self.notes: dict[str, Any] = {}
        category = None if operation == semconv.WAIT else semconv.category(attributes)
        around = parent.clock if parent is not None else None
        self.clock: Clock = capture.signals.activity.open(category, around, start)

    def enclosing(self, operation: str) -> Call | None:
        """The nearest call of that operation around this one (or this one itself)."""
        call: Call | None = self
        while call is not None and call.operation != operation:
            call = call.parent
        return call

    @property
    def identity(self) -> trace.SpanContext:
        """The span's ids, for links."""
        return self.span.get_span_context()

    def fail(self, error: BaseException, judged: Outcome | None = None) -> None:
        """End the call with the outcome that the exception stands for."""
        outcome = judged if judged is not None else outcome_of(error)
        self.finish(outcome, error_type(error) if outcome in _FAILURES else None)

    def finish(self, outcome: Outcome = "ok", error: str | None = None, end: int | None = None) -> bool:
        """End the call; False if it had ended before, and then nothing happens."""
        if self.ended:
            return False
        self.ended = True
        if outcome == "ok" and self.verdict is not None:
            outcome = self.verdict
        self.outcome = outcome
        capture = self.capture
        self.end = capture.now() if end is None else max(end, self.start)
        capture.open.pop(id(self), None)
        capture.signals.activity.close(self.clock, self.end)
        attributes = self.attributes
        attributes[semconv.OUTCOME] = outcome
        if error is not None:
            attributes[semconv.ERROR_TYPE] = error
        span = self.span
        if span.is_recording():
            span.set_attributes({key: value for key, value in attributes.items() if key not in self.known})
            if error is not None:
                span.set_status(Status(StatusCode.ERROR, error))
            span.end(self.end)
        self._tell_those_around()
        identity = self.identity
        capture.signals.finished(
            Finished(
                self.operation, self.subject, self.start, self.end, attributes, outcome, error, self.framework,
                self.context, identity.trace_id, identity.span_id, self.usage,
            )
        )  # fmt: skip
        return True

    def set(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Add attributes; those known at the start are replaced on the span at once."""
        for key, value in attributes.items():
            if key in self.known and self.attributes[key] != value:
                self.span.set_attribute(key, value)
            self.attributes[key] = value

    def _tell_those_around(self) -> None:
        llm = self.operation in semconv.LLM_OPERATIONS
        cli = semconv.AGENT_CLI in self.attributes and self.operation == semconv.INVOKE_AGENT
        if not (llm or cli):
            return
        around = self.parent
        while around is not None:
            if around.usage is None:
                around.usage = Usage()
            _add(around.usage, self.attributes, llm=llm, cli=cli)
            around = around.parent


def _add(usage: Usage, attributes: Mapping[str, AttributeValue], *, llm: bool, cli: bool) -> None:
    usage.llm_calls += llm
    usage.cli_runs += cli
    usage.input_tokens += _whole(attributes.get(semconv.USAGE_INPUT_TOKENS))
    usage.output_tokens += _whole(attributes.get(semconv.USAGE_OUTPUT_TOKENS))
    cost = attributes.get(semconv.COST)
    if isinstance(cost, (int, float)):
        usage.cost = (usage.cost or 0.0) + cost
    model = attributes.get(semconv.RESPONSE_MODEL) or attributes.get(semconv.REQUEST_MODEL)
    if isinstance(model, str):
        usage.model = model


def _whole(value: AttributeValue | None) -> int:
    return value if isinstance(value, int) else 0


class Capture:
    """Makes calls with one tracer, one set of signals and one clock.

    ``origin`` is the remote span that started this process (through ``TRACEPARENT``); calls without a parent get it.
    """

    def __init__(
        self,
        tracer: trace.Tracer,
        signals: Signals,
        now: Callable[[], int] = clock.now,
        origin: trace.Span | None = None,
    ) -> None:
        self.tracer = tracer
        self.signals = signals
        self.now = now
        self.origin = origin
        self.open: dict[int, Call] = {}
        self._deferred: deque[tuple[Callable[[int], object], int]] = deque()
        signals.metrics.before_collection.append(self.settle)

    def begin(
        self,
        operation: str,
        subject: str,
        attributes: dict[str, AttributeValue],
        kind: SpanKind = SpanKind.INTERNAL,
        *,
        framework: str = "python",
        links: Sequence[Link] = (),
        within: Context | None = None,
    ) -> Call | None:
        """Begin a call under what is current (or under ``within``); None where instrumentation is suppressed."""
        if self._deferred:
            self.settle()
        around = context_api.get_current() if within is None else within
        if around.get(_SUPPRESS):
            return None
        parent = parent_in(around)
        if parent is None:
            around = self._rooted(around)
        if operation in semconv.GENAI_OPERATIONS:
            attributes[semconv.OPERATION_NAME] = operation
        start = self.now()
        span = self.tracer.start_span(
            semconv.span_name(operation, subject), around, kind, attributes, links, start,
            record_exception=False, set_status_on_exception=False,
        )  # fmt: skip
        call = Call(self, operation, subject, attributes, framework, span, around, parent, start)
        call.context = trace.set_span_in_context(span, context_api.set_value(CURRENT, call, around))
        self.open[id(call)] = call
        return call

    def record(
        self,
        operation: str,
        subject: str,
        start: int,
        end: int,
        attributes: dict[str, AttributeValue],
        *,
        framework: str = "python",
        within: Context | None = None,
        written: bool = True,
    ) -> None:
        """Write down something that is over, with its true times; to the metrics only unless ``written``."""
        around = context_api.get_current() if within is None else within
        if parent_in(around) is None:
            around = self._rooted(around)
        attributes[semconv.OUTCOME] = "ok"
        trace_id = span_id = 0
        if written:
            span = self.tracer.start_span(
                semconv.span_name(operation, subject), around, attributes=attributes, start_time=start
            )
            span.end(end)
            identity = span.get_span_context()
            trace_id, span_id = identity.trace_id, identity.span_id
        self.signals.finished(
            Finished(
                operation,
                subject,
                start,
                end,
                attributes,
                "ok",
                None,
                framework,
                around,
                trace_id,
                span_id,
                None,
            )
        )

    def waited(
        self,
        reason: str,
        start: int,
        end: int,
        attributes: Mapping[str, AttributeValue],
        *,
        framework: str = "python",
        within: Context | None = None,
        written: bool = True,
    ) -> None:
        """Write down a wait that is over; under one millisecond (or not ``written``) it goes to the metrics only."""
        facts: dict[str, AttributeValue] = {
            semconv.WAIT_REASON: reason,
            semconv.SPAN_ROLE: semconv.ANNOTATION,
            **attributes,
        }
        written = written and end - start >= SHORTEST_WAIT_NS
        self.record(semconv.WAIT, reason, start, end, facts, framework=framework, within=within, written=written)

    def defer(self, end: Callable[[int], object]) -> None:
        """End something as of now, but later: ``end`` is given the time.

        For what the garbage collector finds: it may run in a thread that holds any lock, the SDK's included.
        """
        self._deferred.append((end, self.now()))

    def settle(self) -> None:
        """Carry out what was deferred."""
        while self._deferred:
            end, when = self._deferred.popleft()
            safe.call(end, when)

    def abandon(self) -> None:
        """End what is still open when the process ends."""
        self.settle()
        for call in list(self.open.values()):
            safe.call(call.finish, "abandoned")

    def restart(self) -> None:
        """Forget the parent's open calls in a forked child, and count from zero."""
        self.open.clear()
        self._deferred.clear()
        self.signals.restart()

    def _rooted(self, around: Context) -> Context:
        if trace.get_current_span(around).get_span_context().is_valid:
            return around
        if self.origin is not None:
            return trace.set_span_in_context(self.origin, around)
        if not self.open:
            clock.align()
        return around


class Waiting:
    """A wait that is going on inside a call: the call's clock stands still until ``over``."""

    __slots__ = ("_attributes", "_capture", "_clock", "_context", "_framework", "_reason", "_start")

    def __init__(
        self,
        capture: Capture,
        reason: str,
        attributes: Mapping[str, AttributeValue],
        *,
        framework: str = "python",
    ) -> None:
        self._capture = capture
        self._reason = reason
        self._attributes = attributes
        self._framework = framework
        self._context = context_api.get_current()
        self._start = capture.now()
        parent = parent_in(self._context)
        self._clock = capture.signals.activity.open(None, parent.clock if parent is not None else None, self._start)

    def dropped(self) -> None:
        """It was no wait after all: nothing followed it."""
        self._capture.signals.activity.close(self._clock, self._capture.now())

    def over(self) -> None:
        """The wait has ended: write it down with its true times."""
        capture = self._capture
        end = capture.now()
        capture.signals.activity.close(self._clock, end)
        capture.waited(
            self._reason, self._start, end, self._attributes, framework=self._framework, within=self._context
        )


def parent_in(context: Context) -> Call | None:
    """The call of ours that is current in a context."""
    call = context.get(CURRENT)
    return call if isinstance(call, Call) else None


def current() -> Call | None:
    """The call of ours that is current here."""
    return parent_in(context_api.get_current())


def error_type(error: BaseException) -> str:
    """The class's full name, without the module of built-in ones."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def outcome_of(error: BaseException) -> Outcome:
    """What an exception says about the call that raised it."""
    if isinstance(error, (asyncio.CancelledError, concurrent.futures.CancelledError, KeyboardInterrupt)):
        return "cancelled"
    if isinstance(error, GeneratorExit):
        return "abandoned"
    if isinstance(error, SystemExit):
        return "ok" if error.code is None or error.code == 0 else "error"
    # Most libraries derive their own: openai.APITimeoutError, httpx.ReadTimeout, subprocess.TimeoutExpired.
    if isinstance(error, TimeoutError) or any("Timeout" in kind.__name__ for kind in type(error).__mro__):
        return "timeout"
    return "error"
