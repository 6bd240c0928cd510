"""Spans that have not ended: start records under ``open/``, and whether the process that wrote them lives."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import msgspec

from agent_otel.store import wire

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_otel.store.model import Span, State

if sys.platform != "win32":
    import fcntl

LIVE_SECONDS: Final = 5.0
"""Without file locks: a start record file that changed this recently belongs to a living process."""


@dataclass(frozen=True, slots=True)
class OpenFile:
    """The start records of one process: its spans, and the numbers of lines that could not be read.

    ``changed`` is when the process was last heard of, in nanoseconds since the epoch.
    """

    path: Path
    alive: bool
    changed: int
    spans: tuple[Span, ...]
    unreadable: tuple[int, ...]

    def unended(self, now: int) -> Iterator[Span]:
        """Its spans: running until ``now`` if the process lives, else abandoned when it was last heard of."""
        state: State = "running" if self.alive else "abandoned"
        end = now if self.alive else self.changed
        for span in self.spans:
            yield msgspec.structs.replace(span, state=state, end=max(end, span.start))


def read_open_files(directory: Path) -> Iterator[OpenFile]:
    """Every start record file of the store; one that vanishes meanwhile is skipped. Raises ``OSError``."""
    for path in sorted((directory / "open").glob("spans-*.jsonl")):
        found = _read(path)
        if found is not None:
            yield found


def _read(path: Path) -> OpenFile | None:
    try:
        with path.open("rb") as stream:
            alive = writer_lives(stream)
            changed = path.stat().st_mtime_ns
            lines = stream.read().splitlines(keepends=True)
    except FileNotFoundError:
        return None
    spans: list[Span] = []
    unreadable: list[int] = []
    for number, line in enumerate(lines, start=1):
        found = _spans(line)
        if found is not None:
            spans.extend(found)
        elif line.endswith(b"\n"):  # the last line of a living process may still be growing
            unreadable.append(number)
    return OpenFile(path, alive, changed, tuple(spans), tuple(unreadable))


def _spans(line: bytes) -> list[Span] | None:
    if not line.strip():
        return []
    try:
        return [span for span in wire.spans(line) if span.state == "running"]
    except wire.DecodeErrors:
        return None


def writer_lives(stream: BinaryIO) -> bool:
    """Whether a process holds the exclusive lock on this file; where there are no locks, by its age."""
    if sys.platform == "win32":
        return _recent(stream)
    try:
        fcntl.flock(stream.fileno(), fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return _recent(stream)
    fcntl.flock(stream.fileno(), fcntl.LOCK_UN)
    return False


def _recent(stream: BinaryIO) -> bool:
    return time.time() - Path(stream.name).stat().st_mtime < LIVE_SECONDS
