"""Folded stacks for flame graphs: ``outer;inner microseconds`` a line, by self time.

The format is that of ``stackcollapse`` and ``flamegraph.pl``: frames joined by semicolons, a space, a whole number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from agent_otel.analysis.accounting import account
from agent_otel.store.assemble import top_down

if TYPE_CHECKING:
    from agent_otel.report.exports.registry import Recorded
    from agent_otel.store.reader import Run


def render(recorded: Recorded, stream: TextIO) -> None:
    """Write a line for every stack that has self time, in the order of their names.

    The microseconds are rounded so that they sum to all self time: what one line loses the next one gets.
    """
    exact = written = 0
    for stack, nanoseconds in sorted(stacks(recorded.run).items()):
        exact += nanoseconds
        microseconds = exact // 1000 - written
        if microseconds:
            written += microseconds
            stream.write(f"{';'.join(stack)} {microseconds}\n")


def stacks(run: Run) -> dict[tuple[str, ...], int]:
    """The names from the outermost span to each span with self time -> its nanoseconds."""
    lines: list[tuple[str, ...]] = [()] * len(run.spans)
    found: dict[tuple[str, ...], int] = {}
    self_times = account(run).self_times
    for position in top_down(run.parents):
        above = run.parents[position]
        outer = () if above == -1 else lines[above]
        lines[position] = (*outer, frame(run.spans[position].name))
        if self_times[position]:
            found[lines[position]] = found.get(lines[position], 0) + self_times[position]
    return found


def frame(name: str) -> str:
    """A name without what the format gives a meaning: semicolons become commas, line breaks spaces."""
    return " ".join(name.replace(";", ",").split()) or "(no name)"
