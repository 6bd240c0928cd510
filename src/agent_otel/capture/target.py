"""What a library file declares: which function is a call, and how to read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from opentelemetry.trace import Link, SpanKind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from agent_otel.capture.call import Call, Capture
    from agent_otel.semconv import Attributes, AttributeValue, Outcome


class Arguments(NamedTuple):
    """How the function was called: its bound instance (None for a plain function), arguments by position and name."""

    instance: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]

    def get(self, name: str, position: int | None = None) -> Any:
        """The argument by name, else by position, else None."""
        if name in self.kwargs:
            return self.kwargs[name]
        if position is not None and position < len(self.args):
            return self.args[position]
        return None


class Start(NamedTuple):
    """What is known of a call before it runs: the subject in the span's name, first attributes, links.

    ``operation`` is that of the target unless it is given: one function may start calls of several kinds.
    """

    subject: str
    attributes: dict[str, AttributeValue]
    links: tuple[Link, ...] = ()
    operation: str | None = None


class StreamReader(Protocol):
    """Reads the chunks of one streamed response; created when the stream is returned."""

    def chunk(self, item: Any) -> None:
        """See one chunk; must not keep it, change it or iterate it."""

    def attributes(self) -> Attributes:
        """What the chunks said, once the stream has ended in whatever way."""
        ...


def _nothing(_arguments: Arguments, _result: object) -> Attributes:
    return {}


def _unjudged(_error: BaseException) -> Outcome | None:
    return None


@dataclass(frozen=True, slots=True)
class Target:
    """One function of a library that is a call, and the pure functions that read it.

    ``module`` and ``attribute`` name it (``openai.resources.chat.completions``, ``Completions.create``).
    ``start`` runs before the call and must not consume an argument; None means that this call is not ours.
    ``finish`` reads request and response after the call. ``stream`` makes the reader of a streamed response; without it
    an iterator is a plain result, unless ``resume`` is set: then the returned iterator is the call, and its context is
    current while a step of it runs. ``judge`` tells the outcome of exceptions that are no errors. ``rewrite`` and
    ``prepare`` (which is given the call) may replace arguments by what behaves the same. ``begun`` and ``ended`` are
    told of the call. ``detached`` calls go on after the function returned, which is when ``finish`` reads it; the
    library file ends them.
    """

    module: str
    attribute: str
    operation: str
    start: Callable[[Arguments], Start | None]
    finish: Callable[[Arguments, object], Attributes] = field(default=_nothing)
    stream: Callable[[Arguments], StreamReader] | None = None
    kind: SpanKind = SpanKind.INTERNAL
    resume: bool = False
    detached: bool = False
    judge: Callable[[BaseException], Outcome | None] = field(default=_unjudged)
    rewrite: Callable[[Arguments], Arguments] | None = None
    prepare: Callable[[Call, Arguments], Arguments] | None = None
    begun: Callable[[Call, Arguments], None] | None = None
    ended: Callable[[Call, Arguments], None] | None = None


class Result(NamedTuple):
    """How an observed function ended: what it returned or raised."""

    value: Any
    error: BaseException | None


@dataclass(frozen=True, slots=True)
class Observer:
    """A function that is no call of its own but tells something: told before and after, without a span.

    ``before`` may return a note that ``after`` gets back.
    """

    module: str
    attribute: str
    before: Callable[[Capture, Arguments], Any] | None = None
    after: Callable[[Capture, Arguments, Any, Result], None] | None = None


Declared: TypeAlias = "Target | Observer"
