"""Reading git's command lines, and its exit statuses against the git that is installed."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from agent_otel import semconv
from agent_otel.libs import git
from agent_otel.libs.git_answers import is_answer

if TYPE_CHECKING:
    from pathlib import Path


def run(folder: Path, *words: str) -> int:
    """Run git there, on no configuration of this machine."""
    env = {
        "PATH": "/usr/bin:/bin:/usr/local/bin", "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "n", "GIT_AUTHOR_EMAIL": "n@e", "GIT_COMMITTER_NAME": "n", "GIT_COMMITTER_EMAIL": "n@e",
    }  # fmt: skip
    done = subprocess.run(["git", *words], cwd=folder, env=env, capture_output=True, check=False, input=b"")
    return done.returncode


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one commit on ``main`` and a changed file."""
    folder = tmp_path / "project"
    folder.mkdir()
    run(folder, "init", "-q", "-b", "main")
    (folder / "file").write_text("one\n")
    run(folder, "add", "file")
    run(folder, "commit", "-q", "-m", "first")
    (folder / "file").write_text("two \n")
    return folder


@pytest.mark.parametrize(
    ("line", "subcommand", "operation"),
    [
        ("status", "status", "status"),
        ("-C /x -c a=b --git-dir /y --work-tree=/z --no-pager -p commit -m status", "commit", "commit"),
        ("--namespace n --config-env=a=B fetch", "fetch", "fetch"),
        ("worktree add ../x", "worktree", "worktree add"),
        ("worktree ../x", "worktree", "worktree"),
        ("stash", "stash", "stash"),
        ("remote get-url https://u:p@host/x", "remote", "remote get-url"),
        ("co main", "other", "other"),
        ("--version", "version", "version"),
        ("--help", "help", "help"),
        ("--exec-path", "other", "other"),
        ("-C", "other", "other"),
        ("", "other", "other"),
    ],
)
def test_subcommand(line: str, subcommand: str, operation: str) -> None:
    found = git.read(line.split())
    assert (found.subcommand, found.operation) == (subcommand, operation)


MISSING = "1234567890123456789012345678901234567890"
ANSWERS = [
    "diff --quiet", "diff --exit-code", "diff --check", "diff --check --exit-code", "diff-index --quiet HEAD",
    "diff-files -q --exit-code", "diff-tree --quiet HEAD HEAD^{tree}", "diff --no-index file .git/HEAD",
    "grep nowhere", "check-ignore file", "check-ref-format a..b", "merge-base --is-ancestor HEAD orphan",
    "merge-base HEAD orphan", "show-ref refs/heads/nope", "show-ref -q --verify refs/heads/nope",
    "rev-parse -q --verify nope", "rev-parse --verify --quiet nope", f"cat-file -e {MISSING}",
    "config --get no.such", "config no.such", "config --get-all no.such", "config --get-regexp no.such",
    "config -f .git/config no.such", "ls-files --error-unmatch nope", "ls-remote --exit-code . refs/heads/nope",
    "reflog exists refs/heads/nope", "log --exit-code -1", "show --exit-code",
]  # fmt: skip
FAILURES = [
    "rev-parse --verify nope", "show-ref --verify refs/heads/nope", "cat-file -e nope", "diff nope", "log nope",
    "config --unset no.such", "merge-base --is-ancestor HEAD nope", "commit -m --quiet", "checkout nope",
    "ls-remote /nowhere", "remote get-url nope", "ls-files --nope", "grep --nope", "worktree remove nope",
    "symbolic-ref nope", "config --get novalue",
]  # fmt: skip


@pytest.mark.parametrize("line", ANSWERS)
def test_answers(line: str, repository: Path) -> None:
    run(repository, "branch", "kept")
    run(repository, "stash")
    run(repository, "checkout", "-q", "--orphan", "orphan")
    run(repository, "commit", "-q", "-m", "other")
    run(repository, "checkout", "-q", "kept")
    (repository / "file").write_text("two \n")
    status = run(repository, *line.split())
    assert is_answer(git.read(line.split()), status), status
    assert not is_answer(git.read(line.split()), 128)
    assert not is_answer(git.read(line.split()), 129)


@pytest.mark.parametrize("line", FAILURES)
def test_failures(line: str, repository: Path) -> None:
    run(repository, "reset", "-q", "--hard")
    status = run(repository, *line.split())
    assert status != 0
    if line != "config --get novalue":  # git says 1 there too, as for a key that is not set
        assert not is_answer(git.read(line.split()), status), status


def test_conflicts_and_detached_heads_are_answers(repository: Path) -> None:
    run(repository, "checkout", "-q", "--detach")
    assert is_answer(git.read(["symbolic-ref", "-q", "HEAD"]), run(repository, "symbolic-ref", "-q", "HEAD"))
    assert is_answer(git.read(["merge-tree", "--write-tree", "a", "b"]), 1)
    assert is_answer(git.read(["merge-file", "a", "b", "c"]), 3)
    assert not is_answer(git.read(["merge-file", "a", "b", "c"]), 255)
    assert is_answer(git.read(["show-ref", "--exists", "x"]), 2)
    assert is_answer(git.read(["config", "get", "x"]), 1)
    assert is_answer(git.read(["get-tar-commit-id"]), 1)
    assert is_answer(git.read(["update-index", "--test-untracked-cache"]), 1)
    assert not is_answer(git.read(["commit", "-m", "x"]), 1)
    assert not is_answer(git.read(["grep", "x"]), -9)


def test_options_end_at_two_dashes() -> None:
    assert not is_answer(git.read(["ls-files", "--", "--error-unmatch"]), 1)


def facts(folder: Path, line: str, env: dict[str, str] | None = None) -> dict[str, object]:
    found = git.facts(git.read(line.split()), str(folder), env or {})
    return {key.removeprefix("agent_otel.").removeprefix("vcs."): value for key, value in found.items()}


def test_where_it_works(repository: Path, tmp_path: Path) -> None:
    run(repository, "worktree", "add", "-q", "-b", "task/1", ".trees/one")
    run(repository, "worktree", "add", "-q", "--detach", "../two")
    main = {"git.operation": "status", "git.worktree": ".", "repository.name": "project", "ref.head.name": "main"}
    one = main | {"git.worktree": ".trees/one", "ref.head.name": "task/1"}
    (repository / ".trees/one/deep").mkdir()
    assert facts(repository, "status") == main
    assert facts(repository / ".trees/one", "status") == one
    assert facts(repository / ".trees/one/deep", "status") == one
    assert facts(repository, "-C .trees -C one status") == one
    assert facts(tmp_path, f"-C {repository} -C .trees/one status") == one
    assert facts(tmp_path, f"--git-dir={repository}/.git/worktrees/one status") == one
    assert facts(tmp_path, "status", {"GIT_DIR": f"{repository}/.git"}) == main
    assert facts(tmp_path, "--git-dir nowhere status") == {"git.operation": "status"}
    two = facts(tmp_path / "two", "status")
    assert two["git.worktree"] == "../two"
    assert "ref.head.name" not in two
    assert len(str(two["ref.head.revision"])) == 40
    link = tmp_path / "link"
    link.symlink_to(repository / ".trees/one")
    assert facts(link, "status") == one


def test_worktrees_by_argument(repository: Path) -> None:
    run(repository, "worktree", "add", "-q", "-b", "task/1", ".trees/one")
    made = {"git.operation": "worktree add", "git.worktree": ".trees/new", "repository.name": "project"}
    assert facts(repository, "worktree add .trees/new") == made
    assert facts(repository, "worktree add -q -b task/2 .trees/new HEAD") == made | {"ref.head.name": "task/2"}
    assert facts(repository / ".trees/one", f"worktree add {repository}/.trees/new") == made
    gone = {"git.operation": "worktree remove", "repository.name": "project"}
    there = {"git.worktree": ".trees/one", "ref.head.name": "task/1"}
    assert facts(repository, "worktree remove --force .trees/one") == gone | there
    assert facts(repository, "worktree remove one") == gone
    assert facts(repository, "worktree list")["git.worktree"] == "."
    assert facts(repository, "worktree remove")["git.worktree"] == "."


def test_bare_repository_and_none(repository: Path, tmp_path: Path) -> None:
    run(tmp_path, "clone", "-q", "--bare", "project", "hub/project.git")
    bare = tmp_path / "hub/project.git"
    assert facts(bare, "log") == {
        "git.operation": "log", "git.worktree": ".", "repository.name": "project", "ref.head.name": "main",
    }  # fmt: skip
    run(bare, "worktree", "add", "-q", "-b", "feature", "../feature")
    assert facts(tmp_path / "hub/feature", "log")["git.worktree"] == "../feature"
    assert facts(repository, "clone https://u:secret@host/x y") == {"git.operation": "clone"}
    assert facts(tmp_path, "log") == {"git.operation": "log"}
    assert facts(tmp_path / "nowhere", "log") == {"git.operation": "log"}


def test_names_that_are_no_text(tmp_path: Path) -> None:
    folder = tmp_path / b"caf\xe9".decode("utf-8", "surrogateescape")
    folder.mkdir()
    run(folder, "init", "-q")
    name = git.facts(git.read(["status"]), str(folder), {})[semconv.VCS_REPOSITORY_NAME]
    assert name == "caf?"
