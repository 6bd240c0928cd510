"""Live lines."""

from __future__ import annotations

import io
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from agent_otel import semconv
from agent_otel.signals.finished import Finished
from agent_otel.signals.live import LiveLines, finished_line, queue_line

if TYPE_CHECKING:
    from agent_otel.semconv import Attributes

END = 1_767_225_600_123_000_000
NODE = Finished(
    semconv.NODE, "worker", END - 1_204_000_000, END, {}, "ok", None, "langgraph", None, 1, 1, None
)  # fmt: skip


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent_otel.signals.live.time.localtime", time.gmtime)


def test_a_line_says_when_what_how_long_and_how() -> None:
    assert finished_line(NODE) == "00:00:00.123 node    worker                       1.204 s ok"


def test_a_line_per_operation() -> None:
    cli: Attributes = {semconv.PROCESS_EXECUTABLE_NAME: "claude"}
    chat: Attributes = {semconv.USAGE_INPUT_TOKENS: 812, semconv.USAGE_OUTPUT_TOKENS: 120}
    records = {
        "llm": replace(NODE, operation=semconv.CHAT, subject="gpt-4o", attributes=chat),
        "task": replace(NODE, operation=semconv.TASK, attributes={semconv.TASK_ID: "t-1"}),
        "git": replace(NODE, operation=semconv.GIT, subject="commit"),
        "cli": replace(NODE, operation=semconv.INVOKE_AGENT, subject="claude", attributes=cli),
        "agent": replace(NODE, operation=semconv.INVOKE_AGENT, subject="planner"),
        "run": replace(NODE, operation=semconv.INVOKE_WORKFLOW, subject="graph"),
        "loop": replace(NODE, operation=semconv.SUPERSTEP, attributes={semconv.SUPERSTEP_STRAGGLER: "worker"}),
        "tool": replace(NODE, operation=semconv.EXECUTE_TOOL, subject="search"),
    }
    lines = {kind: finished_line(record) or "" for kind, record in records.items()}
    assert {kind: line.split()[1] for kind, line in lines.items()} == {kind: kind for kind in records}
    assert lines["llm"].endswith("ok  812+120 tokens")
    assert lines["task"].endswith("ok  t-1")
    assert lines["loop"].endswith("ok  straggler worker")
    assert finished_line(replace(NODE, operation=semconv.WAIT)) is None


def test_failures_name_their_type_and_have_colours_on_request() -> None:
    failed = replace(NODE, outcome="error", error_type="ValueError")
    assert (finished_line(failed) or "").endswith(" s error ValueError")
    assert (finished_line(failed, colours=True) or "").endswith(" s \x1b[31merror ValueError\x1b[0m")
    assert "\x1b[33mcancelled" in (finished_line(replace(NODE, outcome="cancelled"), colours=True) or "")


def test_names_cannot_write_to_the_terminal() -> None:
    assert "\x1b" not in (finished_line(replace(NODE, subject="a\x1b[2J\n")) or "")


def test_a_queue_says_its_depths() -> None:
    line = queue_line(END / 1e9, "tasks", Counter(ready=3, active=2))
    assert line == "00:00:00.123 queue   tasks                    ready 3  active 2  waiting 0"


@pytest.mark.parametrize(
    ("stream", "environ", "coloured"),
    [
        (io.StringIO, {}, False),
        (Terminal, {"A": "b"}, True),
        (Terminal, {"NO_COLOR": "1"}, False),
        (Terminal, {"TERM": "dumb"}, False),
    ],
)
def test_colours_are_for_terminals(stream: type[io.StringIO], environ: dict[str, str], coloured: bool) -> None:
    written = stream()
    lines = LiveLines(written, {"X": "y", **environ})
    lines.finished(NODE)
    lines.changed("tasks", Counter(ready=1))
    lines.close()
    assert ("\x1b[32mok" in written.getvalue()) is coloured
    assert len(written.getvalue().splitlines()) == 2


def test_it_goes_on_after_a_close_and_a_fork() -> None:
    written = io.StringIO()
    lines = LiveLines(written, {"X": "y"})
    lines.close()
    lines.restart()
    lines.finished(NODE)
    lines.close()
    lines.finished(NODE)
    lines.close()
    assert len(written.getvalue().splitlines()) == 2


def test_a_closed_stream_is_nothing_to_fail_for() -> None:
    written = io.StringIO()
    lines = LiveLines(written, {"X": "y"})
    written.close()
    lines.finished(NODE)
    lines.close()
