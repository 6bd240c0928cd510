"""Making a baseline: samples by group and run, with the versions, machine and commits that they were recorded with."""

from __future__ import annotations

import os
import platform
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from agent_otel.analysis.groups import UNKNOWN
from agent_otel.analysis.summary import moment
from agent_otel.store.baselines import Baseline, Batch, Group
from agent_otel.version import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Set

    from agent_otel.analysis.samples import Sample


def collect(samples: Iterable[Sample], without: Set[str] = frozenset()) -> list[Group]:
    """Samples by kind, name and run, those of some runs left out; by kind and name."""
    found: dict[tuple[str, str], dict[str, Batch]] = {}
    for sample in samples:
        if sample.run in without:
            continue
        batches = found.setdefault((sample.kind, sample.name), {})
        batch = batches.get(sample.run)
        if batch is None:
            batch = batches[sample.run] = Batch(sample.run)
        success = sample.success
        if success is not None:
            batch.settled += 1
            batch.successes += success
        if success or not sample.outcome:
            batch.durations.append(round(sample.duration, 6))
            if sample.tokens is not None:
                batch.tokens.append(sample.tokens)
            if sample.cost is not None:
                batch.cost.append(sample.cost)
    return [Group(kind, name, list(batches.values())) for (kind, name), batches in sorted(found.items())]


def recorded(name: str, samples: Iterable[Sample], now: datetime | None = None) -> Baseline:
    """A baseline of these samples, made on this machine."""
    revisions: set[str] = set()

    def noted() -> Iterator[Sample]:
        for sample in samples:
            if sample.revision != UNKNOWN:
                revisions.add(sample.revision)
            yield sample

    groups = collect(noted())
    created = round((now or datetime.now(timezone.utc)).timestamp() * 1e9)
    return Baseline(
        name=name,
        created=moment(created),
        versions={"agent-otel": __version__, "python": platform.python_version()},
        machine=machine(),
        revisions=sorted(revisions),
        groups=groups,
    )


def machine() -> dict[str, str]:
    """What is known of this machine that durations may depend on; nothing that names it."""
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": platform.processor(),
        "cpus": str(os.cpu_count() or 0),
    }


def differences(baseline: Baseline) -> list[str]:
    """What this machine has in another way than the one that recorded a baseline, as notes."""
    here = machine()
    changed = [
        f"{key} {before or '-'} -> {here.get(key) or '-'}"
        for key, before in baseline.machine.items()
        if before != here.get(key, before)
    ]
    if not changed:
        return []
    listed = ", ".join(changed)
    return [f"The baseline was recorded on another machine ({listed}): what differs may be the machine's."]
