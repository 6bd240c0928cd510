"""The store, read: runs, newest first, and the records of agent performance."""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

import msgspec

from agent_otel.store import wire
from agent_otel.store.assemble import assemble
from agent_otel.store.index import Index, Progress
from agent_otel.store.model import (
    PerformanceRecord,
    Problem,
    Run,
    RunSummary,
    Span,
    StoreError,
    UnknownRunError,
)
from agent_otel.store.unended import read_open_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

__all__ = [
    "PerformanceRecord",
    "Problem",
    "Run",
    "RunSummary",
    "Span",
    "StoreError",
    "StoreReader",
    "UnknownRunError",
]

PERFORMANCE_FILE: Final = "agent-performance.json"
SPANS_AT_ONCE: Final = 200_000
"""How many spans of several runs are held in memory together."""
CANDIDATES_NAMED: Final = 8


class StoreReader:
    """Reads the store in ``directory``; what it holds is looked up once, at the first question.

    ``progress`` is told how far reading has come, in bytes. ``clock`` tells the nanoseconds since the epoch at which a
    running span ends for now.
    """

    def __init__(
        self, directory: Path, *, progress: Progress | None = None, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self.directory = directory
        self._progress = progress
        self._clock = clock
        self._known: Index | None = None
        self._unended: dict[str, list[Span]] = {}
        self._found: list[Problem] = []

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What could not be read so far, each naming its file and line; the rest was."""
        indexed = self._known.problems if self._known is not None else []
        return (*indexed, *self._found)

    def runs(self, *, strays: bool = False) -> list[RunSummary]:
        """The runs, newest first. Calls that belong to no run are left out unless asked for, or alone there.

        Raises ``StoreError`` if the folder cannot be read.
        """
        every = [entry.summary() for entry in self._index().entries.values()]
        every.sort(key=lambda run: (run.start, run.trace_id), reverse=True)
        chosen = every if strays else [run for run in every if not run.stray]
        return chosen or every

    def run(self, prefix: str) -> Run:
        """The run whose trace id starts so. Raises ``UnknownRunError`` if there is none or more than one."""
        wanted = prefix.strip().lower()
        found = [run for run in self.runs(strays=True) if run.trace_id.startswith(wanted)]
        if not wanted or not found:
            raise UnknownRunError(f"no run starts with {prefix!r} in {self.directory}; `agent-otel runs` lists them")
        if len(found) > 1:
            named = ", ".join(run.trace_id for run in found[:CANDIDATES_NAMED])
            more = f" and {len(found) - CANDIDATES_NAMED} more" if len(found) > CANDIDATES_NAMED else ""
            raise UnknownRunError(f"{len(found)} runs start with {prefix!r}: {named}{more}; give more of the id")
        return next(self.load([found[0]]))

    def latest(self, *, strays: bool = False) -> Run | None:
        """The run that started last; None in an empty store."""
        known = self.runs(strays=strays)
        return next(self.load(known[:1]), None)

    def since(self, when: datetime | timedelta, *, strays: bool = False) -> Iterator[Run]:
        """The runs that started at ``when`` (a time ago, or a moment) or later, newest first."""
        if isinstance(when, timedelta):
            earliest = self._clock() - round(when.total_seconds() * 1e9)
        else:
            moment = when if when.tzinfo is not None else when.astimezone()
            earliest = round((moment - datetime(1970, 1, 1, tzinfo=timezone.utc)) / timedelta(microseconds=1)) * 1000
        return self.load([run for run in self.runs(strays=strays) if run.start >= earliest])

    def load(self, summaries: Iterable[RunSummary]) -> Iterator[Run]:
        """The spans of these runs, in their order, some runs at a time so that memory stays bounded."""
        batch: list[RunSummary] = []
        for summary in summaries:
            if batch and sum(run.spans for run in batch) + summary.spans > SPANS_AT_ONCE:
                yield from self._load(batch)
                batch = []
            batch.append(summary)
        yield from self._load(batch)

    def _load(self, batch: list[RunSummary]) -> Iterator[Run]:
        index = self._index()
        wanted = frozenset(run.trace_id for run in batch)
        spans: dict[str, list[Span]] = {trace_id: [] for trace_id in wanted}
        for place, line in index.lines(place for trace_id in wanted for place in index.entries[trace_id].lines):
            for span in self._decoded(place, line, wanted):
                spans[span.trace_id].append(span)
        for run in batch:
            parts = [
                *(span for span in spans.pop(run.trace_id) if span.end),
                *self._unended.get(run.trace_id, ()),
            ]
            if parts:
                yield assemble(run.trace_id, parts)

    def _decoded(self, place: int, line: bytes, wanted: frozenset[str]) -> list[Span]:
        try:
            return list(wire.spans(line, wanted))
        except wire.DecodeErrors as error:
            reason = str(error).splitlines()[0]
            problem = Problem(self._index().path_of(place), None, f"a line is unreadable ({reason}); left out")
            if problem not in self._found:
                self._found.append(problem)
            return []

    def performance(self) -> list[PerformanceRecord]:
        """The agent runs of ``agent-performance.json``; what cannot be read of it becomes a problem."""
        path = self.directory / PERFORMANCE_FILE
        try:
            items = msgspec.json.decode(path.read_bytes() or b"[]", type=list[msgspec.Raw])
        except FileNotFoundError:
            return []
        except OSError as error:
            self._found.append(Problem(path, None, f"cannot be read ({error.strerror}); agent records are left out"))
            return []
        except wire.DecodeErrors as error:
            self._found.append(Problem(path, None, f"is no list of agent runs ({error}); agent records are left out"))
            return []
        records: list[PerformanceRecord] = []
        for number, item in enumerate(items, start=1):
            record = _record(item)
            if isinstance(record, PerformanceRecord):
                records.append(record)
            else:
                self._found.append(Problem(path, None, f"record {number} is left out ({record})"))
        return records

    def _index(self) -> Index:
        if self._known is not None:
            return self._known
        try:
            if self.directory.exists():
                for folder in (self.directory, self.directory / "otlp"):
                    if folder.exists():
                        next(folder.iterdir(), None)
            index = Index(self.directory)
            self._read_open(index)
        except OSError as error:
            place = error.filename or self.directory
            raise StoreError(f"the store {place} cannot be read: {error.strerror or error}") from error
        self._known = index
        return index

    def _read_open(self, index: Index) -> None:
        # start records are read before the segments: a span that ends meanwhile is seen twice, never not at all
        now = self._clock()
        for file in read_open_files(self.directory):
            for number in file.unreadable:
                text = "unreadable; a span that has not ended is left out"
                index.problems.append(Problem(file.path, number, text))
            for span in file.unended(now):
                self._unended.setdefault(span.trace_id, []).append(span)
        index.build(self._progress, (span for spans in self._unended.values() for span in spans))


def _record(item: msgspec.Raw) -> PerformanceRecord | Exception:
    try:
        return msgspec.json.decode(item, type=PerformanceRecord)
    except wire.DecodeErrors as error:
        return error
