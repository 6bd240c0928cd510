"""Why a command gives up."""

from __future__ import annotations


class CommandError(Exception):
    """One line for stderr that says what is wrong and what to do, and the exit status (2: wrong command line)."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status
