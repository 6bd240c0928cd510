"""Processes: git and agent CLIs started through ``subprocess`` or ``asyncio``, from their start to their exit.

``asyncio`` starts its processes with ``subprocess.Popen`` too, and tells their exit on its transport. A call begins
before ``Popen`` works and ends when the exit is first observed by whoever waits for it; nothing here waits or polls.

``error.type`` is ``exit_status_N`` for an exit status, the signal's name (``SIGKILL``) for a signal, and else the class
of the exception. A process that SIGINT ended is ``cancelled``. One that its caller stopped after a ``TimeoutExpired``
(or a ``KeyboardInterrupt``) has the outcome ``timeout`` (``cancelled``); one whose ``Popen`` is dropped before its exit
was seen is ``abandoned``.
"""

from __future__ import annotations

import atexit
import os
import signal
import weakref
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as context_api
from opentelemetry.instrumentation.utils import is_instrumentation_enabled
from opentelemetry.trace import SpanKind

from agent_otel import semconv
from agent_otel.capture.call import error_type, outcome_of
from agent_otel.capture.target import Arguments, Observer, Result, Start, Target
from agent_otel.libs import agent_cli, git
from agent_otel.libs.child_environment import prepared
from agent_otel.libs.command import environment, started, working_directory
from agent_otel.libs.git_answers import is_answer

if TYPE_CHECKING:
    from collections.abc import Collection

    from agent_otel.capture.call import Call, Capture
    from agent_otel.capture.target import Declared
    from agent_otel.libs.command import Command
    from agent_otel.semconv import Attributes, AttributeValue, Outcome

REQUIRES: Final[tuple[str, ...]] = ()


class _Child:
    """A process whose call is open. The ``Popen`` is not kept alive; its death takes the entry away."""

    __slots__ = ("call", "command", "given_up", "popen", "signalled")

    def __init__(self, call: Call, command: Command, popen: weakref.ref[Any]) -> None:
        self.call = call
        self.command = command
        self.popen = popen
        # Not the exception itself: its traceback would keep the Popen alive.
        self.given_up: tuple[Outcome, str | None] | None = None
        self.signalled = False

    def exited(self, status: int, end: int | None = None) -> None:
        """End the call with the exit status that ``Popen`` gives (negative for a signal)."""
        call = self.call
        call.set({semconv.PROCESS_EXIT_CODE: status})
        if self.given_up is not None and status != 0 and (self.signalled or status < 0):
            call.finish(*self.given_up, end)
        elif status == -signal.SIGINT:
            call.finish("cancelled", None, end)
        elif status < 0:
            call.finish("error", _signal_name(-status), end)
        elif status == 0 or (self.command.kind == "git" and is_answer(git.read(self.command.words), status)):
            call.finish("ok", None, end)
        else:
            call.finish("error", f"exit_status_{status}", end)

    def left(self, end: int) -> None:
        """End the call of a process whose exit nobody will see."""
        if self.given_up is not None and self.signalled:
            self.call.finish(*self.given_up, end)
        else:
            self.call.finish("abandoned", None, end)


children: dict[int, _Child] = {}
"""By the id of the ``Popen``: subclasses of it may have ``__eq__`` or refuse attributes."""

# While the interpreter takes its modules apart, nothing may be called back any more.
atexit.register(children.clear)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=children.clear)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal_{number}"


_enabled: set[str] = {"git", "agent_cli"}


def enable(names: Collection[str]) -> None:
    """Record these of the libraries that share the hook, ``git`` and ``agent_cli``, and leave the others alone."""
    _enabled.clear()
    _enabled.update(names)


def _start(arguments: Arguments) -> Start | None:
    command = started(arguments)
    if command is None or command.kind == "python":
        return None
    if ("git" if command.cli is None else "agent_cli") not in _enabled:
        return None
    attributes: dict[str, AttributeValue] = {semconv.PROCESS_EXECUTABLE_NAME: command.executable}
    if command.cli is not None:
        attributes.update(agent_cli.facts(command.cli, command.words))
        return Start(command.cli.name, attributes, operation=semconv.INVOKE_AGENT)
    invocation = git.read(command.words)
    env = environment(arguments)
    where = git.facts(invocation, working_directory(arguments), os.environ if env is None else env)
    return Start(invocation.subcommand, attributes | where, operation=semconv.GIT)


def _hand_on(arguments: Arguments) -> Arguments:
    """Give a Python child, which has no span of its own here, the context of what is current."""
    command = started(arguments)
    if command is None or command.kind != "python" or not is_instrumentation_enabled():
        return arguments
    return prepared(command, arguments, context_api.get_current())


def _begun(call: Call, arguments: Arguments) -> None:
    command = started(arguments)
    if command is None:
        return
    popen = arguments.instance
    key = id(popen)
    child = _Child(call, command, weakref.ref(popen, lambda _reference: _dropped(key, child)))
    children[key] = child


def _prepare(call: Call, arguments: Arguments) -> Arguments:
    child = children.get(id(arguments.instance))
    return prepared(child.command, arguments, call.context) if child is not None else arguments


def _forgotten(_call: Call, arguments: Arguments) -> None:
    children.pop(id(arguments.instance), None)


def _running(arguments: Arguments, _result: object) -> Attributes:
    pid = getattr(arguments.instance, "pid", None)
    return {semconv.PROCESS_PID: pid} if isinstance(pid, int) else {}


def _dropped(key: int, child: _Child) -> None:
    if children.get(key) is child:
        del children[key]
        child.call.capture.defer(child.left)


def _look(popen: Any) -> None:
    """End the call if the exit of the process is known by now."""
    key = id(popen)
    if key in children and popen.returncode is not None:
        child = children.pop(key, None)
        if child is not None:
            child.exited(popen.returncode)


def _waited(_capture: Capture, arguments: Arguments, _note: None, result: Result) -> None:
    if result.error is not None:
        child = children.get(id(arguments.instance))
        outcome = outcome_of(result.error)
        if child is not None and outcome in {"timeout", "cancelled"}:
            child.given_up = outcome, error_type(result.error) if outcome == "timeout" else None
    _look(arguments.instance)


def _signalling(_capture: Capture, arguments: Arguments) -> None:
    child = children.get(id(arguments.instance))
    if child is not None:
        child.signalled = True


def _leaving(_capture: Capture, arguments: Arguments, _note: None, _result: Result) -> None:
    # Left by a KeyboardInterrupt, the block does not wait for the exit.
    _dying(_capture, arguments)


def _dying(_capture: Capture, arguments: Arguments) -> None:
    popen = arguments.instance
    child = children.get(id(popen))
    if child is None:
        return
    status = popen.returncode
    if status is None:
        _dropped(id(popen), child)
    elif children.pop(id(popen), None) is child:
        child.call.capture.defer(lambda end: child.exited(status, end))


def _exited(_capture: Capture, arguments: Arguments) -> None:
    status = arguments.get("returncode", 0)
    child = children.pop(id(getattr(arguments.instance, "_proc", None)), None)
    if child is not None:
        child.exited(status)


TARGETS: Final[tuple[Declared, ...]] = (
    Target(
        "subprocess", "Popen.__init__", semconv.GIT, _start, _running, kind=SpanKind.CLIENT, detached=True,
        rewrite=_hand_on, prepare=_prepare, begun=_begun, ended=_forgotten,
    ),
    Observer("subprocess", "Popen.wait", after=_waited),
    Observer("subprocess", "Popen.poll", after=_waited),
    Observer("subprocess", "Popen.communicate", after=_waited),
    Observer("subprocess", "Popen.send_signal", _signalling),
    Observer("subprocess", "Popen.__exit__", after=_leaving),
    Observer("subprocess", "Popen.__del__", _dying),
    Observer("asyncio.base_subprocess", "BaseSubprocessTransport._process_exited", _exited),
)  # fmt: skip
