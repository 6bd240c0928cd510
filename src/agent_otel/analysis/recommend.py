"""What to use for which category of tasks, from a comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_otel.analysis.candidates import Candidate
    from agent_otel.analysis.compare import Effect

Advice: TypeAlias = Literal["use", "lean", "any", "collect"]
SURE: Final = 0.95


@dataclass(frozen=True, slots=True)
class Recommendation:
    """For a category (None: for everything): ``use`` a candidate, ``lean`` to it, ``any`` of them, ``collect`` more.

    ``missing`` is about how many more samples (of each candidate that is still in question) would decide it.
    """

    category: str | None
    advice: Advice
    keys: tuple[str, ...] | None
    probability: float | None
    missing: int
    reason: str


def recommend(
    category: str | None, candidates: Sequence[Candidate], effects: Sequence[Effect], minimum: int
) -> Recommendation:
    """The advice for one population; candidates come with the best first, as ``compare`` orders them.

    One that fails more often than the most reliable (their intervals of the success rate do not meet) is never
    recommended, however fast it is.
    """
    compared = [found for found in candidates if found.probability_best is not None]
    if len(compared) < 2:
        return _too_few(category, candidates, minimum)
    floor = max((found.success_interval.low or 0.0) for found in compared)
    reliable = [
        found for found in compared if found.success_interval.high is None or found.success_interval.high >= floor
    ]
    chosen = max(reliable, key=lambda found: found.probability_best or 0.0)
    share = chosen.probability_best or 0.0
    first = compared[0]
    if chosen is not first:
        reason = f"{_name(first)} leads, but fails more often ({_rate(first)} against {_rate(chosen)} succeed)"
        return Recommendation(category, "lean", chosen.keys, share, 0, reason)
    undecided = [effect.missing for effect in effects if effect.verdict == "undecided"]
    if share >= SURE and not undecided:
        return Recommendation(
            category, "use", chosen.keys, share, 0, f"the best with a probability of {_percent(share)}"
        )
    if all(effect.verdict == "same" for effect in effects):
        return Recommendation(category, "any", None, share, 0, "no difference that matters")
    missing = max(undecided, default=0)
    more = f"; about {missing:,} more samples of each would decide it" if missing else ""
    return Recommendation(
        category, "lean", chosen.keys, share, missing, f"the best with a probability of {_percent(share)}{more}"
    )


def _too_few(category: str | None, candidates: Sequence[Candidate], minimum: int) -> Recommendation:
    if len(candidates) < 2:
        return Recommendation(category, "collect", None, None, 0, "only one candidate, nothing to compare it with")
    # two candidates with enough samples are the least that can be compared
    lacking = sorted(found.missing for found in candidates)[:2]
    missing = max(lacking)
    each = f"{missing:,} more {'sample' if missing == 1 else 'samples'}"
    reason = (
        f"too few samples: {each} of a second candidate"
        if not lacking[0]
        else f"too few samples: {each} of two candidates"
    )
    return Recommendation(category, "collect", None, None, missing, f"{reason} ({minimum} of each are the least)")


def _name(found: Candidate) -> str:
    return " / ".join(found.keys)


def _rate(found: Candidate) -> str:
    return "-" if found.success_rate is None else f"{found.success_rate * 100:.0f} %"


def _percent(share: float) -> str:
    return "over 99 %" if share > 0.99 else f"{share * 100:.0f} %"
