"""``agent-performance.json``: its records, its format, and many processes on one file."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import stat
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent_otel import semconv
from agent_otel.signals.finished import Finished, Usage
from agent_otel.store import files
from agent_otel.store.performance_json import NAME, NEWEST, PerformanceFile, Record, newest, record, timestamp

END = 1_769_077_772_096_000_000
SAMPLE = Path(__file__).parents[1] / "data" / "tracker-agent-performance.json"


def finished(operation: str, usage: Usage | None = None, **attributes: str | int) -> Finished:
    return Finished(
        operation, "worker", END - 30_473_125, END, attributes, "ok", None, "langgraph", None, 0xABC, 1, usage
    )


def made(number: int, agent: str = "a", cli: str = "c") -> Record:
    return {"agent": agent, "cli": cli, "duration": float(number), "timestamp": timestamp(number * 1_000_000)}


def performance(directory: Path) -> PerformanceFile:
    directory.mkdir(exist_ok=True, parents=True)
    return PerformanceFile(directory, files.Complaints(), lambda: END)


def stored(directory: Path) -> Any:
    return json.loads((directory / NAME).read_text())


def test_the_record_of_an_agent_run() -> None:
    usage = Usage(2, 0, 10, 20, 0.5, "gpt-4o")
    assert record(finished(semconv.INVOKE_AGENT, usage, **{semconv.AGENT_CLI: "claude"})) == {
        "agent": "worker",
        "cli": "claude",
        "duration": 30.473125,
        "timestamp": "2026-01-22T10:29:32.096Z",
        "model": "gpt-4o",
        "outcome": "ok",
        "trace_id": f"{0xABC:032x}",
        "input_tokens": 10,
        "output_tokens": 20,
        "cost": 0.5,
    }


def test_an_agent_inside_the_process_is_named_by_its_framework() -> None:
    attributes: dict[str, str | int] = {semconv.REQUEST_MODEL: "m", semconv.USAGE_INPUT_TOKENS: 3}
    found = record(finished(semconv.INVOKE_AGENT, None, **attributes))
    assert found is not None
    assert (found["cli"], found.get("model"), found.get("input_tokens")) == ("langgraph", "m", 3)


@pytest.mark.parametrize(
    ("operation", "usage", "expected"),
    [
        (semconv.NODE, Usage(llm_calls=1), True),
        (semconv.NODE, Usage(cli_runs=1), True),
        (semconv.NODE, Usage(), False),
        (semconv.NODE, None, False),
        (semconv.CHAT, Usage(llm_calls=1), False),
        (semconv.GIT, None, False),
    ],
)
def test_which_calls_get_a_record(operation: str, usage: Usage | None, expected: bool) -> None:
    assert (record(finished(operation, usage)) is not None) is expected


def test_made_as_an_empty_array_and_left_alone_when_there(tmp_path: Path) -> None:
    file = performance(tmp_path)
    file.prepare()
    assert (tmp_path / NAME).read_text() == "[]"
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600
    (tmp_path / NAME).write_text("[1]")
    file.prepare()
    assert (tmp_path / NAME).read_text() == "[1]"
    assert [path.name for path in (tmp_path / "open").iterdir()] == [".gitignore"]


def test_the_format_is_that_of_the_older_tool(tmp_path: Path) -> None:
    file = performance(tmp_path)
    file.add(made(1500))
    assert file.flush()
    assert (tmp_path / NAME).read_text() == (
        '[\n  {\n    "agent": "a",\n    "cli": "c",\n    "duration": 1500.0,\n'
        '    "timestamp": "1970-01-01T00:00:01.500Z"\n  }\n]'
    )
    assert not file.behind
    assert [path.name for path in (tmp_path / "open").glob("*.tmp")] == []
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == [NAME]


def test_records_of_older_tools_and_permissions_stay(tmp_path: Path) -> None:
    file = performance(tmp_path)
    old: list[Any] = [
        {"agent": "a", "cli": "c", "duration": 1, "timestamp": "2020-01-01T00:00:00.000Z", "x": {"y": []}}
    ]
    old += [7, "text", None, {"agent": 3}, {"agent": "a", "cli": "c", "timestamp": "never"}]
    (tmp_path / NAME).write_text(json.dumps(old))
    (tmp_path / NAME).chmod(0o644)
    file.add(made(1))
    assert file.flush()
    assert stored(tmp_path) == [*old, made(1)]
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o644


def test_a_real_file_of_the_older_tool_stays(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(SAMPLE.read_bytes())
    before = json.loads(SAMPLE.read_text())
    file = performance(tmp_path)
    file.add(made(1, agent="new"))
    assert file.flush()
    assert stored(tmp_path) == [*before, made(1, agent="new")]


@pytest.mark.parametrize("content", ['[{"agent": "a"', '{"an": "object"}', "\udcff"])
def test_a_corrupt_file_is_set_aside(tmp_path: Path, content: str, caplog: pytest.LogCaptureFixture) -> None:
    broken = content.encode("utf-8", "surrogateescape")
    (tmp_path / NAME).write_bytes(broken)
    file = performance(tmp_path)
    file.add(made(1))
    assert file.flush()
    assert stored(tmp_path) == [made(1)]
    aside = tmp_path / "agent-performance.corrupt-20260122T102932096Z.json"
    assert aside.read_bytes() == broken
    assert str(aside) in caplog.text


def test_an_empty_file_is_an_empty_array(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / NAME).write_text("\n")
    file = performance(tmp_path)
    file.add(made(1))
    assert file.flush()
    assert stored(tmp_path) == [made(1)]
    assert caplog.messages == []


def test_a_link_is_neither_read_nor_replaced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "secret").write_text("secret")
    (tmp_path / NAME).symlink_to(tmp_path / "secret")
    file = performance(tmp_path)
    file.prepare()
    file.add(made(1))
    assert not file.flush()
    assert file.behind
    assert (tmp_path / "secret").read_text() == "secret"
    assert "cannot write" in caplog.text


def test_records_wait_for_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = performance(tmp_path)
    file.prepare()
    file.add(made(1))

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "full")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", full)
        assert not file.flush()
    assert stored(tmp_path) == []
    file.add(made(2))
    assert file.flush(durable=True)
    assert stored(tmp_path) == [made(1), made(2)]


def test_the_newest_hundred_of_each_agent_and_cli() -> None:
    entries = [made(number, agent) for number in range(150) for agent in ("a", "b")]
    entries.append(made(0, "c"))
    kept = newest(entries)
    assert kept == [entry for entry in entries if entry["agent"] == "c" or entry["duration"] >= 50]


ENTRIES = st.lists(
    st.builds(made, st.integers(0, 400), st.sampled_from("ab"), st.sampled_from("xy"))
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=6,
    ),
    max_size=300,
)


@settings(max_examples=40, deadline=None)
@given(ENTRIES, st.integers(1, 150))
def test_merging_keeps_what_is_foreign_and_the_newest(
    tmp_path_factory: pytest.TempPathFactory, entries: list[Any], count: int
) -> None:
    directory = tmp_path_factory.mktemp("store")
    (directory / NAME).write_text(json.dumps(entries))
    file = performance(directory)
    new = [made(1000 + number) for number in range(count)]
    for item in new:
        file.add(item)
    assert file.flush()
    found: list[Any] = stored(directory)
    everything = [*entries, *new]
    assert [item for item in found if not ours(item)] == [item for item in entries if not ours(item)]
    for pair in {(item["agent"], item["cli"]) for item in everything if ours(item)}:
        instants = sorted(item["timestamp"] for item in everything if ours(item, pair))
        assert sorted(item["timestamp"] for item in found if ours(item, pair)) == instants[-NEWEST:]


def ours(item: Any, pair: tuple[str, str] | None = None) -> bool:
    """Whether an entry is a record, of that agent and CLI."""
    if not isinstance(item, dict) or not {"agent", "cli"} <= cast("dict[str, Any]", item).keys():
        return False
    return pair is None or (item["agent"], item["cli"]) == pair


def write_records(directory: Path, process: int) -> None:
    file = performance(directory)
    for number in range(200):
        file.add(made(number * 8 + process, agent=f"agent {number % 2}"))
        if number % 20 == 19:
            while not file.flush():
                pass
    while not file.flush():
        pass


def test_eight_processes_write_one_file(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=write_records, args=(tmp_path, number)) for number in range(8)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    everything = [made(number * 8 + process, f"agent {number % 2}") for number in range(200) for process in range(8)]
    expected = {
        entry["duration"]
        for agent in ("agent 0", "agent 1")
        for entry in sorted(
            (entry for entry in everything if entry["agent"] == agent), key=lambda entry: entry["duration"]
        )[-NEWEST:]
    }
    found = stored(tmp_path)
    assert len(found) == 2 * NEWEST
    assert {entry["duration"] for entry in found} == expected
