"""Baselines on disk: written whole or not at all, read back as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent_otel.store import baselines
from agent_otel.store.baselines import Baseline, Batch, Group, UnknownBaselineError
from agent_otel.store.model import StoreError

if TYPE_CHECKING:
    from pathlib import Path

NUMBERS = st.lists(st.floats(0, 1e6), max_size=4)
BATCHES = st.builds(Batch, st.text(max_size=8), NUMBERS, st.integers(0, 9), st.integers(0, 9), NUMBERS, NUMBERS)
GROUPS = st.lists(st.builds(Group, st.just("node"), st.text(max_size=8), st.lists(BATCHES, max_size=3)), max_size=3)


def made(name: str = "main", groups: list[Group] | None = None) -> Baseline:
    """A baseline."""
    return Baseline(name=name, created="2026-01-31T12:00:00.000Z", machine={"cpus": "2"}, groups=groups or [])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(GROUPS)
def test_what_is_saved_is_loaded(tmp_path: Path, groups: list[Group]) -> None:
    baselines.save(tmp_path, made(groups=groups))
    assert baselines.load(tmp_path, "main") == made(groups=groups)


def test_a_baseline_is_replaced_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path, replaced = baselines.save(tmp_path, made())
    assert (path, replaced) == (tmp_path / "baselines" / "main.json", False)
    assert baselines.save(tmp_path, made(groups=[Group("node", "n")])) == (path, True)
    assert [file.name for file in path.parent.iterdir()] == ["main.json"]
    assert baselines.load(tmp_path, "main").groups == [Group("node", "n")]
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_failed_write_keeps_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, _ = baselines.save(tmp_path, made())

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StoreError, match="cannot be written: No space left"):
        baselines.save(tmp_path, made(groups=[Group("node", "n")]))
    assert baselines.load(tmp_path, "main") == made()
    assert [file.name for file in path.parent.iterdir()] == ["main.json"]


@pytest.mark.parametrize("name", ["main", "v1.2", "a-b_c", "0"])
def test_names(name: str, tmp_path: Path) -> None:
    baselines.save(tmp_path, made(name))
    assert baselines.names(tmp_path) == [name]


@pytest.mark.parametrize("name", ["", ".", "..", "../main", "a/b", ".hidden", "-x", "a b", "ä", "a" * 65, "a\n"])
def test_names_that_could_leave_the_folder_are_refused(name: str, tmp_path: Path) -> None:
    for call in (baselines.path_of, baselines.load, baselines.delete):
        with pytest.raises(ValueError, match="cannot name a baseline"):
            call(tmp_path, name)


def test_what_is_not_there(tmp_path: Path) -> None:
    assert baselines.names(tmp_path) == []
    with pytest.raises(UnknownBaselineError, match="baseline save"):
        baselines.load(tmp_path, "main")
    baselines.save(tmp_path, made("other"))
    with pytest.raises(UnknownBaselineError, match="there is other"):
        baselines.load(tmp_path, "main")
    with pytest.raises(UnknownBaselineError):
        baselines.delete(tmp_path, "main")
    baselines.delete(tmp_path, "other")
    assert baselines.names(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"name": "main"}', b"\xff"])
def test_a_file_that_is_none_is_named(tmp_path: Path, content: bytes) -> None:
    path, _ = baselines.save(tmp_path, made())
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"main\.json is no baseline"):
        baselines.load(tmp_path, "main")


def test_a_later_format_is_not_guessed_at(tmp_path: Path) -> None:
    baselines.save(tmp_path, Baseline(name="main", created="", format=2))
    with pytest.raises(StoreError, match="later version"):
        baselines.load(tmp_path, "main")
