"""Seeded workloads for the example orchestrator: tasks that depend on each other, a few of them slow."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pathlib import Path

STRAGGLERS: Final = "30-600-30"
STRAGGLERS_SCALE: Final = 0.01
"""The workload of DESIGN, 1:100."""
LEAST_SECONDS: Final = 3.5
"""What every other workload takes at least: long enough that what git and processes cost is noise."""


@dataclass(frozen=True)
class Case:
    """A workload as the orchestrator takes it, the scale of its latencies and its number of workers (0: no limit)."""

    name: str
    workload: str
    scale: float
    workers: int


def make(seed: int, folder: Path) -> Case:
    """Workload number ``seed``; number 0 is ``STRAGGLERS``."""
    if seed == 0:
        return Case("30/600/30 at 1:100", STRAGGLERS, STRAGGLERS_SCALE, 0)
    source = random.Random(seed)
    count = source.randint(6, 8)
    workers = source.randint(2, 4)
    tasks: list[dict[str, Any]] = []
    for place in range(count):
        window = [task["id"] for task in tasks[max(0, place - 5) : place]]
        wanted = source.choice([0, 1, 1, 2]) if place >= workers else 0
        seconds = min(3.5, 0.5 + 0.5 * source.lognormvariate(0.0, 1.0))
        needs = sorted(source.sample(window, min(wanted, len(window))))
        tasks.append({"id": f"T{place + 1:02d}", "seconds": seconds, "depends_on": needs})
    factor = LEAST_SECONDS / least(tasks, workers)
    for task in tasks:
        task["seconds"] = round(task["seconds"] * factor, 3)
    document = {
        "director": round(source.uniform(0.03, 0.15), 3),
        "strategist": round(source.uniform(0.03, 0.15), 3),
        "tasks": tasks,
    }
    path = folder / f"workload-{seed}.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return Case(f"seed {seed}: {count} tasks, {workers} workers", str(path), 1.0, workers)


def least(tasks: list[dict[str, Any]], workers: int) -> float:
    """The seconds that no scheduler can beat: the longest chain, or all work spread over the workers."""
    chains: dict[str, float] = {}
    for task in tasks:
        chains[task["id"]] = task["seconds"] + max((chains[need] for need in task["depends_on"]), default=0.0)
    work: float = sum(task["seconds"] for task in tasks)
    return max(*chains.values(), work / workers)
