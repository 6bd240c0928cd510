"""``agent-otel``: registers the commands and turns errors into one line and an exit status.

Exit status: 0 done, 1 the store or the program fails, 2 the command line is wrong. Command modules import what they
need when they run, so that ``agent-otel --help`` is fast.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated, Final, cast

import typer

from agent_otel.cli import (
    baseline,
    check,
    compare,
    diagnose,
    doctor,
    export,
    queue,
    report,
    run,
    runs,
    show,
    supersteps,
    top,
    whatif,
)
from agent_otel.cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_usage_error: Final[type[typer.BadParameter]] = cast("type[typer.BadParameter]", typer.BadParameter.__mro__[1])
"""The base of errors in the command line, which Typer does not export, nor always take from the same package."""

COMMANDS: Final[dict[str, Callable[..., None]]] = {
    "run": run.run,
    "runs": runs.runs,
    "show": show.show,
    "report": report.report,
    "supersteps": supersteps.supersteps,
    "queue": queue.queue,
    "export": export.export,
    "compare": compare.compare,
    "baseline": baseline.baseline,
    "check": check.check,
    "whatif": whatif.whatif,
    "diagnose": diagnose.diagnose,
    "top": top.top,
    "doctor": doctor.doctor,
}
OPTIONS: Final[dict[str, dict[str, bool]]] = {"run": run.CONTEXT}
"""Context settings of commands that need some, such as ``run``, which passes options on."""

app = typer.Typer(
    name="agent-otel",
    help="Where the time of your AI agents goes, what waits for what, and what to change first.",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for _name, _command in COMMANDS.items():
    app.command(_name, context_settings=dict(OPTIONS.get(_name, {})))(_command)


def _version(asked: bool) -> None:
    if asked:
        from agent_otel.version import __version__

        typer.echo(f"agent-otel {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """Where the time of your AI agents goes, what waits for what, and what to change first."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    _open_closed_streams()
    try:
        given = list(sys.argv[1:] if arguments is None else arguments)
        status = app(args=given or ["--help"], prog_name="agent-otel", standalone_mode=False)
        sys.stdout.flush()
    except CommandError as failure:
        return _fail(str(failure), failure.status)
    except BrokenPipeError:
        # the reader has seen enough
        _discard_output()
        return 0
    except OSError as error:
        _discard_output()
        return _fail(f"cannot write: {error.strerror}", 1)
    except typer.Exit as leaving:
        return leaving.exit_code
    except (typer.Abort, KeyboardInterrupt):
        return 130
    except Exception as error:
        if not isinstance(error, _usage_error):
            raise
        return _fail(error.format_message(), 2)
    return status if isinstance(status, int) else 0


def _open_closed_streams() -> None:
    """A daemon's closed streams are None here; what is written to them goes nowhere, and nothing fails for it."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8"))


def _discard_output() -> None:
    """What is still buffered must not fail once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(message: str, status: int) -> int:
    line = " ".join(message.split())
    if line:
        sys.stderr.write(f"agent-otel: {line}\n")
    return status
