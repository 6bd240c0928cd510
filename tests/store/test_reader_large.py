"""Large stores: read in parts and by several processes, with the same answers."""

from __future__ import annotations

import os
import threading
from functools import partial
from typing import TYPE_CHECKING

import pytest

from agent_otel.analysis.summary import analyse, analyse_many, report
from agent_otel.store import reader as reading
from agent_otel.store.reader import StoreReader
from agent_otel.store.workers import results
from tests.analysis.build import Builder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from agent_otel.store.reader import Run


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything counts as large: parts of a few lines, batches of a few runs, processes for any work."""
    monkeypatch.setattr("agent_otel.store.scan.PART_BYTES", 1000)
    monkeypatch.setattr(reading, "SPANS_AT_ONCE", 20)
    monkeypatch.setattr(reading, "WORTH_PROCESSES", 0)
    monkeypatch.setattr(reading, "WORTH_SPANS", 0)


def fill(directory: Path, runs: int = 9) -> None:
    """Runs over three files, their lines mixed, one line unreadable."""
    for number in range(runs):
        built = Builder(f"{number + 1:02x}" * 16)
        graph = built.workflow(number, number + 5)
        for _ in range(number):
            built.chat(number + 1, number + 2, built.node("worker", number, number + 3, graph, 1), status=2)
        built.write(directory, f"{number % 3}-a")
    with (directory / "otlp" / "traces-1-a.jsonl").open("ab") as stream:
        stream.write(b"nonsense\n")


def names(runs: Iterable[Run]) -> list[tuple[str, int]]:
    return [(run.trace_id[:2], len(run.spans)) for run in runs]


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("processes", [1, 2])
def test_parts_batches_and_processes_change_nothing(
    tmp_path: Path, processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path)
    found = StoreReader(tmp_path, processes=processes)
    with monkeypatch.context() as plain:
        plain.undo()
        expected = StoreReader(tmp_path)
        assert found.runs() == expected.runs()
        assert found.problems == expected.problems
        assert names(found.load(found.runs())) == names(expected.load(expected.runs()))
    assert [run.spans for run in found.runs()] == [17, 15, 13, 11, 9, 7, 5, 3, 1]


@pytest.mark.usefixtures("large")
@pytest.mark.parametrize("processes", [1, 2])
def test_many_runs_sum_up_to_the_same_report(tmp_path: Path, processes: int) -> None:
    fill(tmp_path)
    told: list[tuple[int, int]] = []
    found = StoreReader(tmp_path, processes=processes, progress=lambda done, total: told.append((done, total)))
    keys = ("agent", "model")
    many = analyse_many(partial(found.fold, found.runs()), keys)
    assert report(many) == report(analyse(found.load(found.runs()), keys))
    assert len(many.runs) == 9
    assert told[-1] == (81, 81)


@pytest.mark.usefixtures("large")
def test_a_line_belongs_to_the_part_in_which_it_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, 3)
    expected = StoreReader(tmp_path).runs()
    for size in range(1, 700, 37):
        monkeypatch.setattr("agent_otel.store.scan.PART_BYTES", size)
        found = StoreReader(tmp_path)
        assert found.runs() == expected
        assert [(problem.line, problem.path.name) for problem in found.problems] == [(4, "traces-1-a.jsonl")]


@pytest.mark.usefixtures("large")
def test_an_unknown_schema_is_said_once_over_all_parts_of_a_file(tmp_path: Path) -> None:
    fill(tmp_path, 1)
    built = Builder()
    for _ in range(20):
        built.workflow(0, 1)
    path = built.write(tmp_path, "5-a")
    path.write_bytes(path.read_bytes().replace(b"https://opentelemetry.io", b"https://example.org"))
    found = StoreReader(tmp_path)
    found.runs()
    assert [problem.line for problem in found.problems if "unknown schema" in problem.text] == [1]


def test_a_file_pruned_between_looking_and_reading_leaves_its_runs_out(tmp_path: Path) -> None:
    fill(tmp_path, 3)
    found = StoreReader(tmp_path)
    known = found.runs()
    (tmp_path / "otlp" / "traces-2-a.jsonl").unlink()
    assert names(found.load(known)) == [("02", 3), ("01", 1)]


def _double(number: int) -> int:
    if number == 7 and os.getpid() != PARENT:
        os._exit(3)
    return 2 * number


PARENT = os.getpid()


@pytest.mark.parametrize("tasks", [[], [1], [1, 2, 3], list(range(30))])
def test_results_come_in_order_even_if_a_worker_dies(tasks: list[int]) -> None:
    assert list(results(_double, tasks, 2)) == [2 * task for task in tasks]


def test_a_process_with_threads_is_not_forked() -> None:
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert list(results(_double, [1, 2, 3], 2)) == [2, 4, 6]
    finally:
        stop.set()
        thread.join()


def test_where_there_are_no_processes_one_does_it_all(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_method: str) -> None:
        raise OSError("no semaphores")

    monkeypatch.setattr("multiprocessing.get_context", refuse)
    assert list(results(_double, [1, 2, 3], 2)) == [2, 4, 6]


def _fails(number: int) -> int:
    raise ZeroDivisionError(number)


def test_an_error_in_a_worker_is_the_callers() -> None:
    with pytest.raises(ZeroDivisionError):
        list(results(_fails, [1, 2], 2))


def test_stopping_early_ends_the_workers(tmp_path: Path) -> None:
    def first(found: Iterator[int]) -> int:
        return next(found)

    assert first(results(_double, list(range(20)), 2)) == 0
