"""A command that is not Python, run as a child and recorded as the run of an agent CLI."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import SpanKind

from agent_otel import safe, semconv
from agent_otel.capture import runtime
from agent_otel.capture.target import Arguments
from agent_otel.cli.errors import CommandError
from agent_otel.cli.run import put_launcher_first
from agent_otel.libs.agent_cli import behind_env, program_name
from agent_otel.libs.command import started
from agent_otel.start import instrument, uninstrument

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import FrameType, TracebackType

    from agent_otel.capture.call import Call

_SIGNALS: Final = tuple(
    number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None)) is not None
)
_SIGNALLED: Final = 128
_NOT_EXECUTABLE: Final = 126


def record(command: Sequence[str]) -> int:
    """Run a command to its end and record it; its exit status, 128 plus the number for one that a signal ended."""
    # This process may have been started under instrumentation itself, with other settings.
    uninstrument()
    instrument()
    # The process hook records git and the CLIs that it knows.
    recorded = started(Arguments(None, (list(command),), {})) is not None
    # For Python programs inside a wrapper too. The hook's copy of the environment keeps it for our interpreter only.
    put_launcher_first(os.environ)
    call = None if recorded else safe.call(_begin, command)
    environment = None if call is None else safe.call(_environment, call)
    with Forwarding() as forwarding:
        try:
            process = subprocess.Popen(list(command), env=environment)
        except OSError as error:
            if call is not None:
                safe.call(call.fail, error)
            raise CommandError(f"{command[0]}: {error.strerror}", _NOT_EXECUTABLE) from None
        forwarding.to(process)
        status = process.wait()
    if call is not None:
        safe.call(_finish, call, process.pid, status, interrupted=forwarding.interrupted)
    return status if status >= 0 else _SIGNALLED - status


def _begin(command: Sequence[str]) -> Call | None:
    name = program_name((behind_env(command) or command)[0])
    known: dict[str, Any] = {
        semconv.AGENT_NAME: name,
        semconv.AGENT_CLI: name,
        semconv.PROCESS_EXECUTABLE_NAME: name,
    }
    return runtime.active().begin(semconv.INVOKE_AGENT, name, known, SpanKind.CLIENT, framework=name)


def _environment(call: Call) -> dict[str, str]:
    from opentelemetry import baggage, propagate
    from opentelemetry.propagators._envcarrier import EnvironmentSetter  # pyright: ignore[reportPrivateUsage]

    environment = dict(os.environ)
    environment.pop("TRACESTATE", None)
    propagate.inject(environment, baggage.clear(call.context), EnvironmentSetter())
    return environment


def _finish(call: Call, pid: int, status: int, *, interrupted: bool) -> None:
    call.set({semconv.PROCESS_PID: pid, semconv.PROCESS_EXIT_CODE: status})
    if status == 0:
        call.finish()
    elif interrupted:
        call.finish("cancelled")
    elif status > 0:
        call.finish("error", f"exit_status_{status}")
    else:
        call.finish("error", signal.Signals(-status).name)


class Forwarding:
    """While it lasts, the signals that would end this process go to the child, and this process waits for it."""

    def __init__(self) -> None:
        self.interrupted = False
        self._process: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []
        self._before: dict[int, Any] = {}

    def to(self, process: subprocess.Popen[bytes]) -> None:
        """The child has started: it gets what came in meanwhile."""
        self._process = process
        for number in self._early:
            process.send_signal(number)

    def __enter__(self) -> Forwarding:
        for number in _SIGNALS:
            # What nohup or a shell has switched off stays off.
            if signal.getsignal(number) != signal.SIG_IGN:
                self._before[number] = signal.signal(number, self._received)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _received(self, number: int, _frame: FrameType | None) -> None:
        self.interrupted = True
        if number == signal.SIGINT and _at_the_terminal():
            # Ctrl-C reaches every process of the group; a second one would be a second Ctrl-C to the child.
            return
        if self._process is None:
            self._early.append(number)
        else:
            self._process.send_signal(number)


def _at_the_terminal() -> bool:
    if not hasattr(os, "tcgetpgrp"):
        return True
    try:
        return os.tcgetpgrp(sys.__stdin__.fileno() if sys.__stdin__ else 0) == os.getpgrp()
    except (OSError, ValueError):
        return False
