"""The second pass: the spans of some runs, read from the lines on which they lie."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Final

from agent_otel.store import wire
from agent_otel.store.assemble import assemble
from agent_otel.store.model import Problem, Run, Span
from agent_otel.store.scan import FILE_SHIFT, OFFSET, open_segment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from agent_otel.store.index import Index
    from agent_otel.store.model import RunSummary

LINES_BETWEEN_NEWS: Final = 1000


@dataclass(slots=True)
class Batch:
    """Runs that are in memory together: their ids, how many ``spans`` they have, and where these lie.

    ``places`` are the offsets of lines by file, ``unended`` their spans that have not ended; ``problems`` are filled
    in on reading.
    """

    traces: tuple[str, ...]
    spans: int
    places: dict[Path, array[int]]
    unended: tuple[Span, ...]
    problems: list[Problem] = field(default_factory=list[Problem])


def batch(runs: Sequence[RunSummary], index: Index, unended: dict[str, list[Span]]) -> Batch:
    """The batch of these runs."""
    places: dict[Path, array[int]] = {}
    for place in sorted({place for run in runs for place in index.entries[run.trace_id].lines}):
        path = index.files[place >> FILE_SHIFT][0]
        known = places.get(path)
        if known is None:
            known = places[path] = array("Q")
        known.append(place & OFFSET)
    started = tuple(span for run in runs for span in unended.get(run.trace_id, ()))
    return Batch(tuple(run.trace_id for run in runs), sum(run.spans for run in runs), places, started)


def load(chosen: Batch, told: Callable[[int], None] | None = None) -> Iterator[Run]:
    """The runs of a batch, in its order; one whose lines were pruned meanwhile is left out.

    ``told`` is told of spans as they are read.
    """
    spans: dict[str, list[Span]] = {trace_id: [] for trace_id in chosen.traces}
    for path, offsets in chosen.places.items():
        for number, line in enumerate(_lines(path, offsets)):
            if told is not None and not number % LINES_BETWEEN_NEWS:
                told(sum(map(len, spans.values())))
            for span in _decoded(chosen, path, line, spans):
                if span.end:
                    spans[span.trace_id].append(span)
    for span in chosen.unended:
        spans[span.trace_id].append(span)
    for trace_id in chosen.traces:
        parts = spans.pop(trace_id)
        if parts:
            yield assemble(trace_id, parts)


def _lines(path: Path, offsets: Iterable[int]) -> Iterator[bytes]:
    """The lines at these offsets, in ascending order; none if the file was pruned meanwhile."""
    stream = _opened(path)
    if stream is None:
        return
    with stream:
        position = 0
        for offset in offsets:
            if offset != position:
                stream.seek(offset)
            line = stream.readline()
            position = offset + len(line)
            yield line


def _opened(path: Path) -> BinaryIO | None:
    try:
        return open_segment(path)
    except FileNotFoundError:
        return None


def _decoded(chosen: Batch, path: Path, line: bytes, wanted: dict[str, list[Span]]) -> list[Span]:
    try:
        return wire.spans(line, wanted)
    except wire.DecodeErrors as error:
        reason = str(error).splitlines()[0]
        problem = Problem(path, None, f"a line is unreadable ({reason}); left out")
        if problem not in chosen.problems:
            chosen.problems.append(problem)
        return []
