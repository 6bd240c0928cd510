"""The answer of ``agent-otel check``: has anything become slower than a baseline allows, by more than chance?

A group is a kind and a name (``node worker``). It regressed if the estimate of its slowdown, from the means of the
logarithms of durations, is above the limit, and the one-sided lower bound of 96 % is above zero: with several groups,
after Hommel's correction, so that the chance of any false alarm stays within 4 % however many there are.
"""

from __future__ import annotations

import math
import statistics as standard
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from agent_otel.analysis.corrections import hommel
from agent_otel.analysis.drift import Drift, drifts
from agent_otel.analysis.shift import Shift, shift, side
from agent_otel.store.baselines import Group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_otel.store.baselines import Baseline, Batch

Verdict: TypeAlias = Literal["regression", "fine", "cannot tell"]
GroupVerdict: TypeAlias = Literal["regression", "unsure", "fine", "faster", "too few", "new", "gone"]

EXIT_STATUS: Final[dict[Verdict, int]] = {"fine": 0, "regression": 1, "cannot tell": 3}
CONFIDENCE: Final = 0.96
POWER: Final = 0.90
MAX_SLOWDOWN: Final = 0.10
MINIMUM: Final = 10
"""With fewer samples on either side a group is not judged."""
SHORTEST: Final = 1e-6
"""Seconds; shorter durations count as this, since zero has no logarithm."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One side of a group: samples, the runs that they come from, and in seconds their geometric mean and median."""

    n: int
    runs: int
    mean: float | None
    median: float | None


@dataclass(frozen=True, slots=True)
class Judgement:
    """What became of a group; ``slowdown`` 0.2 is 20 % slower.

    ``at_least`` is the one-sided lower bound of 96 % for this group alone; ``p`` its one-sided p-value and
    ``p_adjusted`` that after the correction for all groups. ``detectable`` is the slowdown that would be found nine
    times in ten, ``missing`` how many more samples it needs to be judged at all. ``unsure`` is above the limit, but
    not by more than chance may do.
    """

    kind: str
    name: str
    before: Figures
    after: Figures
    verdict: GroupVerdict
    slowdown: float | None = None
    at_least: float | None = None
    p: float | None = None
    p_adjusted: float | None = None
    detectable: float | None = None
    missing: int = 0


@dataclass(frozen=True, slots=True)
class Check:
    """The verdict, what it rests on group by group (the worst first), and what else changed, which fails no check."""

    baseline: str
    created: str
    max_slowdown: float
    verdict: Verdict
    reason: str
    groups: tuple[Judgement, ...]
    drifts: tuple[Drift, ...]
    notes: tuple[str, ...]

    @property
    def exit_status(self) -> int:
        """0 fine, 1 regression, 3 cannot tell."""
        return EXIT_STATUS[self.verdict]


def check(
    baseline: Baseline,
    current: Sequence[Group],
    max_slowdown: float = MAX_SLOWDOWN,
    minimum: int = MINIMUM,
    notes: Sequence[str] = (),
) -> Check:
    """Judge groups of later runs against a baseline."""
    before = {(group.kind, group.name): group for group in baseline.groups}
    after = {(group.kind, group.name): group for group in current}
    pairs = [(key, before.get(key, Group(*key)), after.get(key, Group(*key))) for key in sorted({*before, *after})]
    shifts = {key: _shift(old, new) for key, old, new in pairs if min(_count(old), _count(new)) >= minimum}
    adjusted = dict(zip(shifts, hommel([found.p_above for found in shifts.values()]), strict=True))
    groups = [
        _judged(old, new, shifts[key], adjusted[key], max_slowdown) if key in shifts else _unjudged(old, new, minimum)
        for key, old, new in pairs
    ]
    groups.sort(key=lambda found: (_ORDER[found.verdict], -(found.slowdown or 0.0), found.kind, found.name))
    verdict, reason = _verdict(groups, baseline.name, max_slowdown, minimum)
    compared = [(old, new) for _, old, new in pairs if _count(old) and _count(new)]
    return Check(
        baseline=baseline.name,
        created=baseline.created,
        max_slowdown=max_slowdown,
        verdict=verdict,
        reason=reason,
        groups=tuple(groups),
        drifts=tuple(drifts(compared, max_slowdown, minimum)),
        notes=(*_single_runs(pairs, shifts), *notes),
    )


_ORDER: Final[dict[GroupVerdict, int]] = {
    "regression": 0,
    "unsure": 1,
    "fine": 2,
    "faster": 2,
    "too few": 3,
    "gone": 4,
    "new": 5,
}


def _shift(before: Group, after: Group) -> Shift:
    return shift(*(side([_logs(batch) for batch in group.runs]) for group in (before, after)))


def _logs(batch: Batch) -> list[float]:
    return [math.log(max(duration, SHORTEST)) for duration in batch.durations]


def _count(group: Group) -> int:
    return sum(len(batch.durations) for batch in group.runs)


def _judged(before: Group, after: Group, found: Shift, p_adjusted: float, max_slowdown: float) -> Judgement:
    limit, alpha = math.log1p(max_slowdown), 1 - CONFIDENCE
    verdict: GroupVerdict = "fine"
    if found.value > limit:
        verdict = "regression" if p_adjusted < alpha else "unsure"
    elif found.value < -limit and found.p_below < alpha:
        verdict = "faster"
    return Judgement(
        kind=after.kind,
        name=after.name,
        before=_figures(before),
        after=_figures(after),
        verdict=verdict,
        slowdown=math.expm1(found.value),
        at_least=math.expm1(found.lower(CONFIDENCE)),
        p=found.p_above,
        p_adjusted=p_adjusted,
        detectable=math.expm1(min(700.0, found.detectable(CONFIDENCE, POWER, limit))),
    )


def _unjudged(before: Group, after: Group, minimum: int) -> Judgement:
    old, new = _figures(before), _figures(after)
    verdict: GroupVerdict = "gone" if not new.n else "new" if not old.n else "too few"
    slowdown = new.mean / old.mean - 1 if new.mean and old.mean else None
    return Judgement(after.kind, after.name, old, new, verdict, slowdown, missing=max(0, minimum - min(old.n, new.n)))


def _figures(group: Group) -> Figures:
    durations = [duration for batch in group.runs for duration in batch.durations]
    runs = sum(bool(batch.durations) for batch in group.runs)
    if not durations:
        return Figures(0, runs, None, None)
    logs = (math.log(max(duration, SHORTEST)) for duration in durations)
    return Figures(len(durations), runs, math.exp(standard.fmean(logs)), standard.median(durations))


def _verdict(groups: Sequence[Judgement], name: str, max_slowdown: float, minimum: int) -> tuple[Verdict, str]:
    judged = [group for group in groups if group.p is not None]
    if not judged:
        if not any(group.after.n for group in groups):
            return "cannot tell", f"there are no runs besides those of baseline {name}"
        if not any(group.before.n for group in groups):
            return "cannot tell", f"baseline {name} holds no samples"
        least = min((group.missing for group in groups if group.verdict == "too few"), default=0)
        if not least:
            return "cannot tell", f"nothing that ran is in baseline {name}"
        return "cannot tell", f"too few samples: at least {least} more, {minimum} on each side are the least"
    slow = [group for group in judged if group.verdict == "regression"]
    if slow:
        worst = max(slow, key=lambda group: group.slowdown or 0.0)
        more = f" and {len(slow) - 1} more" if len(slow) > 1 else ""
        return (
            "regression",
            f"{worst.name}{more}: {_percent(worst.slowdown or 0.0)} slower, {_percent(max_slowdown)} allowed",
        )
    groups_judged = "the only group judged is not" if len(judged) == 1 else f"none of {len(judged)} groups judged is"
    return "fine", f"{groups_judged} slower than allowed ({_percent(max_slowdown)}) by more than chance"


def _percent(share: float) -> str:
    return f"{share * 100:.3g} %"


def _single_runs(
    pairs: Sequence[tuple[tuple[str, str], Group, Group]], judged: dict[tuple[str, str], Shift]
) -> list[str]:
    alone = [
        new.name
        for key, old, new in pairs
        if key in judged and (_figures(old).runs, _figures(new).runs) == (1, 1) and _count(old) > 1
    ]
    if not alone:
        return []
    listed = ", ".join(alone)
    told = "all samples of a side come from one run, so what differs between runs anyway cannot be told from a change"
    return [f"{listed}: {told}; record several runs for a verdict to trust."]
