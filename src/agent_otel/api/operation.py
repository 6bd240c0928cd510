"""What every name of the API returns: a decorator and a context manager in one.

As a decorator it takes functions, coroutine functions, generators and async generators. As a context manager it
yields the running ``Operation`` so that facts can be added.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from opentelemetry import context as context_api
from opentelemetry.trace import SpanKind

from agent_otel import safe, semconv
from agent_otel.api.blocks import Blocks
from agent_otel.capture import runtime
from agent_otel.capture.function import Function
from agent_otel.capture.target import Arguments, Start, Target
from agent_otel.capture.wrap import call_wrapper, kind_of

if TYPE_CHECKING:
    from contextvars import Token
    from types import TracebackType

    from opentelemetry.context import Context
    from typing_extensions import Self

    from agent_otel.capture.call import Call
    from agent_otel.semconv import AttributeValue, Outcome

F = TypeVar("F", bound=Callable[..., Any])

FRAMEWORK = "python"


class _Block(NamedTuple):
    call: Call | None
    token: Token[Context] | None


class Operation:
    """One kind of call in the user's own code; each ``with`` block or decorated call is one span."""

    def __init__(
        self,
        operation: str,
        subject: str | None,
        attributes: Mapping[str, AttributeValue | None],
        *,
        named: str | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
    ) -> None:
        self._operation = operation
        self._subject = subject
        self._attributes = {key: value for key, value in attributes.items() if value is not None}
        self._named = named
        self._kind = kind
        self._blocks: Blocks[_Block] = Blocks()

    def __call__(self, function: F) -> F:
        """Decorate a function: each call of it is one span, named after the function unless a name was given."""
        kind = kind_of(function)
        name = _name(function)
        subject = self._subject or name
        target = Target(
            function.__module__, name, self._operation, lambda _arguments: self._start(subject),
            kind=self._kind, resume=True, begun=self._begun, ended=self._ended,
        )  # fmt: skip

        def wrapper(wrapped: Callable[..., Any], instance: Any, args: Any, kwargs: Any) -> Any:
            return call_wrapper(runtime.active(), target, FRAMEWORK, kind)(wrapped, instance, args, kwargs)

        return cast("F", Function(function, wrapper))

    def __enter__(self) -> Self:
        call = safe.call(self._begin)
        token = safe.call(context_api.attach, call.context) if call is not None else None
        self._blocks.enter(_Block(call, token))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        left = self._blocks.leave()
        if left is None:
            return
        call, token = left.kept
        if token is not None and left.here:
            safe.call(context_api.detach, token)
        if call is not None:
            safe.call(call.finish) if error is None else safe.call(call.fail, error)
            safe.call(self._ended, call, _NO_ARGUMENTS)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, traceback)

    def set(self, attributes: Mapping[str, AttributeValue]) -> None:
        """Add attributes to the span of the running block; outside one nothing happens."""
        call = self._running()
        if call is not None:
            safe.call(call.set, attributes)

    def tokens(self, *, input: int | None = None, output: int | None = None, cost: float | None = None) -> None:
        """Say what the running block used: tokens, and cost in USD."""
        facts = {
            semconv.USAGE_INPUT_TOKENS: input,
            semconv.USAGE_OUTPUT_TOKENS: output,
            semconv.COST: cost,
        }
        self.set({key: value for key, value in facts.items() if value is not None})

    def end_as(self, outcome: Outcome) -> None:
        """Say how the running block ends where no exception says it, e.g. ``interrupted``."""
        call = self._running()
        if call is not None:
            call.verdict = outcome

    def _running(self) -> Call | None:
        block = self._blocks.innermost()
        return block.call if block is not None else None

    def _start(self, subject: str) -> Start:
        attributes = dict(self._attributes)
        if self._named is not None:
            attributes[self._named] = subject
        return Start(subject, attributes)

    def _begin(self) -> Call | None:
        start = self._start(self._subject or self._operation)
        call = runtime.active().begin(
            self._operation,
            start.subject,
            start.attributes,
            self._kind,
            framework=FRAMEWORK,
            links=start.links,
        )
        if call is not None:
            self._begun(call, _NO_ARGUMENTS)
        return call

    def _begun(self, call: Call, arguments: Arguments) -> None:
        """For subclasses: the call has begun."""

    def _ended(self, call: Call, arguments: Arguments) -> None:
        """For subclasses: the call has ended."""


def _name(function: Any) -> str:
    """A function's name; of a ``functools.partial`` that of its function, of another object that of its class."""
    while isinstance(function, partial):
        function = function.func
    return str(getattr(function, "__name__", type(function).__name__))


_NO_ARGUMENTS = Arguments(None, (), {})
