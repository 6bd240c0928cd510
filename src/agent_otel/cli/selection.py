"""What commands about runs share: which runs they are about, in which format they answer, and where to."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO, TypeAlias

import typer

from agent_otel.cli.errors import CommandError
from agent_otel.cli.store import HOW_TO_RECORD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime, timedelta

    from agent_otel.store.reader import Run, StoreReader

RunChoice: TypeAlias = Annotated[
    str | None,
    typer.Argument(
        metavar="RUN", help="The id of a run, or how it starts; the newest run without it.", show_default=False
    ),
]
Since: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="AGE|DATE",
        help="All runs started since: 30m, 12h, 7d, 2w or 2026-01-31.",
        show_default=False,
    ),
]
Format: TypeAlias = Annotated[str, typer.Option("--format", "-f", metavar="FORMAT", help="text, json, csv or md.")]
Output: TypeAlias = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write to a file.", show_default=False)
]
Every: TypeAlias = Annotated[bool, typer.Option("--all", help="Also single calls that belong to no run.")]


def start(run: str | None, since: str | None) -> datetime | timedelta | None:
    """What ``--since`` says, None without it; a ``CommandError`` if it is wrong or given together with RUN."""
    if since is None:
        return None
    if run is not None:
        raise CommandError("give either RUN or --since, not both", 2)
    from agent_otel.cli.since import moment

    try:
        return moment(since)
    except ValueError as error:
        raise CommandError(f"--since cannot be {since!r}; {error}", 2) from error


def chosen(
    reader: StoreReader, run: str | None, when: datetime | timedelta | None = None, *, every: bool = False
) -> Iterator[Run]:
    """The run named, or all that started since then, or the newest."""
    if run is not None:
        yield reader.run(run)
    elif when is not None:
        yield from reader.since(when, strays=every)
    else:
        latest = reader.latest(strays=every)
        if latest is not None:
            yield latest


def nothing(reader: StoreReader, since: str | None = None) -> CommandError:
    """Why there is no run to tell of."""
    if since is not None and reader.runs():
        return CommandError(f"no run started in {since} in {reader.directory}; `agent-otel runs` lists them")
    trouble = "".join(f" ({problem})" for problem in reader.problems[:1])
    return CommandError(f"no run in {reader.directory} yet{trouble}; {HOW_TO_RECORD}")


def tell_strays(reader: StoreReader) -> None:
    """Where the store holds only calls outside any run, say on stderr what to do about it."""
    known = reader.runs()
    if len(known) > 1 and known[0].stray:
        sys.stderr.write(
            f"agent-otel: this is the newest of {len(known):,} single calls that belong to no run; sum them with "
            "--since 1d, or put agent_otel.workflow(...) around the program's own loop\n"
        )


def known_format(name: str, formats: Iterable[str]) -> None:
    """A ``CommandError`` if ``--format`` names none of these."""
    known = tuple(formats)
    if name not in known:
        raise CommandError(f"--format does not know {name!r}; it takes {', '.join(known)}", 2)


def write(render: Callable[[TextIO], None], output: Path | None) -> None:
    """Let ``render`` write to the file (an existing one is replaced), or to stdout without one."""
    if output is None:
        render(sys.stdout)
        return
    try:
        with output.open("w", encoding="utf-8", newline="") as stream:
            render(stream)
    except OSError as error:
        raise CommandError(f"--output {output} cannot be written: {error.strerror}") from error
