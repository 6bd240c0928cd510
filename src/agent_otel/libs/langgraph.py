"""LangGraph: graph runs, nodes and supersteps of StateGraph and of the functional API, sync and async.

A run is the iterator of ``Pregel.stream`` or ``astream`` (``invoke`` drains one); a node run goes through
``run_with_retry``, which ``_runner`` holds by value; ``PregelLoop.tick`` prepares a superstep and ``after_tick``
commits it.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.trace import Link

from agent_otel import semconv
from agent_otel.capture.call import current
from agent_otel.capture.target import Arguments, Observer, Start, Target
from agent_otel.libs import state_tasks
from agent_otel.libs.attempts import Attempts, drop_waiting
from agent_otel.libs.facts import entry, text, texts, whole
from agent_otel.libs.supersteps import Supersteps

if TYPE_CHECKING:
    from opentelemetry.trace import SpanContext

    from agent_otel.capture.call import Call, Capture
    from agent_otel.capture.target import Declared, Result
    from agent_otel.semconv import Attributes, AttributeValue, Outcome

REQUIRES: Final = ("langgraph >= 1.2, < 2",)

_FRAMEWORK: Final = "langgraph"
_STEPS: Final = "supersteps"
_THREAD: Final = "thread"
_UNNAMED: Final = "LangGraph"
_TRIGGER: Final = "branch:"
_HIDDEN: Final = "langsmith:hidden"
_VERDICTS: Final[dict[str, Outcome]] = {
    "ParentCommand": "ok",
    "GraphInterrupt": "interrupted",
    "GraphDrained": "interrupted",
    "GraphBubbleUp": "interrupted",
    "NodeCancelledError": "cancelled",
}
_INTERRUPTED_LIMIT: Final = 1024
_interrupted: OrderedDict[tuple[str, str], SpanContext] = OrderedDict()
"""The last interrupted run of a graph and thread, so that the run that resumes it can link to it."""


def _judge(error: BaseException) -> Outcome | None:
    for kind in type(error).__mro__:
        if kind.__name__ in _VERDICTS:
            return _VERDICTS[kind.__name__]
    return None


def _start_workflow(arguments: Arguments) -> Start:
    name = _graph_name(arguments.instance)
    attributes: dict[str, AttributeValue] = {semconv.WORKFLOW_NAME: name}
    thread = _thread(arguments)
    if thread is None:
        return Start(name, attributes)
    attributes[semconv.CONVERSATION_ID] = thread
    given = arguments.get("input", 0)
    resumes = given is None or type(given).__name__ == "Command"
    before = _interrupted.pop((name, thread), None) if resumes else None
    return Start(name, attributes, (Link(before),) if before is not None else ())


def _graph_name(graph: Any) -> str:
    """The name it was compiled with; an ``@entrypoint`` has none of its own, and one node, its function."""
    name = text(entry(graph, "name")) or _UNNAMED
    nodes = list(entry(graph, "nodes") or ())
    return str(nodes[0]) if name == _UNNAMED and len(nodes) == 1 else name


def _thread(arguments: Arguments) -> str | None:
    configurable = entry(arguments.get("config", 1), "configurable")
    thread = entry(configurable, "thread_id")
    return text(thread) or (str(thread) if isinstance(thread, int) else None)


def _workflow_begun(call: Call, arguments: Arguments) -> None:
    call.notes[_STEPS] = Supersteps(call, _FRAMEWORK)
    call.notes[_THREAD] = _thread(arguments)


def _workflow_ended(call: Call, _arguments: Arguments) -> None:
    steps: Supersteps = call.notes[_STEPS]
    steps.over(call.end or call.start, checkpointed=False)
    steps.leave()
    thread: str | None = call.notes[_THREAD]
    if call.outcome == "interrupted" and thread is not None:
        _interrupted[call.subject, thread] = call.identity
        while len(_interrupted) > _INTERRUPTED_LIMIT:
            _interrupted.popitem(last=False)


def _supersteps() -> Supersteps | None:
    here = current()
    workflow = here.enclosing(semconv.INVOKE_WORKFLOW) if here is not None else None
    found = workflow.notes.get(_STEPS) if workflow is not None else None
    return found if isinstance(found, Supersteps) else None


def _is_node(task: Any) -> bool:
    if task.name.startswith("__"):
        return False
    return _HIDDEN not in (entry(task.config, "tags") or ())


def _start_node(arguments: Arguments) -> Start | None:
    task = arguments.get("task", 0)
    if not _is_node(task):
        return None
    name = str(task.name)
    attributes: dict[str, AttributeValue] = {semconv.NODE_NAME: name, semconv.NODE_ATTEMPT: 1}
    around = current()
    workflow = around.enclosing(semconv.INVOKE_WORKFLOW) if around is not None else None
    if workflow is not None:
        attributes[semconv.WORKFLOW_NAME] = workflow.subject
    step = whole(entry(entry(task.config, "metadata"), "langgraph_step"))
    if step is not None:
        attributes[semconv.NODE_STEP] = step
    triggers = texts(task.triggers)
    if triggers:
        attributes[semconv.NODE_TRIGGERS] = triggers
    namespace = text(entry(entry(task.config, "configurable"), "checkpoint_ns"))
    if namespace is not None:
        # Without the ids of the runs: `parent:1f0c|child:77aa` is `parent/child`.
        parts = (part.partition(":")[0] for part in namespace.split("|"))
        attributes[semconv.NODE_PATH] = "/".join(part for part in parts if not part.isdigit())
    sent = state_tasks.in_input(task.input)
    if sent is not None:
        attributes.update(_task_facts(sent))
    return Start(name, attributes)


def _task_facts(task: Any) -> dict[str, AttributeValue]:
    facts: dict[str, AttributeValue] = {}
    identity, kind, depends_on = (
        state_tasks.identity(task),
        state_tasks.kind(task),
        state_tasks.dependencies(task),
    )
    if identity is not None:
        facts[semconv.TASK_ID] = identity
    if kind is not None:
        facts[semconv.TASK_TYPE] = kind
    if depends_on:
        facts[semconv.TASK_DEPENDS_ON] = depends_on
    return facts


def _node_begun(call: Call, arguments: Arguments) -> None:
    steps = call.parent.enclosing(semconv.INVOKE_WORKFLOW) if call.parent is not None else None
    if steps is not None and isinstance(found := steps.notes.get(_STEPS), Supersteps):
        call.notes[_STEPS] = found
        found.begun(str(arguments.get("task", 0).id), call)


def _node_ended(call: Call, arguments: Arguments) -> None:
    drop_waiting(call)
    steps = call.notes.get(_STEPS)
    if isinstance(steps, Supersteps):
        steps.ended(str(arguments.get("task", 0).id), call)
    if call.outcome == "interrupted" and call.parent is not None:
        # The outermost graph suppresses the interrupt, so its own call would end as if all were done.
        workflow = call.parent.enclosing(semconv.INVOKE_WORKFLOW)
        if workflow is not None:
            workflow.verdict = "interrupted"


def _finish_node(arguments: Arguments, _result: object) -> Attributes:
    task = arguments.get("task", 0)
    channels = dict.fromkeys(channel for channel, _ in list(task.writes))
    written = tuple(name for name in texts(channels) if not name.startswith(("__", _TRIGGER)))
    return {semconv.NODE_WRITES: written} if written else {}


def _count_attempts(arguments: Arguments) -> Arguments:
    """Where a retry policy applies, let the node's runnable tell of each attempt."""
    task = arguments.get("task", 0)
    if not (task.retry_policy or arguments.get("retry_policy", 1)) or not _is_node(task):
        return arguments
    counted = replace(task, proc=Attempts(task.proc))
    if "task" in arguments.kwargs:
        return arguments._replace(kwargs={**arguments.kwargs, "task": counted})
    return arguments._replace(args=(counted, *arguments.args[1:]))


def _before_tick(capture: Capture, _arguments: Arguments) -> None:
    steps = _supersteps()
    if steps is not None:
        steps.over(capture.now())


def _after_tick(_capture: Capture, arguments: Arguments, _note: None, result: Result) -> None:
    steps = _supersteps()
    if steps is None:
        return
    if result.error is not None:
        _suspended(result.error)
    elif result.value:
        loop = arguments.instance
        nodes = {str(task.id): str(task.name) for task in loop.tasks.values() if _is_node(task) and not task.writes}
        # Without the triggers of the nodes, of which there are as many as nodes.
        state = [channel for name, channel in loop.channels.items() if not name.startswith(_TRIGGER)]
        steps.prepare(int(loop.step), nodes, [getattr(channel, "value", None) for channel in state])


def _after_commit(capture: Capture, _arguments: Arguments, _note: None, result: Result) -> None:
    if result.error is not None:
        _suspended(result.error)
        steps = _supersteps()
        if steps is not None:
            steps.over(capture.now())


def _suspended(error: BaseException) -> None:
    """A breakpoint before or after a node: the graph suppresses it, the run is interrupted all the same."""
    here = current()
    workflow = here.enclosing(semconv.INVOKE_WORKFLOW) if here is not None else None
    if workflow is not None and _judge(error) == "interrupted":
        workflow.verdict = "interrupted"


def _workflow(attribute: str) -> Target:
    return Target(
        "langgraph.pregel.main", attribute, semconv.INVOKE_WORKFLOW, _start_workflow, resume=True, judge=_judge,
        begun=_workflow_begun, ended=_workflow_ended,
    )  # fmt: skip


def _node(attribute: str) -> Target:
    return Target(
        "langgraph.pregel._runner", attribute, semconv.NODE, _start_node, _finish_node, judge=_judge,
        rewrite=_count_attempts, begun=_node_begun, ended=_node_ended,
    )  # fmt: skip


TARGETS: Final[tuple[Declared, ...]] = (
    _workflow("Pregel.stream"),
    _workflow("Pregel.astream"),
    _node("run_with_retry"),
    _node("arun_with_retry"),
    Observer("langgraph.pregel._loop", "PregelLoop.tick", _before_tick, _after_tick),
    Observer("langgraph.pregel._loop", "PregelLoop.after_tick", None, _after_commit),
)
