"""``agent-otel supersteps``: who held each step, and who waited."""

from __future__ import annotations

from functools import partial

from agent_otel.cli import selection
from agent_otel.cli.store import Directory, opened


def supersteps(
    run: selection.RunChoice = None,
    directory: Directory = None,
    since: selection.Since = None,
    form: selection.Format = "text",
    output: selection.Output = None,
) -> None:
    """Say which node held each superstep of a graph, how long the others waited, and what stragglers cost."""
    from agent_otel.analysis.stragglers import steps_report
    from agent_otel.report.steps.registry import FORMATS, renderer

    selection.known_format(form, FORMATS)
    when = selection.start(run, since)
    with opened(directory) as reader:
        runs = selection.chosen(reader, run, when)
        found = steps_report(runs, lambda: map(str, reader.problems))
        if not found.runs:
            raise selection.nothing(reader, since)
    selection.write(partial(renderer(form), found), output)
