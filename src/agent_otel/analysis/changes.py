"""What a what-if changes: how units are handed out, to how many workers, and what gets faster."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from agent_otel import semconv
from agent_otel.analysis.passes import CONTINUOUS
from agent_otel.analysis.replay import NO_BARRIER

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from agent_otel.analysis.work import Label

WORDS: Final = (*semconv.WORK_CATEGORIES, *semconv.WAIT_REASONS)
"""Targets that exist whether or not a run has any of it."""


@dataclass(frozen=True, slots=True)
class Lever:
    """Something that takes another time: durations of ``target`` times ``factor``. ``text`` is how it was asked for."""

    target: str
    factor: float
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """A changed run. ``dispatch`` None and ``workers`` None keep what the run had; 0 workers is no limit."""

    dispatch: Literal["continuous", "no barrier"] | None = None
    workers: int | None = None
    levers: tuple[Lever, ...] = ()

    @property
    def text(self) -> str:
        """The change in words."""
        parts = [self.dispatch.replace("continuous", "continuous dispatch")] if self.dispatch else []
        if self.workers is not None:
            parts.append({0: "no limit on workers", 1: "1 worker"}.get(self.workers, f"{self.workers} workers"))
        parts += [lever.text for lever in self.levers]
        return ", ".join(parts) or "nothing changed"


def speedup(text: str) -> Lever:
    """``llm=2``: twice as fast. Raises ``ValueError`` for what is no target and positive number."""
    target, number = _split(text, "llm=2")
    if not number > 0 or math.isinf(number):
        raise ValueError("the factor must be above 0")
    return Lever(target, 1 / number, f"{target} {number:g}x as fast")


def cache(text: str) -> Lever:
    """``llm=0.3``: 30 % of the time is gone. Raises ``ValueError`` for what is no target and share."""
    target, number = _split(text, "llm=0.3")
    if not 0 <= number <= 1:
        raise ValueError("the share must be from 0 to 1")
    return Lever(target, 1 - number, f"{number * 100:g} % of {target} cached")


def without(target: str) -> Lever:
    """None of it at all."""
    return Lever(target, 0.0, f"no {target.replace('_', ' ')}")


def _split(text: str, example: str) -> tuple[str, float]:
    target, found, number = text.rpartition("=")
    if not found or not target.strip():
        raise ValueError(f"write {example}")
    try:
        return target.strip(), float(number)
    except ValueError:
        raise ValueError(f"{number!r} is no number; write {example}") from None


def factors(levers: Sequence[Lever], labels: Iterable[Label]) -> list[float]:
    """What durations are multiplied with, by label: all that apply, multiplied."""
    return [math.prod(lever.factor for lever in levers if lever.target in label.targets) for label in labels]


def unknown(levers: Iterable[Lever], labels: Iterable[Label]) -> list[str]:
    """The targets of levers that nothing has by that name."""
    known = {target for label in labels for target in label.targets}
    return [lever.target for lever in levers if lever.target not in known and lever.target not in WORDS]


__all__ = ["CONTINUOUS", "NO_BARRIER", "Change", "Lever", "cache", "factors", "speedup", "unknown", "without"]
