"""``agent-performance.json``: the newest records of each agent and CLI, in the format of the tool it comes from.

An array with indent 2 of ``{"agent", "cli", "duration" (ms), "timestamp" (ISO 8601, UTC)}`` and optional keys. Other
tools read and write the file too, so whatever is in it that this package does not know stays.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import secrets
import time
from collections import defaultdict, deque
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Final, TypedDict, cast

import msgspec

from agent_otel import safe, semconv
from agent_otel.store import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from agent_otel.signals.finished import Finished

NAME: Final = "agent-performance.json"
NEWEST: Final = 100
"""How many records stay of each agent and CLI."""
LOCK_SECONDS: Final = 2.0
_WAITING: Final = 100_000


class _FourKeys(TypedDict):
    agent: str
    cli: str
    duration: float
    timestamp: str


class Record(_FourKeys, total=False):
    """One record; ``duration`` in milliseconds, ``timestamp`` when it ended, ``cost`` in USD."""

    model: str
    outcome: str
    trace_id: str
    input_tokens: int
    output_tokens: int
    cost: float


def record(finished: Finished) -> Record | None:
    """The record of a finished agent run or of a node under which an LLM or CLI ran; None for any other call."""
    attributes, usage = finished.attributes, finished.usage
    cli = finished.framework
    if finished.operation == semconv.INVOKE_AGENT:
        cli = _text(attributes.get(semconv.AGENT_CLI)) or cli
    elif finished.operation != semconv.NODE or usage is None or not (usage.llm_calls or usage.cli_runs):
        return None
    made: Record = {
        "agent": finished.subject,
        "cli": cli,
        "duration": (finished.end - finished.start) / 1e6,
        "timestamp": timestamp(finished.end),
    }
    model = (usage.model if usage else None) or _text(
        attributes.get(semconv.RESPONSE_MODEL) or attributes.get(semconv.REQUEST_MODEL)
    )
    if model:
        made["model"] = model
    made["outcome"] = finished.outcome
    if finished.trace_id:
        made["trace_id"] = f"{finished.trace_id:032x}"
    tokens_in = (usage.input_tokens if usage else 0) or _count(attributes.get(semconv.USAGE_INPUT_TOKENS))
    tokens_out = (usage.output_tokens if usage else 0) or _count(attributes.get(semconv.USAGE_OUTPUT_TOKENS))
    if tokens_in or tokens_out:
        made["input_tokens"] = tokens_in
        made["output_tokens"] = tokens_out
    cost = usage.cost if usage and usage.cost is not None else attributes.get(semconv.COST)
    if isinstance(cost, (int, float)) and math.isfinite(cost):
        made["cost"] = cost
    return made


def timestamp(nanoseconds: int) -> str:
    """``2026-01-22T10:29:32.096Z``: an instant as JavaScript's ``toISOString`` writes it."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, tz=timezone.utc):%Y-%m-%dT%H:%M:%S}.{rest // 1_000_000:03d}Z"


class PerformanceFile:
    """Merges records into the file, at most one write a second, under a lock that all processes share.

    Records that could not be written wait for the next call.
    """

    def __init__(self, directory: Path, complaints: files.Complaints, wall: Callable[[], int] = time.time_ns) -> None:
        self.path = directory / NAME
        self._private = directory / "open"
        self._complaints = complaints
        self._wall = wall
        self._waiting: deque[Record] = deque(maxlen=_WAITING)

    @property
    def behind(self) -> bool:
        """Whether records wait to be written."""
        return bool(self._waiting)

    def add(self, made: Record) -> None:
        """Queue a record for the next ``flush``."""
        self._waiting.append(made)

    def abandon(self) -> None:
        """After a fork: the records that wait are the parent's."""
        self._waiting.clear()

    def prepare(self) -> None:
        """Make the file as an empty array where there is none, so that readers find it from the start."""
        if self.path.is_symlink() or self.path.exists():
            return
        try:
            temporary = self._temporary(b"[]", files.FILE_MODE)
            try:
                os.link(temporary, self.path)
            except FileExistsError:
                pass
            except OSError:
                temporary.replace(self.path)
            temporary.unlink(missing_ok=True)
        except OSError as error:
            self._complaints.say(self.path, error)

    def flush(self, *, durable: bool = False) -> bool:
        """Merge the waiting records into the file; False if they must wait longer. ``durable`` forces it to disk."""
        if not self._waiting:
            return True
        import filelock

        taken = list(self._waiting)
        try:
            files.make_folder(self._private, ignored=True)
            lock = filelock.FileLock(
                self._private / "agent-performance.lock", timeout=LOCK_SECONDS, mode=files.FILE_MODE
            )
            with lock:
                self._merge(taken, durable=durable)
        except filelock.Timeout:
            return False
        except NotImplementedError:
            # A file system without locks: the rename still keeps every reader from seeing half a file.
            self._merge(taken, durable=durable)
        except OSError as error:
            self._complaints.say(self.path, error)
            return False
        for _ in taken:
            self._waiting.popleft()
        return True

    def _merge(self, taken: Sequence[Record], *, durable: bool) -> None:
        entries, mode = self._read()
        kept = newest([*entries, *taken])
        temporary = self._temporary(_formatted(kept), mode, durable=durable)
        try:
            temporary.replace(self.path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise

    def _read(self) -> tuple[list[object], int]:
        found = files.read_no_follow(self.path)
        if found is None:
            return [], files.FILE_MODE
        content, mode = found
        if not content.strip():
            return [], mode
        try:
            entries: Any = json.loads(content.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            entries = None
        if isinstance(entries, list):
            return cast("list[object]", entries), mode
        self._set_aside(content)
        return [], mode

    def _set_aside(self, content: bytes) -> None:
        stamp = timestamp(self._wall()).replace("-", "").replace(":", "").replace(".", "")
        aside = self.path.with_name(f"agent-performance.corrupt-{stamp}.json")
        if aside.exists():
            aside = self.path.with_name(f"agent-performance.corrupt-{stamp}-{secrets.token_hex(4)}.json")
        _write_new(aside, content, files.FILE_MODE, durable=True)
        safe.warn(f"{self.path} is no JSON array; it was copied to {aside} and a new one begun")

    def _temporary(self, content: bytes, mode: int, *, durable: bool = False) -> Path:
        files.make_folder(self._private, ignored=True)
        path = self._private / f"agent-performance-{os.getpid()}-{secrets.token_hex(4)}.tmp"
        _write_new(path, content, mode, durable=durable)
        return path


def newest(entries: Sequence[Any]) -> list[Any]:
    """``entries`` without the records that are not among the newest 100 of their agent and CLI.

    Order and everything that is no such record stay. Of records with one timestamp the later in the file is newer.
    """
    places: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for place, entry in enumerate(entries):
        if isinstance(entry, dict):
            known = cast("dict[str, Any]", entry)
            agent, cli = known.get("agent"), known.get("cli")
            if isinstance(agent, str) and isinstance(cli, str) and isinstance(known.get("timestamp"), str):
                places[agent, cli].append(place)
    old: set[int] = set()
    for group in places.values():
        if len(group) > NEWEST:
            dated = [(instant, place) for place in group if (instant := _instant(entries[place])) is not None]
            old.update(place for _, place in sorted(dated)[: max(0, len(dated) - NEWEST)])
    return [entry for place, entry in enumerate(entries) if place not in old]


def _instant(entry: dict[str, Any]) -> float | None:
    try:
        moment = datetime.fromisoformat(entry["timestamp"].replace("Z", "+00:00"))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=timezone.utc)
        return moment.timestamp()
    except (ValueError, OverflowError):
        return None


def _formatted(entries: Iterable[Any]) -> bytes:
    try:
        # The standard library's indenting encoder is pure Python and an order of magnitude slower.
        return msgspec.json.format(json.dumps(entries, ensure_ascii=False).encode(), indent=2)
    except (UnicodeEncodeError, msgspec.DecodeError):
        # What only Python's JSON knows and an older tool wrote: lone surrogates, NaN.
        return json.dumps(entries, indent=2).encode()


def _write_new(path: Path, content: bytes, mode: int, *, durable: bool) -> None:
    descriptor = files.create(path)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(descriptor)
        if mode != files.FILE_MODE:
            path.chmod(mode)
    except OSError:
        with contextlib.suppress(OSError):
            path.unlink()
        raise


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int:
    return value if isinstance(value, int) else 0
