"""The verdict of a check in every format, as the CI systems read them."""

from __future__ import annotations

import io
import json
import re
from typing import Final
from xml.etree import ElementTree

import pytest

from agent_otel.analysis.regress import Check, check
from agent_otel.report.gate.registry import FORMATS, renderer
from agent_otel.store.baselines import Baseline, Batch, Group
from tests.analysis.test_regress import exactly, group

ODD: Final = "node a|b <c>\x00\n::error::%0A]]>"


def side(slower: float, odd: bool = False) -> list[Group]:
    """Groups of one side."""
    return [
        group("node worker", exactly(60, slower)),
        group("chat gpt-4o", exactly(60), kind="llm"),
        group(ODD if odd else "node few", exactly(3 if not odd else 60, slower)),
    ]


def made(case: str) -> Check:
    """The check of a case."""
    after = {
        "regression": side(0.3),
        "fine": side(0.0),
        "unsure": side(0.0975),
        "odd": side(0.5, odd=True),
        "none": [],
        "new": [group("node new", exactly(60))],
        "many": [group(f"node with a rather long name {place}", exactly(60)) for place in range(40)],
        "dearer": [],
        "failing": [Group("node", "node worker", [Batch(str(place), [1.0], 1, place % 2) for place in range(60)])],
    }[case]
    before = after if case == "many" else side(0.0, odd=case == "odd")
    if case == "dearer":
        before, after = (
            [Group("node", "node worker", [Batch(str(n), [1.0], 1, 1, [v], [v / 1e4]) for n in range(60)])]
            for v in (1000.0, 1500.0)
        )
    if case == "failing":
        before = [Group("node", "node worker", [Batch(str(place), [1.0], 1, 1) for place in range(60)])]
    notes = ["/store/file, line 3: unreadable"]
    return check(Baseline(name="main", created="2026-01-31T12:00:00.000Z", groups=before), after, notes=notes)


CASES: Final = ("regression", "fine", "unsure", "odd", "none", "new", "many", "failing", "dearer")


def written(case: str, form: str) -> str:
    """What a format writes."""
    stream = io.StringIO()
    renderer(form)(made(case), stream)
    return stream.getvalue()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("case", CASES)
def test_every_format_renders_every_verdict(form: str, case: str) -> None:
    text = written(case, form)
    assert text.endswith("\n")
    assert "\x1b" not in text
    assert "/store/file, line 3: unreadable" in text


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("case", CASES)
def test_text_fits_the_terminal(width: int, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert max(map(len, written(case, "text").splitlines())) <= width


def test_text_says_the_verdict_first() -> None:
    lines = written("regression", "text").splitlines()
    assert lines[0] == "REGRESSION: node worker: 35 % slower, 10 % allowed"
    row = next(line for line in lines if line.startswith("node worker"))
    assert row.split()[2] == "60/60"
    assert "+35.0 %" in row
    assert row.rstrip().endswith("regression")
    assert any(line.rstrip().endswith("too few: 7 more") for line in lines)
    assert written("fine", "text").startswith("Fine: none of 2 groups judged is slower")
    assert written("none", "text").startswith("Cannot tell: there are no runs besides those of baseline main")
    assert "50 % succeed, 100 % did" in written("failing", "text")
    assert "node worker: +50.0 % tokens, 1,000 -> 1,500 (p 0)" in written("dearer", "text")
    assert "node worker: +50.0 % cost, $0.100 -> $0.150 (p 0)" in written("dearer", "text")


def test_json_is_the_check() -> None:
    found = json.loads(written("regression", "json"))
    assert (found["verdict"], found["exit_status"], found["baseline"]) == ("regression", 1, "main")
    assert found["groups"][0]["slowdown"] == pytest.approx(0.34986, abs=1e-5)
    assert json.loads(written("none", "json"))["exit_status"] == 3


# The elements of Jenkins' junit-10.xsd: attributes (True: required) and what may lie in each.
SCHEMA: Final[dict[str, tuple[dict[str, bool], frozenset[str]]]] = {
    "testsuites": (dict.fromkeys(("name", "time", "tests", "failures", "errors"), False), frozenset({"testsuite"})),
    "testsuite": (
        {"name": True, "tests": True, "failures": True, "errors": True}
        | dict.fromkeys(
            ("group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"), False
        ),
        frozenset({"testsuite", "properties", "testcase", "system-out", "system-err"}),
    ),
    "properties": ({}, frozenset({"property"})),
    "property": ({"name": True, "value": True}, frozenset()),
    "testcase": (
        {"name": True, "time": False, "classname": False, "group": False},
        frozenset({"skipped", "error", "failure", "system-out", "system-err"}),
    ),
    "failure": ({"type": False, "message": False}, frozenset()),
    "skipped": ({"type": False, "message": False}, frozenset()),
    "system-out": ({}, frozenset()),
}


@pytest.mark.parametrize("case", CASES)
def test_junit_follows_the_schema_that_ci_systems_read(case: str) -> None:
    root = ElementTree.fromstring(written(case, "junit"))
    assert root.tag == "testsuites"
    for element in root.iter():
        attributes, inside = SCHEMA[element.tag]
        assert set(element.attrib) <= set(attributes)
        assert {name for name, required in attributes.items() if required} <= set(element.attrib)
        assert {child.tag for child in element} <= inside
        assert re.fullmatch(r"\d+\.?\d*", element.get("time", "0"))
    suite = root.find("testsuite")
    assert suite is not None
    cases = suite.findall("testcase")
    assert len({(one.get("classname"), one.get("name")) for one in cases}) == len(cases)
    assert suite.get("tests") == str(len(cases))
    assert suite.get("failures") == str(len(suite.findall("testcase/failure")))
    assert suite.get("skipped") == str(len(suite.findall("testcase/skipped")))


def test_junit_fails_what_regressed_and_skips_what_cannot_be_judged() -> None:
    root = ElementTree.fromstring(written("regression", "junit"))
    failed = root.findall("./testsuite/testcase[failure]")
    skipped = root.findall("./testsuite/testcase[skipped]")
    assert [case.get("name") for case in failed] == ["node worker"]
    assert [case.get("name") for case in skipped] == ["node few"]
    failure = failed[0].find("failure")
    assert failure is not None
    assert "+35.0 %, allowed 10 %" in (failure.get("message") or "")


def test_github_annotations() -> None:
    lines = written("regression", "github").splitlines()
    commands = [line for line in lines if line.startswith("::")]
    assert commands[0].startswith("::error title=agent-otel check%3A slower::node worker: 10.0 s -> 13.5 s (+35.0 %25,")
    assert [line.split(" ")[0] for line in commands] == ["::error", "::notice"]
    assert "| node worker | 60/60 | 10.0 s | 13.5 s | +35.0 % |" in "\n".join(lines)
    assert any(line.startswith("::warning title=agent-otel check%3A cannot tell::") for line in _lines("none"))
    assert any(line.startswith("::warning title=agent-otel check%3A success is worse::") for line in _lines("failing"))
    assert any(line.startswith("::warning title=agent-otel check%3A perhaps slower::") for line in _lines("unsure"))


def test_names_cannot_smuggle_commands_in() -> None:
    for line in _lines("odd"):
        if line.startswith("::"):
            assert re.match(r"::(?:error|notice) title=agent-otel check%3A \w+::", line)
    assert sum("%250A" in line for line in _lines("odd") if line.startswith("::error")) == 1


def _lines(case: str) -> list[str]:
    return written(case, "github").splitlines()
