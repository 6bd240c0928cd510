"""One run as a tree of spans: when each started, how long it took, what it waited for, how it ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TextIO

from rich.text import Text

from agent_otel import semconv
from agent_otel.analysis.accounting import account
from agent_otel.analysis.duration import duration_text
from agent_otel.analysis.summary import moment
from agent_otel.report import terminal
from agent_otel.report.printable import printable

if TYPE_CHECKING:
    from rich.console import Console

    from agent_otel.store.reader import Run, Span


def render_tree(run: Run, stream: TextIO, *, depth: int | None = None) -> None:
    """Write the tree, down to ``depth`` levels if given; columns: span, start, duration, self time, outcome."""
    out = terminal.console(stream)
    started = moment(run.start).replace("T", " ")[:23]
    out.print(Text(f"run {run.trace_id}", style="bold"))
    out.print(
        Text(f"started {started} UTC, {duration_text(run.wall / 1e9)}, {len(run.spans):,} spans, ", style="dim")
        + terminal.outcome(run.outcome)
    )
    out.print()
    name_width = max(_LEAST_NAME, out.width - 46)
    out.print(Text(f"{'span':<{name_width}}{'start':>12}{'duration':>12}{'self':>11}  outcome", style="dim"))
    children: dict[int, list[int]] = {}
    for position, above in enumerate(run.parents):
        children.setdefault(above, []).append(position)
    self_times = account(run).self_times
    pending = [(position, "", "") for position in reversed(children.get(-1, []))]
    while pending:
        position, branch, indent = pending.pop()
        span = run.spans[position]
        out.print(_line(run, span, self_times[position], branch, name_width), soft_wrap=True)
        level = len(indent) // 2 + 1
        below = children.get(position, [])
        if depth is not None and level >= depth and below:
            out.print(Text(f"{indent}  {len(below)} below", style="dim"), soft_wrap=True)
            continue
        for place, child in enumerate(reversed(below)):
            pending.append((child, indent + _branch(out, last=place == 0), indent + _trunk(out, last=place == 0)))
    for warning in run.warnings:
        out.print(Text(f"- {warning}", style="yellow"))


_LEAST_NAME: Final = 16
"""Columns for names on a terminal that is too narrow for all; its lines wrap then."""


def _branch(out: Console, *, last: bool) -> str:
    return ("└ " if last else "├ ") if out.encoding.lower().startswith("utf") else "- "


def _trunk(out: Console, *, last: bool) -> str:
    if last:
        return "  "
    return "│ " if out.encoding.lower().startswith("utf") else "| "


def _line(run: Run, span: Span, self_time: int, branch: str, width: int) -> Text:
    style = "red" if span.wait_reason else "dim" if span.annotation else terminal.COLOURS[_category(span)]
    line = Text(branch, style="dim")
    line.append(printable(span.name), style=style)
    detail = _detail(span)
    if detail is not None:
        line.append(f" {printable(str(detail))}", style="dim")
    line.truncate(width - 1, overflow="ellipsis")
    line.pad_right(width - line.cell_len)
    line.append(f"{'+' + duration_text((span.start - run.start) / 1e9):>12}", style="dim")
    line.append(f"{duration_text(span.duration / 1e9):>12}")
    line.append(f"{'' if span.annotation else duration_text(self_time / 1e9):>11}  ", style="dim")
    if span.annotation:
        return line
    line.append_text(terminal.outcome(span.outcome))
    failure = span.attributes.get(semconv.ERROR_TYPE)
    return line if failure is None else line.append(f" {printable(str(failure))}", style="red")


def _detail(span: Span) -> semconv.AttributeValue | None:
    """What tells the span from others of its name."""
    if span.wait_reason:
        return span.attributes.get(semconv.TASK_ID) or span.attributes.get(semconv.NODE_NAME)
    if semconv.SUPERSTEP_INDEX in span.attributes:
        holder = span.attributes.get(semconv.TASK_ID) or span.attributes.get(semconv.SUPERSTEP_STRAGGLER)
        return f"{span.attributes[semconv.SUPERSTEP_INDEX]}, held by {holder}"
    return span.attributes.get(semconv.TASK_ID) or span.attributes.get(semconv.GIT_WORKTREE)


def _category(span: Span) -> str:
    return span.category if span.category in terminal.COLOURS else semconv.OWN
