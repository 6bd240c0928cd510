"""A comparison in every format."""

from __future__ import annotations

import csv
import io
import json
import math

import pytest

from agent_otel.analysis.candidates import BY, METRICS, Metric, Pools
from agent_otel.analysis.compare import Comparison, compare
from agent_otel.analysis.samples import Sample
from agent_otel.report.comparison.registry import FORMATS, renderer
from tests.analysis.test_compare import samples

ODD = Sample(
    kind="agent",
    name="x",
    run="r",
    when=0,
    duration=0.0,
    agent="a|b <c>\n[red]d",
    cli="ä" * 50,
    revision="f" * 40,
    acts=True,
)
CASES = {
    "usual": [*samples("fast", 60, cost=1, quality=80), *samples("slow", 60, 13, seed=2, cost=2, quality=70, failed=9)],
    "categories": [*samples("a", 60), *samples("b", 60, 11, category="docs"), *samples("c", 3)],
    "one": samples("alone", 12),
    "odd": [ODD] * 3,
    "many": [sample for place in range(30) for sample in samples(f"agent{place}", 11, 10 + place / 5, seed=place)],
    "none": [],
}


def made(case: str, metric: Metric = "duration", by: tuple[str, ...] = ("agent", "cli")) -> Comparison:
    """The comparison of a case."""
    pools = Pools(by, metric, "agent")
    pools.add(CASES[case])
    return compare(pools, problems=["/store/file, line 3: unreadable"])


def written(found: Comparison, form: str) -> str:
    """What a format writes."""
    stream = io.StringIO()
    renderer(form)(found, stream)
    return stream.getvalue()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("metric", METRICS)
def test_every_format_renders_every_comparison(form: str, case: str, metric: Metric) -> None:
    text = written(made(case, metric), form)
    assert text.endswith("\n")
    assert "\x1b" not in text


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("metric", METRICS)
def test_text_fits_the_terminal(width: int, case: str, metric: Metric, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    text = written(made(case, metric, BY), "text")
    assert max(map(len, text.splitlines())) <= width


@pytest.mark.parametrize("form", ["text", "md", "json"])
def test_readable_formats_say_what_to_use_and_what_was_wrong(form: str) -> None:
    text = written(made("usual"), form)
    assert "fast" in text
    assert "/store/file, line 3: unreadable" in text
    assert "60" in text
    assert "Welch" in text


@pytest.mark.parametrize("form", ["text", "md"])
def test_too_few_are_said_plainly(form: str) -> None:
    text = written(made("categories"), form)
    assert "too few" in text
    assert "7 more" in text


def test_text_shows_figures_with_their_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    lines = written(made("usual"), "text").splitlines()
    assert lines[0] == "Duration of agent runs by agent, cli"
    assert lines[1] == "120 samples of 2 candidates in 120 runs, the best first"
    place = next(number for number, line in enumerate(lines) if line.startswith("fast / claude"))
    assert lines[place].split()[-2:] == [">", "99"] or "> 99 %" in lines[place]
    assert "94-100 %" in lines[place + 1]
    effect = next(line for line in lines if "slower" in line)
    assert effect.startswith("slow / claude")
    assert "x (1." in effect


def test_json_has_keys_by_name_and_every_figure() -> None:
    found = json.loads(written(made("usual"), "json"))
    assert found["best"] == {"agent": "fast", "cli": "claude"}
    assert found["candidates"][0]["keys"] == {"agent": "fast", "cli": "claude"}
    assert set(found["candidates"][0]) == {
        "keys",
        "n",
        "measured",
        "settled",
        "centre",
        "median",
        "median_interval",
        "p95",
        "p95_interval",
        "success_rate",
        "success_interval",
        "probability_best",
        "missing",
    }
    assert found["effects"][0]["verdict"] == "worse"
    assert found["recommendations"][0]["keys"] == {"agent": "fast", "cli": "claude"}
    assert json.loads(written(made("one"), "json"))["best"] is None
    assert not any(isinstance(value, float) and math.isnan(value) for value in found["candidates"][0].values())


def test_csv_rows_are_all_as_long_as_the_header() -> None:
    for case in CASES:
        header, *rows = csv.reader(io.StringIO(written(made(case, by=BY), "csv")))
        assert {len(row) for row in rows} <= {len(header)}
        assert header[:5] == list(BY)
        assert [row[-1] for row in rows[:2]] != [""] or case in {"one", "odd"}


def test_markdown_cells_are_escaped() -> None:
    assert "a\\|b &lt;c> [red]d" in written(made("odd"), "md")


def test_commits_are_cut_short() -> None:
    text = written(made("odd", by=("revision",)), "text")
    assert "f" * 10 in text
    assert "f" * 11 not in text
