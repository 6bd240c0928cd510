"""The only place where telemetry errors are caught.

Whatever goes wrong in this package while a user's program runs ends here: it is logged once per place and the user's
call goes on. This project's own tests set ``reraise`` so that bugs cannot hide.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")

logger: Final = logging.getLogger("agent_otel")
reraise = False
_told: set[str] = set()


def call(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T | None:
    """Run telemetry code: its result, or None after an error, which is told once per function."""
    try:
        return function(*args, **kwargs)
    except Exception as error:
        if reraise:
            raise
        tell(getattr(function, "__qualname__", None) or repr(function), error)
        return None


def call_or(default: T, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run telemetry code whose result the caller will see: its result, or ``default`` after an error."""
    try:
        return function(*args, **kwargs)
    except Exception as error:
        if reraise:
            raise
        tell(getattr(function, "__qualname__", None) or repr(function), error)
        return default


def tell(place: str, error: BaseException) -> None:
    """Log one warning per place, with the traceback at debug level; never raises."""
    if place in _told:
        return
    _told.add(place)
    # The message may quote what the user's program passed in, so only the type goes into the log.
    warn(f"telemetry failed in {place} ({type(error).__name__}); the program goes on without it")
    with suppress(Exception):
        logger.debug("telemetry failed in %s", place, exc_info=error)


def warn(message: str) -> None:
    """One line to the log of this package, at warning level; a handler of the program's may fail."""
    with suppress(Exception):
        logger.warning("agent-otel: %s", message)
