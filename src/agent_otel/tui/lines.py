"""What the screen says: the heading, the figures of the last minute, and the lines of the list."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Final

from agent_otel import semconv
from agent_otel.analysis.duration import duration_text
from agent_otel.tui import drawing
from agent_otel.tui.drawing import BOLD, CATEGORIES, DIM, GREEN, PLAIN, RED, YELLOW, Piece, fit, sparkline
from agent_otel.tui.rows import error_text, subject, task_of

if TYPE_CHECKING:
    from rich.style import Style
    from textual.strip import Strip

    from agent_otel.store.model import Span
    from agent_otel.tui.live import Live, LiveRun
    from agent_otel.tui.rows import Row

COLUMNS: Final = (("elapsed", 10), ("open", 7), ("ended", 8), ("LLM", 7), ("errors", 7), ("waited", 9))
SECOND: Final = 1_000_000_000
_MARKS: Final = {"running": "●", "ok": "✓"}
_LABEL: Final = 8
_LONGEST_NAME: Final = 64


def column_heading(width: int) -> Strip:
    """The names of the columns."""
    name = _name_width(width)
    cells = "".join(f"{title:>{size}}" for title, size in _columns(width))
    return drawing.strip([(f"{'  run, and what runs in it':<{name}}{cells}", drawing.HEADING)], width)


def _columns(width: int) -> tuple[tuple[str, int], ...]:
    """The columns that fit beside a name of a readable length."""
    if width < 60:
        return COLUMNS[:1]
    return COLUMNS if width >= 76 else COLUMNS[:2] + COLUMNS[4:5]


def _name_width(width: int) -> int:
    """What is left for names; not so much that the figures are out of sight."""
    return min(_LONGEST_NAME, max(10, width - sum(size for _, size in _columns(width))))


def heading(live: Live, place: str, now: int, width: int, *, paused: bool) -> Strip:
    """The first line: where, how much, and the time."""
    running, spans = live.running, live.open_spans
    right = f"{running:,} run{'' if running == 1 else 's'}, {spans:,} open  {_clock(now)} "
    mark = " PAUSED " if paused else ""
    left = fit(f" agent-otel top  {place}", max(0, width - len(right) - len(mark)))
    return drawing.strip([(left, PLAIN), (mark, YELLOW), (right, PLAIN)], width, drawing.TITLE)


def figures(live: Live, now: int, width: int, errors: int) -> list[Strip]:
    """LLM calls, work and queues of the last minute, with sparklines of the last ten; then the newest errors."""
    bars = max(6, min(60, width - 60))
    calls = live.calls.figures(now)
    text = f"{_rate(calls.a_second)}"
    if calls.median is not None and calls.p95 is not None:
        text += f"  median {duration_text(calls.median)}  p95 {duration_text(calls.p95)}"
    failed: Piece = (f"  failed {calls.failed * 100:.0f} %", RED) if calls.failed else ("", PLAIN)
    activity = live.activity.figures(now)
    work = f"{activity.at_once:.1f} at once"
    if activity.ratio is not None:
        work += f"  wait/work {activity.ratio:.2f}"
    depths = [(live.queues.depth(state), state) for state in semconv.QUEUE_STATES]
    queue = "  ".join(f"{depth:,} {state}" for depth, state in depths) if live.queues.known else "none"
    lines = [
        _figure("LLM", sparkline(live.calls.counts.last(now, bars)), [(text, PLAIN), failed], CATEGORIES["llm"], width),
        _figure("work", sparkline(live.activity.work.last(now, bars)), [(work, PLAIN)], CATEGORIES["own"], width),
        _figure("queue", sparkline(live.queues.ready.last(now, bars)), [(queue, PLAIN)], YELLOW, width),
    ]
    newest = list(live.errors)[:errors]
    for place in range(max(1, len(newest))):
        label = (f" {'errors' if not place else '':<{_LABEL}}", DIM)
        if place >= len(newest):
            lines.append(drawing.strip([label, ("" if place else "none", DIM)], width))
            continue
        span = newest[place]
        what = fit(f"{span.name}: {error_text(span)}", width - _LABEL - 10).rstrip()
        lines.append(drawing.strip([label, (f"{_clock(span.end)} ", DIM), (what, RED)], width))
    return lines


def _figure(label: str, bars: str, pieces: list[Piece], style: Style, width: int) -> Strip:
    return drawing.strip([(f" {label:<{_LABEL}}", DIM), (f"{bars}  ", style), *pieces], width)


def _rate(a_second: float) -> str:
    """Calls a second, or a minute if that is easier to read."""
    if not a_second:
        return "no calls"
    return f"{a_second:.1f}/s" if a_second >= 1 else f"{a_second * 60:.0f}/min"


def line(row: Row, now: int, width: int, *, chosen: bool) -> Strip:
    """One line of the list."""
    base = drawing.CURSOR if chosen else None
    if row.title:
        return drawing.strip([(f"  {row.title}", drawing.HEADING)], width, base)
    columns, name = _columns(width), _name_width(width)
    if row.span is None:
        return drawing.strip(_run_pieces(row.run, now, name, columns), width, base)
    return drawing.strip(_span_pieces(row.span, row.depth, now, name, columns[0][1]), width, base)


def _span_pieces(span: Span, depth: int, now: int, name: int, elapsed: int) -> list[Piece]:
    task = task_of(span)
    what = fit(f"{'  ' * (depth + 1)}{span.name}{f' {task}' if task else ''}", name)
    lasting = (now if span.state == "running" else span.end) - span.start
    pieces: list[Piece] = [
        (what, CATEGORIES.get(span.category, PLAIN)),
        (f"{_age(lasting, exact=span.state == 'ended'):>{elapsed}}  ", PLAIN),
    ]
    if span.state == "ended":
        pieces.append((f"{_clock(span.end)}  ", DIM))
    if span.failed:
        return [*pieces, (error_text(span), RED)]
    if span.outcome not in ("running", "ok"):
        pieces.append((f"{span.outcome}  ", drawing.state_style(span.outcome)))
    return [*pieces, (subject(span), DIM)]


def _clock(time: int) -> str:
    return datetime.fromtimestamp(time / SECOND).astimezone().strftime("%H:%M:%S")


def _run_pieces(run: LiveRun, now: int, name: int, columns: tuple[tuple[str, int], ...]) -> list[Piece]:
    state = run.state
    mark = _MARKS.get(state, "✗")
    style = drawing.state_style(state)
    title = fit(f"{run.name or 'run'}  {run.trace_id[:8]}{'' if state in _MARKS else f'  {state}'}", name - 2)
    values = {
        "elapsed": _age(run.elapsed(now), exact=state != "running"),
        "open": f"{len(run.open):,}" if run.open else "-",
        "ended": f"{run.ended:,}",
        "LLM": f"{run.calls:,}" if run.calls else "-",
        "errors": f"{run.errors:,}" if run.errors else "-",
        "waited": duration_text(run.waited / SECOND) if run.waited else "-",
    }
    pieces: list[Piece] = [(f"{mark} ", style), (title, BOLD if state == "running" else DIM)]
    for key, size in columns:
        colour = RED if key == "errors" and run.errors else GREEN if key == "elapsed" and state == "running" else PLAIN
        pieces.append((f"{values[key]:>{size}}", colour))
    return pieces


def _age(nanoseconds: int, *, exact: bool) -> str:
    """A duration; of what still runs in tenths of seconds at most, which change quietly."""
    seconds = max(0, nanoseconds) / SECOND
    if exact or seconds >= 119.95:
        return duration_text(seconds)
    return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
