"""The queue of a run for the terminal: its depth drawn over time, then tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TextIO

from rich.text import Text

from agent_otel import semconv
from agent_otel.analysis.duration import duration_text
from agent_otel.analysis.queues import sampled
from agent_otel.report import terminal
from agent_otel.report.queue import words
from agent_otel.report.words import runs_headline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from agent_otel.analysis.queues import QueueReport
    from agent_otel.analysis.ratios import Ratio, Window

STYLES: Final = {semconv.READY: "yellow", semconv.ACTIVE: "green", semconv.WAITING: "red"}
SPARKS: Final = " ▁▂▃▄▅▆▇█"
PLAIN_SPARKS: Final = " .:-=+*#@"
_LABEL: Final = 9


def render(found: QueueReport, stream: TextIO) -> None:
    """Write the report, as wide as the terminal, with colours only on one."""
    out = terminal.console(stream)
    title, which = runs_headline((found.run,))
    out.print(Text(title, style="bold"))
    out.print(Text(which, style="dim"))
    _depth(found, out)
    _tasks(found, out)
    _transitions(found, out)
    _loop(found, out)
    for what, ratios in words.ratio_tables(found).items():
        _ratios(out, what, ratios)
    _windows(found, out)
    if found.warnings:
        terminal.heading(out, "Notes")
        for warning in found.warnings:
            terminal.prose(out, warning, indent="- ", hanging="  ", style="yellow")


def sparkline(values: Sequence[float], highest: float, *, plain: bool = False) -> str:
    """A character for each value; anything above zero is seen."""
    marks = PLAIN_SPARKS if plain else SPARKS
    top = len(marks) - 1
    return "".join(
        marks[min(top, max(1, round(value / highest * top)))] if value > 0 and highest > 0 else marks[0]
        for value in values
    )


def _depth(found: QueueReport, out: Console) -> None:
    terminal.heading(out, "Queue depth over time")
    figures = {state.state: f"  most {state.most:,}, mean {state.mean:.2f}" for state in found.states}
    width = out.width - _LABEL - max(map(len, figures.values()))
    wall = found.run.wall_seconds
    series = {state.state: sampled(found.depths, state.state, wall, width) for state in found.states}
    highest = max((value for values in series.values() for value in values), default=0.0)
    plain = not out.encoding.lower().startswith("utf")
    for state in found.states:
        line = Text(f"{state.state:<{_LABEL}}")
        line.append(sparkline(series[state.state], highest, plain=plain), style=STYLES[state.state])
        line.append(figures[state.state], style="dim")
        out.print(line, soft_wrap=True)
    end = duration_text(wall)
    out.print(Text(f"{'':<{_LABEL}}0 s{end:>{width - 3}}", style="dim"), soft_wrap=True)


def _tasks(found: QueueReport, out: Console) -> None:
    if not found.tasks:
        return
    terminal.heading(out, "Waits before the start")
    terminal.prose(out, words.tasks(found))
    shown = words.longest(found.tasks)
    rows = [(words.task_name(task), *words.task_figures(task)) for task in shown]
    terminal.table(out, ("task", *words.TASK_COLUMNS), rows, left=2)
    if len(shown) < len(found.tasks):
        more = f"the {len(shown)} longest waits of {len(found.tasks):,}; --format csv lists all"
        out.print(Text(more, style="dim"))


def _transitions(found: QueueReport, out: Console) -> None:
    if not found.transitions:
        return
    terminal.heading(out, "Time between nodes (end of one to start of the next)")
    rows = [(one.source, one.target, *words.transition_figures(one)) for one in found.transitions[: words.ROWS_SHOWN]]
    terminal.table(out, ("from", "to", *words.TRANSITION_COLUMNS), rows, left=2)
    _more(out, len(found.transitions))


def _loop(found: QueueReport, out: Console) -> None:
    sentence = words.loop(found)
    if found.loop is None or sentence is None:
        return
    terminal.heading(out, "Loop")
    terminal.prose(out, sentence)
    _over_time(out, "iteration", found.loop.iterations[: words.ROWS_SHOWN])
    _more(out, len(found.loop.iterations))


def _ratios(out: Console, what: str, ratios: Sequence[Ratio]) -> None:
    if not ratios:
        return
    terminal.heading(out, f"Wait and work by {what}")
    rows = [(one.name, *words.ratio_figures(one)) for one in ratios[: words.ROWS_SHOWN]]
    terminal.table(out, (what, *words.RATIO_COLUMNS), rows)
    _more(out, len(ratios))


def _windows(found: QueueReport, out: Console) -> None:
    terminal.heading(out, "Wait and work over time")
    _over_time(out, "when", found.windows)
    if found.wait_work_ratio is not None:
        sentence = f"wait/work ratio of the whole run: {found.wait_work_ratio:.2f}; work is drawn full, waiting dotted"
        terminal.prose(out, sentence, style="dim")


def _over_time(out: Console, what: str, windows: Sequence[Window]) -> None:
    width = max(8, out.width - 66)
    most = max((one.work_seconds + one.wait_seconds for one in windows), default=0.0)
    rows = [
        (
            words.during(one),
            _drawn(one, most, width, out),
            duration_text(one.end_seconds - one.start_seconds),
            *words.ratio_figures(one),
        )
        for one in windows
    ]
    terminal.table(out, (what, "", "time", *words.RATIO_COLUMNS), rows, left=2, fixed=2)


def _drawn(one: Window, most: float, width: int, out: Console) -> Text:
    full, dot = ("█", "·") if out.encoding.lower().startswith("utf") else ("#", ".")
    if not most:
        return Text("")
    work = round(one.work_seconds / most * width)
    both = round((one.work_seconds + one.wait_seconds) / most * width)
    return Text(full * work, style="green") + Text(dot * (both - work), style="red")


def _more(out: Console, count: int) -> None:
    if count > words.ROWS_SHOWN:
        out.print(Text(f"and {count - words.ROWS_SHOWN:,} more; --format csv lists all", style="dim"))
