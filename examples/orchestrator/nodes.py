"""The orchestrator's nodes: setup, director, worker, strategist."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from state import Job, State, Task, Update, moved, now
from steps import Ask, Delegate, Git, Steps

LARGE_MODEL: Final = "gpt-5"
SMALL_MODEL: Final = "gpt-5-mini"
CODEX_MODEL: Final = "gpt-5-codex"
CLAUDE_MODEL: Final = "claude-sonnet-4-5"
AUTHOR: Final = ("-c", "user.name=Orchestrator", "-c", "user.email=orchestrator@example.com")
UNSIGNED: Final = ("-c", "commit.gpgsign=false")


def repository(folder: str) -> Path:
    """The main worktree."""
    return Path(folder) / "repository"


def worktree(folder: str, task: Task) -> Path:
    """The worktree in which the task is done."""
    return Path(folder) / "worktrees" / task["id"]


def branch(task: Task) -> str:
    """The branch on which the task is done."""
    return f"task/{task['id']}"


def setup(state: State) -> Steps[Update]:
    """Make the repository that the agents work in."""
    main = repository(state["folder"])
    main.mkdir(parents=True)
    (main / "README.md").write_text("# Product\n", encoding="utf-8")
    yield Git(main, ("init", "--quiet", "--initial-branch=main"))
    yield Git(main, ("add", "-A"))
    yield Git(main, (*AUTHOR, *UNSIGNED, "commit", "--quiet", "-m", "First commit"))
    return {"journal": ["repository ready"]}


def director(state: State) -> Steps[Update]:
    """Find the tasks whose dependencies are complete and send out as many as there are free workers."""
    complete = {task["id"] for task in state["tasks"] if task["status"] == "complete"}
    ready = [
        task
        for task in state["tasks"]
        if task["status"] in {"planned", "ready"} and complete.issuperset(task["depends_on"])
    ]
    if not ready:
        commits = yield Git(repository(state["folder"]), ("rev-list", "--count", "main"))
        done = f"{len(complete)} of {len(state['tasks'])} tasks complete"
        return {"journal": [f"{done}, {commits.strip()} commits"]}
    ready.sort(key=lambda task: -task["priority"])
    cycle = state["cycle"] + 1
    titles = "\n".join(f"- {task['id']} {task['title']}" for task in ready)
    brief = yield Ask(LARGE_MODEL, f"Director, cycle {cycle}: brief the workers\n{titles}", "chat stream")
    active = sum(task["status"] == "active" for task in state["tasks"])
    slots = max(0, state["workers"] - active) if state["workers"] else len(ready)
    chosen = [moved(task, "active") for task in ready[:slots]]
    waiting = [moved(task, "ready") for task in ready[slots:]]
    names = " ".join(task["id"] for task in chosen)
    return {"cycle": cycle, "brief": brief, "tasks": chosen + waiting, "journal": [f"cycle {cycle}: {names}"]}


def worker(job: Job) -> Steps[Update]:
    """Do one task on a branch and in a worktree of its own."""
    task: Task = {**job["task"], "started_at": now()}
    main, folder = repository(job["folder"]), worktree(job["folder"], task)
    yield Git(main, ("worktree", "add", "--quiet", "-b", branch(task), str(folder), "main"))
    text = yield from do_task(task, job["brief"], folder)
    target = folder / task["component"] / f"{task['phase']}.md"
    target.parent.mkdir(exist_ok=True)
    target.write_text(f"# {task['title']}\n\n{text}\n", encoding="utf-8")
    yield Git(folder, ("add", "-A"))
    yield Git(folder, (*AUTHOR, *UNSIGNED, "commit", "--quiet", "-m", f"{task['id']}: {task['title']}"))
    return {"tasks": [moved(task, "awaiting_qa")], "journal": [f"{task['id']} done"]}


def do_task(task: Task, brief: str, folder: Path) -> Steps[str]:
    """The task's text, from whoever its profile names."""
    work = f"Task {task['id']}: {task['title']}\n{task['description']}\n\n{brief}"
    match task["assigned_worker_profile"]:
        case "claude":
            return (yield Delegate("claude", CLAUDE_MODEL, work, folder))
        case "codex":
            return (yield Delegate("codex", CODEX_MODEL, work, folder))
        case "planner":
            return (yield Ask(LARGE_MODEL, work, "chat stream"))
        case "coder":
            draft = yield Ask(LARGE_MODEL, work, "chat stream")
            review = yield Ask(SMALL_MODEL, f"Task {task['id']}: review the draft\n{draft}")
            return f"{draft}\n\n{review}"
        case _:
            return (yield Ask(SMALL_MODEL, work))


def strategist(state: State) -> Steps[Update]:
    """Merge what the workers finished, clear up after them and judge the result."""
    finished = [task for task in state["tasks"] if task["status"] == "awaiting_qa"]
    main = repository(state["folder"])
    for task in finished:
        message = f"Merge {task['id']}: {task['title']}"
        yield Git(main, (*AUTHOR, *UNSIGNED, "merge", "--quiet", "--no-ff", "-m", message, branch(task)))
        yield Git(main, ("worktree", "remove", str(worktree(state["folder"], task))))
        yield Git(main, ("branch", "--quiet", "-d", branch(task)))
    log = yield Git(main, ("log", "--oneline", "--first-parent", f"-{len(finished)}"))
    question = f"Strategist, cycle {state['cycle']}: judge the work\n{log}"
    verdict = yield Ask(LARGE_MODEL, question, "responses")
    return {"tasks": [moved(task, "complete") for task in finished], "journal": [f"strategist: {verdict}"]}
