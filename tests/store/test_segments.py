"""Segment files: names, modes, rotation, pruning, and what happens when they cannot be written."""

from __future__ import annotations

import errno
import os
import re
import stat
from typing import TYPE_CHECKING

import pytest

from agent_otel.store import files, segments
from agent_otel.store.otlp_lines import Line
from agent_otel.store.segments import SegmentWriter
from tests.store.conftest import Clock, lines_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def line(text: str = "{}", items: int = 1) -> Line:
    return Line(text.encode() + b"\n", items)


def make(folder: Path, clock: Clock | None = None, segment_bytes: int = 1000) -> SegmentWriter:
    return SegmentWriter(
        folder,
        "traces",
        stem="",
        segment_bytes=segment_bytes,
        segment_seconds=60,
        complaints=files.Complaints(),
        clock=(clock or Clock()).now,
    )


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_names_and_modes_and_ignore_file(tmp_path: Path) -> None:
    folder = tmp_path / "otlp"
    assert make(folder).write([line()]) == (3, 1, 0)
    (path,) = folder.glob("*.jsonl")
    assert re.fullmatch(rf"traces-\d{{8}}T\d{{6}}-{os.getpid()}-[0-9a-f]{{8}}\.jsonl", path.name)
    assert (mode(path), mode(folder)) == (0o600, 0o700)
    assert (folder / ".gitignore").read_text() == "*\n"
    assert path.read_bytes() == b"{}\n"


def test_the_first_segment_has_the_name_of_its_process(tmp_path: Path) -> None:
    writer = SegmentWriter(
        tmp_path, "metrics", stem="stem", segment_bytes=1, segment_seconds=1, complaints=files.Complaints()
    )
    writer.write([line()])
    assert (tmp_path / "metrics-stem.jsonl").exists()


def test_nothing_is_made_before_something_is_written(tmp_path: Path) -> None:
    writer = make(tmp_path / "otlp")
    assert writer.write([]) == (0, 0, 0)
    writer.close()
    assert not (tmp_path / "otlp").exists()


def test_rotation_by_size(tmp_path: Path) -> None:
    writer = make(tmp_path, segment_bytes=25)
    for _ in range(5):
        writer.write([line("x" * 9)])
    assert sorted(path.stat().st_size for path in tmp_path.glob("*.jsonl")) == [10, 20, 20]
    assert writer.segments == 3


def test_rotation_by_age(tmp_path: Path) -> None:
    clock = Clock()
    writer = make(tmp_path, clock)
    writer.write([line()])
    clock.forward(59)
    writer.rotate_if_due()
    assert writer.is_open
    clock.forward(1)
    writer.rotate_if_due()
    writer.write([line()])
    assert writer.segments == 2


def test_a_closed_file_is_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    writer = make(tmp_path)
    writer.write([line()])
    assert synced == []
    writer.close()
    assert len(synced) == 1


def test_pruning_spares_open_files_and_takes_the_oldest(tmp_path: Path) -> None:
    writer = make(tmp_path)
    writer.write([line("x" * 99)])
    assert writer.path is not None
    os.utime(writer.path, (1, 1))
    for age in range(2, 6):
        path = tmp_path / f"traces-{age}.jsonl"
        path.write_bytes(b"y" * 100)
        os.utime(path, (age, age))
    assert files.prune(tmp_path, "*.jsonl", 300) == 2
    assert {path.name for path in tmp_path.glob("*.jsonl")} == {writer.path.name, "traces-4.jsonl", "traces-5.jsonl"}
    writer.close()
    assert files.prune(tmp_path, "*.jsonl", 250) == 1
    assert not writer.path.exists()


def failing(number: int) -> Callable[..., int]:
    def fail(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    return fail


def test_a_full_disk_is_told_once_and_lines_wait(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    writer = make(tmp_path)
    writer.write([line("first")])
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", failing(errno.ENOSPC))
        assert writer.write([line("second")]) == (0, 0, 0)
        assert writer.write([line("third")]) == (0, 0, 0)
        assert writer.behind
    assert writer.write([]) == (13, 2, 0)
    assert lines_of(tmp_path, "*.jsonl") == [b"first", b"second", b"third"]
    assert len(caplog.messages) == 1
    assert str(writer.path) in caplog.messages[0]


def test_half_a_line_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = make(tmp_path)
    writer.write([line("first")])
    write, calls = os.write, 0

    def half(descriptor: int, data: memoryview) -> int:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise OSError(errno.ENOSPC, "full")
        return write(descriptor, data[:3])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        writer.write([line("second")])
    assert lines_of(tmp_path, "*.jsonl") == [b"first"]
    writer.write([])
    assert lines_of(tmp_path, "*.jsonl") == [b"first", b"second"]


def test_what_waits_is_bounded_and_the_rest_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(segments, "BACKLOG_BYTES", 10)
    monkeypatch.setattr(os, "write", failing(errno.EACCES))
    writer = make(tmp_path)
    assert writer.write([line("abc", 5), line("def", 6), line("ghi", 7)]) == (0, 0, 5)


def test_a_deleted_folder_is_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "otlp"
    writer = make(folder)
    writer.write([line("lost")])
    for path in folder.iterdir():
        path.unlink()
    folder.rmdir()
    writer.write([line("kept")])
    assert lines_of(folder, "*.jsonl") == [b"kept"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "otlp").write_text("a file")
    writer = make(tmp_path / "otlp")
    writer.write([line()])
    assert writer.behind
    assert "cannot write" in caplog.text
    (tmp_path / "otlp").unlink()
    assert writer.write([]) == (3, 1, 0)


def test_a_planted_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    with pytest.raises(FileExistsError):
        files.create(tmp_path / "link")
    with pytest.raises(OSError, match="symbolic"):
        files.read_no_follow(tmp_path / "link")
    assert (tmp_path / "target").read_text() == "mine"


def test_after_a_fork_the_parents_file_is_left_alone(tmp_path: Path) -> None:
    writer = make(tmp_path)
    writer.write([line("parent")])
    before = writer.path
    writer.abandon()
    writer.write([line("child")])
    assert writer.path != before
    assert sorted(lines_of(tmp_path, "*.jsonl")) == [b"child", b"parent"]


def test_a_new_file_gets_its_lock_although_a_reader_looks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [True, False, False]

    def lock(_: int) -> bool:
        return answers.pop()

    monkeypatch.setattr(files, "lock", lock)
    os.close(files.create_locked(tmp_path / "file"))
    assert answers == []
