"""What a ``subprocess.Popen`` call starts: git, an agent CLI, Python, or something that is none of our business.

Nothing is consumed: an iterator of arguments is left to ``Popen``.
"""

# Strings and os.path, because Path objects cost three times as much and this runs before every process.
# ruff: noqa: PTH109, PTH112, PTH113, PTH117, PTH118, PTH119, PTH120, PTH123
from __future__ import annotations

import os
import re
import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias, cast

from agent_otel.libs.agent_cli import BY_NAME, LAUNCHERS, behind_env, is_python, program_name, recognise

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from agent_otel.capture.target import Arguments
    from agent_otel.libs.agent_cli import Cli

Kind: TypeAlias = Literal["git", "cli", "python"]
_WINDOWS: Final[bool] = os.name == "nt"

# What makes a shell do more than start one program with these words.
_SHELL_SYNTAX: Final = re.compile(r"[|&;<>()$`\\\n*?\[\]#~{}!]")
_EXECUTABLE, _SHELL, _CWD, _ENV = 2, 8, 9, 10
_SHEBANG_BYTES: Final = 512


class Command(NamedTuple):
    """A recognised command. ``program`` is the file that is started, ``words`` its arguments without it.

    Of a CLI the words are those of the CLI itself, also behind a launcher such as ``npx``.
    """

    kind: Kind
    program: str
    words: Sequence[str]
    cli: Cli | None = None

    @property
    def executable(self) -> str:
        """The file's name without its folder."""
        return shown(os.path.basename(self.program))


def environment(arguments: Arguments) -> Mapping[Any, Any] | None:
    """The ``env`` argument."""
    return cast("Mapping[Any, Any] | None", arguments.get("env", _ENV))


def with_environment(arguments: Arguments, env: Mapping[str, str]) -> Arguments:
    """The same arguments with another ``env``."""
    if len(arguments.args) > _ENV:
        args = (*arguments.args[:_ENV], env, *arguments.args[_ENV + 1 :])
        return arguments._replace(args=args)
    return arguments._replace(kwargs={**arguments.kwargs, "env": env})


def working_directory(arguments: Arguments) -> str:
    """The child's working directory, absolute unless our own has been deleted."""
    given = decoded(arguments.get("cwd", _CWD)) or ""
    if os.path.isabs(given):
        return given
    try:
        return os.path.join(os.getcwd(), given)
    except FileNotFoundError:
        return given


def shown(text: str) -> str:
    """Text that may be exported: a file name's bytes that are no UTF-8 become question marks."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def decoded(word: Any) -> str | None:
    """A word of a command as text, as ``Popen`` takes it; None for what it will refuse."""
    if isinstance(word, str):
        return word
    return os.fsdecode(word) if isinstance(word, bytes) or hasattr(word, "__fspath__") else None


def started(arguments: Arguments) -> Command | None:
    """What the arguments of ``Popen`` start, if that is git, an agent CLI or Python."""
    args: Any = arguments.get("args", 0)
    shell = bool(arguments.get("shell", _SHELL))
    if isinstance(args, (list, tuple)):
        given = cast("Sequence[Any]", args)
        if not given:
            return None
        first: Any = given[0]
    else:
        given = ()
        first = args
    if shell:
        return _of_shell(first, arguments)
    program: Any = arguments.get("executable", _EXECUTABLE)
    if program is None:
        program = first
    name = decoded(program)
    if name is None:
        return None
    if not given and _WINDOWS:
        name = name.split(None, 1)[0] if name else ""
    if not _interesting(name) and not _is_script(name, arguments):
        return None
    words = _words(name, given[1:], first)
    return _recognised(words, arguments) if words is not None else None


def _words(program: str, rest: Sequence[Any], first: Any) -> list[str] | None:
    if not rest and _WINDOWS and isinstance(first, str):
        import shlex

        return [word.strip('"') for word in shlex.split(first, posix=False)]
    words = [program]
    for word in rest:
        text = decoded(word)
        if text is None:
            return None
        words.append(text)
    return words


def _of_shell(command: Any, arguments: Arguments) -> Command | None:
    """One simple command for the shell; everything else is the shell's own business."""
    if not isinstance(command, (str, bytes)):
        return None
    text = os.fsdecode(command).strip()
    first = text.split(None, 1)[0] if text else ""
    if not _interesting(first) or _SHELL_SYNTAX.search(text):
        return None
    import shlex

    try:
        words = shlex.split(text)
    except ValueError:
        return None
    return _recognised(words, arguments)


def _recognised(words: Sequence[str], arguments: Arguments) -> Command | None:
    words = behind_env(words)
    if not words:
        return None
    program = words[0]
    name = program_name(program)
    if name == "git":
        return Command("git", program, words[1:])
    found = recognise(words)
    if found is not None:
        cli, own = found
        return Command("cli", program, own, cli)
    if is_python(name) or program == sys.executable or _is_script(program, arguments):
        return Command("python", program, words[1:])
    return None


@lru_cache(maxsize=1024)
def _interesting(program: str) -> bool:
    name = program_name(program)
    return (
        name in {"git", "env"} or name in BY_NAME or name in LAUNCHERS or is_python(name) or program == sys.executable
    )


def _is_script(program: str, arguments: Arguments) -> bool:
    """Whether the program is a script for Python."""
    name = interpreter(program, arguments)
    return name is not None and is_python(program_name(name))


def interpreter(program: str, arguments: Arguments) -> str | None:
    """The interpreter that a script names in its first line (without ``env``); None for what is no script."""
    file = found(program, arguments)
    words = behind_env(_first_line(file)) if file is not None else ()
    return words[0] if words else None


def found(program: str, arguments: Arguments) -> str | None:
    """The file that ``Popen`` will start, looked for on the child's PATH; None where there is none."""
    env = environment(arguments)
    path: Any = os.environ.get("PATH") if env is None else env.get("PATH")
    if os.path.dirname(program):
        if os.path.isabs(program):
            return program
        return os.path.join(working_directory(arguments), program)
    return _on_path(program, path if isinstance(path, str) else os.defpath)


@lru_cache(maxsize=1024)
def _on_path(program: str, path: str) -> str | None:
    for folder in path.split(os.pathsep):
        file = os.path.join(folder, program)
        if os.access(file, os.X_OK) and not os.path.isdir(file):
            return file
    return None


@lru_cache(maxsize=1024)
def _first_line(file: str) -> tuple[str, ...]:
    """The words of a script's ``#!`` line."""
    # Opening a pipe would wait for its other end, and reading it would take what is meant for somebody else.
    if not os.path.isfile(file):
        return ()
    try:
        with open(file, "rb") as script:
            head = script.read(_SHEBANG_BYTES)
    except (OSError, ValueError):
        return ()
    if not head.startswith(b"#!"):
        return ()
    lines = head[2:].decode("utf-8", "replace").splitlines()
    words = lines[0].split() if lines else []
    # What pip writes where the interpreter's path is too long for the kernel: a shell that starts it.
    if len(lines) > 1 and lines[1].startswith("'''exec' "):
        return (lines[1].removeprefix("'''exec' ").split(' "$0"')[0].strip('"'),)
    if words and program_name(words[0]) == "env":
        return tuple(word for word in words if word not in {"-S", "--split-string"})
    return tuple(words)
