"""How a call that is already running comes to its end: read what it returned, then end it once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry import context as context_api

from agent_otel import safe, semconv

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Token

    from opentelemetry.context import Context

    from agent_otel.capture.call import Call
    from agent_otel.capture.target import Arguments, StreamReader, Target
    from agent_otel.semconv import Outcome


class Ending:
    """The end of one call of one target; every method may be called again after the first end.

    The call of a generator function is not begun before its first step: ``begin`` makes it then.
    """

    __slots__ = ("_arguments", "_begin", "_call", "_first_chunk", "_reader", "_target")

    def __init__(
        self,
        target: Target,
        arguments: Arguments,
        call: Call | None,
        begin: Callable[[], Call | None] | None = None,
    ) -> None:
        self._target = target
        self._arguments = arguments
        self._call = call
        self._begin = begin
        self._reader: StreamReader | None = None
        self._first_chunk: int | None = None

    def stream(self) -> None:
        """The result is a stream: its chunks will tell the rest."""
        if self._target.stream is not None:
            self._reader = self._target.stream(self._arguments)

    def chunk(self, item: Any) -> None:
        """See one item of the stream."""
        if self._reader is None or self._call is None:
            return
        if self._first_chunk is None:
            self._first_chunk = self._call.capture.now()
        self._reader.chunk(item)

    def result(self, value: object) -> None:
        """The call returned a plain value."""
        call = self._call
        if call is not None and not call.ended:
            self.goes_on(value)
            self._end(call)

    def goes_on(self, value: object) -> None:
        """The function returned; a detached call is not over yet."""
        call = self._call
        if call is not None and not call.ended:
            attributes = safe.call(self._target.finish, self._arguments, value)
            if attributes:
                call.set(attributes)

    def finish(self, outcome: Outcome = "ok", end: int | None = None) -> None:
        """The stream is over (at ``end``, else now)."""
        call = self._call
        if call is not None and not call.ended:
            self._read_stream(call)
            self._end(call, outcome, end)

    def dropped(self) -> None:
        """Nobody holds the stream any more: told by the garbage collector."""
        call = self._call
        if call is not None and not call.ended:
            call.capture.defer(lambda end: self.finish("abandoned", end))

    def fail(self, error: BaseException) -> None:
        """The call raised."""
        call = self._call
        if call is not None and not call.ended:
            self._read_stream(call)
            call.fail(error, safe.call_or(None, self._target.judge, error))
            self._told(call)

    def resume(self) -> Token[Context] | None:
        """Make the call's context current for a step of its iterator, where the target wants that."""
        if self._begin is not None:
            begin, self._begin = self._begin, None
            self._call = safe.call(begin)
        if self._call is None or not self._target.resume:
            return None
        return safe.call(context_api.attach, self._call.context)

    def forgo(self) -> None:
        """A generator that is closed before its first step does nothing: it was no call."""
        self._begin = None

    def pause(self, token: Token[Context] | None) -> None:
        """Undo ``resume``."""
        if token is not None:
            safe.call(context_api.detach, token)

    def _read_stream(self, call: Call) -> None:
        if self._reader is None:
            return
        if self._first_chunk is not None:
            call.set({semconv.RESPONSE_TIME_TO_FIRST_CHUNK: (self._first_chunk - call.start) / 1e9})
        attributes = safe.call(self._reader.attributes)
        if attributes:
            call.set(attributes)

    def _end(self, call: Call, outcome: Outcome = "ok", end: int | None = None) -> None:
        call.finish(outcome, end=end)
        self._told(call)

    def _told(self, call: Call) -> None:
        if self._target.ended is not None:
            safe.call(self._target.ended, call, self._arguments)
