"""A first pass over the store: which traces there are, what they look like, and on which lines they lie."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeAlias

from agent_otel.store.entries import Entry
from agent_otel.store.model import Problem, Span
from agent_otel.store.scan import Part, Trouble, lines_before, parts, scan
from agent_otel.store.workers import results

if TYPE_CHECKING:
    from pathlib import Path

Progress: TypeAlias = Callable[[int, int], None]
"""Told how much is done and how much there is in all."""


class Index:
    """The traces of a store, by id. ``problems`` are the files and lines that could not be read."""

    def __init__(self, directory: Path) -> None:
        self.files = segment_files(directory)
        self.size = sum(size for _, size in self.files)
        self.entries: dict[str, Entry] = {}
        self.problems: list[Problem] = []
        self._schemas: set[tuple[Path, str]] = set()

    def build(self, progress: Progress | None = None, unended: Iterable[Span] = (), processes: int = 1) -> None:
        """Read every segment once; ``unended`` are spans with a start record, taken unless their end is found."""
        unended = list(unended)
        todo = parts(self.files, frozenset(span.span_id for span in unended))
        ended: set[str] = set()
        done = 0
        for part, scanned in zip(todo, results(scan, todo, processes), strict=True):
            for entry in scanned.entries.values():
                known = self.entries.setdefault(entry.trace_id, entry)
                if known is not entry:
                    known.merge(entry)
            ended |= scanned.ended
            if scanned.troubles:
                self._tell(part, scanned.troubles)
            done += part.size
            if progress is not None:
                progress(done, self.size)
        for span in unended:
            if span.span_id not in ended:
                self.entries.setdefault(span.trace_id, Entry(span.trace_id)).add_unended(span)

    def _tell(self, part: Part, troubles: list[Trouble]) -> None:
        first = 1
        with suppress(OSError):
            first += lines_before(part)
        for trouble in troubles:
            if trouble.schema:
                if (part.path, trouble.schema) in self._schemas:
                    continue
                self._schemas.add((part.path, trouble.schema))
            line = None if trouble.line is None else first + trouble.line
            self.problems.append(Problem(part.path, line, trouble.text))


def segment_files(directory: Path) -> list[tuple[Path, int]]:
    """The segments that hold spans, oldest name first, with their sizes."""
    folder = directory / "otlp"
    found: list[tuple[Path, int]] = []
    for path in sorted([*folder.glob("traces-*.jsonl"), *folder.glob("traces-*.jsonl.gz")]):
        with suppress(FileNotFoundError):
            found.append((path, path.stat().st_size))
    return found
