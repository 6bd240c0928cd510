"""Every span name, attribute key and metric name; the only place that knows convention versions.

Sources: the OpenTelemetry semantic conventions (general, process, vcs) and the GenAI conventions, which live in a
repository of their own and still change. Keys under ``agent_otel.`` are this package's.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

AttributeValue: TypeAlias = (
    "str | bool | int | float | tuple[str, ...] | tuple[bool, ...] | tuple[int, ...] | tuple[float, ...]"
)
Attributes: TypeAlias = Mapping[str, AttributeValue]

SCOPE: Final = "agent_otel"
SCHEMA_URL: Final = "https://opentelemetry.io/schemas/1.43.0"

Outcome: TypeAlias = Literal["ok", "error", "cancelled", "interrupted", "abandoned", "timeout"]
OUTCOMES: Final[tuple[Outcome, ...]] = ("ok", "error", "cancelled", "interrupted", "abandoned", "timeout")

# --- operations: `gen_ai.operation.name` where the conventions know it, else this package's own word ---
CHAT: Final = "chat"
TEXT_COMPLETION: Final = "text_completion"
GENERATE_CONTENT: Final = "generate_content"
EMBEDDINGS: Final = "embeddings"
EXECUTE_TOOL: Final = "execute_tool"
INVOKE_AGENT: Final = "invoke_agent"
INVOKE_WORKFLOW: Final = "invoke_workflow"
NODE: Final = "node"
GIT: Final = "git"
TASK: Final = "task"
WAIT: Final = "wait"
SUPERSTEP: Final = "superstep"
CHECKPOINT: Final = "checkpoint"

GENAI_OPERATIONS: Final = frozenset(
    {CHAT, TEXT_COMPLETION, GENERATE_CONTENT, EMBEDDINGS, EXECUTE_TOOL, INVOKE_AGENT, INVOKE_WORKFLOW}
)
LLM_OPERATIONS: Final = frozenset({CHAT, TEXT_COMPLETION, GENERATE_CONTENT, EMBEDDINGS})

# --- attribute keys: general ---
ERROR_TYPE: Final = "error.type"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
PROCESS_EXECUTABLE_NAME: Final = "process.executable.name"
PROCESS_EXIT_CODE: Final = "process.exit.code"
PROCESS_PID: Final = "process.pid"
SERVICE_NAME: Final = "service.name"
SERVICE_INSTANCE_ID: Final = "service.instance.id"
TELEMETRY_DISTRO_NAME: Final = "telemetry.distro.name"
TELEMETRY_DISTRO_VERSION: Final = "telemetry.distro.version"
VCS_REF_HEAD_NAME: Final = "vcs.ref.head.name"
VCS_REF_HEAD_REVISION: Final = "vcs.ref.head.revision"
VCS_REPOSITORY_NAME: Final = "vcs.repository.name"

# --- attribute keys: GenAI ---
OPERATION_NAME: Final = "gen_ai.operation.name"
PROVIDER_NAME: Final = "gen_ai.provider.name"
REQUEST_MODEL: Final = "gen_ai.request.model"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_ID: Final = "gen_ai.response.id"
RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
REQUEST_TEMPERATURE: Final = "gen_ai.request.temperature"
REQUEST_TOP_P: Final = "gen_ai.request.top_p"
REQUEST_SEED: Final = "gen_ai.request.seed"
REQUEST_FREQUENCY_PENALTY: Final = "gen_ai.request.frequency_penalty"
REQUEST_PRESENCE_PENALTY: Final = "gen_ai.request.presence_penalty"
REQUEST_STOP_SEQUENCES: Final = "gen_ai.request.stop_sequences"
REQUEST_CHOICE_COUNT: Final = "gen_ai.request.choice.count"
REQUEST_STREAM: Final = "gen_ai.request.stream"
RESPONSE_TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
OUTPUT_TYPE: Final = "gen_ai.output.type"
USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
USAGE_CACHE_READ: Final = "gen_ai.usage.cache_read.input_tokens"
USAGE_CACHE_CREATION: Final = "gen_ai.usage.cache_creation.input_tokens"
USAGE_CACHE_WRITE: Final = "gen_ai.usage.cache_write.input_tokens"
USAGE_REASONING: Final = "gen_ai.usage.reasoning.output_tokens"
TOKEN_TYPE: Final = "gen_ai.token.type"
AGENT_NAME: Final = "gen_ai.agent.name"
AGENT_ID: Final = "gen_ai.agent.id"
CONVERSATION_ID: Final = "gen_ai.conversation.id"
WORKFLOW_NAME: Final = "gen_ai.workflow.name"
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_CALL_ID: Final = "gen_ai.tool.call.id"
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"

# --- attribute keys: this package ---
OUTCOME: Final = "agent_otel.outcome"
SPAN_ROLE: Final = "agent_otel.span.role"
ANNOTATION: Final = "annotation"
"""The value of ``agent_otel.span.role`` on spans that describe time and do no work: waits and supersteps."""
AGENT_CLI: Final = "agent_otel.agent.cli"
NODE_NAME: Final = "agent_otel.node.name"
NODE_STEP: Final = "agent_otel.node.step"
NODE_TRIGGERS: Final = "agent_otel.node.triggers"
NODE_WRITES: Final = "agent_otel.node.writes"
NODE_ATTEMPT: Final = "agent_otel.node.attempt"
NODE_PATH: Final = "agent_otel.node.path"
GIT_OPERATION: Final = "agent_otel.git.operation"
GIT_WORKTREE: Final = "agent_otel.git.worktree"
TASK_ID: Final = "agent_otel.task.id"
TASK_TYPE: Final = "agent_otel.task.type"
TASK_COMPLEXITY: Final = "agent_otel.task.complexity"
TASK_DEPENDS_ON: Final = "agent_otel.task.depends_on"
TASK_QUALITY: Final = "agent_otel.task.quality"
TASK_PERFORMANCE_INDEX: Final = "agent_otel.task.performance_index"
PROMPT_VERSION: Final = "agent_otel.prompt.version"
WAIT_REASON: Final = "agent_otel.wait.reason"
SUPERSTEP_INDEX: Final = "agent_otel.superstep.index"
SUPERSTEP_SIZE: Final = "agent_otel.superstep.size"
SUPERSTEP_STRAGGLER: Final = "agent_otel.superstep.straggler"
SUPERSTEP_WASTE: Final = "agent_otel.superstep.waste"
QUEUE_NAME: Final = "agent_otel.queue.name"
QUEUE_STATE: Final = "agent_otel.queue.state"
ACTIVITY_STATE: Final = "agent_otel.activity.state"
ACTIVITY_CATEGORY: Final = "agent_otel.activity.category"
PROCESS_NESTED: Final = "agent_otel.process.nested"
COST: Final = "agent_otel.cost"

# --- metric names ---
METRIC_OPERATION_DURATION: Final = "gen_ai.client.operation.duration"
METRIC_TIME_TO_FIRST_CHUNK: Final = "gen_ai.client.operation.time_to_first_chunk"
METRIC_TOKEN_USAGE: Final = "gen_ai.client.token.usage"
METRIC_AGENT_DURATION: Final = "gen_ai.invoke_agent.duration"
METRIC_WORKFLOW_DURATION: Final = "gen_ai.invoke_workflow.duration"
METRIC_TOOL_DURATION: Final = "gen_ai.execute_tool.duration"
METRIC_NODE_DURATION: Final = "agent_otel.node.duration"
METRIC_SUPERSTEP_DURATION: Final = "agent_otel.superstep.duration"
METRIC_SUPERSTEP_WAIT: Final = "agent_otel.superstep.wait"
METRIC_TASK_DURATION: Final = "agent_otel.task.duration"
METRIC_TASK_WAIT: Final = "agent_otel.task.wait"
METRIC_GIT_DURATION: Final = "agent_otel.git.duration"
METRIC_QUEUE_DEPTH: Final = "agent_otel.queue.depth"
METRIC_ACTIVITY_TIME: Final = "agent_otel.activity.time"
METRIC_TASK_QUALITY: Final = "agent_otel.task.quality"
METRIC_TASK_PERFORMANCE_INDEX: Final = "agent_otel.task.performance_index"
METRIC_COST: Final = "agent_otel.cost"
METRIC_SPANS_PROCESSED: Final = "otel.sdk.processor.span.processed"
METRIC_SPANS_EXPORTED: Final = "otel.sdk.exporter.span.exported"
METRIC_STORE_WRITTEN: Final = "agent_otel.store.written"

# --- waits and categories ---
QUEUE: Final = "queue"
BARRIER: Final = "barrier"
RATE_LIMIT: Final = "rate_limit"
LOCK: Final = "lock"
RETRY: Final = "retry"
APPROVAL: Final = "approval"
DEPENDENCY: Final = "dependency"
WAIT_REASONS: Final = (QUEUE, BARRIER, RATE_LIMIT, LOCK, RETRY, APPROVAL, DEPENDENCY)

LLM: Final = "llm"
TOOL: Final = "tool"
CLI: Final = "cli"
OWN: Final = "own"
WORK_CATEGORIES: Final = (LLM, TOOL, GIT, CLI, OWN, CHECKPOINT)
"""The categories of work; ``git`` and ``checkpoint`` are spelled like their operations."""

READY: Final = "ready"
ACTIVE: Final = "active"
WAITING: Final = "waiting"
QUEUE_STATES: Final = (READY, ACTIVE, WAITING)


def span_name(operation: str, subject: str | None) -> str:
    """``chat gpt-4o``, ``node worker``: the operation, then what it is done with where that is known."""
    return f"{operation} {subject}" if subject else operation


def is_annotation(attributes: Attributes) -> bool:
    """Whether the span describes time (a wait, a superstep) instead of doing work."""
    return attributes.get(SPAN_ROLE) == ANNOTATION


def category(attributes: Attributes) -> str:
    """The category of a span's self time, one of ``WORK_CATEGORIES``, read from its attributes.

    The same function serves live metrics and stored runs. Spans of other instrumentations that follow the GenAI
    conventions are recognised by ``gen_ai.operation.name``; what is unknown is the program's own time.
    """
    explicit = attributes.get(ACTIVITY_CATEGORY)
    if isinstance(explicit, str):
        return explicit
    operation = attributes.get(OPERATION_NAME)
    if operation in LLM_OPERATIONS:
        return LLM
    if operation == EXECUTE_TOOL:
        return TOOL
    if operation == INVOKE_AGENT and AGENT_CLI in attributes and PROCESS_EXECUTABLE_NAME in attributes:
        return CLI
    if GIT_OPERATION in attributes:
        return GIT
    return OWN
