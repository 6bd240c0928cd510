"""What comparisons and the regression gate count: one sample for every agent run, node, LLM call and run in the store.

Samples come from stored spans and from ``agent-performance.json``; a record whose run is in the store too is the same
run told twice, and counts once.
"""

from __future__ import annotations

import math
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import msgspec

from agent_otel import semconv
from agent_otel.analysis.groups import IN_PROCESS, UNKNOWN, model_of
from agent_otel.analysis.sample_context import Context, contexts
from agent_otel.store.model import CALLS, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from agent_otel.store.reader import PerformanceRecord, Run, Span, StoreReader

Kind: TypeAlias = Literal["agent", "node", "llm", "run"]
KINDS: Final[tuple[Kind, ...]] = ("agent", "node", "llm", "run")
CLI_ALIASES: Final = {
    "claude-code": "claude",
    "codex-cli": "codex",
    "copilot-cli": "copilot",
    "github-copilot-cli": "copilot",
}
"""Names that older tools stored for a CLI -> the name that it is compared under; the store keeps them as given."""
PYTHON: Final = "python"
"""What records say of agents that the program's own code ran."""
SETTLED: Final = frozenset({"ok", "error", "timeout"})
"""Outcomes that say whether it succeeded; who cancelled or killed a call did not ask how it would have ended."""


class Sample(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """One thing that was done, with what it took and who did it; ``-`` stands for what is unknown.

    ``name`` is that of its span, ``run`` the trace that it belongs to (of a record without one: a name of its own),
    ``when`` its end in nanoseconds since the epoch, ``duration`` in seconds, ``cost`` in USD, ``quality`` from 0 to
    100. ``outcome`` is one of ``semconv.OUTCOMES``, empty where a record does not say. ``acts`` marks what stands for
    an agent in comparisons of agents: agent runs, and nodes that called an LLM without one.
    """

    kind: Kind
    name: str
    run: str
    when: int
    duration: float
    outcome: str = ""
    agent: str = UNKNOWN
    cli: str = UNKNOWN
    model: str = UNKNOWN
    prompt_version: str = UNKNOWN
    revision: str = UNKNOWN
    category: str = UNKNOWN
    tokens: int | None = None
    cost: float | None = None
    quality: float | None = None
    acts: bool = False

    @property
    def success(self) -> bool | None:
        """Whether it did what it should; None where that is unknown or someone stopped it."""
        return self.outcome == "ok" if self.outcome in SETTLED else None


def stored_samples(
    reader: StoreReader, since: datetime | timedelta | None = None, runs: Sequence[str] = ()
) -> Iterator[Sample]:
    """The samples of a store, spans first; with ``since``, of runs that started then and of records that ended since.

    With ``runs`` only of those, each named by how its id starts. Runs are read some at a time. Raises ``StoreError``
    if the folder cannot be read, ``UnknownRunError`` for a run that is not there.
    """
    if runs:
        seen: set[str] = set()
        for prefix in runs:
            run = reader.run(prefix)
            if run.trace_id not in seen:
                seen.add(run.trace_id)
                yield from run_samples(run)
        return
    every = reader.runs(strays=True)
    traces = frozenset(run.trace_id for run in every)
    for run in reader.load(every) if since is None else reader.since(since, strays=True):
        yield from run_samples(run)
    yield from record_samples(reader.performance(), traces, since)


def run_samples(run: Run) -> Iterator[Sample]:
    """The samples of one run: its spans that have ended, and the run itself unless it is a single call."""
    found = contexts(run)
    for position, span in enumerate(run.spans):
        context = found[position]
        if context is None or span.state != "ended":
            continue
        kind = _kind(span.operation)
        if kind is not None:
            yield _sample(kind, span, span.duration, context)
        if span is run.root and run.state == "ended" and span.operation not in CALLS:
            yield _sample("run", span, run.wall, context)


def _kind(operation: str) -> Kind | None:
    if operation == semconv.INVOKE_AGENT:
        return "agent"
    if operation == semconv.NODE:
        return "node"
    return "llm" if operation in semconv.LLM_OPERATIONS else None


def _sample(kind: Kind, span: Span, duration: int, context: Context) -> Sample:
    return Sample(
        kind=kind,
        name=semconv.span_name(span.operation, model_of(span)) if kind == "llm" else span.name,
        run=span.trace_id,
        when=span.end,
        duration=duration / 1e9,
        outcome="error" if span.failed and span.outcome not in SETTLED else span.outcome,
        agent=(text(span, semconv.WORKFLOW_NAME) or context.agent if kind == "run" else context.agent) or UNKNOWN,
        cli=_cli(context.cli),
        model=context.told.model or UNKNOWN,
        prompt_version=context.prompt_version or UNKNOWN,
        revision=_revision(span),
        category=context.told.category or UNKNOWN,
        tokens=context.tokens,
        cost=context.cost,
        quality=context.told.quality,
        acts=context.acts and kind != "run",
    )


def _cli(stated: str) -> str:
    return CLI_ALIASES.get(stated, stated) or UNKNOWN


def _revision(span: Span) -> str:
    stated = span.resource.attributes.get(semconv.VCS_REF_HEAD_REVISION)
    return stated if isinstance(stated, str) and stated else UNKNOWN


def record_samples(
    records: Sequence[PerformanceRecord], traces: frozenset[str], since: datetime | timedelta | None = None
) -> Iterator[Sample]:
    """The samples of records whose runs are not among ``traces``; those without a usable time or duration are left out.

    A node around an agent run of its own name is the same run told twice, and left out.
    """
    frameworks = _frameworks() if records else frozenset[str]()
    earliest = -math.inf if since is None else _nanoseconds(since)
    fresh = [record for record in records if record.trace_id is None or record.trace_id not in traces]
    for record, ended in _innermost(fresh):
        if ended < earliest:
            continue
        tokens = None if record.input_tokens is None and record.output_tokens is None else 0
        yield Sample(
            kind="agent",
            name=semconv.span_name(semconv.INVOKE_AGENT, record.agent),
            run=record.trace_id or f"{record.timestamp} {record.agent} {record.cli}",
            when=ended,
            duration=record.duration / 1e3,
            outcome=record.outcome or "",
            agent=record.agent or UNKNOWN,
            cli=IN_PROCESS if record.cli in frameworks else _cli(record.cli),
            model=record.model or UNKNOWN,
            tokens=None if tokens is None else (record.input_tokens or 0) + (record.output_tokens or 0),
            cost=record.cost,
            acts=True,
        )


def _frameworks() -> frozenset[str]:
    from agent_otel.libs.registry import LIBRARIES

    return frozenset(library.name for library in LIBRARIES) | {PYTHON}


def _innermost(records: Iterable[PerformanceRecord]) -> Iterator[tuple[PerformanceRecord, int]]:
    usable: list[tuple[PerformanceRecord, int]] = []
    intervals: dict[tuple[str, str], set[tuple[float, float]]] = {}
    for record in records:
        ended = _instant(record.timestamp)
        if ended is None or not math.isfinite(record.duration) or record.duration < 0:
            continue
        usable.append((record, ended))
        if record.trace_id is not None:
            intervals.setdefault((record.trace_id, record.agent), set()).add(_interval(record, ended))
    around = {key: _enclosing(found) for key, found in intervals.items() if len(found) > 1}
    for record, ended in usable:
        if _interval(record, ended) not in around.get((record.trace_id or "", record.agent), ()):
            yield record, ended


def _interval(record: PerformanceRecord, ended: int) -> tuple[float, float]:
    return ended - record.duration * 1e6, ended


def _enclosing(intervals: Iterable[tuple[float, float]]) -> set[tuple[float, float]]:
    """The intervals around another one."""
    found: set[tuple[float, float]] = set()
    first_end = math.inf
    for start, end in sorted(intervals, key=lambda interval: (-interval[0], interval[1])):
        if first_end <= end:
            found.add((start, end))
        first_end = min(first_end, end)
    return found


def _instant(stamp: str) -> int | None:
    try:
        moment = datetime.fromisoformat(stamp[:-1] + "+00:00" if stamp[-1:] in {"Z", "z"} else stamp)
        return _nanoseconds(moment if moment.tzinfo is not None else moment.replace(tzinfo=timezone.utc))
    except (ValueError, OverflowError):
        return None


def _nanoseconds(when: datetime | timedelta) -> int:
    if isinstance(when, timedelta):
        when = datetime.now(timezone.utc) - when
    return round((when - datetime(1970, 1, 1, tzinfo=timezone.utc)) / timedelta(microseconds=1)) * 1000
