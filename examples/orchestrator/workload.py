"""Fixed workloads: how long each task's LLM call takes, for runs that must be comparable."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from plan import numbered
from state import Task, now

OVERHEAD_SECONDS: Final = 5.0
"""What director and strategist ask takes so long, in a workload given by its numbers."""


@dataclass(frozen=True)
class Workload:
    """Tasks in the order of their priority, and the seconds (before ``--scale``) of the LLM calls by who asks."""

    tasks: list[Task]
    latencies: dict[str, float]


def read_workload(name: str) -> Workload:
    """The workload of that name (``30-600-30``) or in that JSON file.

    The file holds ``{"director": 5, "strategist": 5, "tasks": [{"id": "T01", "seconds": 30, "depends_on": []}]}``.
    Raises ``ValueError`` or ``OSError`` for what is neither.
    """
    if re.fullmatch(r"\d+(-\d+)+", name):
        return two_rounds([float(number) for number in name.split("-")])
    try:
        return from_json(json.loads(Path(name).read_text(encoding="utf-8")))
    except (KeyError, TypeError) as wrong:
        raise ValueError(f"{name} is no workload: {wrong!r}") from wrong


def two_rounds(seconds: list[float]) -> Workload:
    """As many lanes as numbers, two tasks in each: the second takes what the first of the next lane takes."""
    width = len(seconds)
    tasks: list[dict[str, Any]] = [
        {"id": numbered(place), "seconds": seconds[place % width] if place < width else seconds[(place + 1) % width],
         "depends_on": [numbered(place - width)] if place >= width else []}
        for place in range(2 * width)
    ]  # fmt: skip
    return from_json({"director": OVERHEAD_SECONDS, "strategist": OVERHEAD_SECONDS, "tasks": tasks})


def from_json(document: dict[str, Any]) -> Workload:
    """The workload that the document describes."""
    found = document["tasks"]
    tasks = [make_task(item, len(found) - place) for place, item in enumerate(found)]
    latencies = {f"Task {item['id']}": float(item["seconds"]) for item in found}
    return Workload(tasks, {"Director": document["director"], "Strategist": document["strategist"], **latencies})


def make_task(item: dict[str, Any], priority: int) -> Task:
    """A task that asks the LLM once."""
    created = now()
    return {
        "id": item["id"],
        "title": f"work for {item['seconds']} seconds",
        "component": item["id"].lower(),
        "phase": "build",
        "description": "As long as its workload says.",
        "status": "planned",
        "depends_on": list(item.get("depends_on", [])),
        "priority": priority,
        "assigned_worker_profile": "designer",
        "created_at": created,
        "updated_at": created,
        "started_at": None,
        "completed_at": None,
    }
