"""The tables of the documents and the code say the same."""

from __future__ import annotations

import dataclasses
import io
from itertools import pairwise
from typing import Any, Final

import pytest
import typer

from agent_otel import semconv, settings
from agent_otel.analysis.diagnosis import USUAL
from agent_otel.analysis.summary import Report, StepsSummary, Straggler, analyse, report
from agent_otel.cli.main import app
from agent_otel.libs.registry import LIBRARIES
from agent_otel.report.registry import FORMATS, render
from agent_otel.signals import metrics
from tests.analysis.build import example
from tests.docs.documents import blocks, codes, read, rows, section

WORDS: Final = "docs/words.md"
OWN: Final = "agent_otel."
STORE: Final = {
    semconv.METRIC_SPANS_PROCESSED: "{span}",
    semconv.METRIC_SPANS_EXPORTED: "{span}",
    semconv.METRIC_STORE_WRITTEN: "By",
}


def constants() -> dict[str, str]:
    """The texts that semconv names."""
    return {name: value for name, value in vars(semconv).items() if name.isupper() and isinstance(value, str)}


def attributes() -> set[str]:
    """The attribute keys of semconv."""
    return {value for name, value in constants().items() if "." in value and not name.startswith("METRIC_")}


def first_codes(text: str) -> list[str]:
    """What the first cells of the tables in a text name."""
    return [code for cells in rows(text) for code in codes(cells[0])]


def test_every_metric_is_listed_with_its_unit() -> None:
    listed = {codes(name)[0]: unit for name, unit, *_ in rows(section(WORDS, "## Metrics"))}
    assert listed == dict(metrics.metric_names()) | STORE


def test_every_attribute_of_ours_is_listed() -> None:
    listed = first_codes(section(WORDS, "## Attributes: agent_otel"))
    assert sorted(listed) == sorted(key for key in attributes() if key.startswith(OWN))


def test_listed_attributes_of_the_conventions_exist() -> None:
    listed = first_codes(section(WORDS, "## Attributes: OpenTelemetry"))
    assert set(listed) <= attributes()
    used = {
        key for row in (*metrics.HISTOGRAMS, metrics.BARRIER_WAIT) for key in (*row.attributes, *dict(row.constant))
    }
    assert {key for key in used if not key.startswith(OWN)} <= set(listed)


def test_values_are_listed() -> None:
    listed = {cells[0].strip("`"): codes(cells[3]) for cells in rows(section(WORDS, "## Attributes: agent_otel"))}
    assert set(listed[semconv.OUTCOME]) == set(semconv.OUTCOMES)
    assert set(listed[semconv.WAIT_REASON]) == set(semconv.WAIT_REASONS)
    assert set(listed[semconv.QUEUE_STATE]) == set(semconv.QUEUE_STATES)


def test_the_schema_is_named() -> None:
    assert f"`{semconv.SCHEMA_URL}`" in read(WORDS)


def test_every_variable_of_settings_is_named() -> None:
    text = read("docs/configuration.md")
    variables = [value for name, value in vars(settings).items() if name.startswith("ENV_")]
    assert [variable for variable in variables if f"| `{variable}` |" not in text] == []


def test_every_setting_is_listed() -> None:
    listed = first_codes(section("docs/configuration.md", "## Keyword arguments"))
    assert listed == [field.name for field in dataclasses.fields(settings.Settings)]


def test_categories_and_reasons_are_explained() -> None:
    assert set(first_codes(section("docs/report.md", "## Categories of work"))) == set(semconv.WORK_CATEGORIES)
    assert set(first_codes(section("docs/report.md", "## Waits"))) == set(semconv.WAIT_REASONS)


def test_every_key_of_the_json_object_is_explained() -> None:
    listed = first_codes(section("docs/report.md", "## The JSON object"))
    assert set(listed) == {field.name for field in dataclasses.fields(Report)} | {"run_list"}
    explained = {code for cells in rows(section("docs/report.md", "## The JSON object")) for code in codes(cells[1])}
    for kind in (StepsSummary, Straggler):
        assert {field.name for field in dataclasses.fields(kind)} <= explained


def test_the_usual_shares_are_those_of_the_diagnosis() -> None:
    listed = {cells[0]: cells[2] for cells in rows(section("docs/report.md", "## What to change first"))}
    assert listed == {name: f"{low * 100:.0f}-{high * 100:.0f} %" for name, (low, high) in USUAL.items()}


def test_every_library_is_described_with_its_versions() -> None:
    listed = {
        cells[0].strip("`"): cells[2] for cells in rows(section("docs/libraries.md", "# Libraries"))[: len(LIBRARIES)]
    }
    assert set(listed) == {library.name for library in LIBRARIES}
    for library in LIBRARIES:
        assert section("docs/libraries.md", "## git and agent_cli" if library.hook else f"## {library.name}")
        assert set(codes(listed[library.name])) >= set(library.requires())


def commands() -> dict[str, Any]:
    """The commands by name."""
    tree: Any = typer.main.get_command(app)
    return dict(tree.commands)


def test_every_command_is_described() -> None:
    described = [
        line.split()[-1] for line in read("docs/commands.md").splitlines() if line.startswith("## agent-otel ")
    ]
    assert sorted(described) == sorted(commands())


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_option_is_described_and_no_other(name: str) -> None:
    text = section("docs/commands.md", f"## agent-otel {name}")
    described = {word.split()[0] for cells in rows(text) for word in codes(cells[0])}
    existing = {
        option
        for parameter in commands()[name].params
        if parameter.param_type_name == "option"
        for option in parameter.opts
    }
    assert described == existing - {"--help", "-h"}


def test_every_format_is_named() -> None:
    text = section("docs/commands.md", "## agent-otel report")
    assert [name for name in FORMATS if f"`{name}`" not in text] == []


def test_the_worked_example_is_what_the_analysis_says() -> None:
    found = report(analyse([example().run()]))
    work, wait = sum(found.busy_seconds.values()), found.wait_seconds[semconv.BARRIER]
    straggler = found.supersteps.worst_straggler
    assert found.wait_work_ratio is not None
    assert found.supersteps.share is not None
    assert found.parallelism is not None
    assert straggler is not None
    listed = {cells[0]: cells[1] for cells in rows(section("docs/report.md", "## An example worked by hand"))}
    assert listed == {
        "wall": f"{found.wall_seconds:.0f} s",
        "critical path": f"llm {found.critical_path[semconv.LLM]:.0f} s",
        "busy": f"llm {work:.0f} s",
        "work at once": f"{found.parallelism:.2f}",
        "wait": f"barrier {wait:.0f} s",
        "wait/work ratio": f"{found.wait_work_ratio:.2f}",
        "superstep share": f"{found.supersteps.share * 100:.0f} %",
        "worst straggler": f"`{straggler.node}`, {straggler.seconds:.0f} s",
    }


def test_the_report_of_the_readme_has_todays_headings() -> None:
    built = example()
    built.git("commit", 600, 601, built.agent("coder", 600, 601, built.node("worker", 600, 601, None, 2)))
    out = io.StringIO()
    render(report(analyse([built.run()])), "text", out)
    shown = next(block for block in blocks("README.md") if block.language == "text").text.splitlines()
    titles = [line for before, line in pairwise(shown) if not before and not line[:1].isspace()]
    assert len(titles) >= 6
    assert [title for title in titles if title not in out.getvalue().splitlines()] == []
