"""The stored lines of one run as they were written: what the reader leaves out of spans, such as events, included."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec

from agent_otel.store.index import segment_files
from agent_otel.store.scan import open_segment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def lines(directory: Path, trace_id: str) -> Iterator[bytes]:
    """The lines of OTLP JSON with this run's spans, without other spans and without a span that was stored before.

    Lines that cannot be read are left out, as the reader does.
    """
    wanted = trace_id.encode()
    seen: set[str] = set()
    for path, _ in segment_files(directory):
        with suppress(OSError, EOFError), open_segment(path) as stream:  # pruned meanwhile, or cut off
            for line in stream:
                if wanted in line:
                    found = _only(line, trace_id, seen)
                    if found is not None:
                        yield found


def _only(line: bytes, trace_id: str, seen: set[str]) -> bytes | None:
    try:
        decoded: dict[str, Any] = msgspec.json.decode(line)
        whole = True
        for part in decoded["resourceSpans"]:
            for scope in part["scopeSpans"]:
                spans: list[dict[str, Any]] = scope["spans"]
                kept = [span for span in spans if span["traceId"] == trace_id and span["spanId"] not in seen]
                seen.update(span["spanId"] for span in kept)
                whole = whole and len(kept) == len(spans)
                scope["spans"] = kept
            part["scopeSpans"] = [scope for scope in part["scopeSpans"] if scope["spans"]]
        decoded["resourceSpans"] = [part for part in decoded["resourceSpans"] if part["scopeSpans"]]
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, KeyError, TypeError, RecursionError):
        return None
    if not decoded["resourceSpans"]:
        return None
    return line.rstrip(b"\n") + b"\n" if whole else msgspec.json.encode(decoded) + b"\n"
