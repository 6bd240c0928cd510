"""``agent-otel show RUN``: one run as a tree, or as a chart over time."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from agent_otel.cli.store import Directory, opened, problems


def show(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The id of a run, or how it starts.")],
    directory: Directory = None,
    depth: Annotated[
        int | None, typer.Option("--depth", min=1, help="How many levels to show.", show_default=False)
    ] = None,
    timeline: Annotated[bool, typer.Option("--timeline", help="Draw it over time instead of as a tree.")] = False,
) -> None:
    """Show a run as a tree of spans, with durations, waits and outcomes, or over time."""
    from agent_otel.report.timeline import render_timeline
    from agent_otel.report.tree import render_tree

    with opened(directory) as reader:
        found = reader.run(run)
        problems(reader)
    (render_timeline if timeline else render_tree)(found, sys.stdout, depth=depth)
