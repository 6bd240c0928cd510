"""A comparison as Markdown, for a pull request or an issue."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from agent_otel.report.comparison import words
from agent_otel.report.markdown_table import cell, markdown_table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_otel.analysis.candidates import Candidate
    from agent_otel.analysis.compare import Comparison


def render(found: Comparison, stream: TextIO) -> None:
    """Write the comparison."""
    stream.write("\n".join(_lines(found)) + "\n")


def _lines(found: Comparison) -> Iterator[str]:
    title, over = words.headline(found)
    yield from (f"# {cell(title)}", "", cell(over), "")
    columns = (*found.by, "n", "median", "p95", "success", "P(best)")
    yield from markdown_table(columns, (_row(found, one) for one in found.candidates))
    if found.best is not None:
        yield from ("", f"## Against the best: {cell(words.name(found.best))}", "")
        yield from markdown_table(
            (*found.by, words.effect_head(found), "p", "verdict"),
            (
                (*map(words.key, one.keys), words.effect(one), words.p_value(one.p), words.verdict(one, found.metric))
                for one in found.effects
            ),
        )
    yield from ("", "## What to use", "")
    yield from markdown_table(("for", "advice"), map(words.recommendation, found.recommendations))
    yield from ("", "## Method", "", *(f"- {cell(sentence)}" for sentence in found.method))
    if found.notes:
        yield from ("", "## Notes", "", *(f"- {cell(note)}" for note in found.notes))


def _row(found: Comparison, one: Candidate) -> tuple[str, ...]:
    unit = words.value_unit(found)
    best = f"too few: {words.few(one.missing)}" if one.missing else words.probability(one.probability_best)
    return (
        *map(words.key, one.keys),
        f"{one.n:,}",
        _both(words.value(one.median, unit), words.interval(one.median_interval, unit)),
        _both(words.value(one.p95, unit), words.interval(one.p95_interval, unit)),
        _both(words.value(one.success_rate, "share"), words.interval(one.success_interval, "share")),
        best,
    )


def _both(value: str, interval: str) -> str:
    return f"{value} ({interval})" if interval else value
