"""Supersteps for the terminal: the steps, the costliest of them drawn, and who holds them how often."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TextIO

from rich.text import Text

from agent_otel.analysis.duration import duration_text
from agent_otel.report import terminal
from agent_otel.report.steps import words
from agent_otel.report.words import runs_headline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from agent_otel.analysis.stragglers import Member, Step, StepsReport, StragglerCost

DRAWN: Final = 3
MEMBERS_DRAWN: Final = 12
_FIGURES: Final = 26
"""Columns behind a drawn bar: the duration of the node and what it waited."""


def render(found: StepsReport, stream: TextIO) -> None:
    """Write the report, as wide as the terminal, with colours only on one."""
    out = terminal.console(stream)
    title, which = runs_headline(found.runs)
    out.print(Text(title, style="bold"))
    out.print(Text(which, style="dim"))
    terminal.prose(out, words.summary(found))
    if found.steps:
        _table(found, out)
    drawn = [step for step in words.costliest(found.steps, DRAWN) if step.waste_seconds]
    if drawn:
        terminal.heading(out, "Who waited for whom" if len(drawn) == len(found.steps) else "The costliest steps")
        for step in drawn:
            _draw(found, step, out)
    _costs(out, "node", found.nodes)
    _costs(out, "task type", found.task_types)
    if found.warnings:
        terminal.heading(out, "Notes")
        for warning in found.warnings:
            terminal.prose(out, warning, indent="- ", hanging="  ", style="yellow")


def _table(found: StepsReport, out: Console) -> None:
    shown = words.costliest(found.steps, words.ROWS_SHOWN)
    terminal.heading(out, "Steps of two or more nodes")
    terminal.table(
        out,
        ("step", *words.STEP_COLUMNS),
        [(words.step_name(found, step), *words.step_figures(step)) for step in shown],
        left=2,
        fixed=1,
    )
    if len(shown) < len(found.steps):
        more = f"the costliest {len(shown)} of {len(found.steps):,}; --format csv lists all"
        out.print(Text(more, style="dim"))
    terminal.prose(out, words.EXPLAINED, style="dim")


def _draw(found: StepsReport, step: Step, out: Console) -> None:
    run = f"run {step.run[:8]}, " if len(found.runs) > 1 else ""
    line = Text(f"{run}step {step.step}")
    line.append(f" at +{duration_text(step.start_seconds)}, {duration_text(step.seconds)} long", style="dim")
    out.print(line, soft_wrap=True)
    shown = (step.straggler, *step.others[-(MEMBERS_DRAWN - 1) :])
    names = [words.member(one) for one in shown]
    label = min(max(map(len, names)), out.width // 3)
    width = out.width - label - _FIGURES - 3
    for one, name in zip(shown, names, strict=True):
        _draw_member(out, step, one, name, label, width)
    if len(step.others) >= MEMBERS_DRAWN:
        left = len(step.others) + 1 - len(shown)
        out.print(Text(f"  and {left:,} that waited less", style="dim"))


def _draw_member(out: Console, step: Step, one: Member, name: str, label: int, width: int) -> None:
    line = Text("  " + name)
    terminal.cut(line, label + 2, out)
    line.pad_right(label + 3 - line.cell_len)
    before = round(one.start_seconds / step.seconds * width) if step.seconds else 0
    after = round(one.waited_seconds / step.seconds * width) if step.seconds else 0
    ran = max(0, width - before - after)
    full, dot = ("█", "·") if out.encoding.lower().startswith("utf") else ("#", ".")
    line.append(" " * before)
    line.append(full * ran, style="bold red" if one is step.straggler else "blue")
    line.append(dot * (width - before - ran), style="red")
    line.append(f"{duration_text(one.seconds):>9}")
    if one.waited_seconds:
        line.append(f"  waited {duration_text(one.waited_seconds):>8}", style="red")
    out.print(line, soft_wrap=True)


def _costs(out: Console, what: str, costs: Sequence[StragglerCost]) -> None:
    if not costs:
        return
    terminal.heading(out, f"Stragglers by {what}")
    rows = [(cost.name, *words.cost_figures(cost)) for cost in costs[: words.ROWS_SHOWN]]
    terminal.table(out, (what, *words.COST_COLUMNS), rows)
    if len(costs) > words.ROWS_SHOWN:
        out.print(Text(f"and {len(costs) - words.ROWS_SHOWN} more; --format json lists all", style="dim"))
