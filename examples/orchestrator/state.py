"""The state that flows through the graph."""

from __future__ import annotations

import operator
from datetime import datetime, timezone
from typing import Annotated, Literal, TypedDict

Phase = Literal["plan", "interface", "build", "test"]
Status = Literal["planned", "ready", "active", "awaiting_qa", "complete"]
Profile = Literal["planner", "designer", "coder", "tester", "claude", "codex"]


class Task(TypedDict):
    """One piece of work. Times are naive ISO strings in UTC."""

    id: str
    title: str
    component: str
    phase: Phase
    description: str
    status: Status
    depends_on: list[str]
    priority: int
    assigned_worker_profile: Profile
    created_at: str
    updated_at: str
    started_at: str | None
    completed_at: str | None


def merge_tasks(old: list[Task], new: list[Task]) -> list[Task]:
    """The old tasks with those that a node changed replaced: parallel workers each return only their own."""
    merged = {task["id"]: task for task in old}
    merged.update({task["id"]: task for task in new})
    return list(merged.values())


class State(TypedDict):
    """What director and strategist see. ``workers`` limits how many tasks run at once; 0 is no limit."""

    folder: str
    workers: int
    cycle: int
    brief: str
    tasks: Annotated[list[Task], merge_tasks]
    journal: Annotated[list[str], operator.add]


class Update(TypedDict, total=False):
    """What a node may change."""

    cycle: int
    brief: str
    tasks: list[Task]
    journal: list[str]


class Job(TypedDict):
    """What one worker gets."""

    folder: str
    brief: str
    task: Task


def applied(state: State, update: Update) -> State:
    """The state after a node's update, merged as the graph merges it."""
    changed: State = {**state, **update}
    changed["tasks"] = merge_tasks(state["tasks"], update.get("tasks", []))
    changed["journal"] = state["journal"] + update.get("journal", [])
    return changed


def now() -> str:
    """The current time as tasks store it."""
    return datetime.now(timezone.utc).replace(tzinfo=None).isoformat(timespec="microseconds")


def moved(task: Task, status: Status) -> Task:
    """The task in another status."""
    time = now()
    changed: Task = {**task, "status": status, "updated_at": time}
    if status == "complete":
        changed["completed_at"] = time
    return changed
