"""What the readable formats say about a diagnosis in the same words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent_otel.analysis.duration import duration_text
from agent_otel.report.words import percent

if TYPE_CHECKING:
    from agent_otel.analysis.findings import Diagnosis
    from agent_otel.analysis.symptom import Evidence, Symptom


def usual(found: Symptom) -> str:
    """What the share usually is."""
    low, high = found.usual
    digits = 1 if low * 100 % 1 else 0
    return f"{low * 100:.{digits}f}-{high * 100:.0f} %"


def saving(found: Symptom) -> str:
    """What the change would save; empty where there is none."""
    if found.change is None or found.saving_seconds is None or found.saving_share is None:
        return ""
    if found.saving_seconds < 0:
        return f"costs {duration_text(-found.saving_seconds)} ({percent(-found.saving_share)}): {found.change}"
    most = "at most " if found.bracketed else ""
    return f"saves {most}{duration_text(found.saving_seconds)} ({percent(found.saving_share)}): {found.change}"


def evidence(found: Evidence) -> str:
    """A span to look at."""
    return f"{found.span_id} {found.name}, {duration_text(found.seconds)}: {found.why}"


def model(found: Diagnosis) -> str:
    """What the savings are worth."""
    it = found.model
    return f"Savings are predictions by a model that is {it.verdict} for this run ({it.error * 100:+.1f} %): {it.text}."
