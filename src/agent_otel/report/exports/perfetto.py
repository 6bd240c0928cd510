"""A run as trace events (the JSON of Chrome's tracing), for https://ui.perfetto.dev and chrome://tracing.

Every span is a complete event (``X``) on a track on which nothing overlaps but what is nested; metadata events name
processes and tracks; flow events (``s``, ``f``) are arrows from what released something to what it released. Times
are microseconds since the first span's start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TextIO

import msgspec

from agent_otel.analysis.accounting import account
from agent_otel.analysis.arrows import PROCESS, arrows
from agent_otel.analysis.items import label
from agent_otel.analysis.tracks import Layout, first_moment, layout
from agent_otel.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_otel.report.exports.registry import Recorded
    from agent_otel.store.reader import Run, Span

Event = dict[str, object]
WAIT: Final = "wait"
STEP: Final = "superstep"


def render(recorded: Recorded, stream: TextIO) -> None:
    """Write the file, an event a line."""
    run = recorded.run
    about = {
        "run": run.trace_id,
        "name": run.root.name,
        "start_unix_nano": str(first_moment(run)),
        "outcome": run.outcome,
    }
    head = {"displayTimeUnit": "ms", "otherData": {**about, "exporter": f"agent-otel {__version__}"}}
    stream.write(msgspec.json.encode(head).decode()[:-1] + ',"traceEvents":[')
    for number, event in enumerate(events(run)):
        stream.write((",\n" if number else "\n") + msgspec.json.encode(event).decode())
    stream.write("\n]}\n")


def events(run: Run) -> Iterator[Event]:
    """Metadata, then the slices of each track by time, then the arrows."""
    found = layout(run)
    self_times = account(run).self_times
    base = first_moment(run)
    yield from _metadata(found)
    for process_number, process in enumerate(found.processes):
        for track_number, track in enumerate(process.tracks):
            for position in track.slices:
                span = run.spans[position]
                yield {
                    "ph": "X",
                    "name": label(span),
                    "cat": _category(span),
                    "ts": (span.start - base) / 1000,
                    "dur": span.duration / 1000,
                    "pid": process_number + 1,
                    "tid": track_number + 1,
                    "args": _arguments(span, self_times[position]),
                }
    yield from _arrows(run, found)


def _metadata(found: Layout) -> Iterator[Event]:
    for process_number, process in enumerate(found.processes):
        pid = process_number + 1
        name = process.name if process.pid is None else f"{process.name} (process {process.pid})"
        yield {"ph": "M", "name": "process_name", "pid": pid, "tid": 0, "args": {"name": name}}
        yield {"ph": "M", "name": "process_sort_index", "pid": pid, "tid": 0, "args": {"sort_index": process_number}}
        for track_number, track in enumerate(process.tracks):
            tid = track_number + 1
            yield {"ph": "M", "name": "thread_name", "pid": pid, "tid": tid, "args": {"name": track.name}}
            yield {"ph": "M", "name": "thread_sort_index", "pid": pid, "tid": tid, "args": {"sort_index": track_number}}


def _category(span: Span) -> str:
    if not span.annotation:
        return span.category
    return STEP if span.wait_reason is None else f"{WAIT},{span.wait_reason}"


def _arguments(span: Span, self_time: int) -> dict[str, object]:
    if span.annotation:
        return {**span.attributes}
    failed = {"status_message": span.status_message} if span.status_message else {}
    return {"span_id": span.span_id, "outcome": span.outcome, "self_ms": self_time / 1e6, **failed, **span.attributes}


def _arrows(run: Run, found: Layout) -> Iterator[Event]:
    """An arrow leaves its source's slice a nanosecond before the end, for a slice that is over has no arrows.

    What overlaps so that no arrow could point forward in time gets none.
    """
    base = first_moment(run)
    for number, (kind, source, target) in enumerate(arrows(run), start=1):
        before, after = run.spans[source], run.spans[target]
        leaves = before.start if kind == PROCESS else max(before.start, min(before.end - 1, after.start))
        arrives = max(after.start, leaves)
        if arrives > after.end:
            continue
        for phase, position, time in (("s", source, leaves), ("f", target, arrives)):
            process, track = found.places[position]
            event: Event = {
                "ph": phase,
                "id": number,
                "name": kind,
                "cat": kind,
                "ts": (time - base) / 1000,
                "pid": process + 1,
                "tid": track + 1,
            }
            yield event if phase == "s" else {**event, "bp": "e"}
