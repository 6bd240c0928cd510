"""``agent-otel report``: where the time went."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from agent_otel.cli.errors import CommandError
from agent_otel.cli.store import HOW_TO_RECORD, Directory, opened

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

    from agent_otel.analysis.summary import Report
    from agent_otel.store.reader import Run, StoreReader


Output: TypeAlias = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file.", show_default=False)
]


def report(
    run: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUN]", help="The id of a run, or how it starts. [default: newest]", show_default=False
        ),
    ] = None,
    directory: Directory = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="AGE|DATE",
            help="All runs started since: 30m, 12h, 7d, 2w or 2026-01-31.",
            show_default=False,
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by", metavar="KEYS", help="Compare by agent, cli, model, node; commas between.", show_default=False
        ),
    ] = None,
    form: Annotated[str, typer.Option("--format", "-f", metavar="FORMAT", help="text, json, csv or md.")] = "text",
    output: Output = None,
    every: Annotated[bool, typer.Option("--all", help="Also single calls that belong to no run.")] = False,
) -> None:
    """Say where the time of a run went, what waited, and what to change first."""
    from agent_otel.analysis.summary import analyse
    from agent_otel.analysis.summary import report as summarise

    keys = _keys(by)
    _known_format(form)
    if run is not None and since is not None:
        raise CommandError("give either RUN or --since, not both", 2)
    when = _moment(since) if since is not None else None
    with opened(directory) as reader:
        totals = analyse(_chosen(reader, run, when, every), keys)
        if not totals.runs:
            raise CommandError(_nothing(reader, since))
        reader.performance()  # what it holds is shown elsewhere, but trouble with it belongs in every report
        found = summarise(totals, map(str, reader.problems))
    _write(found, form, output)


def _chosen(reader: StoreReader, run: str | None, when: datetime | timedelta | None, every: bool) -> Iterator[Run]:
    if run is not None:
        yield reader.run(run)
    elif when is not None:
        yield from reader.since(when, strays=every)
    else:
        latest = reader.latest(strays=every)
        if latest is not None:
            yield latest


def _nothing(reader: StoreReader, since: str | None) -> str:
    if since is not None and reader.runs():
        return f"no run started in {since} in {reader.directory}; `agent-otel runs` lists them"
    trouble = "".join(f" ({problem})" for problem in reader.problems[:1])
    return f"no run in {reader.directory} yet{trouble}; {HOW_TO_RECORD}"


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


def _known_format(name: str) -> None:
    from agent_otel.report.registry import FORMATS

    if name not in FORMATS:
        raise CommandError(f"--format does not know {name!r}; it takes {', '.join(FORMATS)}", 2)


def _moment(text: str) -> datetime | timedelta:
    from agent_otel.cli.since import moment

    try:
        return moment(text)
    except ValueError as error:
        raise CommandError(f"--since cannot be {text!r}; {error}", 2) from error


def _write(found: Report, form: str, output: Path | None) -> None:
    from agent_otel.report.registry import render

    if output is None:
        render(found, form, sys.stdout)
        return
    try:
        with output.open("w", encoding="utf-8", newline="") as stream:
            render(found, form, stream)
    except OSError as error:
        raise CommandError(f"--output {output} cannot be written: {error.strerror}") from error
