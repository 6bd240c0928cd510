"""What the store holds, as typed records: spans, the runs that they make up, and records of agent performance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import msgspec

from agent_otel import semconv

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

State: TypeAlias = Literal["ended", "running", "abandoned"]

RUNNING: Final = "running"
"""The outcome of a span that has not ended while its process lives; it is not known yet."""
STATUS_ERROR: Final = 2
KINDS: Final = ("unspecified", "internal", "server", "client", "producer", "consumer")

CONTAINERS: Final = frozenset({semconv.INVOKE_WORKFLOW, semconv.INVOKE_AGENT, semconv.NODE, semconv.TASK})
"""Operations that make a trace a run; calls alone (an LLM call, a git call) are strays."""
CALLS: Final = semconv.LLM_OPERATIONS | {semconv.EXECUTE_TOOL, semconv.GIT, semconv.WAIT, semconv.SUPERSTEP}
COVERING_WAITS: Final = frozenset({semconv.RATE_LIMIT, semconv.RETRY, semconv.APPROVAL})
"""Waits that stand for themselves on the critical path; the others point at the work that they waited for."""


class StoreError(Exception):
    """The store cannot answer: its folder cannot be read, or it holds no such run. The message is one line."""


class UnknownRunError(StoreError):
    """No run, or more than one, has an id that starts as asked."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the store that could not be read; everything else was."""

    path: Path
    line: int | None
    text: str

    def __str__(self) -> str:
        """``file, line 3: what is wrong``."""
        return f"{self.path}{'' if self.line is None else f', line {self.line}'}: {self.text}"


class Resource(msgspec.Struct, gc=False, frozen=True):
    """The process that made a span; ``process`` is equal for spans of one process, empty where that is unknown."""

    attributes: Mapping[str, semconv.AttributeValue]
    process: str = ""


class Link(msgspec.Struct, gc=False, frozen=True):
    """A span that this one follows from; in the same trace it is what released it."""

    trace_id: str
    span_id: str


class Span(msgspec.Struct, gc=False, frozen=True):
    """One stored span. Ids are lower-case hexadecimal; ``start`` and ``end`` are nanoseconds since the epoch.

    A running span ends now, an abandoned one when its process was last heard of. The last four fields say what its
    name and attributes mean; they are worked out on construction, since every analysis asks for them.
    """

    trace_id: str
    span_id: str
    parent_id: str | None
    name: str
    kind: int
    start: int
    end: int
    attributes: Mapping[str, semconv.AttributeValue]
    links: tuple[Link, ...]
    status: int
    status_message: str
    scope: str
    resource: Resource
    state: State = "ended"
    annotation: bool = False
    """Whether it describes time (a wait, a superstep) instead of doing work."""
    wait_reason: str | None = None
    """Why it waited, one of ``semconv.WAIT_REASONS``; None if it is no wait."""
    operation: str = ""
    """The word of ``semconv`` for what was done; empty where another instrumentation's span has none."""
    category: str = ""
    """The category of its self time, one of ``semconv.WORK_CATEGORIES``."""

    def __post_init__(self) -> None:
        """Work out what is not given."""
        if not self.category:
            found = meaning(self.name, self.attributes)
            for field, value in zip(("annotation", "wait_reason", "operation", "category"), found, strict=True):
                msgspec.structs.force_setattr(self, field, value)

    @property
    def duration(self) -> int:
        """Nanoseconds from start to end."""
        return self.end - self.start

    @property
    def outcome(self) -> str:
        """One of ``semconv.OUTCOMES``, or ``running``."""
        if self.state != "ended":
            return self.state
        stated = self.attributes.get(semconv.OUTCOME)
        if isinstance(stated, str):
            return stated
        return "error" if self.status == STATUS_ERROR else "ok"

    @property
    def failed(self) -> bool:
        """Whether it ended in an error or a timeout; a cancelled or interrupted call did not fail."""
        return self.status == STATUS_ERROR or self.outcome in {"error", "timeout"}


def text(span: Span, key: str) -> str | None:
    """A textual attribute of the span; None if it is absent, empty or of another type."""
    value = span.attributes.get(key)
    return value if isinstance(value, str) and value else None


def texts(span: Span, key: str) -> tuple[str, ...]:
    """A list of texts among the span's attributes; one text counts as a list of one."""
    value = span.attributes.get(key)
    if isinstance(value, str):
        return (value,) if value else ()
    return tuple(str(item) for item in value) if isinstance(value, tuple) else ()


def meaning(name: str, attributes: semconv.Attributes) -> tuple[bool, str | None, str, str]:
    """``annotation``, ``wait_reason``, ``operation`` and ``category`` of a span of this name with these attributes."""
    category = semconv.category(attributes)
    if attributes.get(semconv.SPAN_ROLE) == semconv.ANNOTATION:
        reason = attributes.get(semconv.WAIT_REASON)
        word = semconv.SUPERSTEP if reason is None else semconv.WAIT
        return True, reason if isinstance(reason, str) and reason else None, word, category
    stated = attributes.get(semconv.OPERATION_NAME)
    if isinstance(stated, str) and stated in semconv.GENAI_OPERATIONS:
        return False, None, stated, category
    if category == semconv.CHECKPOINT:
        return False, None, semconv.CHECKPOINT, category
    if semconv.GIT_OPERATION in attributes:
        return False, None, semconv.GIT, category
    if semconv.NODE_NAME in attributes:
        return False, None, semconv.NODE, category
    if semconv.TASK_ID in attributes or semconv.TASK_TYPE in attributes:
        return False, None, semconv.TASK if name.split(" ", 1)[0] == semconv.TASK else "", category
    return False, None, "", category


def operation(name: str, attributes: semconv.Attributes) -> str:
    """What a span of this name with these attributes did, as a word of ``semconv``; empty if nothing tells."""
    return meaning(name, attributes)[2]


@dataclass(frozen=True, slots=True)
class Run:
    """One trace: its spans by start, and for each the position of its parent among them (-1 for one at the top).

    ``start`` and ``end`` (nanoseconds since the epoch) enclose everything that worked; ``end - start`` is its wall
    time. ``root`` is the span that the run is named after. ``warnings`` say what was mended on reading: spans
    clipped to their parents, cut off or in a circle.
    """

    trace_id: str
    spans: tuple[Span, ...]
    parents: tuple[int, ...]
    root: Span
    start: int
    end: int
    warnings: tuple[str, ...] = ()

    @property
    def wall(self) -> int:
        """Nanoseconds from the first work to the last."""
        return self.end - self.start

    @property
    def state(self) -> State:
        """``running`` while any span of it runs; ``abandoned`` if its root never ended."""
        if any(span.state == "running" for span in self.spans):
            return "running"
        return self.root.state

    @property
    def outcome(self) -> str:
        """The outcome of its root, ``running`` while any span of it runs."""
        return RUNNING if self.state == "running" else self.root.outcome


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One trace as ``agent-otel runs`` lists it. ``stray`` marks calls that nothing of ours encloses."""

    trace_id: str
    name: str
    start: int
    end: int
    spans: int
    errors: int
    outcome: str
    stray: bool

    @property
    def wall(self) -> int:
        """Nanoseconds from the first span's start to the last one's end."""
        return self.end - self.start


class PerformanceRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One agent run of ``agent-performance.json``; ``duration`` in milliseconds, ``timestamp`` ISO 8601 in UTC.

    The first four fields are those of the older files.
    """

    agent: str
    cli: str
    duration: float
    timestamp: str
    model: str | None = None
    outcome: str | None = None
    trace_id: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost: float | None = None
