"""Writes constraints.txt: the newest versions that fit, on every interpreter given, with markers where they differ.

python .ci/constraints.py python3.10 python3.11 ... > constraints.txt
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def resolved(python: str) -> dict[str, str]:
    """Package -> version that pip would install for the project and its tools."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        argv = [python, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed", "--report", str(report)]
        subprocess.run([*argv, f"{ROOT}[dev]"], check=True, stdout=sys.stderr)
        installed = json.loads(report.read_text(encoding="utf-8"))["install"]
    found = {one["metadata"]["name"].lower().replace("_", "-"): one["metadata"]["version"] for one in installed}
    found.pop("agent-otel")
    return found


def minor(python: str) -> str:
    """The interpreter's version as in markers, such as 3.11."""
    program = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run([python, "-c", program], check=True, capture_output=True, text=True).stdout.strip()


def main(pythons: list[str]) -> None:
    """Print the constraints."""
    versions: defaultdict[str, dict[str, str]] = defaultdict(dict)
    for python in pythons:
        for name, version in resolved(python).items():
            versions[name][minor(python)] = version
    for name in sorted(versions):
        pins = versions[name]
        if len(pins) == len(pythons) and len(set(pins.values())) == 1:
            print(f"{name}=={next(iter(pins.values()))}")
            continue
        for version in dict.fromkeys(pins.values()):
            marker = " or ".join(f'python_version == "{one}"' for one, pin in pins.items() if pin == version)
            print(f"{name}=={version} ; {marker}")


if __name__ == "__main__":
    main(sys.argv[1:])
