"""Files that grow, read on from where they were read before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

CHUNK_BYTES: Final = 512 * 1024
"""How much of one file is read at a time, so that a burst does not hold up the screen."""
LONGEST_LINE: Final = 16 * 1024 * 1024


class Tail:
    """Whole new lines of one file. ``restarted`` says that it was emptied or replaced before the last ``read``."""

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.restarted = False
        self.more = False
        """Whether the file held more than was read."""
        self._offset = offset
        self._inode = 0
        self._chunk: int = CHUNK_BYTES

    def read(self) -> list[bytes]:
        """The lines that are complete and have not been read; raises ``OSError``, also when the file is gone."""
        status = self.path.stat()
        self.restarted = status.st_size < self._offset or self._inode not in (0, status.st_ino)
        self._inode = status.st_ino
        if self.restarted:
            self._offset = 0
        self.more = False
        if status.st_size == self._offset:
            return []
        with self.path.open("rb") as stream:
            stream.seek(self._offset)
            data = stream.read(self._chunk)
        end = data.rfind(b"\n") + 1
        if not end and len(data) == self._chunk < LONGEST_LINE:
            self._chunk *= 2
            self.more = True
            return []
        self._chunk = CHUNK_BYTES
        self._offset += end
        self.more = self._offset + len(data) - end < status.st_size
        return data[:end].splitlines(keepends=True)


def line_start(path: Path, offset: int) -> int:
    """Where the first line begins that starts at this place or later."""
    if offset <= 0:
        return 0
    with path.open("rb") as stream:
        stream.seek(offset - 1)
        return offset - 1 + len(stream.readline())
