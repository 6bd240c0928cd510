"""Environment and keyword arguments become one frozen ``Settings``."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

ENV_DIR: Final = "AGENT_OTEL_DIR"
ENV_STORE: Final = "AGENT_OTEL_STORE"
ENV_LIVE: Final = "AGENT_OTEL_LIVE"
ENV_DISABLED: Final = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"
DEFAULT_DIR: Final = Path(".planning") / "metrics"

_FALSE = frozenset({"", "0", "false", "no", "off", "none"})


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user asked for.

    ``directory`` is absolute. ``disabled`` holds the library names of ``OTEL_PYTHON_DISABLED_INSTRUMENTATIONS``.
    ``flush_seconds`` bounds how long an ended span may stay in memory, ``queue_spans`` how many may wait there,
    ``segment_bytes`` and ``segment_seconds`` when a segment file is closed for the next, ``budget_bytes`` how much
    ``otlp/`` may hold before its oldest closed segments are removed.
    """

    directory: Path
    store: bool = True
    live: bool = False
    disabled: frozenset[str] = frozenset()
    flush_seconds: float = 0.5
    queue_spans: int = 20_000
    segment_bytes: int = 64 * 1024 * 1024
    segment_seconds: float = 3600.0
    budget_bytes: int = 1024 * 1024 * 1024

    @classmethod
    def read(cls, environ: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
        """Settings from the environment; keyword arguments (names as the fields) win over it.

        Raises ``TypeError`` for a keyword that is no field.
        """
        env = os.environ if environ is None else environ
        directory = overrides.pop("directory", None)
        settings = cls(
            directory=Path(directory).absolute() if directory is not None else store_directory(env),
            store=_flag(env, ENV_STORE, default=True),
            live=_flag(env, ENV_LIVE, default=False),
            disabled=frozenset(word.strip() for word in env.get(ENV_DISABLED, "").split(",") if word.strip()),
        )
        return replace(settings, **overrides) if overrides else settings


def _flag(env: Mapping[str, str], name: str, *, default: bool) -> bool:
    value = env.get(name)
    return default if value is None else value.strip().lower() not in _FALSE


def store_directory(env: Mapping[str, str] | None = None, start: Path | None = None) -> Path:
    """The store's absolute folder: ``AGENT_OTEL_DIR``, else ``.planning/metrics`` of the main worktree or of ``start``.

    A linked worktree is deleted with its task, so the store of a run started in one lies in the main worktree.
    """
    env = os.environ if env is None else env
    named = env.get(ENV_DIR)
    if named:
        return Path(named).expanduser().absolute()
    here = (start or Path.cwd()).absolute()
    return (main_worktree(here) or here) / DEFAULT_DIR


def main_worktree(start: Path) -> Path | None:
    """The main worktree of the git repository around ``start``; None outside a repository."""
    git = git_directory(start)
    if git is None:
        return None
    common = git
    pointer = git / "commondir"
    if pointer.is_file():
        common = Path(os.path.normpath(git / pointer.read_text(encoding="utf-8").strip()))
    return common.parent if common.name == ".git" else None


def git_directory(start: Path) -> Path | None:
    """The ``.git`` folder that serves ``start`` (of a linked worktree: its own under ``.git/worktrees``), else None."""
    for folder in (start, *start.parents):
        entry = folder / ".git"
        if entry.is_dir():
            return entry
        if entry.is_file():
            text = entry.read_text(encoding="utf-8").strip()
            if text.startswith("gitdir:"):
                return Path(os.path.normpath(folder / text.removeprefix("gitdir:").strip()))
    return None


def head_revision(start: Path) -> str | None:
    """The commit that HEAD names at ``start``, read from ``.git`` without starting git; None where there is none."""
    git = git_directory(start)
    if git is None or not (git / "HEAD").is_file():
        return None
    head = (git / "HEAD").read_text(encoding="utf-8").strip()
    if not head.startswith("ref:"):
        return head or None
    ref = head.removeprefix("ref:").strip()
    common = git
    if (git / "commondir").is_file():
        common = Path(os.path.normpath(git / (git / "commondir").read_text(encoding="utf-8").strip()))
    for folder in (git, common):
        if (folder / ref).is_file():
            return (folder / ref).read_text(encoding="utf-8").strip() or None
    packed = common / "packed-refs"
    if packed.is_file():
        for line in packed.read_text(encoding="utf-8").splitlines():
            revision, _, name = line.partition(" ")
            if name == ref:
                return revision
    return None
