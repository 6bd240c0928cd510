"""The documented rules of trace events and of speedscope's format, as assertions."""

from __future__ import annotations

from typing import Any, Final

REQUIRED: Final = {
    "X": {"name", "cat", "ts", "dur", "pid", "tid"},
    "M": {"name", "pid", "tid", "args"},
    "s": {"name", "cat", "id", "ts", "pid", "tid"},
    "f": {"name", "cat", "id", "ts", "pid", "tid", "bp"},
}
PROFILE: Final = {"type", "name", "unit", "startValue", "endValue"}
PROFILES: Final = {"evented": {"events"}, "sampled": {"samples", "weights"}}
METADATA: Final = {
    "process_name": "name",
    "process_sort_index": "sort_index",
    "thread_name": "name",
    "thread_sort_index": "sort_index",
}


def nanoseconds(microseconds: float) -> int:
    """What a viewer makes of a time of a trace event."""
    return round(microseconds * 1000)


def valid_trace_events(document: Any) -> dict[tuple[int, int], list[Any]]:
    """Check every event, the nesting on every track and every arrow; returns the slices by track."""
    named: set[tuple[int, int]] = set()
    tracks: dict[tuple[int, int], list[Any]] = {}
    arrows: dict[int, dict[str, Any]] = {}
    for event in document["traceEvents"]:
        assert REQUIRED[event["ph"]] <= set(event)
        place = event["pid"], event["tid"]
        if event["ph"] == "M":
            assert set(event["args"]) == {METADATA[event["name"]]}
            named.add(place)
        elif event["ph"] == "X":
            assert event["ts"] >= 0
            assert event["dur"] >= 0
            assert event["name"]
            tracks.setdefault(place, []).append(event)
        else:
            assert event["ph"] not in arrows.setdefault(event["id"], {})
            arrows[event["id"]][event["ph"]] = event
    assert set(tracks) <= named
    for slices in tracks.values():
        _nested(slices)
    for arrow in arrows.values():
        assert nanoseconds(arrow["s"]["ts"]) <= nanoseconds(arrow["f"]["ts"])
        for end in arrow.values():
            assert any(_around(end, slice_) for slice_ in tracks[end["pid"], end["tid"]])
        assert arrow["f"]["bp"] == "e"
    return tracks


def _around(end: Any, slice_: Any) -> bool:
    start = nanoseconds(slice_["ts"])
    return start <= nanoseconds(end["ts"]) <= start + nanoseconds(slice_["dur"])


def _nested(slices: list[Any]) -> None:
    """On a track a slice begins inside the one before it and ends there too, or begins after it has ended."""
    stack: list[int] = []
    before = None
    for slice_ in slices:
        start = nanoseconds(slice_["ts"])
        end = start + nanoseconds(slice_["dur"])
        assert before is None or start >= before
        before = start
        while stack and stack[-1] <= start:
            stack.pop()
        assert not stack or end <= stack[-1]
        stack.append(end)


def valid_speedscope(document: Any) -> None:
    """Check the documented fields, and that events are in order, opened and closed like brackets."""
    assert document["$schema"] == "https://www.speedscope.app/file-format-schema.json"
    assert all(isinstance(frame["name"], str) for frame in document["shared"]["frames"])
    frames = len(document["shared"]["frames"])
    assert document["profiles"]
    for profile in document["profiles"]:
        assert set(profile) == PROFILE | PROFILES[profile["type"]]
        assert profile["unit"] in {"none", "nanoseconds", "microseconds", "milliseconds", "seconds", "bytes"}
        if profile["type"] == "sampled":
            assert len(profile["samples"]) == len(profile["weights"])
            assert sum(profile["weights"]) == profile["endValue"] - profile["startValue"]
            assert all(0 <= frame < frames for sample in profile["samples"] for frame in sample)
            continue
        stack: list[int] = []
        at = profile["startValue"]
        for event in profile["events"]:
            assert at <= event["at"] <= profile["endValue"]
            at = event["at"]
            if event["type"] == "O":
                assert 0 <= event["frame"] < frames
                stack.append(event["frame"])
            else:
                assert stack.pop() == event["frame"]
        assert not stack
        assert at == profile["endValue"]
