"""Segment files: whole OTLP JSON lines appended to a file that one process writes, until it is full or old."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections import deque
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias

from agent_otel.store import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from agent_otel.store.otlp_lines import Line

Signal: TypeAlias = Literal["traces", "metrics"]
BACKLOG_BYTES: Final = 16 * 1024 * 1024
"""How much of what could not be written waits in memory; the oldest lines go first."""


class Written(NamedTuple):
    """What one call wrote, and what it had to give up: ``items`` are spans or metric points."""

    bytes: int
    items: int
    lost_items: int


def new_stem(wall: Callable[[], float] = time.time) -> str:
    """``<UTC start>-<pid>-<random>``: what the names of one process's files have in common."""
    start = datetime.fromtimestamp(wall(), tz=timezone.utc)
    return f"{start:%Y%m%dT%H%M%S}-{os.getpid()}-{secrets.token_hex(4)}"


class SegmentWriter:
    """Appends lines of one signal to the newest of its segment files, which it makes when first needed.

    The open file is locked, so that others see that it is in use. What cannot be written waits in ``backlog`` and is
    tried again with the next call. ``stem`` names the first file. Not thread-safe: the store's writer serialises the
    calls.
    """

    def __init__(
        self,
        folder: Path,
        signal: Signal,
        *,
        stem: str,
        segment_bytes: int,
        segment_seconds: float,
        complaints: files.Complaints,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.path: Path | None = None
        self.segments = 0
        self._folder = folder
        self._signal = signal
        self._stem = stem
        self._segment_bytes = segment_bytes
        self._segment_seconds = segment_seconds
        self._complaints = complaints
        self._clock = clock
        self._backlog: deque[Line] = deque()
        self._backlog_bytes = 0
        self._descriptor = -1
        self._size = 0
        self._opened = 0.0

    @property
    def behind(self) -> bool:
        """Whether lines wait because they could not be written."""
        return bool(self._backlog)

    @property
    def is_open(self) -> bool:
        """Whether a file is open for appending."""
        return self._descriptor >= 0

    def write(self, lines: Iterable[Line]) -> Written:
        """Append the backlog and then these lines; an ``OSError`` is told and ends the attempt."""
        for line in lines:
            self._backlog.append(line)
            self._backlog_bytes += len(line.data)
        written = items = 0
        try:
            while self._backlog:
                line = self._backlog[0]
                self._make_room(len(line.data))
                self._append(line.data)
                self._backlog.popleft()
                self._backlog_bytes -= len(line.data)
                written += len(line.data)
                items += line.items
        except OSError as error:
            self._complaints.say(self.path or self._folder, error)
            if error.errno not in files.FULL:
                self._drop_file()
        return Written(written, items, self._shorten_backlog())

    def rotate_if_due(self) -> None:
        """Close the file if it is older than a segment may be."""
        if self._descriptor >= 0 and self._clock() - self._opened >= self._segment_seconds:
            self.close()

    def close(self) -> None:
        """Make the file durable and close it; the next write starts another."""
        if self._descriptor < 0:
            return
        with contextlib.suppress(OSError):
            os.fsync(self._descriptor)
        self._drop_file()

    def abandon(self) -> None:
        """After a fork: forget the parent's file and what it still had to write, touching neither."""
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
        self._descriptor = -1
        self.path = None
        self._backlog.clear()
        self._backlog_bytes = 0

    def _make_room(self, length: int) -> None:
        if self._descriptor >= 0 and self.path is not None:
            if self._size and self._size + length > self._segment_bytes:
                self.close()
            elif not files.is_current(self._descriptor, self.path):
                self._drop_file()
        if self._descriptor < 0:
            self._open()

    def _open(self) -> None:
        self.path = self._folder / f"{self._signal}-{self._stem or new_stem()}.jsonl"
        self._stem = ""
        files.make_folder(self._folder, ignored=True)
        self._descriptor = files.create_locked(self.path)
        self._size = 0
        self._opened = self._clock()
        self.segments += 1

    def _append(self, data: bytes) -> None:
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError:
            # A full disk takes part of a line: take it back, or it would run into the next one.
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self._size)
            raise
        self._size += len(data)

    def _drop_file(self) -> None:
        if self._descriptor < 0:
            return
        if not self._size and self.path is not None:
            with contextlib.suppress(OSError):
                self.path.unlink()
        with contextlib.suppress(OSError):
            os.close(self._descriptor)
        self._descriptor = -1

    def _shorten_backlog(self) -> int:
        lost = 0
        while self._backlog_bytes > BACKLOG_BYTES:
            line = self._backlog.popleft()
            self._backlog_bytes -= len(line.data)
            lost += line.items
        return lost
