"""``agent-otel compare`` over many records, as a whole process: seconds, medians of several runs.

python bench/compare.py [RECORDS]
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

REPEATS = 5


def records(count: int) -> list[dict[str, object]]:
    """Agent runs of forty agents by three CLIs."""
    epoch = datetime(2026, 1, 1, tzinfo=timezone.utc)
    return [
        {
            "agent": f"agent{number % 40}",
            "cli": ("claude", "codex", "copilot")[number % 3],
            "duration": 1000.0 + number * 7919 % 977,
            "timestamp": (epoch + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
            "outcome": "ok",
        }
        for number in range(count)
    ]


def main() -> None:
    """Print the median and all figures."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    command = str(Path(sys.executable).with_name("agent-otel"))
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "agent-performance.json").write_text(json.dumps(records(count)), encoding="utf-8")
        argv = [command, "compare", "--dir", folder, "--format", "json"]
        seconds: list[float] = []
        for _ in range(REPEATS):
            began = time.perf_counter()
            subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
            seconds.append(time.perf_counter() - began)
    shown = ", ".join(f"{one:.2f}" for one in sorted(seconds))
    print(f"compare over {count:,} records: {statistics.median(seconds):.2f} s ({shown})")


if __name__ == "__main__":
    main()
