"""``agent-otel doctor``: what is installed, what would be instrumented and why not, and whether data can be stored."""

from __future__ import annotations

import json
import os
import sys
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Final, TextIO

import typer

from agent_otel.cli.store import Directory
from agent_otel.settings import ENV_DIR

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_otel.cli.checks import Check

_MARKS: Final = {
    "ok": ("✓", "ok", "32"),
    "note": ("·", "-", "2"),
    "warning": ("!", "warn", "33"),
    "problem": ("✗", "FAIL", "31"),
}


class Format(str, Enum):
    """How the result is written."""

    TEXT = "text"
    JSON = "json"


def doctor(
    output: Annotated[Format, typer.Option("--format", help="How to write the result.")] = Format.TEXT,
    directory: Directory = None,
) -> None:
    """Say what is installed, what would be instrumented and why not, and whether data can be stored and sent."""
    from agent_otel.cli import checks

    chosen = {} if directory is None else {ENV_DIR: str(directory.expanduser().absolute())}
    found = checks.everything({**os.environ, **chosen})
    if output is Format.JSON:
        sys.stdout.write(as_json(found))
    else:
        sys.stdout.write(as_text(found, sys.stdout))
    raise typer.Exit(1 if any(check.state == "problem" for check in found) else 0)


def as_json(found: Sequence[Check]) -> str:
    """``{"ok": bool, "checks": [{"section", "name", "state", "detail"}]}``; states: ok, note, warning, problem."""
    checks = [
        {"section": check.section, "name": check.name, "state": check.state, "detail": check.detail} for check in found
    ]
    healthy = not any(check.state == "problem" for check in found)
    return json.dumps({"ok": healthy, "checks": checks}, indent=2, ensure_ascii=False) + "\n"


def as_text(found: Sequence[Check], stream: TextIO) -> str:
    """One line per check under its section's heading; signs and colours on a terminal, words elsewhere."""
    terminal = stream.isatty()
    signs = terminal and "utf" in (stream.encoding or "").lower()
    colours = terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    width = max((len(check.name) for check in found), default=0)
    lines: list[str] = []
    section = ""
    for check in found:
        if check.section != section:
            section = check.section
            lines += ["", section] if lines else [section]
        sign, word, colour = _MARKS[check.state]
        mark = sign if signs else f"{word:<4}"
        shown = f"\x1b[{colour}m{mark}\x1b[0m" if colours else mark
        lines.append(f"  {shown} {check.name:<{width}}  {check.detail}".rstrip())
    problems = [check for check in found if check.state == "problem"]
    lines += ["", _summary(problems)]
    return "\n".join(lines) + "\n"


def _summary(problems: Sequence[Check]) -> str:
    if not problems:
        return "All is well."
    names = ", ".join(check.name for check in problems)
    return f"{len(problems)} {'problem' if len(problems) == 1 else 'problems'}: {names}"
