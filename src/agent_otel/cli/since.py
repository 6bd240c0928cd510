"""``--since``: an age such as ``7d``, or a date."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Final

UNITS: Final = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
EXPECTED: Final = "give an age (30m, 12h, 7d, 2w) or a date (2026-01-31, 2026-01-31T12:00)"


def moment(text: str) -> datetime | timedelta:
    """The age or the moment (without an offset: in local time); ``ValueError`` says what is expected."""
    age = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smhdw])", text.strip().lower())
    try:
        if age is not None:
            return float(age[1]) * UNITS[age[2]]
        # Python 3.10 does not know the Z of UTC
        stamp = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", text.strip()))
        return stamp if stamp.tzinfo is not None else stamp.astimezone()
    except (ValueError, OverflowError, OSError):
        raise ValueError(EXPECTED) from None
