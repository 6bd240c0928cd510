"""``agent-otel report``: where the time went."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from agent_otel.cli import selection
from agent_otel.cli.errors import CommandError
from agent_otel.cli.store import Directory, opened, working


def report(
    run: selection.RunChoice = None,
    directory: Directory = None,
    since: selection.Since = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by", metavar="KEYS", help="Compare by agent, cli, model, node; commas between.", show_default=False
        ),
    ] = None,
    form: selection.Format = "text",
    output: selection.Output = None,
    every: selection.Every = False,
) -> None:
    """Say where the time of a run went, what waited, and what to change first."""
    from agent_otel.analysis.summary import analyse, analyse_many
    from agent_otel.analysis.summary import report as summarise
    from agent_otel.report.registry import FORMATS, renderer

    keys = _keys(by)
    selection.known_format(form, FORMATS)
    when = selection.start(run, since)
    with opened(directory) as reader:
        if when is None:
            chosen = list(selection.chosen(reader, run, every=every))
            with working("adding up"):
                totals = analyse(chosen, keys)
        else:
            totals = analyse_many(partial(reader.fold, reader.runs_since(when, strays=every)), keys)
        if not totals.runs:
            raise selection.nothing(reader, since)
        reader.performance()  # what it holds is shown elsewhere, but trouble with it belongs in every report
        found = summarise(totals, map(str, reader.problems))
        if run is None and since is None and not every:
            selection.tell_strays(reader)
    selection.write(partial(renderer(form), found), output)


def _keys(by: str | None) -> tuple[str, ...]:
    from agent_otel.analysis.groups import BY

    if by is None:
        return ()
    keys = tuple(dict.fromkeys(word.strip() for word in by.split(",") if word.strip()))
    for key in keys:
        if key not in BY:
            raise CommandError(f"--by does not know {key!r}; it takes {', '.join(BY)}", 2)
    if not keys:
        raise CommandError(f"--by needs at least one of {', '.join(BY)}", 2)
    return keys
