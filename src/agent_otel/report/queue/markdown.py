"""The queue of a run in Markdown, for a pull request or an issue."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from agent_otel.analysis.duration import duration_text
from agent_otel.report.markdown_table import cell, markdown_table
from agent_otel.report.queue import words
from agent_otel.report.words import runs_headline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_otel.analysis.queues import QueueReport


def render(found: QueueReport, stream: TextIO) -> None:
    """Write everything but the series."""
    stream.write("\n".join(_lines(found)) + "\n")


def _lines(found: QueueReport) -> Iterator[str]:
    title, which = runs_headline((found.run,))
    yield from (f"# Queue of {cell(title)}", "", cell(which), "", "## Depth", "")
    rows = [
        (state.state, f"{state.most:,}", f"{state.mean:.2f}", duration_text(state.total_seconds))
        for state in found.states
    ]
    yield from markdown_table(("state", "most", "mean", "time in it"), rows)
    yield from ("", "## Waits before the start", "", words.tasks(found))
    if found.tasks:
        shown = ((words.task_name(task), *words.task_figures(task)) for task in found.tasks)
        yield from ("", *markdown_table(("task", *words.TASK_COLUMNS), shown))
    if found.transitions:
        yield from ("", "## Time between nodes", "")
        between = ((one.source, one.target, *words.transition_figures(one)) for one in found.transitions)
        yield from markdown_table(("from", "to", *words.TRANSITION_COLUMNS), between)
    loop = words.loop(found)
    if found.loop is not None and loop is not None:
        yield from ("", "## Loop", "", cell(loop), "")
        turns = (
            (words.during(one), duration_text(one.end_seconds - one.start_seconds), *words.ratio_figures(one))
            for one in found.loop.iterations
        )
        yield from markdown_table(("iteration", "time", *words.RATIO_COLUMNS), turns)
    for what, ratios in words.ratio_tables(found).items():
        if ratios:
            yield from ("", f"## Wait and work by {what}", "")
            figures = ((ratio.name, *words.ratio_figures(ratio)) for ratio in ratios)
            yield from markdown_table((what, *words.RATIO_COLUMNS), figures)
    yield from ("", "## Wait and work over time", "")
    windows = ((words.during(one), *words.ratio_figures(one)) for one in found.windows)
    yield from markdown_table(("when", *words.RATIO_COLUMNS), windows)
    if found.warnings:
        yield from ("", "## Notes", "", *(f"- {cell(warning)}" for warning in found.warnings))
