"""Exit statuses of git that answer a question instead of telling a failure, as its manual pages document them.

https://git-scm.com/docs: the pages of the commands named here. Usage errors are 129 and fatal errors 128 everywhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent_otel.libs.git import Invocation

_CONFIG_READS: Final = frozenset({"--get", "--get-all", "--get-regexp", "--get-urlmatch", "--get-colorbool"})
_CONFIG_WRITES: Final = frozenset(
    {"--add", "--unset", "--unset-all", "--replace-all", "--rename-section", "--remove-section"}
    | {"--edit", "-e", "--list", "-l"}
)
_CONFIG_VALUES: Final = frozenset({"-f", "--file", "--blob", "--type", "-t", "--default"})
_QUIET: Final = frozenset({"-q", "--quiet"})


def is_answer(invocation: Invocation, status: int) -> bool:
    """Whether git's exit status answers what was asked; 0 always does."""
    if status == 0:
        return True
    rule = _RULES.get(invocation.subcommand)
    return rule is not None and status in rule(invocation)


def _always(*statuses: int) -> Callable[[Invocation], frozenset[int]]:
    return lambda _invocation: frozenset(statuses)


def _with(status: int, *options: str) -> Callable[[Invocation], frozenset[int]]:
    """The status is an answer if one of the options is given."""
    return lambda invocation: frozenset({status}) if invocation.options & set(options) else frozenset()


def _differences(invocation: Invocation) -> frozenset[int]:
    # 1: there are differences, which git only says when asked to; 2: --check found something; 3: both.
    return frozenset({1, 2, 3}) if "--check" in invocation.options else frozenset({1})


def _history(invocation: Invocation) -> frozenset[int]:
    return _differences(invocation) if invocation.options & {"--exit-code", "--quiet", "--check"} else frozenset()


def _show_ref(invocation: Invocation) -> frozenset[int]:
    options = invocation.options
    if "--exists" in options:
        return frozenset({2})
    if "--verify" in options and not options & _QUIET:
        return frozenset()
    return frozenset({1})


def _rev_parse(invocation: Invocation) -> frozenset[int]:
    options = invocation.options
    return frozenset({1}) if "--verify" in options and options & _QUIET else frozenset()


def _config(invocation: Invocation) -> frozenset[int]:
    options = invocation.options
    named = invocation.positional(_CONFIG_VALUES)
    # `git config NAME` reads, as does `git config get NAME` of newer versions.
    reads = options & _CONFIG_READS or named[:1] == ["get"] or (len(named) == 1 and not options & _CONFIG_WRITES)
    return frozenset({1}) if reads else frozenset()


def _verb(verb: str, status: int) -> Callable[[Invocation], frozenset[int]]:
    return lambda invocation: frozenset({status}) if verb in invocation.words[:1] else frozenset()


_RULES: Final[dict[str, Callable[[Invocation], frozenset[int]]]] = {
    "cat-file": _with(1, "-e"),
    "check-ignore": _always(1),
    "check-ref-format": _always(1),
    "config": _config,
    "diff": _differences,
    "diff-files": _differences,
    "diff-index": _differences,
    "diff-tree": _differences,
    "get-tar-commit-id": _always(1),
    "grep": _always(1),
    "log": _history,
    "ls-files": _with(1, "--error-unmatch"),
    "ls-remote": _with(2, "--exit-code"),
    "merge-base": _always(1),
    "merge-file": _always(*range(1, 128)),
    "merge-tree": _always(1),
    "reflog": _verb("exists", 1),
    "refs": _verb("exists", 2),
    "rev-parse": _rev_parse,
    "show": _history,
    "show-ref": _show_ref,
    "symbolic-ref": _with(1, "-q", "--quiet"),
    "update-index": _with(1, "--test-untracked-cache"),
}
