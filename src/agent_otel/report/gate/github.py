"""The verdict of a check as workflow commands of GitHub Actions, then the summary table.

The runner turns ``::error`` and ``::warning`` lines into annotations. In values it reads ``%``, line ends and, in
properties, ``:`` and ``,`` as escapes or separators, so these are written as ``%25``, ``%0A``, ``%3A`` and so on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, TextIO

from agent_otel.report.gate import markdown, words

if TYPE_CHECKING:
    from agent_otel.analysis.regress import Check

TITLE: Final = "agent-otel check"
_MESSAGE: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY: Final = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


def render(found: Check, stream: TextIO) -> None:
    """Write the commands and the table."""
    for group in found.groups:
        if group.verdict == "regression":
            _command(stream, "error", "slower", words.sentence(group, found.max_slowdown))
    if found.verdict == "cannot tell":
        _command(stream, "warning", "cannot tell", found.reason)
    for group in found.groups:
        if group.verdict == "unsure" and (group.at_least or 0.0) > 0:
            _command(stream, "warning", "perhaps slower", words.sentence(group, found.max_slowdown))
    for drift in found.drifts:
        _command(stream, "warning", f"{drift.metric} is worse", words.drift(drift))
    for note in found.notes:
        _command(stream, "notice", "note", note)
    markdown.render(found, stream)


def _command(stream: TextIO, level: Literal["error", "warning", "notice"], title: str, message: str) -> None:
    stream.write(f"::{level} title={f'{TITLE}: {title}'.translate(_PROPERTY)}::{message.translate(_MESSAGE)}\n")
