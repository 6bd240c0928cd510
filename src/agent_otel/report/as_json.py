"""A report as one JSON object; times in seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

import msgspec

if TYPE_CHECKING:
    from agent_otel.analysis.summary import Report


def document(report: Report) -> dict[str, object]:
    """The object: ``runs`` is how many there are, ``run_list`` what they are; ``groups`` the rows of ``--by``."""
    fields: dict[str, object] = msgspec.to_builtins(report)
    groups: list[dict[str, object]] = []
    for group in report.groups:
        figures: dict[str, object] = msgspec.to_builtins(group.figures)
        del figures["name"]
        groups.append({**dict(zip(report.by, group.keys, strict=True)), **figures})
    return {**fields, "runs": len(report.runs), "run_list": fields["runs"], "groups": groups}


def render(report: Report, stream: TextIO) -> None:
    """Write the object, indented by two."""
    stream.write(msgspec.json.format(msgspec.json.encode(document(report)), indent=2).decode() + "\n")
