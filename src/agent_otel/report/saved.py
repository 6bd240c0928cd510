"""Baselines for the terminal: all of them, or what one holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from rich.text import Text

from agent_otel.analysis.duration import duration_text
from agent_otel.analysis.groups import quantile
from agent_otel.report import terminal
from agent_otel.report.printable import printable
from agent_otel.report.words import counted, percent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_otel.store.baselines import Baseline, Group


def render_baselines(found: Sequence[Baseline], stream: TextIO) -> None:
    """One line a baseline."""
    rows = [
        (
            one.name,
            one.created[:16].replace("T", " "),
            f"{len(one.runs):,}",
            f"{one.samples:,}",
            f"{len(one.groups):,}",
            one.versions.get("agent-otel", "-"),
        )
        for one in found
    ]
    columns = ("baseline", "created, UTC", "runs", "samples", "groups", "agent-otel")
    terminal.table(terminal.console(stream), columns, rows)


def render_baseline(found: Baseline, stream: TextIO) -> None:
    """What a baseline was recorded with, and its groups."""
    out = terminal.console(stream)
    out.print(Text(f"baseline {found.name}", style="bold"))
    made = ", ".join(f"{key} {value}" for key, value in {**found.versions, **found.machine}.items() if value)
    terminal.prose(out, f"created {found.created[:16].replace('T', ' ')} UTC with {made}", style="dim")
    if found.revisions:
        shown = ", ".join(revision[:10] for revision in found.revisions[:5])
        more = f" and {len(found.revisions) - 5} more" if len(found.revisions) > 5 else ""
        terminal.prose(out, f"{counted(len(found.revisions), 'commit')}: {shown}{more}", style="dim")
    out.print()
    terminal.table(out, ("group", "runs", "n", "median", "p95", "success"), map(_row, found.groups))


def _row(group: Group) -> tuple[str, ...]:
    durations = sorted(round(duration * 1e9) for batch in group.runs for duration in batch.durations)
    settled = sum(batch.settled for batch in group.runs)
    return (
        printable(f"run {group.name.partition(' ')[2] or group.name}" if group.kind == "run" else group.name),
        f"{len(group.runs):,}",
        f"{len(durations):,}",
        duration_text(quantile(durations, 0.5) / 1e9) if durations else "-",
        duration_text(quantile(durations, 0.95) / 1e9) if durations else "-",
        percent(sum(batch.successes for batch in group.runs) / settled) if settled else "-",
    )
