"""``agent-otel queue``: how many wait, for how long, and what follows what."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from agent_otel.cli import selection
from agent_otel.cli.errors import CommandError
from agent_otel.cli.store import Directory, opened


def queue(
    run: selection.RunChoice = None,
    directory: Directory = None,
    loop_node: Annotated[
        str | None,
        typer.Option(
            "--loop-node",
            metavar="NAME",
            help="The node that starts every loop. [default: the first that runs again]",
            show_default=False,
        ),
    ] = None,
    windows: Annotated[int, typer.Option("--windows", min=1, max=1000, help="Parts of the run to compare.")] = 10,
    form: selection.Format = "text",
    output: selection.Output = None,
) -> None:
    """Say how many tasks were ready, active and waiting, how long each waited, and what follows what."""
    from agent_otel.analysis.queues import queue_report
    from agent_otel.analysis.transitions import UnknownNodeError
    from agent_otel.report.queue.registry import FORMATS, renderer

    selection.known_format(form, FORMATS)
    with opened(directory) as reader:
        found = next(selection.chosen(reader, run), None)
        if found is None:
            raise selection.nothing(reader)
        try:
            answer = queue_report(found, loop_node=loop_node, window_count=windows, problems=map(str, reader.problems))
        except UnknownNodeError as error:
            raise CommandError(f"--loop-node: {error}", 2) from error
    selection.write(partial(renderer(form), answer), output)
