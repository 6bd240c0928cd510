"""The programs that run: their runs, what is open in each, and what went wrong last. Fed with news of the store."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from agent_otel import semconv
from agent_otel.store.model import CALLS, CONTAINERS
from agent_otel.tui.series import Activity, Calls, Queues

if TYPE_CHECKING:
    from agent_otel.store.follow import News
    from agent_otel.store.model import Span

ENDED_KEPT: Final = 600_000_000_000
"""Nanoseconds for which a run that is over stays on the screen."""
ENDED_RUNS: Final = 200
RECENT_SPANS: Final = 500
ERRORS: Final = 50
_NOTHING: Final = (9, 0)


@dataclass(slots=True)
class LiveRun:
    """One run. ``open`` are its spans that have started and not ended; ``recent`` those that ended last.

    ``root`` is the span that it is named after. ``version`` changes whenever anything of it does. ``waited`` is in
    nanoseconds.
    """

    trace_id: str
    name: str = ""
    root: str = ""
    start: int = 0
    end: int = 0
    outcome: str = ""
    ended: int = 0
    errors: int = 0
    calls: int = 0
    waited: int = 0
    version: int = 0
    open: dict[str, Span] = field(default_factory=dict[str, "Span"])
    recent: deque[Span] = field(default_factory=lambda: deque(maxlen=RECENT_SPANS))
    rank: tuple[int, int] = _NOTHING

    @property
    def state(self) -> str:
        """``running``, ``abandoned`` if its process died, else its outcome."""
        if any(span.state == "running" for span in self.open.values()):
            return "running"
        return "abandoned" if self.open else self.outcome or "ok"

    def elapsed(self, now: int) -> int:
        """Nanoseconds from its start until now, or until its end."""
        if self.state == "running":
            return now - self.start
        return max([self.end, *(span.end for span in self.open.values())]) - self.start

    def see(self, span: Span) -> None:
        """Learn the run's name and start from a span."""
        self.version += 1
        self.start = min(self.start, span.start) if self.start else span.start
        word = span.operation
        kind = 0 if word in CONTAINERS else 2 if word in CALLS else 1
        rank = (kind + (0 if span.parent_id is None else 4), span.start)
        if rank <= self.rank:
            self.rank = rank
            self.name = span.name.removeprefix(f"{semconv.INVOKE_WORKFLOW} ")
            self.outcome = span.outcome
            self.root = span.span_id


class Live:
    """All that is shown. ``errors`` are the spans that failed last, newest first."""

    def __init__(self) -> None:
        self.runs: dict[str, LiveRun] = {}
        self.calls = Calls()
        self.activity = Activity()
        self.queues = Queues()
        self.errors: deque[Span] = deque(maxlen=ERRORS)
        self.version = 0
        self._run_of: dict[str, LiveRun] = {}

    @property
    def open_spans(self) -> int:
        """How many spans are open in all."""
        return len(self._run_of)

    @property
    def running(self) -> int:
        """How many runs are going on."""
        return sum(run.state == "running" for run in self.runs.values())

    def take(self, news: News, now: int) -> None:
        """Take in what is new, and forget what is long over."""
        self.version += 1
        for span_id in news.gone:
            self._close(span_id)
        for span in news.started:
            run = self._run(span)
            run.open[span.span_id] = span
            run.see(span)
            self._run_of[span.span_id] = run
        for span in news.ended:
            self._end(span)
        for process, sample in news.measured:
            if sample.metric == semconv.METRIC_QUEUE_DEPTH:
                self.queues.add(process, sample)
            else:
                self.activity.add(process, sample)
        for process in news.dead:
            self.queues.forget(process)
            self.activity.forget(process)
        self._forget(now)

    def _run(self, span: Span) -> LiveRun:
        run = self.runs.get(span.trace_id)
        if run is None:
            run = self.runs[span.trace_id] = LiveRun(span.trace_id)
        return run

    def _close(self, span_id: str) -> None:
        run = self._run_of.pop(span_id, None)
        if run is not None:
            run.open.pop(span_id, None)
            run.version += 1

    def _end(self, span: Span) -> None:
        self._close(span.span_id)
        run = self._run(span)
        run.see(span)
        run.ended += 1
        run.end = max(run.end, span.end)
        if span.annotation:
            run.waited += span.end - span.start if span.wait_reason else 0
            return
        run.recent.append(span)
        failed = span.failed
        if span.operation in semconv.LLM_OPERATIONS:
            run.calls += 1
            self.calls.add(span.end, span.end - span.start, failed)
        if failed:
            run.errors += 1
            self.errors.appendleft(span)

    def _forget(self, now: int) -> None:
        over = [run for run in self.runs.values() if not run.open or run.state != "running"]
        over.sort(key=lambda run: run.end, reverse=True)
        for place, run in enumerate(over):
            last = max([run.end, *(span.end for span in run.open.values())])
            if place >= ENDED_RUNS or last < now - ENDED_KEPT:
                del self.runs[run.trace_id]
                for span_id in run.open:
                    self._run_of.pop(span_id, None)
