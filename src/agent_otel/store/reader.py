"""The store, read: runs, newest first, and the records of agent performance."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING, Final, Generic, TypeVar

import msgspec

from agent_otel.store import batches, wire
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
from agent_otel.store.workers import results

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
SPANS_AT_ONCE: Final = 10_000
"""How many spans of several runs are held in memory together."""
WORTH_PROCESSES: Final = 50_000_000
"""Bytes from which on starting further processes takes less time than it saves."""
WORTH_SPANS: Final = 50_000
"""The same for reading runs."""
CANDIDATES_NAMED: Final = 8

Result = TypeVar("Result")


class StoreReader:
    """Reads the store in ``directory``; what it holds is looked up once, at the first question.

    ``progress`` is told how far the first look has come, in bytes, then how far reading runs has, in spans. ``clock``
    tells the nanoseconds since the epoch at which a running span ends for now. A large store is read by so many
    ``processes``.
    """

    def __init__(
        self,
        directory: Path,
        *,
        progress: Progress | None = None,
        clock: Callable[[], int] = time.time_ns,
        processes: int = 1,
    ) -> None:
        self.directory = directory
        self._progress = progress
        self._clock = clock
        self._processes = processes
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
        run = self._only(found[0])
        if run is None:
            raise UnknownRunError(f"run {found[0].trace_id} has just been pruned from {self.directory}")
        return run

    def latest(self, *, strays: bool = False) -> Run | None:
        """The run that started last; None in an empty store."""
        known = self.runs(strays=strays)
        return self._only(known[0]) if known else None

    def _only(self, summary: RunSummary) -> Run | None:
        return next(iter(list(self.load([summary]))), None)

    def since(self, when: datetime | timedelta, *, strays: bool = False) -> Iterator[Run]:
        """The runs that started at ``when`` (a time ago, or a moment) or later, newest first."""
        return self.load(self.runs_since(when, strays=strays))

    def runs_since(self, when: datetime | timedelta, *, strays: bool = False) -> list[RunSummary]:
        """What ``since`` would read."""
        if isinstance(when, timedelta):
            earliest = self._clock() - round(when.total_seconds() * 1e9)
        else:
            moment = when if when.tzinfo is not None else when.astimezone()
            earliest = round((moment - datetime(1970, 1, 1, tzinfo=timezone.utc)) / timedelta(microseconds=1)) * 1000
        return [run for run in self.runs(strays=strays) if run.start >= earliest]

    def load(self, summaries: Iterable[RunSummary]) -> Iterator[Run]:
        """The spans of these runs, in their order, some runs at a time so that memory stays bounded."""
        chosen = list(summaries)
        told = _Told(self._progress, sum(run.spans for run in chosen))
        for batch in self._batches(chosen):
            yield from batches.load(batch, told.so_far)
            self._find(batch.problems)
            told.add(batch.spans)

    def fold(self, summaries: Iterable[RunSummary], work: Callable[[Iterator[Run]], Result]) -> Iterator[Result]:
        """What ``work`` makes of these runs, called with some of them at a time, in their order.

        In a large store several processes do it, so ``work`` and its results must be picklable: a function of a module.
        """
        chosen = list(summaries)
        spans = sum(run.spans for run in chosen)
        told = _Told(self._progress, spans)
        processes = self._processes if spans > WORTH_SPANS else 1
        for folded in results(partial(_fold, work), self._batches(chosen), processes):
            self._find(folded.problems)
            yield folded.result
            told.add(folded.spans)

    def _find(self, problems: Iterable[Problem]) -> None:
        self._found.extend(problem for problem in problems if problem not in self._found)

    def _batches(self, summaries: list[RunSummary]) -> list[batches.Batch]:
        index = self._index()
        cut: list[list[RunSummary]] = []
        spans = SPANS_AT_ONCE
        for summary in summaries:
            if spans + summary.spans > SPANS_AT_ONCE:
                cut.append([])
                spans = 0
            cut[-1].append(summary)
            spans += summary.spans
        return [batches.batch(runs, index, self._unended) for runs in cut]

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
        processes = self._processes if index.size > WORTH_PROCESSES else 1
        index.build(self._progress, (span for spans in self._unended.values() for span in spans), processes)


@dataclass(frozen=True, slots=True)
class _Folded(Generic[Result]):
    result: Result
    problems: list[Problem]
    spans: int


def _fold(work: Callable[[Iterator[Run]], Result], batch: batches.Batch) -> _Folded[Result]:
    result = work(batches.load(batch))
    return _Folded(result, batch.problems, batch.spans)


class _Told:
    """Adds up what is done, and tells it."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._done = 0

    def add(self, done: int) -> None:
        """That much is done for good."""
        self._done += done
        self.so_far(0)

    def so_far(self, done: int) -> None:
        """That much is done of what comes next."""
        if self._progress is not None:
            self._progress(min(self._done + done, self._total), self._total)


def _record(item: msgspec.Raw) -> PerformanceRecord | Exception:
    try:
        return msgspec.json.decode(item, type=PerformanceRecord)
    except wire.DecodeErrors as error:
        return error
