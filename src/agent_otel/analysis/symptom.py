"""One hypothesis about what slows a run down, tested."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from agent_otel.analysis.examined import Examined
    from agent_otel.analysis.whatif import Prediction

SHOWN: Final = 3
"""How many spans are named as evidence."""
WORTH: Final = 0.01
"""The share of the wall time below which a saving is none."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A span to look at: its id (as ``show`` and any trace viewer know it), name, duration, and why."""

    span_id: str
    name: str
    seconds: float
    why: str


@dataclass(frozen=True, slots=True)
class Symptom:
    """A hypothesis: its ``share`` (of the critical path, where ``of`` says nothing else), the ``usual`` one, the
    verdict (none, low, usual, high), the spans to look at, and what to do.

    ``saving_seconds`` is what ``change`` would save as predicted, at most that much if ``bracketed``; None where there
    is nothing to change.
    """

    hypothesis: str
    share: float
    of: str
    usual: tuple[float, float]
    verdict: str
    change: str | None
    saving_seconds: float | None
    saving_share: float | None
    bracketed: bool
    advice: str
    evidence: tuple[Evidence, ...]


PATH: Final = "critical path"


def symptom(
    examined: Examined,
    hypothesis: str,
    share: float,
    usual: tuple[float, float],
    advice: Mapping[str, str],
    evidence: Iterable[Evidence] = (),
    *,
    of: str = PATH,
    prediction: Prediction | None = None,
    saving: tuple[str, float] | None = None,
) -> Symptom:
    """The hypothesis with its verdict and the advice that goes with that.

    The saving is that of the prediction, or given with what would bring it (nanoseconds).
    """
    verdict = "none" if share <= 0 else "low" if share < usual[0] else "high" if share > usual[1] else "usual"
    change = seconds = None
    bracketed = False
    if saving is not None:
        change, seconds = saving[0], saving[1] / 1e9
    elif prediction is not None and share > 0:
        change, seconds, bracketed = prediction.change, prediction.saving_seconds, not prediction.known
    part = None if seconds is None else examined.share(seconds * 1e9)
    return Symptom(
        hypothesis=hypothesis,
        share=share,
        of=of,
        usual=usual,
        verdict=verdict,
        change=change,
        saving_seconds=seconds,
        saving_share=part,
        bracketed=bracketed,
        advice=advice[verdict],
        evidence=tuple(evidence) if share > 0 else (),
    )
