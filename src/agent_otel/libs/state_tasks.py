"""Task dictionaries in a graph's state: id, status, depends_on, and what may come with them.

Orchestrators keep their work list in the state. Read from there, the queue is filled without a call of ours.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

from agent_otel import semconv
from agent_otel.libs.facts import text

_FIELDS: Final = 64
"""Values of a node's input that are looked at; a state has a handful."""
_DONE: Final = frozenset({"complete", "completed", "done", "success", "succeeded", "finished"})
_OVER: Final = _DONE | {
    "failed",
    "error",
    "abandoned",
    "cancelled",
    "canceled",
    "skipped",
    "pending_complete",
}
_RUNNING: Final = frozenset({"active", "running", "in_progress", "started", "working"})
_HELD: Final = frozenset({"blocked", "waiting", "waiting_human", "awaiting_qa", "pending_awaiting_qa", "on_hold"})


@dataclass(frozen=True, slots=True)
class StateTask:
    """One task of the state. ``state`` is ready, active or waiting, or None when the task is over."""

    id: str
    type: str | None
    depends_on: tuple[str, ...]
    state: str | None


def is_task(value: Any) -> bool:
    """Whether the value looks like a task dictionary."""
    if not isinstance(value, Mapping):
        return False
    task = cast("Mapping[str, Any]", value)
    return identity(task) is not None and isinstance(task.get("status"), str)


def identity(task: Mapping[str, Any]) -> str | None:
    """The task's id as text."""
    value = task.get("id", task.get("task_id"))
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else text(value)


def dependencies(task: Mapping[str, Any]) -> tuple[str, ...]:
    """The ids of the tasks that this one depends on."""
    value = task.get("depends_on", task.get("dependencies"))
    if not isinstance(value, (list, tuple, set, frozenset)):
        return ()
    return tuple(str(one) for one in cast("Iterable[Any]", value) if isinstance(one, (str, int)))


def kind(task: Mapping[str, Any]) -> str | None:
    """The task's type."""
    return text(task.get("type")) or text(task.get("task_type")) or text(task.get("phase"))


def in_input(value: Any) -> Mapping[str, Any] | None:
    """The one task that a node was sent: its input itself, or the only task among its fields."""
    if not isinstance(value, Mapping):
        return None
    fields = cast("Mapping[str, Any]", value)
    if is_task(fields):
        return fields
    if len(fields) > _FIELDS:
        return None
    found = [cast("Mapping[str, Any]", one) for one in fields.values() if is_task(one)]
    return found[0] if len(found) == 1 else None


def in_state(values: Iterable[Any]) -> list[StateTask]:
    """The tasks among the values of a state: lists of task dictionaries, or dictionaries of them by id."""
    found: dict[str, Mapping[str, Any]] = {}
    for value in values:
        for task in _tasks_in(value):
            name = identity(task)
            if name is not None:
                found[name] = task
    done = {name for name, task in found.items() if _status(task) in _DONE}
    return [
        StateTask(name, kind(task), dependencies(task), _state(_status(task), dependencies(task), done))
        for name, task in found.items()
    ]


def _tasks_in(value: Any) -> list[Mapping[str, Any]]:
    items: Collection[Any]
    if isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value).values()
    elif isinstance(value, (list, tuple)):
        items = cast("Collection[Any]", value)
    else:
        return []
    # The first item decides, so that a long list of messages costs one look; a copy, because nodes may change the list.
    return [item for item in list(items) if is_task(item)] if is_task(next(iter(items), None)) else []


def _status(task: Mapping[str, Any]) -> str:
    return str(task.get("status", "")).lower()


def _state(status: str, depends_on: tuple[str, ...], done: set[str]) -> str | None:
    if status in _OVER:
        return None
    if status in _RUNNING:
        return semconv.ACTIVE
    if status in _HELD or not done.issuperset(depends_on):
        return semconv.WAITING
    return semconv.READY
