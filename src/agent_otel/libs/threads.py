"""Threads: what a call starts in one belongs to the call.

``asyncio`` tasks and ``to_thread`` carry the context; ``threading.Thread`` and ``ThreadPoolExecutor.submit`` (and so
``map`` and ``loop.run_in_executor``) do not. Only inside a call of ours is it carried, and only the OpenTelemetry
context: other context variables stay as Python leaves them.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as context_api

from agent_otel import safe, semconv
from agent_otel.capture.call import current
from agent_otel.capture.target import Arguments, Observer, Target

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry.context import Context

    from agent_otel.capture.call import Capture
    from agent_otel.capture.target import Declared, Start

REQUIRES: Final[tuple[str, ...]] = ()


def _run(context: Context, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    token = safe.call(context_api.attach, context)
    try:
        return function(*args, **kwargs)
    finally:
        if token is not None:
            safe.call(context_api.detach, token)


def _submitted(arguments: Arguments) -> Arguments:
    """The function of ``submit``, to be run in the context of whoever submits it."""
    if current() is None or not arguments.args:
        return arguments
    function, *rest = arguments.args
    return arguments._replace(args=(_run, context_api.get_current(), function, *rest))


def _starting(_capture: Capture, arguments: Arguments) -> None:
    """The thread's ``run``, to be run in the context of whoever starts it.

    Not the workers of a pool: they outlive what made the pool start them, and each task brings its own context.
    """
    thread = arguments.instance
    pools = sys.modules.get("concurrent.futures.thread")
    if current() is None or (pools is not None and getattr(thread, "_target", None) is getattr(pools, "_worker", None)):
        return
    context, run = context_api.get_current(), thread.run
    attributes: dict[str, Any] = thread.__dict__
    own = attributes.get("run")

    def carried() -> None:
        # The thread is as it was made before anything of the user's runs in it; a second start that follows one that
        # failed has taken this for the thread's own.
        if own is None:
            attributes.pop("run", None)
        else:
            thread.run = own
        _run(context, run)

    thread.run = carried


def _no_call(_arguments: Arguments) -> Start | None:
    return None


TARGETS: Final[tuple[Declared, ...]] = (
    Target("concurrent.futures.thread", "ThreadPoolExecutor.submit", semconv.TASK, _no_call, rewrite=_submitted),
    Observer("threading", "Thread.start", _starting),
)
