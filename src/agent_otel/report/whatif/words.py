"""What the readable formats say about predictions in the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from agent_otel.analysis.duration import duration_text
from agent_otel.report.words import percent

if TYPE_CHECKING:
    from agent_otel.analysis.levers import WhatIfReport
    from agent_otel.analysis.whatif import Prediction

COLUMNS: Final = ("change", "predicted", "saves", "", "most time then")
CATEGORIES_SHOWN: Final = 3


def model(found: WhatIfReport) -> str:
    """How far the predictions can be trusted."""
    it = found.model
    return (
        f"Model: {it.verdict}. Replayed as it was, the run takes {duration_text(it.replayed_seconds)}, measured "
        f"{duration_text(found.run.wall_seconds)} ({it.error * 100:+.1f} %): {it.text}."
    )


def figures(found: Prediction) -> tuple[str, ...]:
    """The figures of a prediction in the order of ``COLUMNS``."""
    if found.predicted_seconds is None:
        low, high = found.between
        between = f"{duration_text(low)} to {duration_text(high)}"
        return (found.change, between, f"up to {duration_text(found.saving_seconds)}", share(found), "")
    return (
        found.change,
        duration_text(found.predicted_seconds),
        duration_text(found.saving_seconds),
        share(found),
        path(found),
    )


def share(found: Prediction) -> str:
    """The saving as a part of the measured time."""
    sign = "-" if found.saving_share < 0 else ""
    return f"{'' if found.known else 'up to '}{sign}{percent(abs(found.saving_share))}"


def path(found: Prediction) -> str:
    """The greatest categories of the new critical path."""
    greatest = sorted(found.critical_path.items(), key=lambda item: -item[1])[:CATEGORIES_SHOWN]
    total = sum(found.critical_path.values())
    return ", ".join(f"{name} {percent(seconds / total)}" for name, seconds in greatest if seconds)
