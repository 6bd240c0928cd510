"""How the store makes, locks and looks at its files: owner only, no symbolic link followed, never an existing file."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from typing import TYPE_CHECKING, Final

from agent_otel import safe

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from pathlib import Path

FILE_MODE: Final = 0o600
FOLDER_MODE: Final = 0o700
_LOCK_ATTEMPTS: Final = 20
_NO_FOLLOW: Final[int] = getattr(os, "O_NOFOLLOW", 0)
_BINARY: Final[int] = getattr(os, "O_BINARY", 0)
_NON_BLOCK: Final[int] = getattr(os, "O_NONBLOCK", 0)

FULL: Final = frozenset({errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)})
"""Errors after which the same file may work again."""


class Complaints:
    """Says once per kind of error that the store cannot write, naming the file; counts the rest."""

    def __init__(self) -> None:
        self.count = 0
        self._said: set[int | None] = set()

    def say(self, path: Path, error: OSError) -> None:
        """Warn of ``error`` at ``path`` unless the same kind was warned of before."""
        self.count += 1
        if error.errno in self._said:
            return
        self._said.add(error.errno)
        safe.warn(
            f"cannot write {path} ({error.strerror or error}); "
            "records wait in memory, and the oldest are dropped if this lasts"
        )


def make_folder(folder: Path, *, ignored: bool = False) -> None:
    """Make ``folder`` for its owner only; ``ignored`` adds a ``.gitignore`` that hides everything in it."""
    folder.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    if ignored and not (folder / ".gitignore").exists():
        with contextlib.suppress(FileExistsError):
            descriptor = create(folder / ".gitignore")
            try:
                os.write(descriptor, b"*\n")
            finally:
                os.close(descriptor)


def create(path: Path, flags: int = os.O_WRONLY) -> int:
    """A descriptor of the new file ``path``; ``FileExistsError`` if anything, a dangling link too, is there."""
    return os.open(path, flags | os.O_CREAT | os.O_EXCL | _NO_FOLLOW | _BINARY, FILE_MODE)


def read_no_follow(path: Path) -> tuple[bytes, int] | None:
    """Content and permission bits of a regular file; None if there is none. ``OSError`` for a symbolic link."""
    try:
        descriptor = os.open(path, os.O_RDONLY | _NO_FOLLOW | _BINARY | _NON_BLOCK)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        return file.read(), os.fstat(file.fileno()).st_mode & 0o777


def lock(descriptor: int) -> bool:
    """Take the file's lock, which says that a live process writes it; False where another has it or none exist."""
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def create_locked(path: Path) -> int:
    """An append descriptor of the new file ``path``, locked for as long as it stays open."""
    descriptor = create(path, os.O_WRONLY | os.O_APPEND)
    for _ in range(_LOCK_ATTEMPTS):
        # A reader that looks whether the file is in use holds the lock for an instant.
        if lock(descriptor) or sys.platform == "win32":
            break
        time.sleep(0.001)
    return descriptor


def is_current(descriptor: int, path: Path) -> bool:
    """Whether ``path`` still names the open file: folders get deleted and moved while a program runs."""
    try:
        there = path.stat(follow_symlinks=False)
    except OSError:
        return False
    here = os.fstat(descriptor)
    return (there.st_dev, there.st_ino) == (here.st_dev, here.st_ino)


def remove_closed(path: Path) -> bool:
    """Remove ``path`` unless a live process holds its lock (on Windows: unless it is open); whether it is gone."""
    try:
        if sys.platform == "win32":
            path.unlink()
            return True
        descriptor = os.open(path, os.O_RDONLY | _NO_FOLLOW | _NON_BLOCK)
        try:
            if not lock(descriptor):
                return False
            path.unlink()
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def prune(folder: Path, pattern: str, budget: int) -> int:
    """Remove the oldest closed files until ``folder`` holds at most ``budget`` bytes; how many were removed."""
    found: list[tuple[int, str, int, Path]] = []
    for path in folder.glob(pattern):
        with contextlib.suppress(OSError):
            status = path.stat(follow_symlinks=False)
            found.append((status.st_mtime_ns, path.name, status.st_size, path))
    total = sum(size for _, _, size, _ in found)
    removed = 0
    for _, _, size, path in sorted(found):
        if total <= budget:
            break
        if remove_closed(path):
            total -= size
            removed += 1
    return removed
