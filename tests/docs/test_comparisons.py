"""The documents on comparisons and regressions: worked examples recomputed, tables against the code."""

from __future__ import annotations

import dataclasses
import math
from typing import Final, get_args

import numpy as np
import pytest

from agent_otel.analysis import candidates, compare, recommend, regress, samples, statistics
from agent_otel.analysis.candidates import Pools
from agent_otel.analysis.drift import Drift
from agent_otel.analysis.samples import Sample
from agent_otel.analysis.shift import shift, side
from agent_otel.report.comparison import words
from agent_otel.store.baselines import Baseline, Batch, Group
from tests.docs.documents import codes, read, rows, section

COMPARE: Final = "docs/analysis/compare.md"
REGRESSIONS: Final = "docs/analysis/regressions.md"
WORKED: Final = "## An example worked by hand"


def worked(document: str) -> tuple[dict[str, list[float]], dict[str, list[str]]]:
    """The data of a worked example by side, and its results by measure, in order."""
    data: dict[str, list[float]] = {}
    results: dict[str, list[str]] = {}
    for cells in rows(section(document, WORKED)):
        if len(cells) == 2:
            data[cells[0]] = [float(number) for number in cells[1].split()]
        else:
            results.setdefault(cells[0], []).extend(cells[1:])
    return data, results


def test_the_worked_comparison() -> None:
    data, results = worked(COMPARE)
    pools = Pools(("cli",), "duration", "agent")
    for cli, seconds in data.items():
        outcomes = [*(("ok", value) for value in seconds), *([("error", 1.0)] * 3 if cli == "codex" else [])]
        pools.add(
            Sample(kind="agent", name="x", run="r", when=0, duration=value, outcome=outcome, cli=cli, acts=True)
            for outcome, value in outcomes
        )
    found = compare.compare(pools)
    first, second = found.candidates
    (effect,) = found.effects
    logs = [np.log(data[cli]) for cli in ("claude", "codex")]
    difference = statistics.welch(*map(statistics.moments, logs))
    reach = statistics.t_quantile(0.975, difference.freedom)
    assert found.best == ("claude",)
    both = (first, second)
    low, high = effect.interval.low, effect.interval.high
    assert [row[:2] for row in split(results["its interval"], 3)] == [
        [words.interval(one.median_interval, "s").replace(".0", "") for one in both],
        [words.interval(one.success_interval, "share") for one in both],
        ["", f"{low:.2f}-{high:.2f}"],
    ]
    assert results["samples"][:2] == [str(one.n) for one in both]
    assert results["median"][:2] == [words.value(one.median, "s") for one in both]
    assert results["p95"][:2] == [words.value(one.p95, "s") for one in both]
    assert results["success rate"][:2] == [words.value(one.success_rate, "share") for one in both]
    means = [float(one.mean()) for one in logs]
    assert results["geometric mean"] == [
        *(words.value(one.centre, "s") for one in both),
        f"exp({means[0]:.3f}), exp({means[1]:.3f})",
    ]
    assert results["ratio"] == ["", f"{effect.value:.2f}", f"exp({means[1]:.3f} - {means[0]:.3f})"]
    assert (
        split(results["its interval"], 3)[2][2]
        == f"exp({difference.value:.3f} -+ {reach:.3f} * {difference.error:.4f})"
    )
    statistic = difference.value / difference.error
    assert results["p"][1:] == [
        f"{effect.p:.4f}",
        f"Welch: t = {statistic:.2f}, {difference.freedom:.1f} degrees of freedom",
    ]
    assert results["P(best)"][:2] == [f"{(one.probability_best or 0) * 100:.2f} %" for one in both]


def split(cells: list[str], size: int) -> list[list[str]]:
    """Rows of that size."""
    return [cells[place : place + size] for place in range(0, len(cells), size)]


def test_the_quantile_bound_that_needs_samples() -> None:
    without = [n for n in range(2, 200) if statistics.quantile_interval(np.arange(float(n)), 0.95).high is None]
    assert f"below {max(without) + 1} samples" in read(COMPARE)


def test_the_worked_check() -> None:
    data, results = worked(REGRESSIONS)
    groups = {
        name: [Group("node", "node worker", [Batch(str(place), [value]) for place, value in enumerate(seconds)])]
        for name, seconds in data.items()
    }
    found = regress.check(Baseline(name="main", created="", groups=groups["baseline"]), groups["now"])
    (judged,) = found.groups
    logs = [np.log(data[name]) for name in ("baseline", "now")]
    moved = shift(*(side([[value] for value in one.tolist()]) for one in logs))
    error, freedom = moved.estimates[0].error, moved.estimates[0].freedom
    quantile = statistics.t_quantile(regress.CONFIDENCE, freedom)
    deviations = [float(one.std(ddof=1)) for one in logs]
    assert judged.slowdown is not None
    assert judged.at_least is not None
    assert judged.detectable is not None
    assert results == {
        "mean of logarithms, baseline": [f"{logs[0].mean():.4f}", f"a geometric mean of {judged.before.mean:.1f} s"],
        "mean of logarithms, now": [f"{logs[1].mean():.4f}", f"a geometric mean of {judged.after.mean:.1f} s"],
        "estimate": [f"{judged.slowdown * 100:+.1f} %", f"exp({moved.value:.4f}) - 1"],
        "error": [f"{error:.4f}", f"sqrt({deviations[0]:.4f}^2 / 12 + {deviations[1]:.4f}^2 / 12)"],
        "degrees of freedom": [f"{freedom:.1f}", "Satterthwaite"],
        "t(0.96)": [f"{quantile:.3f}", ""],
        "at least": [f"{judged.at_least * 100:+.1f} %", f"exp({moved.value:.4f} - {quantile:.3f} * {error:.4f}) - 1"],
        "p": [f"{judged.p:.5f}", "one-sided"],
        "detectable": [f"{judged.detectable * 100:.1f} %", "found nine times in ten at this spread and number"],
        "verdict": [judged.verdict, "31.2 % > 10 %, and 18.1 % > 0"],
    }
    # and once more without our own statistics
    by_hand = math.exp(float(logs[1].mean() - logs[0].mean())) - 1
    assert judged.slowdown == pytest.approx(by_hand)
    assert error == pytest.approx(math.sqrt(deviations[0] ** 2 / 12 + deviations[1] ** 2 / 12))


@pytest.mark.parametrize(
    ("heading", "column", "names"),
    [("kind", 0, samples.KINDS), ("key", 0, candidates.BY), ("metric", 0, candidates.METRICS)],
)
def test_everything_that_can_be_asked_is_explained(heading: str, column: int, names: tuple[str, ...]) -> None:
    listed = [codes(cells[column]) for cells in rows(section(COMPARE, "## What is compared"))]
    assert set(names) <= {code for found in listed for code in found}, heading


def test_aliases_of_clis_are_named() -> None:
    text = section(COMPARE, "## What is compared")
    assert [alias for alias in samples.CLI_ALIASES if f"`{alias}`" not in text] == []


def test_every_key_of_the_json_objects_is_explained() -> None:
    for document, kind, inner, more in (
        (COMPARE, compare.Comparison, (candidates.Candidate, compare.Effect, recommend.Recommendation), set[str]()),
        (REGRESSIONS, regress.Check, (regress.Judgement, regress.Figures, Drift), {"exit_status"}),
    ):
        text = section(document, "## The JSON object")
        explained = {code for cells in rows(text) for cell in cells for code in codes(cell)}
        for one in (kind, *inner):
            assert {field.name for field in dataclasses.fields(one)} <= explained, one
        assert more <= explained


def test_every_verdict_is_explained() -> None:
    text = section(REGRESSIONS, "## The JSON object")
    for verdict in (*get_args(regress.GroupVerdict), *get_args(regress.Verdict)):
        assert f"`{verdict}`" in text
    text = section(COMPARE, "## The JSON object")
    for word in (*get_args(compare.Verdict), *get_args(compare.Measure), *get_args(recommend.Advice)):
        assert f"`{word}`" in text


def test_exit_statuses_are_those_of_the_code() -> None:
    text = section(REGRESSIONS, "# Regressions")
    listed = {int(cells[0]): cells[1] for cells in rows(text) if cells[0].isdigit()}
    for verdict, status in regress.EXIT_STATUS.items():
        assert listed[status].startswith(verdict)


def test_constants_are_those_of_the_code() -> None:
    text = read(REGRESSIONS)
    assert f"{regress.MAX_SLOWDOWN * 100:.0f} % by default" in text
    assert f"lower bound of {regress.CONFIDENCE * 100:.0f} %" in text
    assert f"from {regress.MINIMUM} samples on each side" in text
    text = read(COMPARE)
    assert f"fewer than {candidates.MINIMUM} samples" in text
    assert f"{compare.SAME_DELTA} (delta)" in text
    assert f"P(best) is {recommend.SURE * 100:.0f} %" in text
