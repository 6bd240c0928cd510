"""Supersteps of a graph run: what was prepared, what ran, who held the barrier, and how long the others waited.

A superstep is prepared, its nodes run side by side, and the next one cannot be prepared before the last node has
ended. Node times are the calls' own; everything is written when the step is over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent_otel import semconv
from agent_otel.capture.call import SHORTEST_WAIT_NS
from agent_otel.libs import state_tasks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent_otel.capture.call import Call
    from agent_otel.semconv import AttributeValue


class Supersteps:
    """The supersteps of one workflow call; one is open at a time."""

    def __init__(self, workflow: Call, framework: str) -> None:
        self._workflow = workflow
        self._framework = framework
        self._index = 0
        self._prepared_at: int | None = None
        self._nodes: dict[str, str] = {}
        self._running: set[str] = set()
        self._ends: dict[str, int] = {}
        self._tasks: dict[str, str] = {}
        self._ready_since: dict[str, int] = {}
        self._in_state: dict[str, str] = {}
        self._entered: set[str] = set()

    def prepare(self, index: int, nodes: dict[str, str], state: Iterable[Any]) -> None:
        """The next step is prepared: ``nodes`` maps the ids of its node runs to node names."""
        now = self._workflow.capture.now()
        self._index, self._prepared_at, self._nodes = index, now, nodes
        self._running.clear()
        self._ends.clear()
        self._tasks.clear()
        tasks = state_tasks.in_state(state)
        self._in_state = {task.id: task.state for task in tasks if task.state is not None}
        for task in tasks:
            if task.state == semconv.READY:
                self._ready_since.setdefault(task.id, now)
        if tasks:
            self._show({task.id: task.state for task in tasks})
        else:
            self._show(dict.fromkeys(nodes, semconv.READY))

    def begun(self, run: str, node: Call) -> None:
        """A node run has begun: what it waited for since it was ready is over."""
        if run not in self._nodes or self._prepared_at is None:
            return
        self._running.add(run)
        task = node.attributes.get(semconv.TASK_ID)
        since = self._ready_since.pop(task, self._prepared_at) if isinstance(task, str) else self._prepared_at
        self._move(run, task, semconv.ACTIVE)
        facts: dict[str, AttributeValue] = {semconv.NODE_NAME: self._nodes[run]}
        if isinstance(task, str):
            facts[semconv.TASK_ID] = self._tasks[run] = task
        self._waited(semconv.QUEUE, since, node.start, facts)

    def ended(self, run: str, node: Call) -> None:
        """A node run has ended: from now on it waits for the rest of its step."""
        if run in self._nodes and node.end is not None:
            self._running.discard(run)
            self._ends[run] = node.end
            self._move(run, node.attributes.get(semconv.TASK_ID), semconv.WAITING)

    def over(self, end: int, *, checkpointed: bool = True) -> None:
        """The open step is over (if one is): write its barrier waits, its checkpoint and itself."""
        start, self._prepared_at = self._prepared_at, None
        if start is None:
            return
        # While one of its nodes still runs, in a run that was broken off, nobody knows what held the barrier.
        if self._ends and not self._running:
            self._write(start, end, checkpointed=checkpointed)
        if not self._in_state:
            self._show({})

    def leave(self) -> None:
        """The run is over: nothing of it is in the queue any more, nor will a node that still runs enter it."""
        self._nodes = {}
        self._show({})

    def _write(self, start: int, end: int, *, checkpointed: bool) -> None:
        straggler = max(self._ends, key=lambda run: (self._ends[run], run))
        released = self._ends[straggler]
        waste = 0
        for run, node_end in self._ends.items():
            waste += released - node_end
            if run != straggler:
                facts: dict[str, AttributeValue] = {
                    semconv.NODE_NAME: self._nodes[run],
                    semconv.NODE_STEP: self._index,
                    semconv.SUPERSTEP_STRAGGLER: self._nodes[straggler],
                }
                if run in self._tasks:
                    facts[semconv.TASK_ID] = self._tasks[run]
                self._waited(semconv.BARRIER, node_end, released, facts)
        workflow = self._workflow
        capture = workflow.capture
        if checkpointed and end - released >= SHORTEST_WAIT_NS:
            capture.record(
                semconv.CHECKPOINT, "", released, end,
                {semconv.ACTIVITY_CATEGORY: semconv.CHECKPOINT, semconv.NODE_STEP: self._index},
                framework=self._framework, within=workflow.context,
            )  # fmt: skip
        # Of what was prepared only those that ran: the others came out of a cache.
        if len(self._ends) > 1:
            step: dict[str, AttributeValue] = {
                semconv.SPAN_ROLE: semconv.ANNOTATION,
                semconv.WORKFLOW_NAME: workflow.subject,
                semconv.SUPERSTEP_INDEX: self._index,
                semconv.SUPERSTEP_SIZE: len(self._ends),
                semconv.SUPERSTEP_STRAGGLER: self._nodes[straggler],
                semconv.SUPERSTEP_WASTE: waste / 1e9,
            }
            if straggler in self._tasks:
                step[semconv.TASK_ID] = self._tasks[straggler]
            capture.record(semconv.SUPERSTEP, "", start, end, step, framework=self._framework, within=workflow.context)

    def _waited(self, reason: str, start: int, end: int, facts: dict[str, AttributeValue]) -> None:
        facts[semconv.WORKFLOW_NAME] = self._workflow.subject
        self._workflow.capture.waited(
            reason, start, max(start, end), facts, framework=self._framework, within=self._workflow.context
        )

    def _move(self, run: str, task: AttributeValue | None, state: str) -> None:
        if self._in_state:
            # The state is the queue; a node run moves its own task in it until the state says more.
            if isinstance(task, str) and task in self._in_state:
                self._enter(task, state)
        else:
            self._enter(run, state)

    def _show(self, states: dict[str, Any]) -> None:
        """Make these the run's entries in the queue table; a state of None is not in the queue."""
        shown = {name: state for name, state in states.items() if state is not None}
        for name, state in shown.items():
            self._enter(name, state)
        gone = self._entered - {self._key(name) for name in shown}
        self._entered -= gone
        self._workflow.capture.signals.queues.leave(self._workflow.subject, gone)

    def _enter(self, name: str, state: str) -> None:
        key = self._key(name)
        self._entered.add(key)
        self._workflow.capture.signals.queues.move(self._workflow.subject, key, state)

    def _key(self, name: str) -> str:
        # Two runs of one graph may have tasks of the same name.
        return f"{self._workflow.identity.span_id:016x}:{name}"
