"""The store of programs that run: what has started, ended and been measured since the last look."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import msgspec

from agent_otel.store import wire
from agent_otel.store.scan import Part, scan
from agent_otel.store.tail import Tail, line_start
from agent_otel.store.unended import writer_lives
from agent_otel.store.wire_metrics import Sample, samples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from agent_otel.store.index import Progress
    from agent_otel.store.model import Span

HORIZON: Final = 600_000_000_000
"""Nanoseconds back from the start of watching for which what has ended is shown."""
TAIL_BYTES: Final = 8 * 1024 * 1024
"""How much of the end of a segment is read at the start."""
ENDED_KNOWN: Final = 50_000
"""Spans whose end was seen: a start record of theirs that is met later, in a file written anew, is old."""
ALIVE_SECONDS: Final = 2.0
"""How often it is asked whether a process still lives."""


@dataclass(slots=True)
class News:
    """What has happened, in the order in which it must be taken in: ``gone``, ``started``, ``ended``, the rest.

    ``gone`` are span ids whose start records are no longer there. ``started`` spans are running, or abandoned where
    their process has died (a span may change from one to the other). ``measured`` are (process, sample).
    ``dead`` are processes (as in ``measured``) that have ended. ``more`` says that there was more to read.
    """

    gone: list[str] = field(default_factory=list[str])
    started: list[Span] = field(default_factory=list["Span"])
    ended: list[Span] = field(default_factory=list["Span"])
    measured: list[tuple[str, Sample]] = field(default_factory=list[tuple[str, Sample]])
    dead: list[str] = field(default_factory=list[str])
    more: bool = False

    def __bool__(self) -> bool:
        return bool(self.started or self.gone or self.ended or self.measured or self.dead)


@dataclass(slots=True)
class _OpenFile:
    tail: Tail
    alive: bool = True
    spans: dict[str, Span] = field(default_factory=dict[str, "Span"])


class Follower:
    """Follows the store in ``directory``. ``start`` once, then ``poll``; a store that is not there yet is empty.

    ``clock`` tells nanoseconds since the epoch, ``timer`` seconds for intervals.
    """

    def __init__(
        self,
        directory: Path,
        *,
        clock: Callable[[], int] = time.time_ns,
        timer: Callable[[], float] = time.monotonic,
    ) -> None:
        self.directory = directory
        self._clock = clock
        self._timer = timer
        self._open: dict[Path, _OpenFile] = {}
        self._file_of: dict[str, _OpenFile] = {}
        self._ended: dict[str, None] = {}
        self._traces: dict[Path, Tail] = {}
        self._metrics: dict[Path, Tail] = {}
        self._living: set[Path] = set()
        self._asked = float("-inf")

    def start(self, progress: Progress | None = None) -> News:
        """What runs now, and what ended within the ``HORIZON``."""
        news = News()
        horizon = self._clock() - HORIZON
        while True:
            news.more = False
            self._read_open(news, asking=True)
            if not news.more:
                break
        self._forget_old(news, horizon)
        oldest = min((span.start for span in news.started), default=horizon)
        parts: list[Part] = []
        started = frozenset(span.span_id for span in news.started)
        for path in self._segments("traces"):
            with suppress(OSError):
                status = path.stat()
                begin = line_start(path, status.st_size - TAIL_BYTES)
                if status.st_mtime_ns < horizon:
                    begin = status.st_size
                self._traces[path] = Tail(path, begin)
                if begin and started and status.st_mtime_ns >= oldest:
                    parts.append(Part(0, path, 0, begin, begin, started))
        for path in self._segments("metrics"):
            with suppress(OSError):
                status = path.stat()
                begin = status.st_size if status.st_mtime_ns < horizon else status.st_size - TAIL_BYTES
                self._metrics[path] = Tail(path, line_start(path, begin))
        self._scan_ended(parts, news, progress)
        while True:
            found = self.poll()
            gone = frozenset(found.gone)
            news.started = [span for span in news.started if span.span_id not in gone] + found.started
            news.ended += [span for span in found.ended if span.end >= horizon or span.span_id in started]
            news.measured += found.measured
            news.dead += found.dead
            if not found.more:
                return news

    def poll(self) -> News:
        """What is new since the last call; at most some hundred kilobytes of each file are read."""
        news = News()
        asking = self._timer() - self._asked >= ALIVE_SECONDS
        if asking:
            self._asked = self._timer()
        # start records first: a span that ends meanwhile is seen to start and to end, never to run on for ever
        self._read_open(news, asking=asking)
        for path in self._segments("traces"):
            for line in self._new_lines(self._traces, path, news):
                with suppress(*wire.DecodeErrors):
                    news.ended += [span for span in wire.spans(line) if span.end]
        self._close(span.span_id for span in news.ended)
        for path in self._segments("metrics"):
            for line in self._new_lines(self._metrics, path, news):
                with suppress(*wire.DecodeErrors):
                    news.measured += [(path.name, sample) for sample in samples(line)]
                    self._living.add(path)
        if asking:
            self._ask_metrics(news)
        return news

    def _segments(self, signal: str) -> list[Path]:
        known = self._traces if signal == "traces" else self._metrics
        there = sorted((self.directory / "otlp").glob(f"{signal}-*.jsonl"))
        if len(known) > len(there):
            for path in known.keys() - set(there):
                del known[path]
        return there

    def _new_lines(self, tails: dict[Path, Tail], path: Path, news: News) -> list[bytes]:
        tail = tails.get(path)
        if tail is None:
            tail = tails[path] = Tail(path)
        try:
            lines = tail.read()
        except OSError:
            return []
        news.more = news.more or tail.more
        return lines

    def _read_open(self, news: News, *, asking: bool) -> None:
        there = sorted((self.directory / "open").glob("spans-*.jsonl"))
        for path in self._open.keys() - set(there):
            self._drop(self._open.pop(path), news)
        for path in there:
            known = self._open.get(path)
            if known is None:
                known = self._open[path] = _OpenFile(Tail(path))
            with suppress(OSError):
                lines = known.tail.read()
                news.more = news.more or known.tail.more
                if known.tail.restarted:
                    self._drop(known, news)
                fresh = {
                    span.span_id: span for line in lines for span in _started(line) if span.span_id not in self._ended
                }
                known.spans |= fresh
                self._file_of |= dict.fromkeys(fresh, known)
                if (asking or fresh) and known.alive:
                    with path.open("rb") as stream:
                        known.alive = writer_lives(stream)
                    if not known.alive:
                        fresh = known.spans
                if known.alive:
                    news.started += fresh.values()
                elif fresh:
                    changed = path.stat().st_mtime_ns
                    news.started += [
                        msgspec.structs.replace(span, state="abandoned", end=max(changed, span.start))
                        for span in fresh.values()
                    ]

    def _drop(self, file: _OpenFile, news: News) -> None:
        news.gone += file.spans
        for span_id in file.spans:
            self._file_of.pop(span_id, None)
        file.spans = {}

    def _forget_old(self, news: News, horizon: int) -> None:
        """Killed programs of the past are none of today's."""
        news.started = [span for span in news.started if span.state == "running" or span.end >= horizon]

    def _scan_ended(self, parts: list[Part], news: News, progress: Progress | None) -> None:
        """Of the spans with a start record, leave out those that ended in parts of segments that are not read."""
        total = sum(part.size for part in parts)
        done = 0
        ended: set[str] = set()
        for part in parts:
            ended |= scan(part).ended
            done += part.size
            if progress is not None:
                progress(done, total)
        self._close(ended)
        news.started = [span for span in news.started if span.span_id not in ended]

    def _close(self, ended: Iterable[str]) -> None:
        """A span that has ended cannot be abandoned any more."""
        for span_id in ended:
            self._ended[span_id] = None
            file = self._file_of.pop(span_id, None)
            if file is not None:
                file.spans.pop(span_id, None)
        if len(self._ended) > 2 * ENDED_KNOWN:
            self._ended = dict.fromkeys(list(self._ended)[-ENDED_KNOWN:])

    def _ask_metrics(self, news: News) -> None:
        for path in list(self._living):
            try:
                with path.open("rb") as stream:
                    lives = writer_lives(stream)
            except OSError:
                lives = False
            if not lives:
                self._living.discard(path)
                news.dead.append(path.name)


def _started(line: bytes) -> Iterator[Span]:
    with suppress(*wire.DecodeErrors):
        yield from (span for span in wire.spans(line) if span.state == "running")
