"""Predictions and diagnoses in every format, of every kind of run."""

from __future__ import annotations

import dataclasses
import io
import json
from typing import TYPE_CHECKING

import pytest

from agent_otel import semconv
from agent_otel.analysis.changes import Change, speedup
from agent_otel.analysis.findings import diagnose_run
from agent_otel.analysis.levers import WhatIfReport, answer, levers, rank
from agent_otel.analysis.whatif import WhatIf
from agent_otel.report.diagnosis import registry as diagnoses
from agent_otel.report.whatif import registry as predictions
from tests.analysis.build import Builder, example
from tests.analysis.loops import STRAGGLERS, supersteps_of

if TYPE_CHECKING:
    from collections.abc import Callable


def empty() -> Builder:
    built = Builder()
    built.chat(0, 0)
    return built


def odd() -> Builder:
    built = Builder()
    root = built.agent("a|b <c>\n[red]d", 0, 3)
    for end in (2, 3):
        facts: dict[str, semconv.AttributeValue] = {semconv.TASK_ID: "t" * 60, semconv.TASK_TYPE: "<x>"}
        built.node("n|1\n[bold]" + "x" * 90, 0, end, root, 1, facts, state="abandoned")
    built.node("n", 3, 4, root, 2)
    return built


def stragglers() -> Builder:
    return supersteps_of(STRAGGLERS)


CASES: dict[str, Callable[[], Builder]] = {"example": example, "stragglers": stragglers, "empty": empty, "odd": odd}


def predicted(case: str, *changes: Change) -> WhatIfReport:
    what_if = WhatIf(CASES[case]().run())
    return answer(what_if, changes) if changes else rank(answer(what_if, levers(what_if), ["/store/file: unreadable"]))


def whatif_text(form: str, found: WhatIfReport) -> str:
    stream = io.StringIO()
    predictions.renderer(form)(found, stream)
    return stream.getvalue()


def diagnosis_text(form: str, case: str) -> str:
    stream = io.StringIO()
    diagnoses.renderer(form)(diagnose_run(CASES[case]().run(), ["/store/file: unreadable"]), stream)
    return stream.getvalue()


@pytest.mark.parametrize("form", predictions.FORMATS)
@pytest.mark.parametrize("case", CASES)
def test_every_format_tells_of_every_run(form: str, case: str) -> None:
    for text in (
        whatif_text(form, predicted(case)),
        whatif_text(form, predicted(case, Change("continuous"))),
        diagnosis_text(form, case),
    ):
        assert text.endswith("\n")
        assert "\x1b" not in text
    assert "/store/file: unreadable" in whatif_text(form, predicted(case))
    assert "/store/file: unreadable" in diagnosis_text(form, case)


def test_the_formats_are_the_same() -> None:
    assert list(predictions.FORMATS) == list(diagnoses.FORMATS) == ["text", "json", "md"]


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("case", CASES)
def test_text_fits_the_terminal(width: int, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    for text in (
        whatif_text("text", predicted(case)),
        whatif_text("text", predicted(case, Change(levers=(speedup("own=2"),)))),
        diagnosis_text("text", case),
    ):
        assert max(map(len, text.splitlines())) <= width


def test_a_single_prediction_is_told_in_full() -> None:
    text = whatif_text("text", predicted("stragglers", Change("continuous")))
    assert "20m 21s -> 10m 51s: it saves 9m 30s (47 %)" in text
    assert "Critical path then" in text
    assert "Model: good." in text
    slower = whatif_text("text", predicted("stragglers", Change(workers=1)))
    assert ": it costs 2m 40s (13 %)" in slower


def test_a_bracket_is_told_as_one() -> None:
    text = whatif_text("text", predicted("example", Change("continuous")))
    assert "Between 10m 00s and 10m 00s instead of 10m 00s: it saves at most 0 s (0 %)." in text
    assert "| up to 0 s | up to 0 % |" in whatif_text("md", predicted("example", Change("continuous")))


def test_predictions_as_json() -> None:
    found = json.loads(whatif_text("json", predicted("stragglers", Change("continuous"))))
    (one,) = found["predictions"]
    assert (one["predicted_seconds"], one["saving_seconds"], found["slots"]) == (651, 570, 3)
    assert set(one["critical_path"]) == {"llm", "own"}
    assert found["model"]["verdict"] == "good"
    assert set(found) == {field.name for field in dataclasses.fields(WhatIfReport)}


def test_a_diagnosis_as_json_keeps_the_keys_of_the_report() -> None:
    found = json.loads(diagnosis_text("json", "stragglers"))
    assert all({"hypothesis", "share", "usual", "verdict", "advice"} <= set(one) for one in found["findings"])
    assert all(
        {"span_id", "name", "seconds", "why"} == set(span) for one in found["findings"] for span in one["evidence"]
    )


def test_a_diagnosis_says_what_to_change_and_where_to_look() -> None:
    text = diagnosis_text("text", "stragglers")
    assert "saves 9m 30s (47 %): continuous dispatch" in text
    assert "Not found: git I/O" in text
    assert "held step 2" in text


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_colours_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    diagnoses.renderer("text")(diagnose_run(stragglers().run()), stream)
    predictions.renderer("text")(predicted("stragglers"), stream)
    assert "\x1b[" in stream.getvalue()
