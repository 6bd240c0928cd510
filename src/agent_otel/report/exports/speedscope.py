"""A run for https://www.speedscope.app: self time by stack first, then one profile for each track.

The format is described by https://www.speedscope.app/file-format-schema.json. Times are nanoseconds since
the first span's start.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TextIO

import msgspec

from agent_otel.analysis.items import label
from agent_otel.analysis.tracks import Track, first_moment, layout, stack_events
from agent_otel.report.exports.folded import stacks
from agent_otel.version import __version__

if TYPE_CHECKING:
    from agent_otel.report.exports.registry import Recorded
    from agent_otel.store.reader import Run

SCHEMA: Final = "https://www.speedscope.app/file-format-schema.json"
SELF_TIME: Final = "self time of all spans"


def render(recorded: Recorded, stream: TextIO) -> None:
    """Write the file as one line of JSON."""
    stream.write(msgspec.json.encode(document(recorded.run)).decode() + "\n")


def document(run: Run) -> dict[str, object]:
    """The file: ``profiles`` are one ``sampled`` by self time, then ``evented`` ones of the tracks."""
    frames = _Frames()
    profiles = [_self_time(run, frames)]
    processes = layout(run).processes
    several = len(processes) > 1
    for process in processes:
        for track in process.tracks:
            name = f"{process.name}: {track.name}" if several else track.name
            profiles.append(_evented(run, track, name, frames))
    return {
        "$schema": SCHEMA,
        "shared": {"frames": [{"name": name} for name in frames.numbers]},
        "profiles": profiles,
        "name": f"{run.root.name} {run.trace_id[:8]}",
        "activeProfileIndex": 0,
        "exporter": f"agent-otel {__version__}",
    }


class _Frames:
    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def number(self, name: str) -> int:
        return self.numbers.setdefault(name, len(self.numbers))


def _self_time(run: Run, frames: _Frames) -> dict[str, object]:
    found = sorted(stacks(run).items())
    return {
        "type": "sampled",
        "name": SELF_TIME,
        "unit": "nanoseconds",
        "startValue": 0,
        "endValue": sum(weight for _, weight in found),
        "samples": [[frames.number(name) for name in stack] for stack, _ in found],
        "weights": [weight for _, weight in found],
    }


def _evented(run: Run, track: Track, name: str, frames: _Frames) -> dict[str, object]:
    found = list(stack_events(run, track))
    base = first_moment(run)
    return {
        "type": "evented",
        "name": name,
        "unit": "nanoseconds",
        "startValue": found[0][2] - base,
        "endValue": found[-1][2] - base,
        "events": [
            {"type": "O" if opens else "C", "at": at - base, "frame": frames.number(label(run.spans[position]))}
            for opens, position, at in found
        ],
    }
