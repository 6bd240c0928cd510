"""``agent-otel runs``: the runs in the store."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from agent_otel.cli.store import HOW_TO_RECORD, Directory, opened, problems


def runs(
    directory: Directory = None,
    every: Annotated[bool, typer.Option("--all", help="Also single calls that belong to no run.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="How many to list, newest first.")] = 50,
) -> None:
    """List the runs in the store, newest first."""
    from agent_otel.report.listing import render_runs

    with opened(directory) as reader:
        found = reader.runs(strays=every)
        problems(reader)
    if not found:
        sys.stdout.write(f"No run in {reader.directory} yet; {HOW_TO_RECORD}.\n")
        return
    render_runs(found[:limit], sys.stdout)
    if len(found) > limit:
        sys.stdout.write(f"and {len(found) - limit:,} older; --limit lists more\n")
