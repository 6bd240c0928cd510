"""One trace as a first pass over the store sees it; what several readers saw of it is put together."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from agent_otel import semconv
from agent_otel.store import wire
from agent_otel.store.model import CALLS, CONTAINERS, STATUS_ERROR, RunSummary, operation

if TYPE_CHECKING:
    from agent_otel.store.model import Span

IDS_KEPT: Final = 200_000
"""A larger trace is listed without looking for spans that were sent twice, so that memory stays bounded."""
NEVER: Final = 1 << 63
_NAMES_KEPT: Final = 10_000
_ID_BITS: Final = (1 << 64) - 1
_NO_RANK: Final = (9, 0)
_NOT_TOP: Final = 4

_kinds: Final[dict[str, int]] = {}


@dataclass(slots=True)
class Entry:
    """One trace. ``lines`` are the places where it lies; ``ids`` its spans, ``failed`` those of them with an error."""

    trace_id: str
    lines: array[int] = field(default_factory=lambda: array("Q"))
    ids: array[int] = field(default_factory=lambda: array("Q"))
    failed: array[int] = field(default_factory=lambda: array("Q"))
    start: int = NEVER
    end: int = 0
    container: bool = False
    name: str = ""
    rank: tuple[int, int] = _NO_RANK
    outcome: str = ""
    running: bool = False
    unended: int = 0

    def add(self, head: wire.Head) -> None:
        """Count a span that was written."""
        span_id = int(head.span_id, 16) & _ID_BITS
        self.ids.append(span_id)
        failed = head.status.code == STATUS_ERROR
        if failed:
            self.failed.append(span_id)
        start = head.start_time_unix_nano
        end = head.end_time_unix_nano
        self.start = start if start < self.start else self.start
        self.end = end if end > self.end else self.end
        if head.parent_span_id not in wire.NO_IDS:
            kind = _kind_of_name(head.name)
            self.container = self.container or not kind
            if self.rank[0] >= _NOT_TOP:
                self._rank(kind + _NOT_TOP, start, head.name, "error" if failed else "ok")
            return
        attributes = wire.head_attributes(head)
        kind = _kind(operation(head.name, attributes) or head.name.split(" ", 1)[0])
        self.container = self.container or not kind
        stated = attributes.get(semconv.OUTCOME)
        self._rank(kind, start, head.name, stated if isinstance(stated, str) else "error" if failed else "ok")

    def add_unended(self, span: Span) -> None:
        """Count a span that has only a start record."""
        self.unended += 1
        self.running = self.running or span.state == "running"
        self.start = min(self.start, span.start)
        self.end = max(self.end, span.end)
        kind = _kind(span.operation or span.name.split(" ", 1)[0])
        self.container = self.container or not kind
        self._rank(kind + (0 if span.parent_id is None else _NOT_TOP), span.start, span.name, span.outcome)

    def merge(self, other: Entry) -> None:
        """Count what another part of the store holds of the same trace."""
        self.lines.extend(other.lines)
        self.ids.extend(other.ids)
        self.failed.extend(other.failed)
        self.start = min(self.start, other.start)
        self.end = max(self.end, other.end)
        self.container = self.container or other.container
        self._rank(*other.rank, other.name, other.outcome)

    def _rank(self, kind: int, start: int, name: str, outcome: str) -> None:
        if (kind, start) < self.rank:
            self.rank, self.name, self.outcome = (kind, start), name, outcome

    def summary(self) -> RunSummary:
        """What was found."""
        spans = _different(self.ids) + self.unended
        called = self.rank[0] % _NOT_TOP == 2
        return RunSummary(
            trace_id=self.trace_id,
            name=self.name,
            start=self.start,
            end=self.end,
            spans=spans,
            errors=_different(self.failed),
            outcome="running" if self.running else self.outcome,
            stray=not self.container and (called or spans == 1),
        )


def _different(ids: array[int]) -> int:
    return len(set(ids)) if len(ids) <= IDS_KEPT else len(ids)


def _kind(word: str) -> int:
    """Which spans a run is rather named after: 0 a container, 1 anything else, 2 a call."""
    return 0 if word in CONTAINERS else 2 if word in CALLS else 1


def _kind_of_name(name: str) -> int:
    known = _kinds.get(name)
    if known is None:
        if len(_kinds) >= _NAMES_KEPT:
            _kinds.clear()
        known = _kinds[name] = _kind(name.split(" ", 1)[0])
    return known
