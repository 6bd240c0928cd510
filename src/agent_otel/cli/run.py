"""``agent-otel run -- CMD...``: a program under instrumentation, with one word less to know.

A Python program replaces this process, as under ``opentelemetry-instrument``. Any other command runs as a child and is
recorded as the run of an agent CLI.
"""

from __future__ import annotations

import os
import shutil
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NoReturn

import typer

from agent_otel import settings
from agent_otel.cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import MutableMapping, Sequence

CONTEXT: Final = {"allow_interspersed_args": False}
"""For the registration: what follows the program's name is the program's own."""
NOT_EXECUTABLE: Final = 126
NOT_FOUND: Final = 127

_STARTERS: Final = frozenset({"uv", "poetry", "pdm", "pipenv", "hatch", "rye", "conda", "pixi"})
"""Commands that prepare an environment and then start Python in it."""
_LAUNCHER: Final = "opentelemetry.instrumentation.auto_instrumentation"
_CHOICES: Final = ("OTEL_PYTHON_DISTRO", "OTEL_PYTHON_CONFIGURATOR")


def run(
    command: Annotated[list[str], typer.Argument(metavar="CMD", help="The program and its arguments.")],
    live: Annotated[bool, typer.Option("--live", help="Print a line for everything that ends, to stderr.")] = False,
    directory: Annotated[
        Path | None,
        typer.Option(
            "--dir", metavar="DIR", help="The store's folder; .planning/metrics of the main worktree without it."
        ),
    ] = None,
    no_store: Annotated[bool, typer.Option("--no-store", help="Keep nothing locally.")] = False,
) -> None:
    """Run a program and record its agents, graph nodes, LLM calls and git calls."""
    path = shutil.which(command[0])
    if path is None:
        raise _refusal(command[0])
    if directory is not None:
        os.environ[settings.ENV_DIR] = str(directory.expanduser().absolute())
    if live:
        os.environ[settings.ENV_LIVE] = "1"
    if no_store:
        os.environ[settings.ENV_STORE] = "off"
    if not runs_python(command, path):
        from agent_otel.cli.child import record

        raise typer.Exit(record(command))
    put_launcher_first(os.environ)
    for variable in _CHOICES:
        # Ours also where another distro is installed. Like a choice of the user's, which stays, it reaches the Python
        # processes that the program starts, so that they are set up as it is.
        os.environ.setdefault(variable, "agent_otel")
    _replace(path, command)


def runs_python(command: Sequence[str], path: str) -> bool:
    """Whether a command ends up in Python, where the instrumentation can be loaded, and is no known agent CLI."""
    from agent_otel.capture.target import Arguments
    from agent_otel.libs.agent_cli import program_name
    from agent_otel.libs.command import started

    known = started(Arguments(None, (list(command),), {}))
    if known is not None:
        return known.kind == "python"
    # On Windows, pip's scripts are programs with the Python script appended.
    return program_name(command[0]) in _STARTERS or (
        os.name == "nt" and Path(path).parent == Path(sys.executable).parent
    )


def put_launcher_first(environ: MutableMapping[str, str]) -> None:
    """Set PYTHONPATH as ``opentelemetry-instrument`` does: Python then loads the instrumentation when it starts."""
    found = find_spec(_LAUNCHER)
    if found is None or found.origin is None:
        raise CommandError(f"{_LAUNCHER} is not installed")
    launcher, here = str(Path(found.origin).parent), str(Path.cwd())
    before = [entry for entry in environ.get("PYTHONPATH", "").split(os.pathsep) if entry not in {"", launcher}]
    environ["PYTHONPATH"] = os.pathsep.join([launcher, *([] if here in before else [here]), *before])


def _replace(path: str, command: Sequence[str]) -> NoReturn:
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name == "nt":
        import subprocess

        # There, a program that replaces itself looks to the shell as if it had ended.
        raise typer.Exit(subprocess.call(list(command)))
    try:
        os.execv(path, list(command))
    except OSError as error:
        raise CommandError(f"{command[0]}: {error.strerror}", NOT_EXECUTABLE) from None


def _refusal(program: str) -> CommandError:
    if Path(program).is_dir():
        return CommandError(f"{program}: is a directory", NOT_EXECUTABLE)
    if Path(program).exists():
        hint = f"; try: agent-otel run -- python {program}" if program.endswith(".py") else ""
        return CommandError(f"{program}: not executable{hint}", NOT_EXECUTABLE)
    return CommandError(f"{program}: command not found", NOT_FOUND)
