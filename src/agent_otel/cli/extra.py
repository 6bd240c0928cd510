"""Commands that need an extra of the package say so in one line where it is missing."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from agent_otel.cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable


@contextmanager
def needs(extra: str, packages: Iterable[str], status: int = 1) -> Generator[None]:
    """Turn the failed import of one of these packages into a ``CommandError`` that says what to install."""
    try:
        yield
    except ImportError as error:
        missing = (error.name or "").split(".")[0]
        if missing not in set(packages):
            raise
        raise CommandError(f'{missing} is missing; pip install "agent-otel[{extra}]"', status) from error
