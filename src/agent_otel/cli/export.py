"""``agent-otel export``: a run for other tools."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from agent_otel.cli import selection
from agent_otel.cli.store import Directory, opened, problems


def export(
    run: selection.RunChoice = None,
    directory: Directory = None,
    form: Annotated[
        str,
        typer.Option("--format", "-f", metavar="FORMAT", help="perfetto, speedscope, folded or otlp."),
    ] = "perfetto",
    output: selection.Output = None,
) -> None:
    """Write a run for a trace viewer, as a flame graph, or as OTLP."""
    from agent_otel.report.exports.registry import FORMATS, Recorded, exporter
    from agent_otel.store.raw import lines

    selection.known_format(form, FORMATS)
    with opened(directory) as reader:
        found = next(selection.chosen(reader, run), None)
        if found is None:
            raise selection.nothing(reader)
        problems(reader)
        recorded = Recorded(found, lines(reader.directory, found.trace_id))
        selection.write(partial(exporter(form), recorded), output)
