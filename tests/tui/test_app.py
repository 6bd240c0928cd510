"""The screen, driven by Textual's own pilot."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from textual.widgets import Input

from agent_otel import semconv
from agent_otel.store.follow import Follower
from agent_otel.tui.app import Top
from agent_otel.tui.help import KEYS, Help
from agent_otel.tui.widgets import Lines, RowList
from tests.analysis.build import Builder
from tests.docs.documents import codes, rows, section
from tests.tui.program import Program, Trace

if TYPE_CHECKING:
    from pathlib import Path

    from textual.pilot import Pilot


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """A program that runs two workers and has failed once."""
    program = Program(tmp_path)
    built = Trace("0a" * 16)
    graph = built.workflow(40, 110, name="orchestrator")
    first = built.node("worker", 50, 105, graph, 1, {semconv.TASK_ID: "T01"})
    second = built.node("strategist", 60, 106, graph, 1)
    agent = built.agent("claude", 61, 105, second, cli="claude")
    program.begin(built, graph, first, second, agent)
    calls = [built.chat(90 + number, 91 + number, first) for number in range(4)]
    attributes = {semconv.OPERATION_NAME: "chat", semconv.ERROR_TYPE: "RateLimitError"}
    calls.append(built.span("chat gpt-5", 95, 96, first, attributes, status=2))
    program.end(built, *calls)
    program.measure(semconv.METRIC_QUEUE_DEPTH, {("q", "ready"): 4, ("q", "active"): 2})
    program.measure(semconv.METRIC_ACTIVITY_TIME, {("work", "llm"): 12.0, ("wait", "queue"): 3.0})
    return program


async def begun(pilot: Pilot[None]) -> Top:
    app = pilot.app
    assert isinstance(app, Top)
    while app.reading:
        await pilot.pause(0.01)
    await pilot.pause()
    return app


def made(program: Program) -> Top:
    return Top(Follower(program.directory, clock=program.clock), "Record one.", clock=program.clock)


def help_shown(app: Top) -> bool:
    return isinstance(app.screen, Help)


def screen(app: Top) -> list[str]:
    """The text on the screen, line by line."""
    lines: list[str] = []
    for widget in app.screen.children:
        if isinstance(widget, (Lines, RowList)) and widget.display:
            lines += [widget.render_line(y).text.rstrip() for y in range(widget.size.height)]
    return lines


@pytest.mark.parametrize("size", [(80, 24), (160, 50), (40, 12)])
async def test_what_runs_is_on_the_screen(program: Program, size: tuple[int, int]) -> None:
    async with made(program).run_test(size=size) as pilot:
        app = await begun(pilot)
        text = screen(app)
        assert len(text) == size[1]
        assert max(map(len, text)) <= size[0]
        whole = "\n".join(text)
        assert "1 run, 4 open" in text[0]
        for expected in ("5/min", "● orchestrator", "node worker T01", "chat gpt-5"):
            assert expected in whole
        if size[0] >= 80:
            for expected in ("median 1.00 s", "failed 20 %", "wait/work 0.25", "4 ready  2 active", "RateLimitError"):
                assert expected in whole
            assert "60 s" in next(line for line in text if "● orchestrator" in line)


async def test_news_appear_without_a_key(program: Program) -> None:
    async with made(program).run_test(size=(100, 30)) as pilot:
        app = await begun(pilot)
        other = Trace("0b" * 16)
        program.begin(other, other.workflow(99, 100, name="second"))
        app.tick()
        await pilot.pause()
        assert any("second  0b0b0b0b" in line for line in screen(app))
        assert "2 runs, 5 open" in screen(app)[0]
        assert len(app.frames) == 1


async def test_pause_keeps_the_screen_and_going_on_shows_what_was_missed(program: Program) -> None:
    async with made(program).run_test(size=(100, 30)) as pilot:
        app = await begun(pilot)
        await pilot.press("space")
        assert "PAUSED" in screen(app)[0]
        other = Trace("0b" * 16)
        program.begin(other, other.workflow(99, 100, name="second"))
        app.tick()
        await pilot.pause()
        assert not any("second" in line for line in screen(app))
        await pilot.press("space")
        assert any("second" in line for line in screen(app))


async def test_filter_with_slash_and_escape(program: Program) -> None:
    async with made(program).run_test(size=(100, 30)) as pilot:
        app = await begun(pilot)
        await pilot.press("slash", *"strat")
        assert [line for line in screen(app) if "node worker" in line] == []
        assert any("node strategist" in line for line in screen(app))
        await pilot.press("enter")
        assert not app.query_one(Input).display
        assert "/strat" in screen(app)[-1]
        await pilot.press("escape")
        assert any("node worker" in line for line in screen(app))
        await pilot.press("slash", *"zzz", "enter")
        assert any("Nothing that runs contains 'zzz'" in line for line in screen(app))


async def test_a_run_opens_and_closes(program: Program) -> None:
    async with made(program).run_test(size=(100, 30)) as pilot:
        app = await begun(pilot)
        await pilot.press("down", "enter")
        assert any("ended last" in line for line in screen(app))
        assert any("RateLimitError" in line and "chat gpt-5" in line for line in screen(app)[7:])
        await pilot.press("escape")
        assert not any("ended last" in line for line in screen(app))


async def test_sorting(program: Program) -> None:
    async with made(program).run_test(size=(100, 30)) as pilot:
        app = await begun(pilot)
        nodes = [line.split()[1] for line in screen(app) if line.startswith("  node")]
        assert nodes == ["worker", "strategist"]
        await pilot.press("s")
        nodes = [line.split()[1] for line in screen(app) if line.startswith("  node")]
        assert nodes == ["strategist", "worker"]
        assert "sort: newest" in screen(app)[-1]


async def test_help_and_quit(program: Program) -> None:
    async with made(program).run_test(size=(80, 24)) as pilot:
        app = await begun(pilot)
        await pilot.press("question_mark")
        assert help_shown(app)
        await pilot.press("escape")
        assert not help_shown(app)
        await pilot.press("q")
    assert app.return_code == 0


async def test_the_cursor_moves_over_many_lines_and_stays_on_its_line(tmp_path: Path) -> None:
    program = Program(tmp_path)
    built = Builder()
    graph = built.workflow(1, 100)
    nodes = [built.node(f"n{number:03d}", 2 + number / 10, 100, graph, 1) for number in range(200)]
    program.begin(built, graph, *nodes)
    async with made(program).run_test(size=(80, 24)) as pilot:
        app = await begun(pilot)
        found = app.query_one(RowList)
        await pilot.press("end")
        assert found.row is not None
        assert found.row.span is not None
        assert found.row.span.name == "node n199"
        assert any("node n199" in line for line in screen(app))
        await pilot.press("pageup", "up")
        name = found.row.span.name
        program.end(built, *nodes[:50])
        app.tick()
        await pilot.pause()
        assert found.row.span is not None
        assert found.row.span.name == name
        await pilot.press("home")
        assert found.cursor == 0
        await pilot.click(RowList, offset=(3, 2))
        assert found.cursor == 2


@pytest.mark.parametrize("size", [(80, 24), (30, 8)])
async def test_an_empty_store_says_what_to_do(tmp_path: Path, size: tuple[int, int]) -> None:
    program = Program(tmp_path)
    async with made(program).run_test(size=size) as pilot:
        app = await begun(pilot)
        whole = "\n".join(screen(app))
        assert "Nothing has run" in whole
        if size[0] == 80:
            assert "Record one." in whole


async def test_the_screen_follows_the_terminal_size(program: Program) -> None:
    async with made(program).run_test(size=(80, 24)) as pilot:
        app = await begun(pilot)
        await pilot.resize_terminal(120, 45)
        await pilot.pause()
        await pilot.pause()
        assert len(screen(app)) == 45
        assert screen(app)[0].rstrip().endswith(screen(app)[0].strip()[-8:])
        assert max(map(len, screen(app))) > 80


def test_the_document_and_the_help_name_the_same_keys() -> None:
    named = [codes(cells[0])[0] for cells in rows(section("docs/analysis/top.md", "## Keys"))]
    assert named == list(KEYS)
