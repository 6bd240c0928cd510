"""The names that users call: ``agent``, ``workflow``, ``node``, ``task``, ``llm``, ``tool``, ``git``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, cast, overload

from opentelemetry.trace import SpanKind

from agent_otel import semconv
from agent_otel.api.operation import F, Operation

if TYPE_CHECKING:
    from agent_otel.capture.call import Call
    from agent_otel.capture.target import Arguments


@overload
def agent(name: F, /) -> F: ...
@overload
def agent(
    name: str | None = None,
    /,
    *,
    cli: str | None = None,
    model: str | None = None,
    provider: str | None = None,
    conversation: str | None = None,
) -> Operation: ...
def agent(
    name: Any = None,
    /,
    *,
    cli: str | None = None,
    model: str | None = None,
    provider: str | None = None,
    conversation: str | None = None,
) -> Any:
    """One run of an agent: ``@agent``, ``@agent("coder")`` or ``with agent("coder", model="..."):``."""
    facts = {
        semconv.AGENT_CLI: cli,
        semconv.REQUEST_MODEL: model,
        semconv.PROVIDER_NAME: provider,
        semconv.CONVERSATION_ID: conversation,
    }
    return _made(name, lambda subject: Operation(semconv.INVOKE_AGENT, subject, facts, named=semconv.AGENT_NAME))


@overload
def workflow(name: F, /) -> F: ...
@overload
def workflow(name: str | None = None, /) -> Operation: ...
def workflow(name: Any = None, /) -> Any:
    """One run of an orchestrator: the loop around agents, nodes and tasks."""
    return _made(name, lambda subject: Operation(semconv.INVOKE_WORKFLOW, subject, {}, named=semconv.WORKFLOW_NAME))


@overload
def node(name: F, /) -> F: ...
@overload
def node(name: str | None = None, /, *, workflow: str | None = None) -> Operation: ...
def node(name: Any = None, /, *, workflow: str | None = None) -> Any:
    """One run of a step of an orchestrator, such as director, worker or strategist."""
    facts = {semconv.WORKFLOW_NAME: workflow}
    return _made(name, lambda subject: Operation(semconv.NODE, subject, facts, named=semconv.NODE_NAME))


@overload
def llm(model: F, /) -> F: ...
@overload
def llm(model: str | None = None, /, *, provider: str | None = None, operation: str = semconv.CHAT) -> Operation: ...
def llm(model: Any = None, /, *, provider: str | None = None, operation: str = semconv.CHAT) -> Any:
    """One call of a model that no instrumented library makes; ``tokens()`` says what it used."""
    facts = {semconv.PROVIDER_NAME: provider}
    return _made(
        model,
        lambda subject: Operation(operation, subject, facts, named=semconv.REQUEST_MODEL, kind=SpanKind.CLIENT),
    )


@overload
def tool(name: F, /) -> F: ...
@overload
def tool(name: str | None = None, /, *, call_id: str | None = None) -> Operation: ...
def tool(name: Any = None, /, *, call_id: str | None = None) -> Any:
    """One call of a tool by an agent."""
    facts = {semconv.TOOL_CALL_ID: call_id}
    return _made(name, lambda subject: Operation(semconv.EXECUTE_TOOL, subject, facts, named=semconv.TOOL_NAME))


@overload
def git(operation: F, /) -> F: ...
@overload
def git(operation: str | None = None, /) -> Operation: ...
def git(operation: Any = None, /) -> Any:
    """One git operation that starts no git process, e.g. through a library of its own."""
    return _made(
        operation,
        lambda subject: Operation(semconv.GIT, subject, {}, named=semconv.GIT_OPERATION, kind=SpanKind.CLIENT),
    )


class Task(Operation):
    """A task; of a task dictionary it also keeps ``started_at`` and ``duration_seconds``."""

    def __init__(
        self,
        subject: str | None,
        facts: Mapping[str, semconv.AttributeValue | None],
        state: MutableMapping[str, Any] | None,
    ) -> None:
        super().__init__(semconv.TASK, subject, facts)
        self._state = state

    def _begun(self, call: Call, arguments: Arguments) -> None:
        if self._state is not None:
            self._state["started_at"] = datetime.fromtimestamp(call.start / 1e9, timezone.utc).isoformat()

    def _ended(self, call: Call, arguments: Arguments) -> None:
        if self._state is not None and call.end is not None:
            self._state["duration_seconds"] = (call.end - call.start) / 1e9


@overload
def task(task_id: F, /) -> F: ...
@overload
def task(
    task_id: str | MutableMapping[str, Any] | None = None,
    /,
    *,
    type: str | None = None,
    complexity: str | None = None,
    depends_on: Iterable[str] = (),
) -> Task: ...
def task(
    task_id: Any = None,
    /,
    *,
    type: str | None = None,
    complexity: str | None = None,
    depends_on: Iterable[str] = (),
) -> Any:
    """One task: by its id, or by its dictionary in the state (``id``, ``type``, ``depends_on``).

    The dictionary gets ``started_at`` (ISO, UTC) when the block begins and ``duration_seconds`` when it ends.
    """
    if _is_function(task_id):
        return Task(None, {semconv.TASK_TYPE: "general"}, None)(task_id)
    state = cast("MutableMapping[str, Any]", task_id) if isinstance(task_id, MutableMapping) else None
    kind, needed = type, depends_on
    identity: object = cast("object", task_id)
    if state is not None:
        kind = type or state.get("type") or state.get("task_type") or state.get("phase")
        needed = depends_on or state.get("depends_on") or ()
        complexity = complexity or state.get("complexity")
        identity = state.get("id", state.get("task_id"))
    facts: dict[str, semconv.AttributeValue | None] = {
        semconv.TASK_ID: str(identity) if identity is not None else None,
        semconv.TASK_TYPE: kind or "general",
        semconv.TASK_COMPLEXITY: complexity,
        semconv.TASK_DEPENDS_ON: tuple(str(one) for one in needed) or None,
    }
    return Task(kind or "general", facts, state)


def _made(name: Any, make: Callable[[str | None], Operation]) -> Any:
    """The operation, or with a function in the place of the name, that function decorated."""
    return make(None)(name) if _is_function(name) else make(name)


def _is_function(name: Any) -> bool:
    # `@tool` above `@classmethod` is given what cannot be called until the class is there.
    return callable(name) or isinstance(name, classmethod)
