"""Every metric of this package, in one table: name, kind, unit, buckets, where its value and attributes come from.

Histogram records cost more than the rest of an instrumented call, so a finished call is only appended to a queue, with
its context for exemplars; the queue is emptied at each collection, by whichever reader collects.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from opentelemetry.metrics import CallbackOptions, Counter, Histogram, Meter, Observation

from agent_otel import safe, semconv

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from agent_otel.semconv import Attributes, AttributeValue
    from agent_otel.signals.activity import Activity
    from agent_otel.signals.finished import Finished
    from agent_otel.signals.queues import TaskTable

SECONDS: Final = (
    0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0,
    1200.0, 1800.0, 3600.0, 7200.0,
)  # fmt: skip
"""One millisecond to two hours: from a git plumbing call to a CLI that works through a task."""
TOKENS: Final = (
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262144.0,
    1048576.0,
    4194304.0,
)
SCORE: Final = (10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 95.0, 100.0)
DURATION: Final = "duration"
"""The fact that is not an attribute: how long the call took, in seconds."""

_MODEL = (semconv.REQUEST_MODEL, semconv.RESPONSE_MODEL)
_CLIENT = (
    semconv.OPERATION_NAME, semconv.PROVIDER_NAME, *_MODEL, semconv.SERVER_ADDRESS, semconv.SERVER_PORT,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One metric: the operations that record it, the fact that is its value, the attributes it carries.

    Every row also carries ``agent_otel.outcome``, and ``error.type`` when the call failed.
    """

    name: str
    unit: str
    description: str
    operations: frozenset[str]
    fact: str
    attributes: tuple[str, ...]
    buckets: tuple[float, ...] = SECONDS
    constant: tuple[tuple[str, str], ...] = ()
    counter: bool = False


def _row(name: str, description: str, operation: str, *attributes: str) -> Row:
    return Row(name, "s", description, frozenset({operation}), DURATION, attributes)


HISTOGRAMS: Final[tuple[Row, ...]] = (
    Row(semconv.METRIC_OPERATION_DURATION, "s", "Duration of an LLM call.", semconv.LLM_OPERATIONS, DURATION, _CLIENT),
    Row(
        semconv.METRIC_TIME_TO_FIRST_CHUNK, "s", "Time from the request to the first chunk of a streamed response.",
        semconv.LLM_OPERATIONS, semconv.RESPONSE_TIME_TO_FIRST_CHUNK, _CLIENT,
    ),
    Row(
        semconv.METRIC_TOKEN_USAGE, "{token}", "Tokens used, by type.", semconv.LLM_OPERATIONS,
        semconv.USAGE_INPUT_TOKENS, _CLIENT, TOKENS, ((semconv.TOKEN_TYPE, "input"),),
    ),
    Row(
        semconv.METRIC_TOKEN_USAGE, "{token}", "Tokens used, by type.", semconv.LLM_OPERATIONS,
        semconv.USAGE_OUTPUT_TOKENS, _CLIENT, TOKENS, ((semconv.TOKEN_TYPE, "output"),),
    ),
    _row(
        semconv.METRIC_AGENT_DURATION, "Duration of an agent run.", semconv.INVOKE_AGENT,
        semconv.AGENT_NAME, semconv.AGENT_CLI, semconv.PROVIDER_NAME, semconv.REQUEST_MODEL,
    ),
    _row(
        semconv.METRIC_WORKFLOW_DURATION, "Duration of a graph or crew run.", semconv.INVOKE_WORKFLOW,
        semconv.WORKFLOW_NAME,
    ),
    _row(semconv.METRIC_TOOL_DURATION, "Duration of a tool call.", semconv.EXECUTE_TOOL, semconv.TOOL_NAME),
    _row(
        semconv.METRIC_NODE_DURATION, "Duration of a graph node.", semconv.NODE,
        semconv.WORKFLOW_NAME, semconv.NODE_NAME,
    ),
    _row(
        semconv.METRIC_SUPERSTEP_DURATION, "Duration of a superstep of two or more nodes.", semconv.SUPERSTEP,
        semconv.WORKFLOW_NAME,
    ),
    _row(semconv.METRIC_TASK_DURATION, "Duration of a task.", semconv.TASK, semconv.TASK_TYPE),
    _row(
        semconv.METRIC_TASK_WAIT, "How long a task, node or call waited before it could go on.", semconv.WAIT,
        semconv.WAIT_REASON,
    ),
    _row(semconv.METRIC_GIT_DURATION, "Duration of a git call.", semconv.GIT, semconv.GIT_OPERATION),
    Row(
        semconv.METRIC_TASK_QUALITY, "{score}", "Quality of a task, 0 to 100.", frozenset({semconv.TASK}),
        semconv.TASK_QUALITY, (semconv.TASK_TYPE, semconv.REQUEST_MODEL), SCORE,
    ),
    Row(
        semconv.METRIC_TASK_PERFORMANCE_INDEX, "{score}", "Performance index of a task, 0 to 100.",
        frozenset({semconv.TASK}), semconv.TASK_PERFORMANCE_INDEX, (semconv.TASK_TYPE, semconv.REQUEST_MODEL), SCORE,
    ),
    Row(
        semconv.METRIC_COST, "{USD}", "Cost of LLM calls and agent runs.",
        semconv.LLM_OPERATIONS | {semconv.INVOKE_AGENT}, semconv.COST,
        (semconv.AGENT_NAME, *_MODEL), counter=True,
    ),
)  # fmt: skip
BARRIER_WAIT: Final = Row(
    semconv.METRIC_SUPERSTEP_WAIT, "s", "How long a finished node waited for the rest of its superstep.",
    frozenset({semconv.WAIT}), DURATION, (semconv.WORKFLOW_NAME, semconv.NODE_NAME),
)  # fmt: skip
"""Recorded for waits whose reason is ``barrier`` only."""

_Instrument: TypeAlias = "Histogram | Counter"


class Metrics:
    """The instruments of one meter, and the queue of the calls that wait to be recorded.

    ``nested`` marks the activity series of a process whose parent is itself instrumented.
    """

    LIMIT: Final = 4096
    """Calls that may wait when nobody collects; then the caller records the oldest itself."""
    _SHARE: Final = 4
    """How many it records for each one that it adds: never so many that it is held up."""

    def __init__(self, meter: Meter, activity: Activity, queues: TaskTable, *, nested: bool = False) -> None:
        self._pending: deque[Finished] = deque()
        self._draining = threading.Lock()
        self.before_collection: list[Callable[[], None]] = []
        self._activity = activity
        self._queues = queues
        self._nested = nested
        self._rows: dict[str, list[tuple[Row, _Instrument]]] = {}
        created: dict[str, _Instrument] = {}
        for row in HISTOGRAMS:
            instrument = created.get(row.name) or _instrument(meter, row)
            created[row.name] = instrument
            for operation in row.operations:
                self._rows.setdefault(operation, []).append((row, instrument))
        self._barrier = _instrument(meter, BARRIER_WAIT)
        meter.create_observable_counter(
            semconv.METRIC_ACTIVITY_TIME,
            [self._observe_activity],
            "s",
            "Time spent working and waiting, by category.",
        )
        meter.create_observable_up_down_counter(
            semconv.METRIC_QUEUE_DEPTH, [self._observe_queues], "{task}", "Tasks in a queue, by state."
        )

    def finished(self, record: Finished) -> None:
        """Queue the finished call if a row of the table is about its operation."""
        if record.operation in self._rows:
            self._pending.append(record)
            if len(self._pending) > self.LIMIT:
                self.drain(most=self._SHARE)

    def drain(self, timeout: float = 0.0, most: int | None = None) -> None:
        """Record what waits, or the oldest ``most`` of it, unless that is going on already.

        Waits ``timeout`` seconds for that to be over.
        Never reentrant: the instruments hold locks, and the garbage collector may end a call while they do.
        """
        if not self._draining.acquire(timeout > 0, timeout if timeout > 0 else -1):
            return
        try:
            pending = self._pending
            for _ in range(len(pending) if most is None else most):
                self._record(pending.popleft())
        finally:
            self._draining.release()

    def restart(self) -> None:
        """Drop what waits: after a fork it is the parent's to record."""
        self._draining = threading.Lock()
        self._pending.clear()

    def _record(self, record: Finished) -> None:
        attributes = record.attributes
        for row, instrument in self._rows[record.operation]:
            value = record.seconds if row.fact is DURATION else attributes.get(row.fact)
            if isinstance(value, (int, float)):
                _put(row, instrument, float(value), record)
        if record.operation == semconv.WAIT and attributes.get(semconv.WAIT_REASON) == semconv.BARRIER:
            _put(BARRIER_WAIT, self._barrier, record.seconds, record)

    def _observe_activity(self, _options: CallbackOptions) -> Iterable[Observation]:
        # The first asynchronous instrument of a collection empties the queue, so every reader sees what has ended.
        for prepare in self.before_collection:
            safe.call(prepare)
        self.drain(timeout=1.0)
        work, waits = self._activity.seconds()
        for state, seconds in (("work", work), ("wait", waits)):
            for key, value in seconds.items():
                attributes: dict[str, AttributeValue] = {
                    semconv.ACTIVITY_STATE: state,
                    semconv.ACTIVITY_CATEGORY: key,
                }
                if self._nested:
                    attributes[semconv.PROCESS_NESTED] = True
                yield Observation(value, attributes)

    def _observe_queues(self, _options: CallbackOptions) -> Iterable[Observation]:
        for queue, depth in self._queues.depths().items():
            for state in semconv.QUEUE_STATES:
                yield Observation(depth[state], {semconv.QUEUE_NAME: queue, semconv.QUEUE_STATE: state})


def _put(row: Row, instrument: _Instrument, value: float, record: Finished) -> None:
    """Record one value with the attributes of its row."""
    chosen = _chosen(row, record.attributes)
    chosen[semconv.OUTCOME] = record.outcome
    if record.error_type is not None:
        chosen[semconv.ERROR_TYPE] = record.error_type
    if isinstance(instrument, Histogram):
        instrument.record(value, chosen, record.context)
    else:
        instrument.add(value, chosen, record.context)


def _chosen(row: Row, attributes: Attributes) -> dict[str, AttributeValue]:
    chosen: dict[str, AttributeValue] = dict(row.constant)
    for key in row.attributes:
        value = attributes.get(key)
        if value is not None:
            chosen[key] = value
    return chosen


def _instrument(meter: Meter, row: Row) -> _Instrument:
    if row.counter:
        return meter.create_counter(row.name, row.unit, row.description)
    return meter.create_histogram(
        row.name, row.unit, row.description, explicit_bucket_boundaries_advisory=list(row.buckets)
    )


def metric_names() -> Mapping[str, str]:
    """Name -> unit of every metric that a finished call or a collection records."""
    names = {row.name: row.unit for row in (*HISTOGRAMS, BARRIER_WAIT)}
    return names | {semconv.METRIC_ACTIVITY_TIME: "s", semconv.METRIC_QUEUE_DEPTH: "{task}"}
