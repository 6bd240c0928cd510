"""Supersteps in Markdown, for a pull request or an issue."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from agent_otel.analysis.duration import duration_text
from agent_otel.report.markdown_table import cell, markdown_table
from agent_otel.report.steps import words
from agent_otel.report.words import runs_headline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_otel.analysis.stragglers import StepsReport


def render(found: StepsReport, stream: TextIO) -> None:
    """Write the steps, who waited in each, and what stragglers cost."""
    stream.write("\n".join(_lines(found)) + "\n")


def _lines(found: StepsReport) -> Iterator[str]:
    title, which = runs_headline(found.runs)
    yield from (f"# Supersteps of {cell(title)}", "", cell(which), "", cell(words.summary(found)))
    if found.steps:
        yield from ("", "## Steps", "")
        rows = [
            (words.step_name(found, step), *words.step_figures(step), _waits(found, number))
            for number, step in enumerate(found.steps)
        ]
        yield from markdown_table(("step", *words.STEP_COLUMNS, "who waited"), rows)
        yield from ("", words.EXPLAINED)
    for what, costs in (("node", found.nodes), ("task type", found.task_types)):
        if costs:
            yield from ("", f"## Stragglers by {what}", "")
            yield from markdown_table(
                (what, *words.COST_COLUMNS), ((cost.name, *words.cost_figures(cost)) for cost in costs)
            )
    if found.warnings:
        yield from ("", "## Notes", "", *(f"- {cell(warning)}" for warning in found.warnings))


def _waits(found: StepsReport, number: int) -> str:
    others = found.steps[number].others
    shown = [f"{words.member(one)} {duration_text(one.waited_seconds)}" for one in others[-words.ROWS_SHOWN :]]
    more = f" and {len(others) - len(shown)} more" if len(others) > len(shown) else ""
    return ", ".join(reversed(shown)) + more
