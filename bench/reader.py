"""How long the commands take to read a store, and how much memory they need, for stores of growing size.

``python -m bench.reader [--spans 10000 100000 1000000] [--keep DIRECTORY] [--repeat 3]``. Every command is a process of
its own, as a user starts it; the best of the repetitions counts. Memory is the largest resident size of any one
process of the command (the reader's workers are processes too).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.generate_store import generate

COMMANDS: Final = {
    "report --since": ("report", "--since", "2020-01-01"),
    "report": ("report",),
    "runs": ("runs",),
}
_CODE: Final = "import sys; from agent_otel.cli.main import main; sys.exit(main(sys.argv[1:]))"


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds by the clock, seconds of all processes' CPU time, and megabytes of the largest process."""

    wall: float
    cpu: float
    megabytes: float


def measure(directory: Path, arguments: tuple[str, ...]) -> Cost:
    """Run one command over the store."""
    command = [sys.executable, "-c", _CODE, *arguments, "--dir", str(directory)]
    began = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - began
    if process.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed with status {process.returncode}")
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def best(directory: Path, arguments: tuple[str, ...], repeat: int) -> Cost:
    """The quickest of several runs of a command."""
    return min((measure(directory, arguments) for _ in range(repeat)), key=lambda cost: cost.wall)


def store(folder: Path, spans: int, *, one: bool = False) -> Path:
    """A generated store, made unless it is there."""
    directory = folder / f"{spans}{'-one-run' if one else ''}"
    if not (directory / "otlp").exists():
        generate(directory, spans, one=one)
    return directory


def megabytes(directory: Path) -> float:
    """The size of a store."""
    return sum(path.stat().st_size for path in (directory / "otlp").iterdir()) / 1e6


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spans", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--keep", type=Path, help="where the stores are made and left")
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="agent-otel-bench-") as temporary:
        folder: Path = given.keep or Path(temporary)
        cases = [(spans, False) for spans in given.spans]
        cases += [(100_000, True)] if 100_000 in given.spans else []
        print("| store | MB | command | seconds | CPU seconds | us/span | largest process, MB |")
        print("|---|---:|---|---:|---:|---:|---:|")
        for spans, one in cases:
            directory = store(folder, spans, one=one)
            size = megabytes(directory)
            for name, arguments in COMMANDS.items():
                cost = best(directory, arguments, given.repeat)
                print(
                    f"| {spans:,} spans{' in one run' if one else ''} | {size:,.0f} | `{name}` | {cost.wall:.2f} "
                    f"| {cost.cpu:.2f} | {cost.wall / spans * 1e6:.1f} | {cost.megabytes:.0f} |",
                    flush=True,
                )


if __name__ == "__main__":
    main()
