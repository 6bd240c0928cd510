"""Results as JSON objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping


def write_object(found: Mapping[str, object], stream: TextIO) -> None:
    """Write the object, indented by two."""
    stream.write(msgspec.json.format(msgspec.json.encode(found), indent=2).decode() + "\n")
