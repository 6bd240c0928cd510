"""Baselines: what runs took at one time, kept in ``baselines/NAME.json`` of the store to check later runs against.

They are no telemetry: nothing prunes them, and they may be committed. A file is written beside its place and renamed,
so that every reader finds the old one or the new one.
"""

from __future__ import annotations

import os
import re
import secrets
from typing import TYPE_CHECKING, Final

import msgspec

from agent_otel.store import files
from agent_otel.store.model import StoreError

if TYPE_CHECKING:
    from pathlib import Path

FOLDER: Final = "baselines"
FORMAT: Final = 1
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
NAMES: Final = "letters, digits, dot, dash and underscore, a letter or digit first, 64 at most"


class UnknownBaselineError(StoreError):
    """There is no baseline of that name."""


class Batch(msgspec.Struct):
    """What one run did of a group: durations in seconds of what did not fail, tokens, cost in USD where known."""

    run: str
    durations: list[float] = msgspec.field(default_factory=list[float])
    settled: int = 0
    successes: int = 0
    tokens: list[float] = msgspec.field(default_factory=list[float])
    cost: list[float] = msgspec.field(default_factory=list[float])


class Group(msgspec.Struct):
    """Samples of one kind and name, run by run."""

    kind: str
    name: str
    runs: list[Batch] = msgspec.field(default_factory=list[Batch])


class Baseline(msgspec.Struct, kw_only=True):
    """A baseline; ``created`` is ISO 8601 in UTC, ``versions`` and ``machine`` say what it was recorded with."""

    name: str
    created: str
    format: int = FORMAT
    versions: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    machine: dict[str, str] = msgspec.field(default_factory=dict[str, str])
    revisions: list[str] = msgspec.field(default_factory=list[str])
    groups: list[Group] = msgspec.field(default_factory=list[Group])

    @property
    def runs(self) -> frozenset[str]:
        """The runs that it was made of."""
        return frozenset(batch.run for group in self.groups for batch in group.runs)

    @property
    def samples(self) -> int:
        """How many durations it holds."""
        return sum(len(batch.durations) for group in self.groups for batch in group.runs)


def valid(name: str) -> bool:
    """Whether a baseline may be called so: it becomes a file's name."""
    return NAME.fullmatch(name) is not None


def path_of(directory: Path, name: str) -> Path:
    """The file of a baseline; ``ValueError`` for a name that is not ``valid``."""
    if not valid(name):
        raise ValueError(f"{name!r} cannot name a baseline; it takes {NAMES}")
    return directory / FOLDER / f"{name}.json"


def save(directory: Path, baseline: Baseline) -> tuple[Path, bool]:
    """Write a baseline, in place of one of that name; its file, and whether there was one. Raises ``StoreError``."""
    path = path_of(directory, baseline.name)
    temporary = path.with_name(f".{baseline.name}-{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        files.make_folder(path.parent)
        replaced = path.exists()
        try:
            with os.fdopen(files.create(temporary), "wb") as stream:
                stream.write(msgspec.json.format(msgspec.json.encode(baseline), indent=1) + b"\n")
                stream.flush()
                os.fsync(stream.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror or error}") from error
    return path, replaced


def load(directory: Path, name: str) -> Baseline:
    """The baseline of that name. Raises ``UnknownBaselineError``, or ``StoreError`` if it cannot be read."""
    path = path_of(directory, name)
    try:
        baseline = msgspec.json.decode(path.read_bytes(), type=Baseline)
    except FileNotFoundError as error:
        known = ", ".join(names(directory))
        listed = f"there is {known}" if known else "`agent-otel baseline save` makes one"
        raise UnknownBaselineError(f"no baseline {name!r} in {directory}; {listed}") from error
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error.strerror or error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} is no baseline: {str(error).splitlines()[0]}") from error
    if baseline.format > FORMAT:
        raise StoreError(f"{path} has format {baseline.format}, made by a later version of agent-otel")
    return baseline


def names(directory: Path) -> list[str]:
    """The baselines in a store, by name."""
    try:
        return sorted(path.stem for path in (directory / FOLDER).glob("*.json") if valid(path.stem))
    except OSError:
        return []


def delete(directory: Path, name: str) -> Path:
    """Delete a baseline; its file. Raises ``UnknownBaselineError``, or ``StoreError`` if it cannot be deleted."""
    path = path_of(directory, name)
    try:
        path.unlink()
    except FileNotFoundError as error:
        raise UnknownBaselineError(f"no baseline {name!r} in {directory}") from error
    except OSError as error:
        raise StoreError(f"{path} cannot be deleted: {error.strerror or error}") from error
    return path
