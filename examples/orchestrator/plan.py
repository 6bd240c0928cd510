"""The work to be done: every component goes through plan, interface, build and test."""

from __future__ import annotations

from typing import Final

from state import Phase, Profile, Task, now

COMPONENTS: Final = ("ledger", "parser", "pricing", "report", "search", "export", "import", "audit")
PHASES: Final[tuple[Phase, ...]] = ("plan", "interface", "build", "test")
PROFILES: Final[dict[Phase, tuple[Profile, ...]]] = {
    "plan": ("planner",),
    "interface": ("designer",),
    "build": ("coder", "claude", "codex"),
    "test": ("tester", "tester", "claude"),
}
MOST_TASKS: Final = len(COMPONENTS) * len(PHASES)


def make_tasks(count: int) -> list[Task]:
    """``count`` tasks, phase by phase.

    A task needs its component's previous phase, and a build also the interface of the component before it.
    """
    width = -(-count // len(PHASES))
    return [make_task(index, width) for index in range(count)]


def make_task(index: int, width: int) -> Task:
    """Task number ``index`` of a plan with ``width`` components."""
    level, place = divmod(index, width)
    phase, component = PHASES[level], COMPONENTS[place]
    needs = [index - width] if level else []
    if phase == "build" and place:
        needs.append(index - width - 1)
    created = now()
    return {
        "id": numbered(index),
        "title": f"{phase} the {component}",
        "component": component,
        "phase": phase,
        "description": f"The {component} as users need it: small, typed, documented and tested.",
        "status": "planned",
        "depends_on": [numbered(need) for need in sorted(needs)],
        "priority": 10 * (len(PHASES) - level) - place,
        "assigned_worker_profile": PROFILES[phase][place % len(PROFILES[phase])],
        "created_at": created,
        "updated_at": created,
        "started_at": None,
        "completed_at": None,
    }


def numbered(index: int) -> str:
    """The id of task number ``index``."""
    return f"T{index + 1:02d}"
