"""Every format, on every kind of run."""

from __future__ import annotations

import csv
import io
import json

import pytest

from agent_otel import semconv
from agent_otel.analysis.summary import Report, analyse, report
from agent_otel.report.listing import render_runs, unique_length
from agent_otel.report.registry import FORMATS, render
from agent_otel.report.tree import render_tree
from agent_otel.store.model import RunSummary
from tests.analysis.build import TRACE, Builder, example

KEYS = {
    "runs",
    "wall_seconds",
    "critical_path",
    "busy_seconds",
    "wait_seconds",
    "wait_work_ratio",
    "nodes",
    "agents",
    "llm",
    "git",
    "supersteps",
    "diagnosis",
    "warnings",
}


def empty() -> Builder:
    built = Builder()
    built.chat(0, 0)
    return built


def odd() -> Builder:
    built = Builder()
    root = built.agent("a|b <c>\n[red]d", 0, 3, cli="claude")
    built.git("push|x", 0, 1, root)
    built.chat(-1, 4, root, model="[bold]m", process="two")
    built.node("n", 1, 3, root, 1, state="abandoned", status=2)
    return built


CASES = {"example": example, "empty": empty, "odd": odd}


def made(case: str, by: tuple[str, ...] = ()) -> Report:
    return report(analyse([CASES[case]().run()], by), ["/store/file, line 3: unreadable"])


def written(found: Report, form: str) -> str:
    stream = io.StringIO()
    render(found, form, stream)
    return stream.getvalue()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("by", [(), ("agent", "cli", "model", "node")])
def test_every_format_renders_every_run(form: str, case: str, by: tuple[str, ...]) -> None:
    text = written(made(case, by), form)
    assert text.endswith("\n")
    assert "\x1b" not in text


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_gives_the_main_figures(form: str) -> None:
    text = written(made("example"), form)
    assert semconv.LLM in text
    assert "slow" in text
    assert any(figure in text for figure in ("10m 00s", "600.0"))


@pytest.mark.parametrize("form", ["text", "md", "json"])
def test_readable_formats_carry_the_warnings(form: str) -> None:
    assert "/store/file, line 3: unreadable" in written(made("example"), form)


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("case", CASES)
def test_text_fits_the_terminal(width: int, case: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    text = written(made(case, ("agent", "model", "node")), "text")
    assert max(map(len, text.splitlines())) <= width


def test_json_has_the_promised_keys_and_sums_to_wall() -> None:
    found = json.loads(written(made("example"), "json"))
    assert set(found) >= KEYS
    assert found["runs"] == 1
    assert sum(found["critical_path"].values()) == found["wall_seconds"] == 600
    assert found["wait_seconds"]["barrier"] == 1140
    assert set(found["nodes"][0]) == {"name", "count", "errors", "median", "p95", "total"}
    assert found["supersteps"]["worst_straggler"]["node"] == "slow"
    assert set(found["diagnosis"][0]) >= {"hypothesis", "share", "verdict", "advice"}


def test_json_groups_carry_their_keys() -> None:
    found = json.loads(written(made("example", ("agent", "model")), "json"))
    assert found["by"] == ["agent", "model"]
    assert found["groups"][0] == {
        "agent": "slow",
        "model": "gpt-4o",
        "count": 1,
        "errors": 0,
        "median": 600,
        "p95": 600,
        "total": 600,
    }


def test_csv_rows_are_all_as_long_as_the_header() -> None:
    for by in ((), ("agent", "cli")):
        header, *rows = csv.reader(io.StringIO(written(made("odd", by), "csv")))
        assert rows
        assert {len(row) for row in rows} == {len(header)}


def test_markdown_cells_are_escaped() -> None:
    text = written(made("odd"), "md")
    assert "a\\|b &lt;c> [red]d" in text


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_colours_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    render(made("example"), "text", stream)
    assert "\x1b[" in stream.getvalue()


def test_the_tree_shows_durations_waits_and_outcomes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    stream = io.StringIO()
    render_tree(example().run(), stream)
    lines = stream.getvalue().splitlines()
    assert max(map(len, lines)) <= 100
    assert any("node slow" in line and "10m 00s" in line and line.rstrip().endswith("ok") for line in lines)
    assert any("wait barrier first" in line and "9m 30s" in line for line in lines)
    assert sum("chat gpt-4o" in line for line in lines) == 3


def test_the_tree_can_be_cut() -> None:
    stream = io.StringIO()
    render_tree(example().run(), stream, depth=2)
    assert "chat" not in stream.getvalue()
    assert stream.getvalue().count("1 below") == 3


def test_run_ids_are_as_short_as_they_are_unique() -> None:
    assert unique_length([TRACE]) == 8
    assert unique_length([TRACE, TRACE[:9] + "0" * 23]) == 10
    stream = io.StringIO()
    runs = [RunSummary(TRACE, "plan", 0, 10**9, 1, 2, "running", stray=False)]
    render_runs(runs, stream)
    assert f"{TRACE[:8]} " in stream.getvalue()
    assert "running" in stream.getvalue()


@pytest.mark.parametrize("columns", ["20", "45", "80"])
def test_nothing_in_a_name_steers_the_terminal_and_narrow_ones_are_served(
    monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    built = Builder()
    built.node("\x1b[31mred\x07", 0, 1, built.workflow(0, 2, name="\x1b]0;title\x07"), 1, status=2)
    shown = io.StringIO()
    render_tree(built.run(), shown)
    for form in FORMATS:
        if form not in {"json", "csv"}:
            render(report(analyse([built.run()])), form, shown)
    assert "red" in shown.getvalue()
    assert "\x07" not in shown.getvalue()
    assert "\x1b" not in shown.getvalue()
