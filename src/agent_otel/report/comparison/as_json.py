"""A comparison as one JSON object."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

import msgspec

from agent_otel.report.objects import write_object

if TYPE_CHECKING:
    from agent_otel.analysis.compare import Comparison


def render(found: Comparison, stream: TextIO) -> None:
    """Write the object."""
    write_object(document(found), stream)


def document(found: Comparison) -> dict[str, object]:
    """The object: times in seconds, and in every row the values of the keys of ``by`` under their names."""
    fields: dict[str, object] = msgspec.to_builtins(found)
    for name, rows in (("candidates", found.candidates), ("effects", found.effects)):
        fields[name] = [_keyed(found, row.keys, msgspec.to_builtins(row)) for row in rows]
    fields["recommendations"] = [_keyed(found, row.keys, msgspec.to_builtins(row)) for row in found.recommendations]
    fields["best"] = None if found.best is None else dict(zip(found.by, found.best, strict=True))
    return fields


def _keyed(found: Comparison, keys: tuple[str, ...] | None, row: dict[str, object]) -> dict[str, object]:
    return {**row, "keys": None if keys is None else dict(zip(found.by, keys, strict=True))}
