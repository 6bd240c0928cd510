"""Agent CLIs: which command line is one, under whatever launcher, and what its arguments say.

Only the model and the session are read from the arguments; prompts never are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agent_otel import semconv

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_otel.semconv import AttributeValue


@dataclass(frozen=True, slots=True)
class Cli:
    """One agent CLI: its executable's name, which is also what it is called in spans and records.

    ``packages`` are the packages that carry it. ``model`` and ``session`` are the options that name the model and the
    conversation, ``settings`` those that take ``key=value`` (with a ``model`` among the keys), ``resume`` the
    subcommand that is followed by a conversation's id.
    """

    name: str
    provider: str
    packages: tuple[str, ...]
    model: tuple[str, ...]
    session: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    resume: str | None = None


CLIS: Final = (
    Cli("claude", "anthropic", ("@anthropic-ai/claude-code",), ("--model",), ("--session-id", "--resume", "-r")),
    Cli(
        "codex", "openai", ("@openai/codex",), ("--model", "-m"), ("--session-id", "--resume"),
        settings=("-c", "--config"), resume="resume",
    ),
)  # fmt: skip
BY_NAME: Final = {cli.name: cli for cli in CLIS}
_BY_PACKAGE: Final = {package: cli for cli in CLIS for package in cli.packages}

_SUFFIX: Final = re.compile(r"\.(?:exe|cmd|bat|ps1)$", re.IGNORECASE)
_SCRIPT: Final = re.compile(r"\.(?:js|mjs|cjs|py)$")
_PYTHON: Final = re.compile(r"(?:python|pypy)[w0-9.]*t?$")
_ID: Final = re.compile(r"[\w.:@/+-]{1,128}")
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

# Options of launchers that take the next word as their value.
_LAUNCHERS: Final = {
    "node": {"-r", "--require", "--import", "--loader", "--experimental-loader", "-C", "--conditions", "--env-file"},
    "nodejs": {"-r", "--require"},
    "bun": {"-r", "--preload", "--cwd", "--env-file"},
    "npx": {"-p", "--package", "-w", "--workspace"},
    "bunx": {"-p", "--package"},
    "pnpx": {"-p", "--package"},
    "npm": {"-p", "--package", "-w", "--workspace", "--prefix"},
    "pnpm": {"-C", "--dir", "--filter", "-F", "--package"},
    "yarn": {"--cwd", "-p", "--package"},
    "uvx": {"--from", "--with", "-p", "--python", "--index", "--index-url", "--directory", "--with-requirements"},
    "uv": {"--from", "--with", "-p", "--python", "--index", "--index-url", "--directory", "--project", "--extra"},
}
_SUBCOMMANDS: Final = {
    "bun": (("x",), ("run",)),
    "npm": (("exec",), ("x",)),
    "pnpm": (("dlx",), ("exec",)),
    "yarn": (("dlx",), ("exec",), ("run",)),
    "uv": (("tool", "run"), ("run",)),
}
_PYTHON_VALUES: Final = {"-W", "-X", "--check-hash-based-pycs"}
_ENV_VALUES: Final = {"-u", "--unset", "-C", "--chdir"}
LAUNCHERS: Final = frozenset(_LAUNCHERS)


def program_name(program: str) -> str:
    """The name of an executable: no folder, no ``.exe`` or ``.cmd``."""
    return _SUFFIX.sub("", re.split(r"[\\/]", program)[-1])


def is_python(name: str) -> bool:
    """Whether an executable of that name is a Python interpreter."""
    return _PYTHON.match(name) is not None


def behind_env(words: Sequence[str]) -> Sequence[str]:
    """The command that ``env [OPTION]... [NAME=VALUE]... COMMAND`` starts; any other command is itself."""
    while words and program_name(words[0]) == "env":
        position = _after_options(words, 1, _ENV_VALUES)
        while position < len(words) and "=" in words[position]:
            position += 1
        words = words[position:]
    return words


def recognise(words: Sequence[str]) -> tuple[Cli, Sequence[str]] | None:
    """The CLI that a command starts, directly or through a launcher, and its own arguments; None for others."""
    if not words:
        return None
    name = program_name(words[0])
    cli = BY_NAME.get(name)
    if cli is not None:
        return cli, words[1:]
    if is_python(name):
        position = _after_options(words, 1, _PYTHON_VALUES, stop=("-c", "-m"))
    elif name in LAUNCHERS:
        position = _launched(name, words)
    else:
        return None
    if position >= len(words):
        return None
    cli = _packaged(words[position])
    return (cli, words[position + 1 :]) if cli is not None else None


def _launched(name: str, words: Sequence[str]) -> int:
    position = _after_options(words, 1, _LAUNCHERS[name], stop=("-e", "--eval", "-c", "--call"))
    for subcommand in _SUBCOMMANDS.get(name, ()):
        if tuple(words[position : position + len(subcommand)]) == subcommand:
            return _after_options(words, position + len(subcommand), _LAUNCHERS[name])
    return position


def _packaged(word: str) -> Cli | None:
    """The CLI of a package (``@openai/codex@latest``), of a script of that name, or of a script in that package."""
    package = word if "@" not in word[1:] else word[: word.rindex("@")]
    cli = _BY_PACKAGE.get(package) or BY_NAME.get(_SCRIPT.sub("", program_name(word)))
    if cli is not None:
        return cli
    path = word.replace("\\", "/")
    return next((cli for name, cli in _BY_PACKAGE.items() if f"/{name}/" in path), None)


def _after_options(words: Sequence[str], position: int, valued: set[str], stop: tuple[str, ...] = ()) -> int:
    """The position of the first word that is no option and no option's value."""
    while position < len(words) and words[position].startswith("-"):
        word = words[position]
        if word in stop:
            return len(words)
        position += 2 if word in valued else 1
        if word == "--":
            break
    return position


def facts(cli: Cli, arguments: Sequence[str]) -> dict[str, AttributeValue]:
    """What is known of a CLI's run from its arguments."""
    read: dict[str, AttributeValue] = {
        semconv.AGENT_NAME: cli.name,
        semconv.AGENT_CLI: cli.name,
        semconv.PROVIDER_NAME: cli.provider,
    }
    before_end = arguments[: arguments.index("--")] if "--" in arguments else arguments
    for position, word in enumerate(before_end):
        following = before_end[position + 1] if position + 1 < len(before_end) else ""
        option, equals, value = word.partition("=") if word.startswith("--") else (word, "", "")
        given = value if equals else following
        if option in cli.model and _ID.fullmatch(given) and not given.startswith("-"):
            read[semconv.REQUEST_MODEL] = given
        elif option in cli.session and _ID.fullmatch(given) and not given.startswith("-"):
            read[semconv.CONVERSATION_ID] = given
        elif option in cli.settings:
            key, _, setting = given.partition("=")
            setting = setting.strip("\"'")
            if key == "model" and _ID.fullmatch(setting):
                read.setdefault(semconv.REQUEST_MODEL, setting)
        elif word == cli.resume and _UUID.fullmatch(following):
            read[semconv.CONVERSATION_ID] = following
    return read
