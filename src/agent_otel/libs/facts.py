"""Careful readers of what SDKs return: a value of the expected type, else None.

Bodies of compatible servers have missing fields, None, and types of their own; nothing here raises for them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any, cast


def entry(value: Any, name: str) -> Any:
    """A field of an object or a mapping, None where there is none."""
    if value is None:
        return None
    if isinstance(value, Mapping):
        return cast("Mapping[str, Any]", value).get(name)
    return getattr(value, name, None)


def text(value: Any) -> str | None:
    """A non-empty string as a plain ``str`` (an enum or a subclass gives its text), else None."""
    return str.__str__(value) if isinstance(value, str) and value else None


def whole(value: Any) -> int | None:
    """A count as a plain ``int``, else None; booleans are none."""
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else None


def number(value: Any) -> float | None:
    """A finite number as a plain ``float``, else None."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return None


def flag(value: Any) -> bool | None:
    """A boolean, else None."""
    return value if isinstance(value, bool) else None


def texts(values: Iterable[Any]) -> tuple[str, ...]:
    """Those of the values that are non-empty strings."""
    return tuple(found for found in map(text, values) if found is not None)
