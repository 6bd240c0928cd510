"""git: what a command line does, in which worktree, and which exit statuses are answers instead of failures."""

# Strings and os.path, because Path objects cost three times as much and this runs before every process.
# ruff: noqa: PTH112, PTH118, PTH119, PTH120, PTH123
from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from agent_otel import semconv
from agent_otel.libs.command import shown
from agent_otel.settings import git_directory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent_otel.semconv import AttributeValue

OTHER: Final = "other"
"""What aliases, external commands and misspelt ones are counted as."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# `git --list-cmds=main,others` without those that only git itself starts, and the most used extension.
_SUBCOMMANDS: Final = _names("""
    add am annotate apply archive backfill bisect blame branch bugreport bundle cat-file check-attr check-ignore
    check-mailmap check-ref-format checkout checkout-index cherry cherry-pick citool clean clone column commit
    commit-graph commit-tree config count-objects credential credential-cache credential-store daemon describe diagnose
    diff diff-files diff-index diff-pairs diff-tree difftool fast-export fast-import fetch fetch-pack filter-branch
    fmt-merge-msg for-each-ref for-each-repo format-patch fsck gc get-tar-commit-id grep gui hash-object help hook
    http-backend http-fetch http-push imap-send index-pack init init-db instaweb interpret-trailers last-modified lfs
    log ls-files ls-remote ls-tree mailinfo mailsplit maintenance merge merge-base merge-file merge-index
    merge-one-file merge-tree mergetool mktag mktree multi-pack-index mv name-rev notes pack-objects pack-redundant
    pack-refs patch-id prune prune-packed pull push quiltimport range-diff read-tree rebase receive-pack reflog refs
    remote repack replace replay request-pull rerere reset restore rev-list rev-parse revert rm send-email send-pack
    shell shortlog show show-branch show-index show-ref sparse-checkout stage stash status stripspace submodule subtree
    switch symbolic-ref tag unpack-file unpack-objects update-index update-ref update-server-info upload-archive
    upload-pack var verify-commit verify-pack verify-tag version whatchanged worktree write-tree
""")
_VERBS: Final[Mapping[str, frozenset[str]]] = {
    "worktree": _names("add list lock move prune remove repair unlock"),
    "stash": _names("apply branch clear create drop export import list pop push save show store"),
    "submodule": _names("absorbgitdirs add deinit foreach init set-branch set-url status summary sync update"),
    "remote": _names("add get-url prune remove rename rm set-branches set-head set-url show update"),
}
_VALUED: Final = _names("-C -c --git-dir --work-tree --namespace --super-prefix --config-env --attr-source")
_ABOUT_A_WORKTREE: Final = frozenset(f"worktree {verb}" for verb in ("add", "lock", "move", "remove", "unlock"))
_ADD_VALUES: Final = frozenset({"-b", "-B", "--reason"})
_WITHOUT_REPOSITORY: Final = frozenset({"clone", "init", "init-db", "version", "help", OTHER})


class Invocation(NamedTuple):
    """One git command line: its subcommand, that with its verb (``worktree add``), and the words after the subcommand.

    ``folders`` are the values of ``-C``; ``directory`` is that of ``--git-dir``.
    """

    subcommand: str
    operation: str
    words: Sequence[str]
    folders: Sequence[str]
    directory: str | None

    @property
    def options(self) -> frozenset[str]:
        """The options among the words."""
        words = self.words
        end = words.index("--") if "--" in words else len(words)
        return frozenset(word for word in words[:end] if word.startswith("-"))

    def value(self, options: set[str]) -> str | None:
        """The word after the last of the options."""
        found = None
        for option, value in zip(self.words, self.words[1:], strict=False):
            if option in options:
                found = value
        return found

    def positional(self, valued: frozenset[str]) -> list[str]:
        """The words that are neither options nor values of the options ``valued``."""
        found: list[str] = []
        skip = False
        for word in self.words:
            if skip:
                skip = False
            elif word in valued:
                skip = True
            elif not word.startswith("-"):
                found.append(word)
        return found


def read(arguments: Sequence[str]) -> Invocation:
    """Read the arguments of git (without ``git`` itself)."""
    folders: list[str] = []
    directory: str | None = None
    position = 0
    while position < len(arguments) and arguments[position].startswith("-"):
        option, equals, value = arguments[position].partition("=")
        position += 1
        if option in {"--version", "-v"}:
            return Invocation("version", "version", (), folders, directory)
        if option in {"--help", "-h"}:
            return Invocation("help", "help", (), folders, directory)
        if option in _VALUED and not equals:
            value = arguments[position] if position < len(arguments) else ""
            position += 1
        if option == "-C" and value:
            folders.append(value)
        elif option == "--git-dir":
            directory = value
    words = arguments[position + 1 :]
    named = arguments[position] if position < len(arguments) else ""
    subcommand = named if named in _SUBCOMMANDS else OTHER
    operation = subcommand
    if words and words[0] in _VERBS.get(subcommand, ()):
        operation = f"{subcommand} {words[0]}"
    return Invocation(subcommand, operation, words, folders, directory)


def facts(invocation: Invocation, cwd: str, environment: Mapping[Any, Any]) -> dict[str, AttributeValue]:
    """Where the command works, read from ``.git`` without starting git.

    The worktree is relative to the main worktree (``.`` is that itself) or to the bare repository; the repository's
    name is its folder's. Of ``git worktree add`` and the like it is the worktree that they are about.
    """
    known: dict[str, AttributeValue] = {semconv.GIT_OPERATION: invocation.operation}
    if invocation.subcommand in _WITHOUT_REPOSITORY:
        return known
    here = os.path.join(cwd, *invocation.folders)
    git = _directory(here, invocation.directory or environment.get("GIT_DIR"))
    if git is None:
        return known
    common = _common(git)
    folder, name = os.path.split(common)
    main = folder if name == ".git" else common
    name = os.path.basename(main).removesuffix(".git") or os.path.basename(folder)
    if name:
        known[semconv.VCS_REPOSITORY_NAME] = shown(name)
    target = _target(invocation)
    if target is None:
        known[semconv.GIT_WORKTREE] = "." if common == git else _relative(_top(git), main)
        known.update(_head(git))
        return known
    worktree = os.path.join(here, target)
    if invocation.operation == "worktree add":
        known[semconv.GIT_WORKTREE] = _relative(worktree, main)
        branch = invocation.value({"-b", "-B"})
        if branch is not None:
            known[semconv.VCS_REF_HEAD_NAME] = shown(branch)
        return known
    own = git_directory(Path(worktree))
    # What is no folder is the last part of a worktree's path, which git completes.
    if own is not None and _top(str(own)) == os.path.realpath(worktree):
        known[semconv.GIT_WORKTREE] = _relative(worktree, main)
        known.update(_head(str(own)))
    return known


def _target(invocation: Invocation) -> str | None:
    """The worktree that a ``git worktree`` command is about."""
    if invocation.operation not in _ABOUT_A_WORKTREE:
        return None
    named = invocation.positional(_ADD_VALUES)
    return named[1] if len(named) > 1 else None


def _directory(here: str, named: Any) -> str | None:
    """The ``.git`` folder: as ``--git-dir`` or ``GIT_DIR`` name it, else of the worktree or bare repository here."""
    if isinstance(named, str) and named:
        git = os.path.join(here, named)
        return os.path.normpath(git) if os.path.isdir(git) else None
    folder = os.path.normpath(here)
    found = git_directory(Path(folder))
    if found is not None:
        return str(found)
    return folder if os.path.isdir(os.path.join(folder, "objects")) and _head(folder) else None


def _common(git: str) -> str:
    """The folder that all worktrees share, of the ``.git`` folder of one of them."""
    pointer = _line(os.path.join(git, "commondir"))
    return git if pointer is None else os.path.normpath(os.path.join(git, pointer))


def _top(git: str) -> str:
    """The top folder of the worktree that a ``.git`` folder belongs to."""
    pointer = _line(os.path.join(git, "gitdir"))
    return os.path.realpath(os.path.dirname(git if pointer is None else os.path.join(git, pointer)))


def _relative(folder: str, main: str) -> str:
    try:
        return shown(Path(os.path.relpath(os.path.realpath(folder), os.path.realpath(main))).as_posix())
    except ValueError:  # Another drive on Windows: there is no relative path.
        return shown(os.path.basename(folder))


def _head(git: str) -> dict[str, AttributeValue]:
    head = _line(os.path.join(git, "HEAD"))
    if not head:
        return {}
    if head.startswith("ref:"):
        return {semconv.VCS_REF_HEAD_NAME: shown(head.removeprefix("ref:").strip().removeprefix("refs/heads/"))}
    return {semconv.VCS_REF_HEAD_REVISION: head}


def _line(file: str) -> str | None:
    """What a small file of ``.git`` says; None where it is missing."""
    try:
        with open(file, encoding="utf-8", errors="surrogateescape") as opened:
            return opened.read().strip()
    except OSError:
        return None
