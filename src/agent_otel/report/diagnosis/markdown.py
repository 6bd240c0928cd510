"""A diagnosis in Markdown, for a pull request or an issue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TextIO

from agent_otel.report.diagnosis import words
from agent_otel.report.markdown_table import cell, markdown_table
from agent_otel.report.words import percent, runs_headline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent_otel.analysis.findings import Diagnosis
    from agent_otel.analysis.symptom import Symptom

COLUMNS: Final = ("hypothesis", "share", "usual", "verdict", "saving", "advice")


def render(found: Diagnosis, stream: TextIO) -> None:
    """Write the hypotheses as a table, then the spans to look at."""
    stream.write("\n".join(_lines(found)) + "\n")


def _row(one: Symptom) -> tuple[str, ...]:
    share = f"{percent(one.share)} of {one.of}"
    return one.hypothesis, share, words.usual(one), one.verdict, words.saving(one), one.advice


def _lines(found: Diagnosis) -> Iterator[str]:
    title, which = runs_headline([found.run])
    yield from (f"# Diagnosis: {cell(title)}", "", cell(which), "")
    yield from markdown_table(COLUMNS, map(_row, found.findings))
    shown = [one for one in found.findings if one.evidence]
    if shown:
        yield from ("", "## Spans to look at", "")
        for one in shown:
            yield from (f"- {one.hypothesis}: {cell(words.evidence(span))}" for span in one.evidence)
    yield from ("", cell(words.model(found)), "", "## Notes", "", *(f"- {cell(note)}" for note in found.notes))
