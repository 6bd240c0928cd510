"""What users call in their own code; everything here works without instrumentation too, and then does nothing."""

from agent_otel.api.operation import Operation
from agent_otel.api.operations import agent, git, llm, node, task, tool, workflow
from agent_otel.api.waiting import Queue, Wait, queue, wait

__all__ = [
    "Operation",
    "Queue",
    "Wait",
    "agent",
    "git",
    "llm",
    "node",
    "queue",
    "task",
    "tool",
    "wait",
    "workflow",
]
