"""What the readable formats of a check say in the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent_otel.analysis.duration import duration_text
from agent_otel.report.printable import printable
from agent_otel.report.words import counted, percent

if TYPE_CHECKING:
    from agent_otel.analysis.drift import Drift
    from agent_otel.analysis.regress import Check, Figures, Judgement

VERDICTS: Final = {"regression": "REGRESSION", "fine": "Fine", "cannot tell": "Cannot tell"}
COLUMNS: Final = ("group", "n", "before", "now", "change", "at least", "verdict")


def headline(found: Check) -> str:
    """The verdict in a sentence."""
    return f"{VERDICTS[found.verdict]}: {found.reason}"


def against(found: Check) -> str:
    """What was checked against what."""
    judged = sum(group.p is not None for group in found.groups)
    return f"baseline {found.baseline} of {found.created[:10]}, {counted(judged, 'group')} judged"


def name(group: Judgement) -> str:
    """A group; a run is told from the span that it is named after."""
    text = printable(group.name)
    return f"run {text.partition(' ')[2] or text}" if group.kind == "run" else text


def row(group: Judgement) -> tuple[str, ...]:
    """The figures of a group in the order of ``COLUMNS``."""
    return (
        name(group),
        f"{group.before.n:,}/{group.after.n:,}",
        mean(group.before),
        mean(group.after),
        change(group.slowdown),
        change(group.at_least),
        verdict(group),
    )


def mean(figures: Figures) -> str:
    """The geometric mean of a side."""
    return "-" if figures.mean is None else duration_text(figures.mean)


def change(share: float | None) -> str:
    """``+20.1 %``; above a tenfold slowdown ``x12.3``."""
    if share is None:
        return "-"
    return f"x{share + 1:.3g}" if share >= 9 else f"{round(share * 100, 1) + 0.0:+.1f} %"


def verdict(group: Judgement) -> str:
    """The verdict on a group, with what it lacks."""
    return f"too few: {group.missing:,} more" if group.verdict == "too few" else group.verdict


def sentence(group: Judgement, limit: float) -> str:
    """What happened to a group, for a log or an annotation."""
    if group.verdict == "too few":
        return f"{name(group)}: too few samples to judge, {group.missing:,} more needed"
    moved = f"{mean(group.before)} -> {mean(group.after)} ({change(group.slowdown)}, allowed {percent(limit)})"
    if group.verdict == "regression":
        return (
            f"{name(group)}: {moved}, at least {change(group.at_least)} with 96 % confidence, "
            f"{group.before.n:,} and {group.after.n:,} samples"
        )
    return f"{name(group)}: {moved}, p {group.p_adjusted or 0.0:.2g} for all groups: chance may do as much"


def drift(found: Drift) -> str:
    """A change for the worse that fails no check."""
    named = printable(found.name)
    if found.metric == "success":
        return f"{named}: {percent(found.after)} succeed, {percent(found.before)} did (p {found.p:.2g})"
    before, after = (
        f"{value:,.0f}" if found.metric == "tokens" else f"${value:#.3g}" for value in (found.before, found.after)
    )
    more = change(found.after / found.before - 1)
    return f"{named}: {more} {found.metric}, {before} -> {after} (p {found.p:.2g})"


def detectable(found: Check) -> str | None:
    """What a slowdown must be to be found; None where nothing was judged."""
    known = [group.detectable for group in found.groups if group.detectable is not None]
    if not known:
        return None
    least, most = (change(bound(known)).lstrip("+") for bound in (min, max))
    slowdown = f"A slowdown of {least}" if least == most else f"Slowdowns of {least} to {most}, by group,"
    return f"{slowdown} would be found nine times in ten."
