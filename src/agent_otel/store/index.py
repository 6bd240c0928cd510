"""A first pass over the store: which traces there are, what they look like, and on which lines they lie."""

from __future__ import annotations

import gzip
from array import array
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, Final, TypeAlias, cast

from agent_otel import semconv
from agent_otel.store import wire
from agent_otel.store.model import CALLS, CONTAINERS, STATUS_ERROR, Problem, RunSummary, Span, operation

if TYPE_CHECKING:
    from pathlib import Path

Progress: TypeAlias = Callable[[int, int], None]
"""Told the bytes read so far and the bytes in all."""

IDS_KEPT: Final = 50_000
"""A larger trace is listed without looking for spans that were sent twice, so that memory stays bounded."""
NO_ATTRIBUTES: Final[semconv.Attributes] = {}
LINES_BETWEEN_NEWS: Final = 1000
FILE_SHIFT: Final = 44
"""A line is kept as one integer: the number of its file above, its offset (up to 16 TiB) below this bit."""


@dataclass(slots=True)
class Entry:
    """One trace while it is being read."""

    trace_id: str
    lines: array[int] = field(default_factory=lambda: array("Q"))
    start: int = 0
    end: int = 0
    spans: int = 0
    errors: int = 0
    container: bool = False
    name: str = ""
    rank: tuple[int, int] = (9, 0)
    outcome: str = ""
    unended: str = ""
    ids: set[int] = field(default_factory=set[int])

    def add(self, head: wire.Head) -> None:
        """Count a span that was written."""
        span_id = int(head.span_id, 16)
        if self.spans < IDS_KEPT:
            if span_id in self.ids:
                return
            self.ids.add(span_id)
        elif self.ids:
            self.ids.clear()
        self.errors += head.status.code == STATUS_ERROR
        top = head.parent_span_id in wire.NO_IDS
        attributes = wire.head_attributes(head) if top else NO_ATTRIBUTES
        stated = attributes.get(semconv.OUTCOME)
        outcome = stated if isinstance(stated, str) else "error" if head.status.code == STATUS_ERROR else "ok"
        word = operation(head.name, attributes) or head.name.split(" ", 1)[0]
        self._place(head.name, word, int(head.start_time_unix_nano), int(head.end_time_unix_nano), outcome, top)

    def add_unended(self, span: Span) -> None:
        """Count a span that has only a start record."""
        self.unended = "running" if "running" in (span.state, self.unended) else "abandoned"
        word = span.operation or span.name.split(" ", 1)[0]
        self._place(span.name, word, span.start, span.end, span.outcome, span.parent_id is None)

    def _place(self, name: str, word: str, start: int, end: int, outcome: str, top: bool) -> None:
        self.start = min(self.start, start) if self.spans else start
        self.end = max(self.end, end)
        self.spans += 1
        self.container = self.container or word in CONTAINERS
        rank = ((0 if word in CONTAINERS else 2 if word in CALLS else 1) + (0 if top else 4), start)
        if rank < self.rank:
            self.rank, self.name, self.outcome = rank, name, outcome

    def summary(self) -> RunSummary:
        """What was found."""
        called = self.rank[0] % 4 == 2
        return RunSummary(
            trace_id=self.trace_id,
            name=self.name,
            start=self.start,
            end=self.end,
            spans=self.spans,
            errors=self.errors,
            outcome="running" if self.unended == "running" else self.outcome,
            stray=not self.container and (called or self.spans == 1),
        )


class Index:
    """The traces of a store, by id. ``problems`` are the files and lines that could not be read."""

    def __init__(self, directory: Path) -> None:
        self.files = segment_files(directory)
        self.entries: dict[str, Entry] = {}
        self.problems: list[Problem] = []
        self._started: frozenset[str] = frozenset()
        self._ended: set[str] = set()

    def build(self, progress: Progress | None = None, unended: Iterable[Span] = ()) -> None:
        """Read every segment once; ``unended`` are spans with a start record, taken unless their end is found."""
        unended = list(unended)
        self._started = frozenset(span.span_id for span in unended)
        self._read_all(progress)
        self._add_unended(unended)

    def _read_all(self, progress: Progress | None) -> None:
        total = sum(size for _, size in self.files)
        done = 0
        told = progress or _silent
        for number, (path, size) in enumerate(self.files):
            try:
                self._read(number, path, partial(_tell, told, done, total))
            except FileNotFoundError:
                pass  # pruned meanwhile
            except (OSError, EOFError) as error:
                self.problems.append(Problem(path, None, f"cannot be read on ({error}); what came before is shown"))
            done += size
            told(done, total)

    def _read(self, number: int, path: Path, told: Callable[[int], None]) -> None:
        schemas: set[str] = set()
        offset = 0
        with open_segment(path) as stream:
            for line_number, line in enumerate(stream, start=1):
                place = number << FILE_SHIFT | offset
                offset += len(line)
                if not line_number % LINES_BETWEEN_NEWS:
                    told(0 if path.suffix == ".gz" else offset)
                if not line.strip():
                    continue
                try:
                    decoded = wire.decode_heads(line)
                    self._index(place, decoded)
                except wire.DecodeErrors as error:
                    self.problems.append(Problem(path, line_number, _trouble(line, error)))
                    continue
                for url in wire.unknown_schemas(decoded) - schemas:
                    schemas.add(url)
                    self.problems.append(
                        Problem(path, line_number, f"unknown schema {url}; its attributes may be misread")
                    )

    def _index(self, place: int, line: wire.HeadLine) -> None:
        for part in line.resource_spans:
            for scope in part.scope_spans:
                for head in scope.spans:
                    if head.trace_id in wire.NO_IDS or head.span_id in wire.NO_IDS:
                        raise ValueError("a span without ids")
                    entry = self.entries.get(head.trace_id)
                    if entry is None:
                        entry = self.entries[head.trace_id] = Entry(head.trace_id)
                    if not entry.lines or entry.lines[-1] != place:
                        entry.lines.append(place)
                    entry.add(head)
                    if head.span_id in self._started:
                        self._ended.add(head.span_id)

    def _add_unended(self, spans: Iterable[Span]) -> None:
        for span in spans:
            if span.span_id in self._ended:
                continue
            entry = self.entries.get(span.trace_id)
            if entry is None:
                entry = self.entries[span.trace_id] = Entry(span.trace_id)
            entry.add_unended(span)

    def path_of(self, place: int) -> Path:
        """The file that a place lies in."""
        return self.files[place >> FILE_SHIFT][0]

    def lines(self, places: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        """The lines at these places, files opened once and read forward; a file pruned meanwhile yields none."""
        current = -1
        stream: BinaryIO | None = None
        try:
            for place in sorted(set(places)):
                number, offset = place >> FILE_SHIFT, place & ((1 << FILE_SHIFT) - 1)
                if number != current:
                    if stream is not None:
                        stream.close()
                    current, stream = number, _opened(self.files[number][0])
                if stream is not None:
                    stream.seek(offset)
                    yield place, stream.readline()
        finally:
            if stream is not None:
                stream.close()


def _tell(progress: Progress, before: int, total: int, read: int) -> None:
    progress(before + read, total)


def _silent(_done: int, _total: int) -> None:
    pass


def segment_files(directory: Path) -> list[tuple[Path, int]]:
    """The segments that hold spans, oldest name first, with their sizes."""
    folder = directory / "otlp"
    found: list[tuple[Path, int]] = []
    for path in sorted([*folder.glob("traces-*.jsonl"), *folder.glob("traces-*.jsonl.gz")]):
        with suppress(FileNotFoundError):
            found.append((path, path.stat().st_size))
    return found


def open_segment(path: Path) -> BinaryIO:
    """A segment's bytes, unpacked."""
    return cast("BinaryIO", gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def _opened(path: Path) -> BinaryIO | None:
    try:
        return open_segment(path)
    except FileNotFoundError:
        return None


def _trouble(line: bytes, error: Exception) -> str:
    if not line.endswith(b"\n"):
        return "the last line is cut off (its writer was stopped, or is writing it now); its spans are left out"
    if "resourceSpans" in str(error):
        return "no spans in OTLP JSON (no resourceSpans); left out"
    return f"unreadable ({str(error).splitlines()[0]}); its spans are left out"
