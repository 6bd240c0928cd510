"""``agent-otel baseline``: what later runs are checked against."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from agent_otel.cli import selection
from agent_otel.cli.errors import CommandError
from agent_otel.cli.store import Directory, opened, problems

if TYPE_CHECKING:
    from pathlib import Path

ACTIONS = ("save", "list", "show", "delete")

Runs: TypeAlias = Annotated[
    list[str] | None,
    typer.Option("--run", metavar="RUN", help="Only this run; may be repeated.", show_default=False),
]


def baseline(
    action: Annotated[str, typer.Argument(metavar="ACTION", help="save, list, show or delete.")],
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="The baseline's name.", show_default=False)
    ] = None,
    directory: Directory = None,
    since: selection.Since = None,
    run: Runs = None,
) -> None:
    """Save what runs take, to check later runs against it; list, show and delete what was saved."""
    if action not in ACTIONS:
        raise CommandError(f"baseline does not know {action!r}; it takes {', '.join(ACTIONS)}", 2)
    if action != "save" and (since is not None or run):
        raise CommandError(f"baseline {action} takes neither --since nor --run", 2)
    if action == "list":
        if name is not None:
            raise CommandError(f"baseline list takes no name; `agent-otel baseline show {name}` shows one", 2)
        _list(directory)
        return
    named = valid_name(name, f"baseline {action}")
    if action == "save":
        _save(directory, named, since, run or [])
    elif action == "show":
        _show(directory, named)
    else:
        _delete(directory, named)


def valid_name(name: str | None, command: str) -> str:
    """The name of a baseline, or a ``CommandError`` that says what it may be."""
    from agent_otel.store import baselines

    if name is None:
        raise CommandError(f"{command} needs a name", 2)
    if not baselines.valid(name):
        raise CommandError(f"{name!r} cannot name a baseline; it takes {baselines.NAMES}", 2)
    return name


def _save(directory: Path | None, name: str, since: str | None, runs: list[str]) -> None:
    from agent_otel.analysis.recorded import recorded
    from agent_otel.analysis.samples import stored_samples
    from agent_otel.report.words import counted
    from agent_otel.store import baselines

    if since is not None and runs:
        raise CommandError("give either --run or --since, not both", 2)
    when = selection.start(None, since)
    with opened(directory) as reader:
        made = recorded(name, stored_samples(reader, when, runs))
        if not made.samples:
            raise selection.nothing(reader, since)
        path, replaced = baselines.save(reader.directory, made)
        problems(reader)
    sys.stdout.write(
        f"{'Replaced' if replaced else 'Saved'} {path}: {counted(made.samples, 'sample')} in "
        f"{counted(len(made.groups), 'group')} of {counted(len(made.runs), 'run')}\n"
    )


def _list(directory: Path | None) -> None:
    from agent_otel.report.saved import render_baselines
    from agent_otel.store import baselines

    with opened(directory) as reader:
        found = [baselines.load(reader.directory, name) for name in baselines.names(reader.directory)]
    if not found:
        sys.stdout.write(f"No baseline in {reader.directory} yet; `agent-otel baseline save NAME` makes one.\n")
        return
    render_baselines(found, sys.stdout)


def _show(directory: Path | None, name: str) -> None:
    from agent_otel.report.saved import render_baseline
    from agent_otel.store import baselines

    with opened(directory) as reader:
        found = baselines.load(reader.directory, name)
    render_baseline(found, sys.stdout)


def _delete(directory: Path | None, name: str) -> None:
    from agent_otel.store import baselines

    with opened(directory) as reader:
        path = baselines.delete(reader.directory, name)
    sys.stdout.write(f"Deleted {path}\n")
