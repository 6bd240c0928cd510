"""The list of runs."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final, TextIO

from rich.text import Text

from agent_otel import semconv
from agent_otel.analysis.duration import duration_text
from agent_otel.analysis.summary import moment
from agent_otel.report import terminal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_otel.store.reader import RunSummary

SHORTEST_ID: Final = 8


def render_runs(runs: Sequence[RunSummary], stream: TextIO) -> None:
    """One line a run; ids are cut as short as they stay unique."""
    out = terminal.console(stream)
    digits = unique_length([run.trace_id for run in runs])
    rows = [
        (
            run.trace_id[:digits],
            run.name.removeprefix(f"{semconv.INVOKE_WORKFLOW} "),
            moment(run.start)[:16].replace("T", " "),
            duration_text(run.wall / 1e9),
            f"{run.spans:,}",
            Text(f"{run.errors:,}", style="bold red") if run.errors else Text("-", style="dim"),
            terminal.outcome(run.outcome),
        )
        for run in runs
    ]
    columns = ("run", "name", "started, UTC", "wall", "spans", "errors", "outcome")
    terminal.table(out, columns, rows, left=2, fixed=1)


def unique_length(ids: Sequence[str]) -> int:
    """How many digits tell these ids apart, at least eight."""
    ordered = sorted(set(ids))
    needed = SHORTEST_ID
    for one, other in pairwise(ordered):
        common = next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))
        needed = max(needed, common + 1)
    return needed
