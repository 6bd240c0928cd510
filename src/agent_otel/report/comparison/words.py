"""What the readable formats of a comparison say in the same words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from agent_otel.analysis.duration import duration_text
from agent_otel.report.printable import printable
from agent_otel.report.words import counted, percent

if TYPE_CHECKING:
    from agent_otel.analysis.compare import Comparison, Effect
    from agent_otel.analysis.recommend import Recommendation
    from agent_otel.analysis.statistics import Interval

KINDS: Final = {"agent": "agent runs", "node": "node runs", "llm": "LLM calls", "run": "runs"}
WORSE: Final = {
    "duration": "slower",
    "quality": "worse",
    "success": "fails more",
    "tokens": "uses more",
    "cost": "costs more",
}
BETWEEN: Final = " / "
_REVISION: Final = re.compile(r"[0-9a-f]{40,64}")
_SHORT: Final = 10


def headline(found: Comparison) -> tuple[str, str]:
    """What is compared; then over how much."""
    what = f"{KINDS[found.kind]} by {', '.join(found.by)}"
    title = f"{found.metric.capitalize()} of {what}" + (f", {found.category}" if found.category else "")
    order = "the best first" if found.best is not None else "not compared"
    candidates = counted(len(found.candidates), "candidate")
    return title, f"{counted(found.samples, 'sample')} of {candidates} in {counted(found.runs, 'run')}, {order}"


def name(keys: tuple[str, ...]) -> str:
    """A candidate; commits are cut short."""
    return BETWEEN.join(map(key, keys))


def key(value: str) -> str:
    """One key of a candidate."""
    return value[:_SHORT] if _REVISION.fullmatch(value) else printable(value)


def value_unit(found: Comparison) -> str:
    """The unit of medians and quantiles: of success rates they are of durations."""
    return "s" if found.metric == "success" else found.unit


def value(number: float | None, unit: str) -> str:
    """A value with its unit."""
    if number is None:
        return "-"
    if unit == "s":
        return duration_text(number)
    if unit == "share":
        return percent(number)
    if unit == "USD":
        return f"${number:,.2f}" if number >= 1 else f"${number:#.3g}"
    return f"{number:,.0f}" if unit == "tokens" else f"{number:.1f}"


def interval(found: Interval, unit: str) -> str:
    """``11.8-13.0 s``; ``from 11.8 s`` where there is no upper bound."""
    if found.low is None and found.high is None:
        return ""
    if found.low is None:
        return f"to {value(found.high, unit)}"
    if found.high is None:
        return f"from {value(found.low, unit)}"
    low, high = value(found.low, unit), value(found.high, unit)
    for suffix in (" us", " ms", " s", " %"):
        if low.endswith(suffix) and high.endswith(suffix):
            return f"{low.removesuffix(suffix)}-{high}"
    return f"{low}-{high}"


def probability(share: float | None) -> str:
    """How probable it is to be the best."""
    if share is None:
        return "-"
    return "< 1 %" if share < 0.01 else "> 99 %" if share > 0.99 else f"{share * 100:.0f} %"


def effect_head(found: Comparison) -> str:
    """The name of the effect."""
    measure = found.effects[0].measure if found.effects else "ratio"
    return {"ratio": "times the best", "delta": "Cliff's delta", "difference": "difference"}[measure]


def effect(found: Effect) -> str:
    """The effect with its interval: ``1.32 (1.10-1.58)``."""
    if found.measure == "difference":
        low, high = (100 * (bound or 0.0) for bound in (found.interval.low, found.interval.high))
        return f"{100 * found.value:+.0f} ({low:+.0f} to {high:+.0f}) points"
    low, high = found.interval.low or 0.0, found.interval.high or 0.0
    if found.measure == "delta":
        return f"{found.value:+.2f} ({low:+.2f} to {high:+.2f})"
    return f"{_three(found.value)}x ({_three(low)}-{_three(high)})"


def _three(number: float) -> str:
    return f"{number:.0f}" if number >= 99.95 else f"{number:.1f}" if number >= 9.995 else f"{number:.2f}"


def p_value(p: float) -> str:
    """A p-value of two digits."""
    return "< 0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def verdict(found: Effect, metric: str) -> str:
    """What the effect means."""
    if found.verdict == "undecided":
        return f"undecided: {found.missing:,} more each"
    return WORSE[metric] if found.verdict == "worse" else "same"


def few(missing: int) -> str:
    """Why a candidate is not compared."""
    return f"{missing:,} more" if missing else "-"


def recommendation(found: Recommendation) -> tuple[str, str]:
    """What it is for, and what to do."""
    what = "everything" if found.category is None else found.category
    if found.keys is None:
        return what, found.reason
    verb = "use" if found.advice == "use" else "lean to"
    return what, f"{verb} {name(found.keys)}: {found.reason}"
