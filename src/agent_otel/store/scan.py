"""Part of a segment file, read once for what it holds: traces, where they lie, and lines that are unreadable."""

from __future__ import annotations

import gzip
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, Final, NamedTuple, cast

from agent_otel.store import wire
from agent_otel.store.entries import Entry

if TYPE_CHECKING:
    from pathlib import Path

PART_BYTES: Final = 8 * 1024 * 1024
BUFFER_BYTES: Final = 256 * 1024
FILE_SHIFT: Final = 44
"""A line is kept as one integer: the number of its file above, its offset (up to 16 TiB) below this bit."""
OFFSET: Final = (1 << FILE_SHIFT) - 1


@dataclass(frozen=True, slots=True)
class Part:
    """The lines of file ``number`` that begin at ``begin`` or later and before ``end`` (None: all that follow).

    ``size`` is how many bytes it counts for in progress. ``started`` are spans whose ends are looked for.
    """

    number: int
    path: Path
    begin: int
    end: int | None
    size: int
    started: frozenset[str]


class Trouble(NamedTuple):
    """Why a line, counted from the part's first, is left out or doubtful; ``schema`` if for an unknown one."""

    line: int | None
    text: str
    schema: str = ""


@dataclass(slots=True)
class Scanned:
    """What a part holds. ``ended`` are those of the part's ``started`` spans that have an end here."""

    entries: dict[str, Entry] = field(default_factory=dict[str, Entry])
    ended: set[str] = field(default_factory=set[str])
    troubles: list[Trouble] = field(default_factory=list[Trouble])


def parts(files: list[tuple[Path, int]], started: frozenset[str]) -> list[Part]:
    """These files (with their sizes) cut into parts; packed ones stay whole."""
    found: list[Part] = []
    for number, (path, size) in enumerate(files):
        begin = 0
        while path.suffix != ".gz" and size - begin > PART_BYTES:
            found.append(Part(number, path, begin, begin + PART_BYTES, PART_BYTES, started))
            begin += PART_BYTES
        # to the end of the file, which may have grown since its size was read
        found.append(Part(number, path, begin, None, size - begin, started))
    return found


def scan(part: Part) -> Scanned:
    """Read the part; a file that was pruned meanwhile holds nothing."""
    scanned = Scanned()
    try:
        with open_segment(part.path) as stream:
            _read(part, stream, scanned)
    except FileNotFoundError:
        pass
    except (OSError, EOFError) as error:
        scanned.troubles.append(Trouble(None, f"cannot be read on ({error}); what came before is shown"))
    return scanned


def _read(part: Part, stream: BinaryIO, scanned: Scanned) -> None:
    offset = part.begin
    if offset:
        stream.seek(offset - 1)
        offset += len(stream.readline()) - 1
    schemas: set[str] = set()
    base = part.number << FILE_SHIFT
    end = part.end
    for number, line in enumerate(stream):
        if end is not None and offset >= end:
            break
        place = base | offset
        offset += len(line)
        try:
            decoded = wire.decode_heads(line)
            _add(place, decoded, scanned, part.started)
        except wire.DecodeErrors as error:
            if line.strip():
                scanned.troubles.append(Trouble(number, _reason(line, error)))
            continue
        for url in wire.unknown_schemas(decoded) - schemas:
            schemas.add(url)
            text = f"unknown schema {url}; its attributes may be misread"
            scanned.troubles.append(Trouble(number, text, url))


def _add(place: int, line: wire.HeadLine, scanned: Scanned, started: frozenset[str]) -> None:
    entries = scanned.entries
    entry: Entry | None = None
    for resource in line.resource_spans:
        for scope in resource.scope_spans:
            for head in scope.spans:
                if head.span_id in wire.NO_IDS or head.trace_id in wire.NO_IDS:
                    raise ValueError("a span without ids")
                if entry is None or head.trace_id != entry.trace_id:
                    entry = _entered(head.trace_id, place, entries)
                entry.add(head)
                if head.span_id in started:
                    scanned.ended.add(head.span_id)


def _entered(trace_id: str, place: int, entries: dict[str, Entry]) -> Entry:
    entry = entries.get(trace_id)
    if entry is None:
        entry = entries[trace_id] = Entry(trace_id)
    if not entry.lines or entry.lines[-1] != place:
        entry.lines.append(place)
    return entry


def open_segment(path: Path) -> BinaryIO:
    """A segment's bytes, unpacked."""
    if path.suffix == ".gz":
        return cast("BinaryIO", gzip.open(path, "rb"))
    return path.open("rb", buffering=BUFFER_BYTES)


def lines_before(part: Part) -> int:
    """How many lines of the file begin before the part."""
    if not part.begin:
        return 0
    left = part.begin - 1  # the line that holds this byte is the last one before the part
    count = 1
    with part.path.open("rb") as stream:
        while left > 0 and (read := stream.read(min(left, PART_BYTES))):
            count += read.count(b"\n")
            left -= len(read)
    return count


def _reason(line: bytes, error: Exception) -> str:
    if not line.endswith(b"\n"):
        return "the last line is cut off (its writer was stopped, or is writing it now); its spans are left out"
    if "resourceSpans" in str(error):
        return "no spans in OTLP JSON (no resourceSpans); left out"
    return f"unreadable ({str(error).splitlines()[0]}); its spans are left out"
