"""``agent-otel diagnose``: what slows a run down, and what to change first."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from agent_otel.cli import selection
from agent_otel.cli.store import Directory, opened


def diagnose(
    run: selection.RunChoice = None,
    directory: Directory = None,
    form: Annotated[str, typer.Option("--format", "-f", metavar="FORMAT", help="text, json or md.")] = "text",
    output: selection.Output = None,
) -> None:
    """Test what may slow a run down: with the spans to look at, what a change would save, and advice."""
    from agent_otel.analysis.findings import diagnose_run
    from agent_otel.report.diagnosis.registry import FORMATS, renderer

    selection.known_format(form, FORMATS)
    with opened(directory) as reader:
        found = next(selection.chosen(reader, run), None)
        if found is None:
            raise selection.nothing(reader)
        answer = diagnose_run(found, map(str, reader.problems))
    selection.write(partial(renderer(form), answer), output)
