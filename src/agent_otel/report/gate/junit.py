"""The verdict of a check as JUnit XML, as Jenkins, GitLab and others read it: a test case a group.

Elements and attributes are those of the schema ``junit-10.xsd`` of Jenkins' xUnit plugin.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TextIO
from xml.etree import ElementTree

from agent_otel.report.gate import words

if TYPE_CHECKING:
    from agent_otel.analysis.regress import Check, Judgement

SUITE: Final = "agent-otel check"
_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(found: Check, stream: TextIO) -> None:
    """Write the document: regressions are failures, groups that cannot be judged are skipped."""
    root = ElementTree.Element("testsuites", name=SUITE)
    suite = ElementTree.SubElement(root, "testsuite", name=f"{SUITE} {found.baseline}")
    properties = ElementTree.SubElement(suite, "properties")
    for key, text in (
        ("verdict", found.verdict),
        ("baseline", found.baseline),
        ("created", found.created),
        ("max_slowdown", f"{found.max_slowdown:g}"),
    ):
        ElementTree.SubElement(properties, "property", name=key, value=_clean(text))
    for group in found.groups:
        _case(suite, group, found)
    if not found.groups:
        case = ElementTree.SubElement(suite, "testcase", classname=SUITE, name="samples", time="0")
        ElementTree.SubElement(case, "skipped", message=_clean(found.reason))
    remarks = [words.headline(found), *map(words.drift, found.drifts), *found.notes]
    ElementTree.SubElement(suite, "system-out").text = _clean("\n".join(remarks))
    counts = {"tests": len(suite.findall("testcase")), "failures": len(suite.findall("testcase/failure")), "errors": 0}
    for element in (root, suite):
        for key, count in counts.items():
            element.set(key, str(count))
    suite.set("skipped", str(len(suite.findall("testcase/skipped"))))
    ElementTree.indent(root)
    stream.write('<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n")


def _case(suite: ElementTree.Element, group: Judgement, found: Check) -> None:
    seconds = f"{group.after.mean or 0.0:.6f}"
    case = ElementTree.SubElement(
        suite, "testcase", classname=f"{SUITE}.{group.kind}", name=_clean(group.name), time=seconds
    )
    if group.verdict == "regression":
        text = words.sentence(group, found.max_slowdown)
        ElementTree.SubElement(case, "failure", type="slower", message=_clean(text)).text = _clean(text)
    elif group.p is None:
        text = words.sentence(group, found.max_slowdown) if group.verdict == "too few" else _absent(group)
        ElementTree.SubElement(case, "skipped", message=_clean(text))


def _absent(group: Judgement) -> str:
    return f"{words.name(group)}: {'not in the baseline' if group.verdict == 'new' else 'did not run'}"


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
