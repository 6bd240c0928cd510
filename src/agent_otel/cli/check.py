"""``agent-otel check``: the regression gate."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TextIO

import typer

from agent_otel.cli import selection
from agent_otel.cli.baseline import Runs, valid_name
from agent_otel.cli.compare import NUMERIC
from agent_otel.cli.errors import CommandError
from agent_otel.cli.extra import needs
from agent_otel.cli.store import Directory, opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent_otel.analysis.regress import Check

CANNOT_TELL: Final = 3
ENV_SUMMARY: Final = "GITHUB_STEP_SUMMARY"
"""The file that a job of GitHub Actions shows as its summary."""


def check(
    name: Annotated[
        str | None, typer.Option("--baseline", metavar="NAME", help="What to compare with.", show_default=False)
    ] = None,
    directory: Directory = None,
    since: selection.Since = None,
    run: Runs = None,
    slowdown: Annotated[
        str, typer.Option("--max-slowdown", metavar="SHARE", help="How much slower is still fine.")
    ] = "10%",
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind", metavar="KINDS", help="Only agent, node, llm or run; commas between.", show_default=False
        ),
    ] = None,
    minimum: Annotated[
        int, typer.Option("--min-samples", metavar="N", min=2, help="The least of a group, on each side, to be judged.")
    ] = 10,
    form: Annotated[
        str, typer.Option("--format", "-f", metavar="FORMAT", help="text, json, junit or github.")
    ] = "text",
    output: selection.Output = None,
) -> None:
    """Say whether runs have become slower than a baseline allows: exit status 0 no, 1 yes, 3 cannot tell."""
    from agent_otel.report.gate.registry import FORMATS, renderer

    named = valid_name(name, "check --baseline")
    limit = share(slowdown)
    selection.known_format(form, FORMATS)
    if since is not None and run:
        raise CommandError("give either --run or --since, not both", 2)
    try:
        found = _checked(directory, named, since, run or [], limit, kind, minimum)
        _write(partial(renderer(form), found), output)
    except CommandError as error:
        # without status 1, which says that something became slower
        raise CommandError(str(error), error.status if error.status == 2 else CANNOT_TELL) from error
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise CommandError(f"the check itself failed, which is a bug ({reason})", CANNOT_TELL) from error
    if form == "github":
        _summarise(found)
    raise typer.Exit(found.exit_status)


def _write(render: Callable[[TextIO], None], output: Path | None) -> None:
    try:
        selection.write(render, output)
        sys.stdout.flush()
    except BrokenPipeError:
        # the verdict is the exit status, read or not
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _checked(
    directory: Path | None, name: str, since: str | None, runs: list[str], limit: float, kind: str | None, minimum: int
) -> Check:
    from agent_otel.cli.compare import one_of

    with needs("analysis", NUMERIC, CANNOT_TELL):
        from agent_otel.analysis.regress import check as judged
    from agent_otel.analysis.recorded import collect, differences
    from agent_otel.analysis.samples import KINDS, stored_samples
    from agent_otel.store import baselines

    words = [one_of("--kind", word.strip(), KINDS) for word in (kind or ",".join(KINDS)).split(",")]
    when = selection.start(None, since)
    with opened(directory) as reader:
        saved = baselines.load(reader.directory, name)
        saved.groups = [group for group in saved.groups if group.kind in words]
        samples = (one for one in stored_samples(reader, when, runs) if one.kind in words)
        current = collect(samples, without=saved.runs)
        notes = [*differences(saved), *map(str, reader.problems)]
        return judged(saved, current, limit, minimum, notes)


def share(text: str) -> float:
    """``10%`` or ``0.1``; a ``CommandError`` for what is neither."""
    stripped = text.strip()
    try:
        found = float(stripped.removesuffix("%")) / (100 if stripped.endswith("%") else 1)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 100 or (found >= 1 and not stripped.endswith("%")):
        raise CommandError(f"--max-slowdown cannot be {text!r}; give a percentage such as 10%", 2)
    return found


def _summarise(found: Check) -> None:
    from agent_otel.report.gate import markdown

    summary = os.environ.get(ENV_SUMMARY)
    if not summary:
        return
    try:
        with Path(summary).open("a", encoding="utf-8") as stream:
            markdown.render(found, stream)
    except OSError as error:
        sys.stderr.write(f"agent-otel: the job summary {summary} cannot be written: {error.strerror}\n")
