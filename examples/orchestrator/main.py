"""Many agents build a small product: python examples/orchestrator/main.py"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import dispatcher
import graph
from llm_process import local_llm
from nodes import repository
from plan import MOST_TASKS, make_tasks
from workload import Workload, read_workload

if TYPE_CHECKING:
    from state import State


def main() -> int:
    """Run the orchestrator; 0 if all tasks were completed."""
    options = read_options()
    with ExitStack() as stack:
        folder: Path | None = options.folder
        if folder is None:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orchestrator-")))
        folder = folder.resolve()
        folder.mkdir(parents=True, exist_ok=True)
        work: Workload = options.workload or Workload(make_tasks(options.tasks), {})
        stack.enter_context(local_llm(folder, options.seed, options.scale, work.latencies))
        start = graph.first_state(str(folder), work.tasks, options.workers)
        began = time.perf_counter()
        if options.scheduler == "continuous":
            end = dispatcher.run(start)
        else:
            end = asyncio.run(graph.run_async(start)) if options.use_async else graph.run(start)
        seconds = time.perf_counter() - began
        print(summary(end, seconds))
    return 0 if all(task["status"] == "complete" for task in end["tasks"]) else 1


def read_options() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description="An orchestrator of many agents, with a local LLM.")
    parser.add_argument("--seed", type=int, default=8, help="of the LLM's latencies (default: 8)")
    parser.add_argument("--scale", type=float, default=1.0, help="factor on the LLM's latencies (default: 1)")
    parser.add_argument("--tasks", type=int, default=16, metavar="N", help=f"4 to {MOST_TASKS} (default: 16)")
    parser.add_argument("--workers", type=int, default=0, metavar="N", help="at once (default: no limit)")
    parser.add_argument("--workload", metavar="W", help="fixed latencies: 30-600-30, or a JSON file (see workload.py)")
    parser.add_argument("--scheduler", choices=["superstep", "continuous"], default="superstep")
    parser.add_argument("--async", action="store_true", dest="use_async", help="event loop, no threads")
    parser.add_argument("--folder", type=Path, help="keep repository and logs here (default: temporary)")
    options = parser.parse_args()
    if not 4 <= options.tasks <= MOST_TASKS:
        parser.error(f"--tasks must be from 4 to {MOST_TASKS}")
    if options.workers < 0 or options.scale < 0:
        parser.error("--workers and --scale must not be negative")
    if options.use_async and options.scheduler == "continuous":
        parser.error("--scheduler continuous runs on threads, not with --async")
    if options.workload:
        try:
            options.workload = read_workload(options.workload)
        except (OSError, ValueError) as wrong:
            parser.error(f"--workload {options.workload}: {wrong}")
    if options.folder and repository(str(options.folder)).exists():
        parser.error(f"--folder {options.folder} already holds a repository")
    return options


def summary(end: State, seconds: float) -> str:
    """What was done, for people."""
    cycles = [line for line in end["journal"] if line.startswith("cycle ")]
    return "\n".join([*cycles, f"{end['journal'][-1]}, {seconds:.1f} s"])


if __name__ == "__main__":
    raise SystemExit(main())
