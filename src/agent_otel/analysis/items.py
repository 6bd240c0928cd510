"""The items of a queue, which are nodes and tasks, and the waits that belong to each."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from agent_otel import semconv
from agent_otel.analysis.releases import SLACK
from agent_otel.store.assemble import top_down
from agent_otel.store.model import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agent_otel.store.reader import Run, Span

_ITEMS: Final = frozenset({semconv.NODE, semconv.TASK})


def items(run: Run) -> list[int]:
    """The positions of nodes and tasks; of agent runs where a run has neither."""
    words = [span.operation for span in run.spans]
    found = [position for position, word in enumerate(words) if word in _ITEMS]
    return found or [position for position, word in enumerate(words) if word == semconv.INVOKE_AGENT]


def enclosing(run: Run, members: list[int]) -> dict[int, int]:
    """For each of these spans the nearest other one around it, -1 for none."""
    chosen = frozenset(members)
    nearest = [-1] * len(run.spans)
    for position in top_down(run.parents):
        above = run.parents[position]
        if above != -1:
            nearest[position] = above if above in chosen else nearest[above]
    return {position: nearest[position] for position in members}


def task_id(span: Span) -> str | None:
    """The id of its task as text."""
    value = span.attributes.get(semconv.TASK_ID)
    return None if value is None or value == "" else str(value)


def item_name(span: Span) -> str:
    """The node's name, the task's type or the agent's name."""
    return (
        text(span, semconv.NODE_NAME)
        or text(span, semconv.TASK_TYPE)
        or text(span, semconv.AGENT_NAME)
        or span.name.replace("\n", " ")
    )


def owners(run: Run) -> Mapping[int, int]:
    """Queue and barrier waits -> the item that waited; a wait that names none, or none that exists, is left out.

    A barrier wait begins when its node ends. A queue wait ends when its item starts: the one with its task id that
    starts next, or the node of its name that starts at that moment.
    """
    return _Owners(run).found


class _Owners:
    def __init__(self, run: Run) -> None:
        self.run = run
        self.found: dict[int, int] = {}
        self._starting: dict[tuple[int, str, int], list[int]] = {}
        self._ending: dict[tuple[int, str, int], list[int]] = {}
        self._by_task: dict[str, list[int]] = {}
        self._taken: set[int] = set()
        for position in reversed(items(run)):
            span = run.spans[position]
            name = text(span, semconv.NODE_NAME)
            if name is not None:
                self._starting.setdefault((run.parents[position], name, span.start), []).append(position)
                self._ending.setdefault((run.parents[position], name, span.end), []).append(position)
            task = task_id(span)
            if task is not None:
                self._by_task.setdefault(task, []).append(position)
        for same in self._by_task.values():
            same.reverse()
        for position, span in enumerate(run.spans):
            owner = self._owner(position, span)
            if owner is not None:
                self.found[position] = owner

    def _owner(self, position: int, span: Span) -> int | None:
        reason = span.wait_reason
        if reason not in (semconv.QUEUE, semconv.BARRIER):
            return None
        name = text(span, semconv.NODE_NAME) or ""
        above = self.run.parents[position]
        if reason == semconv.BARRIER:
            ending = self._ending.get((above, name, span.start))
            return ending.pop() if ending else None
        task = task_id(span)
        if task is not None:
            return self._of_task(task, span)
        starting = self._starting.get((above, name, span.end))
        return starting.pop() if starting else None

    def _of_task(self, task: str, wait: Span) -> int | None:
        same = self._by_task.get(task, [])
        spans = self.run.spans
        first = bisect_left(same, wait.end - SLACK, key=lambda item: spans[item].start)
        for place in range(first, len(same)):
            if same[place] not in self._taken:
                self._taken.add(same[place])
                return same[place]
        # the wait was ended inside its task
        return next((item for item in reversed(same[:first]) if spans[item].end > wait.end), None)


def label(span: Span) -> str:
    """The span's name on one line, with the id of its task; of a wait without one, with the node that waited."""
    detail = task_id(span) or (text(span, semconv.NODE_NAME) if span.wait_reason else None)
    return " ".join(f"{span.name} {detail or ''}".split()) or "(no name)"
