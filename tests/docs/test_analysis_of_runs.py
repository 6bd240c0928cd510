"""The documents on supersteps, queues and exports say what the code says, and their examples are worked right."""

from __future__ import annotations

import dataclasses
import io
from typing import TYPE_CHECKING, Any, Final

from agent_otel.analysis import arrows
from agent_otel.analysis.queues import Depth, QueuedItem, QueueReport, State, queue_report
from agent_otel.analysis.ratios import Ratio, Window, windows
from agent_otel.analysis.rows import FOLDED
from agent_otel.analysis.stragglers import Member, Step, StepsReport, StragglerCost, steps_report
from agent_otel.analysis.transitions import Loop, Transition
from agent_otel.report.exports.registry import FORMATS, Recorded, exporter
from agent_otel.report.steps.registry import renderer
from agent_otel.report.timeline import render_timeline
from tests.analysis.build import example, nanoseconds
from tests.docs.documents import blocks, codes, read, rows, section

if TYPE_CHECKING:
    import pytest

STEPS: Final = "docs/analysis/supersteps.md"
QUEUE: Final = "docs/analysis/queue.md"
EXPORTS: Final = "docs/analysis/exports.md"
WORKED: Final = "## An example worked by hand"


def worked(document: str) -> dict[str, str]:
    return {cells[0].replace("`", ""): cells[1] for cells in rows(section(document, WORKED))}


def keys(document: str) -> tuple[set[str], set[str]]:
    """The keys of the JSON object, and what is named beside and below them."""
    text = section(document, "## The JSON object")
    table = rows(text)
    return {code for cells in table for code in codes(cells[0])}, set(codes(text))


def fields(kind: Any) -> set[str]:
    return {field.name for field in dataclasses.fields(kind)}


def text_blocks(document: str) -> list[list[str]]:
    return [block.text.splitlines() for block in blocks(document) if block.language == "text"]


def test_the_worked_example_of_supersteps() -> None:
    found = steps_report([example().run()])
    (step,) = found.steps
    assert found.share is not None
    assert worked(STEPS) == {
        "duration": f"{step.seconds:.0f} s",
        "straggler": f"`{step.straggler.node}`",
        "waited": f"{step.others[0].waited_seconds:.0f} s",
        "waste": f"{step.waste_seconds:.0f} s",
        "alone": f"{step.alone_seconds:.0f} s",
        "share": f"{found.share * 100:.0f} %",
    }


def test_the_worked_example_of_the_queue() -> None:
    run = example().run()
    found = queue_report(run)
    state = {state.state: state for state in found.states}
    node = {ratio.name: ratio.ratio for ratio in found.nodes}
    first, second, _ = windows(run, [run.start, run.start + nanoseconds(60), run.start + nanoseconds(120), run.end])
    assert worked(QUEUE) == {
        "active, most": f"{state['active'].most}",
        "active, mean": f"{state['active'].mean:.2f}",
        "waiting, most": f"{state['waiting'].most}",
        "waiting, mean": f"{state['waiting'].mean:.2f}",
        "wait/work of first": f"{node['first']:.2f}",
        "wait/work of slow": f"{node['slow']:.2f}",
        "wait/work from 0 to 60 s": f"{first.ratio:.2f}",
        "wait/work from 60 to 120 s": f"{second.ratio:.2f}",
        "wait/work of the run": f"{found.wait_work_ratio:.2f}",
    }
    assert found.windows[:2] == (first, second)


def test_what_is_drawn_is_what_the_commands_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    steps, folded, chart = io.StringIO(), io.StringIO(), io.StringIO()
    renderer("text")(steps_report([example().run()]), steps)
    exporter("folded")(Recorded(example().run()), folded)
    render_timeline(example().run(), chart, depth=2)
    (drawn,) = text_blocks(STEPS)
    stacks, gantt = text_blocks(EXPORTS)
    assert "\n".join(drawn) in steps.getvalue()
    assert stacks == folded.getvalue().splitlines()
    assert "\n".join(gantt) in chart.getvalue()


def test_every_key_of_the_objects_is_explained() -> None:
    listed, named = keys(STEPS)
    assert listed == fields(StepsReport) | {"run_list"}
    assert fields(Step) | fields(Member) | fields(StragglerCost) <= named
    listed, named = keys(QUEUE)
    assert listed == fields(QueueReport)
    for kind in (State, QueuedItem, Transition, Loop, Ratio, Window, Depth):
        assert fields(kind) <= named


def test_every_export_and_every_arrow_is_explained() -> None:
    assert [codes(cells[0])[0] for cells in rows(section(EXPORTS, "# Traces to look at")) if codes(cells[0])][:4] == (
        list(FORMATS)
    )
    listed = {codes(cells[0])[0] for cells in rows(section(EXPORTS, "## Perfetto"))}
    assert listed == {arrows.BARRIER, arrows.NEXT, arrows.DEPENDS_ON, arrows.LINK, arrows.PROCESS}
    assert f"More than {FOLDED} siblings" in read(EXPORTS)
