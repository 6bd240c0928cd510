"""Durations as people write them."""

from __future__ import annotations


def duration_text(seconds: float) -> str:
    """Three digits at most, with the unit that fits: ``1.2 ms``, ``34.5 s``, ``12m 05s``, ``3h 07m``."""
    if seconds < 0:
        return "-" + duration_text(-seconds)
    if seconds == 0:
        return "0 s"
    if seconds < 0.9995e-3:
        return f"{seconds * 1e6:.0f} us"
    if seconds < 0.9995:
        return f"{_three(seconds * 1e3)} ms"
    if seconds < 119.95:
        return f"{_three(seconds)} s"
    whole = round(seconds)
    if whole < 7200:
        return f"{whole // 60}m {whole % 60:02d}s"
    minutes = round(seconds / 60)
    return f"{minutes // 60}h {minutes % 60:02d}m"


def _three(number: float) -> str:
    return f"{number:.0f}" if number >= 99.95 else f"{number:.1f}" if number >= 9.995 else f"{number:.2f}"
