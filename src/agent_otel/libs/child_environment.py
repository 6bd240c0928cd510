"""The environment of a child process: a copy that carries the trace context, and no launcher that it cannot use."""

# Strings and os.path, because Path objects cost three times as much and this runs before every process.
# ruff: noqa: PTH118, PTH120
from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import baggage, propagate
from opentelemetry.instrumentation.environment_variables import OTEL_PYTHON_CONFIGURATOR, OTEL_PYTHON_DISTRO
from opentelemetry.propagators._envcarrier import EnvironmentSetter  # pyright: ignore[reportPrivateUsage]

from agent_otel import semconv
from agent_otel.libs.command import decoded, environment, found, interpreter, with_environment
from agent_otel.settings import ENV_DIR

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context

    from agent_otel.capture.target import Arguments
    from agent_otel.libs.command import Command

_PYTHONPATH: Final = "PYTHONPATH"
_LAUNCHER: Final = os.path.join("opentelemetry", "instrumentation", "auto_instrumentation")
_SETTER: Final = EnvironmentSetter()


def prepared(command: Command, arguments: Arguments, context: Context) -> Arguments:
    """The arguments of ``Popen`` with a copy of the child's environment that carries the context.

    An environment that the caller made empty stays empty, and nobody's mapping is changed.
    """
    given = environment(arguments)
    if given is not None and not given:
        return arguments
    env = _copy(os.environ if given is None else given)
    if env is None:
        return arguments
    carrier: dict[str, str] = {}
    propagate.inject(carrier, baggage.clear(context), _SETTER)
    if carrier:
        # A state that came with another parent must not stay beside the new one.
        env.pop("TRACESTATE", None)
        env.update(carrier)
    if ENV_DIR not in env and ENV_DIR in os.environ:
        env[ENV_DIR] = os.environ[ENV_DIR]
    if _LAUNCHER in env.get(_PYTHONPATH, "") and not _is_own(command, arguments):
        _without_launcher(env)
    return with_environment(arguments, env)


def _without_launcher(env: dict[str, str]) -> None:
    """Take out what only our own interpreter can serve: the launcher's folder, and the choice of our distro."""
    kept = [folder for folder in env[_PYTHONPATH].split(os.pathsep) if not folder.rstrip("\\/").endswith(_LAUNCHER)]
    if any(kept):
        env[_PYTHONPATH] = os.pathsep.join(kept)
    else:
        del env[_PYTHONPATH]
    for name in (OTEL_PYTHON_DISTRO, OTEL_PYTHON_CONFIGURATOR):
        if env.get(name) == semconv.SCOPE:
            del env[name]


def _copy(env: Mapping[Any, Any]) -> dict[str, str] | None:
    """A copy as text, as ``Popen`` would encode it; None for what ``Popen`` will refuse."""
    if env is os.environ:
        return os.environ.copy()
    copy: dict[str, str] = {}
    for key, value in env.items():
        name, text = decoded(key), decoded(value)
        if name is None or text is None:
            return None
        copy[name] = text
    return copy


def _is_own(command: Command, arguments: Arguments) -> bool:
    """Whether the child runs in our own interpreter: one of the same folder, so that another venv is another one."""
    if not sys.executable:
        return False
    file = found(interpreter(command.program, arguments) or command.program, arguments)
    return file is not None and _folder(file) == _folder(sys.executable)


def _folder(file: str) -> str:
    return os.path.realpath(os.path.dirname(file))
