"""What led to what, as the arrows of a trace viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent_otel import semconv
from agent_otel.analysis.items import items, task_id
from agent_otel.analysis.releases import SLACK
from agent_otel.analysis.transitions import follows
from agent_otel.store.model import texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_otel.store.reader import Run

DEPENDS_ON: Final = "depends_on"
LINK: Final = "link"
BARRIER: Final = semconv.BARRIER
NEXT: Final = "next"
PROCESS: Final = "process"


def arrows(run: Run) -> Iterator[tuple[str, int, int]]:
    """Kind, source and target (positions), none twice.

    ``depends_on``: from a task to one that depends on it and started after it ended; ``link``: from a span to one that
    links to it; ``barrier`` and ``next``: from the last node of a step, which held others or not, to the nodes of the
    next step; ``process``: from a call to what the process that it started recorded first.
    """
    seen: set[tuple[int, int]] = set()
    held = {
        (run.parents[position], span.end)
        for position, span in enumerate(run.spans)
        if span.wait_reason == semconv.BARRIER
    }
    for source, target in follows(run):
        kind = BARRIER if (run.parents[source], run.spans[source].end) in held else NEXT
        yield kind, source, target
    for kind, source, target in (*_dependencies(run), *_links(run), *_processes(run)):
        if source != target and (source, target) not in seen:
            seen.add((source, target))
            yield kind, source, target


def _dependencies(run: Run) -> Iterator[tuple[str, int, int]]:
    tasks: dict[str, list[int]] = {}
    members = items(run)
    for position in members:
        task = task_id(run.spans[position])
        if task is not None:
            tasks.setdefault(task, []).append(position)
    for position in members:
        for need in texts(run.spans[position], semconv.TASK_DEPENDS_ON):
            start = run.spans[position].start + SLACK
            done = [source for source in tasks.get(need, ()) if run.spans[source].end <= start]
            if done:
                yield DEPENDS_ON, max(done, key=lambda source: run.spans[source].end), position


def _links(run: Run) -> Iterator[tuple[str, int, int]]:
    positions = {span.span_id: position for position, span in enumerate(run.spans)}
    for position, span in enumerate(run.spans):
        for link in span.links:
            source = positions.get(link.span_id)
            if source is not None and link.trace_id == span.trace_id and run.spans[source].start <= span.start:
                yield LINK, source, position


def _processes(run: Run) -> Iterator[tuple[str, int, int]]:
    for position, above in enumerate(run.parents):
        if above != -1 and run.spans[above].resource.process != run.spans[position].resource.process:
            yield PROCESS, above, position
