"""``agent-otel whatif``: what a change would save."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Final

import typer

from agent_otel.cli import selection
from agent_otel.cli.errors import CommandError
from agent_otel.cli.store import Directory, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent_otel.analysis.changes import Change, Lever
    from agent_otel.analysis.whatif import WhatIf

MOST_NAMED: Final = 24


def whatif(
    run: selection.RunChoice = None,
    directory: Directory = None,
    continuous: Annotated[
        bool,
        typer.Option("--continuous-dispatch", help="Hand out the next task when one finishes, not when the step does."),
    ] = False,
    no_barrier: Annotated[
        bool, typer.Option("--no-barrier", help="The same, with director and strategist beside the workers.")
    ] = False,
    workers: Annotated[
        int | None,
        typer.Option("--workers", metavar="N", min=0, help="So many at once; 0 is no limit.", show_default=False),
    ] = None,
    speedups: Annotated[
        list[str] | None,
        typer.Option("--speedup", metavar="K=F", help="llm=2, node:worker=1.5, cli:claude=2, git=4 ...; repeatable."),
    ] = None,
    caches: Annotated[
        list[str] | None, typer.Option("--cache", metavar="K=F", help="llm=0.3: 30 % of its time gone; repeatable.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Rank all levers by what they save.")] = False,
    form: Annotated[str, typer.Option("--format", "-f", metavar="FORMAT", help="text, json or md.")] = "text",
    output: selection.Output = None,
) -> None:
    """Predict how long a run would have taken with a change, and what the prediction is worth."""
    from agent_otel.analysis import levers
    from agent_otel.analysis.changes import Change, cache, speedup
    from agent_otel.analysis.whatif import WhatIf
    from agent_otel.report.whatif.registry import FORMATS, renderer

    selection.known_format(form, FORMATS)
    if continuous and no_barrier:
        raise CommandError("give either --continuous-dispatch or --no-barrier, not both", 2)
    faster = (*_levers("--speedup", speedups, speedup), *_levers("--cache", caches, cache))
    change = Change("continuous" if continuous else "no barrier" if no_barrier else None, workers, faster)
    if every and change != Change():
        raise CommandError("give either --all or what to change, not both", 2)
    with opened(directory) as reader:
        found = next(selection.chosen(reader, run), None)
        if found is None:
            raise selection.nothing(reader)
        what_if = WhatIf(found)
        _known(what_if, change)
        all_of_them = every or change == Change()
        changes = levers.levers(what_if) if all_of_them else [change]
        answer = levers.answer(what_if, changes, map(str, reader.problems))
    selection.write(partial(renderer(form), levers.rank(answer) if all_of_them else answer), output)


def _levers(option: str, given: list[str] | None, read: Callable[[str], Lever]) -> list[Lever]:
    try:
        return [read(text) for text in given or ()]
    except ValueError as error:
        raise CommandError(f"{option} cannot be {' '.join(given or ())!r}; {error}", 2) from error


def _known(what_if: WhatIf, change: Change) -> None:
    """A ``CommandError`` for what the run has not got."""
    from agent_otel.analysis.changes import WORDS, unknown

    missing = unknown(change.levers, what_if.works.labels)
    if missing:
        kind = missing[0].partition(":")[0]
        names = sorted({target for label in what_if.works.labels for target in label.targets if ":" in target})
        same = [name for name in names if name.startswith(f"{kind}:")] or [*WORDS, *names]
        raise CommandError(f"nothing in this run is called {missing[0]!r}; there is {', '.join(same[:MOST_NAMED])}", 2)
    if what_if.graph is None and (change.dispatch or change.workers is not None):
        raise CommandError("nothing was handed out side by side in this run, so only --speedup and --cache apply", 2)
