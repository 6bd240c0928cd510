"""Stores of any size, of runs in the shape of the demo.

``python -m bench.generate_store DIRECTORY --spans 1000000 [--one-run]`` writes segment files as the store does: about
eight spans a line, a process for every fifty runs. The same arguments give the same bytes.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bench.demo_shape import MILLISECOND, Shape, attributes_json

from agent_otel import semconv

if TYPE_CHECKING:
    from collections.abc import Iterator

EPOCH: Final = 1_795_000_000_000_000_000
CYCLES: Final = 4
"""Of one run, which then has about 200 spans."""
SPANS_A_LINE: Final = 8
RUNS_A_PROCESS: Final = 50


def _line(process: str, spans: list[str]) -> str:
    resource = attributes_json(
        {
            "telemetry.sdk.language": "python",
            "telemetry.sdk.name": "opentelemetry",
            "telemetry.sdk.version": "1.45.2",
            semconv.SERVICE_INSTANCE_ID: process,
            semconv.TELEMETRY_DISTRO_NAME: "agent-otel",
            semconv.SERVICE_NAME: "main",
            semconv.VCS_REF_HEAD_REVISION: "56634eddc2e3a7a76c3d94176303422f1c041b60",
        }
    )
    return (
        f'{{"resourceSpans":[{{"resource":{{"attributes":[{resource}]}},"scopeSpans":[{{"scope":{{"name":'
        f'"{semconv.SCOPE}","version":"0.1.0"}},"spans":[{",".join(spans)}],"schemaUrl":"{semconv.SCHEMA_URL}"}}]}}]}}\n'
    )


def runs(spans: int, *, one: bool) -> Iterator[Shape]:
    """Runs until there are so many spans; with ``one`` a single run of about that size."""
    made, start, first_id = 0, EPOCH, 0
    while made < spans:
        shape = Shape(
            random.Random(made), f"{(made + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC835 % (1 << 128):032x}", first_id
        )
        cycles = CYCLES if not one else max(1, spans // 49)
        start = shape.run(start, cycles) + MILLISECOND
        first_id = shape.first_id
        made += len(shape.written)
        yield shape
        if one:
            return


def generate(directory: Path, spans: int, *, one: bool = False) -> int:
    """Write the store; returns how many spans it has."""
    folder = directory / "otlp"
    folder.mkdir(parents=True, exist_ok=True)
    made = 0
    number = 0
    batch: list[Shape] = []
    for shape in runs(spans, one=one):
        made += len(shape.written)
        batch.append(shape)
        if len(batch) == RUNS_A_PROCESS:
            _write(folder, number, batch)
            number, batch = number + 1, []
    if batch:
        _write(folder, number, batch)
    return made


def _write(folder: Path, number: int, batch: list[Shape]) -> None:
    path = (
        folder
        / f"traces-20261120T{number // 3600:02d}{number // 60 % 60:02d}{number % 60:02d}-{number + 100}-bench.jsonl"
    )
    with path.open("w", encoding="utf-8") as stream:
        for shape in batch:
            texts = [text for _, text in sorted(shape.written, key=lambda item: item[0])]
            for place in range(0, len(texts), SPANS_A_LINE):
                stream.write(_line(f"process-{number}", texts[place : place + SPANS_A_LINE]))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--spans", type=int, default=10_000)
    parser.add_argument("--one-run", action="store_true")
    given = parser.parse_args()
    made = generate(given.directory, given.spans, one=given.one_run)
    print(f"{made:,} spans in {given.directory}")


if __name__ == "__main__":
    main()
