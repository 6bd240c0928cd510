"""The documents on what-ifs and diagnoses say what the code says, and their example is worked right."""

from __future__ import annotations

import dataclasses
from typing import Final

import pytest

from agent_otel.analysis import diagnosis, incidents, replay, serialised, whatif
from agent_otel.analysis.changes import Change, cache, speedup
from agent_otel.analysis.findings import Diagnosis, diagnose_run
from agent_otel.analysis.levers import WhatIfReport
from agent_otel.analysis.symptom import Evidence, Symptom
from agent_otel.analysis.whatif import Confidence, Prediction, WhatIf
from agent_otel.analysis.work import KINDS, NAMED
from tests.analysis.loops import STRAGGLERS, supersteps_of
from tests.docs.documents import codes, read, rows, section

WHATIF: Final = "docs/analysis/whatif.md"
DIAGNOSIS: Final = "docs/analysis/diagnosis.md"
WORKED: Final = "## An example worked by hand"
CHANGES: Final = {
    "--continuous-dispatch": Change("continuous"),
    "--no-barrier": Change("no barrier"),
    "--workers 2": Change(workers=2),
    "--continuous-dispatch --workers 2": Change("continuous", 2),
    "--speedup llm=2": Change(levers=(speedup("llm=2"),)),
    "--speedup node:worker=1.5": Change(levers=(speedup("node:worker=1.5"),)),
    "--cache llm=0.3": Change(levers=(cache("llm=0.3"),)),
}


def test_the_worked_predictions() -> None:
    what_if = WhatIf(supersteps_of(STRAGGLERS).run())
    assert what_if.run.wall == 1221 * 10**9
    listed = {cells[0].strip("`"): cells[1:3] for cells in rows(section(WHATIF, WORKED))}
    predicted = {name: what_if.predict(change) for name, change in CHANGES.items()}
    assert listed == {
        name: [f"{one.predicted_seconds:.0f} s", f"{one.saving_seconds:.0f} s ({one.saving_share * 100:.0f} %)"]
        for name, one in predicted.items()
    }


def test_the_worked_diagnosis() -> None:
    found = diagnose_run(supersteps_of(STRAGGLERS).run())
    listed = {cells[0]: cells[1:4] for cells in rows(section(DIAGNOSIS, WORKED))}
    assert listed == {
        one.hypothesis: [
            f"{one.share * 100:.0f} %",
            one.verdict,
            f"{one.saving_seconds:.0f} s: {one.change}" if one.saving_seconds is not None else "",
        ]
        for one in found.findings
        if one.verdict != "none"
    }


def test_every_hypothesis_is_explained_with_its_usual_share() -> None:
    listed = {cells[0]: cells[2] for cells in rows(section(DIAGNOSIS, "## Hypotheses"))}
    found = diagnose_run(supersteps_of(STRAGGLERS).run()).findings
    assert listed == {one.hypothesis: usual(one) for one in found}


def usual(one: Symptom) -> str:
    low, high = one.usual
    return f"{low * 100:g}-{high * 100:g} %"


def test_every_target_is_explained() -> None:
    listed = {code for cells in rows(section(WHATIF, "## Targets")) for code in codes(cells[0])}
    assert {f"{kind}:NAME" for kind in NAMED} | set(KINDS) <= listed


def test_every_rule_is_explained() -> None:
    text = section(WHATIF, "## Rules").lower()
    assert [rule for rule in replay.RULES if f"**{rule}**" not in text] == []


@pytest.mark.parametrize(
    ("document", "kinds"),
    [(WHATIF, (WhatIfReport, Prediction, Confidence)), (DIAGNOSIS, (Diagnosis, Symptom, Evidence))],
)
def test_every_key_of_the_json_objects_is_explained(document: str, kinds: tuple[type, ...]) -> None:
    explained = set(codes(section(document, "## The JSON object")))
    for kind in kinds:
        assert {field.name for field in dataclasses.fields(kind)} <= explained, kind


def test_constants_are_those_of_the_code() -> None:
    text = " ".join(read(WHATIF).split())
    assert f"up to {whatif.GOOD * 100:.0f} %" in text
    assert f"up to {whatif.FAIR * 100:.0f} %" in text
    assert f"within {serialised.HANDOVER / 1e6:.0f} ms" in text
    text = " ".join(read(DIAGNOSIS).split())
    assert f"{incidents.COLD_NANOSECONDS / 1e6:.0f} ms" in text
    assert f"above {diagnosis.CONTINUOUS_DISPATCH_PAYS * 100:.0f} %" in text
