"""One run in the shape of the demo: cycles of a director, four workers in a superstep, and a strategist."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from agent_otel import semconv

if TYPE_CHECKING:
    import random

MODELS: Final = ("gpt-5", "gpt-5-mini", "claude-sonnet-4-5")
MERGING: Final = ("merge", "worktree", "branch") * 4
MILLISECOND: Final = 1_000_000


@dataclass(slots=True)
class Shape:
    """The spans of one run as they end; ``written`` holds (end, JSON) of all."""

    random: random.Random
    trace: str
    first_id: int
    written: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])

    def name_id(self) -> str:
        """A new span id."""
        self.first_id += 1
        return f"{self.first_id * 0x9E3779B97F4A7C15 % (1 << 64):016x}"

    def span(
        self,
        name: str,
        start: int,
        end: int,
        parent: str,
        attributes: dict[str, semconv.AttributeValue],
        *,
        span_id: str = "",
        kind: int = 1,
        status: str = "",
    ) -> None:
        """Write one span."""
        above = f'"parentSpanId":"{parent}",' if parent else ""
        text = (
            f'{{"traceId":"{self.trace}","spanId":"{span_id or self.name_id()}",{above}"flags":259,'
            f'"name":"{name}","kind":{kind},"startTimeUnixNano":"{start}","endTimeUnixNano":"{end}",'
            f'"attributes":[{attributes_json(attributes)}]{status}}}'
        )
        self.written.append((end, text))

    def run(self, start: int, cycles: int) -> int:
        """A run of so many cycles; returns when it ended."""
        graph = self.name_id()
        time = self.git("init", start, self.node("setup", start, start + 50 * MILLISECOND, graph, 1), 20)
        for cycle in range(cycles):
            time = self.cycle(time, graph, cycle)
        attributes: dict[str, semconv.AttributeValue] = {
            semconv.WORKFLOW_NAME: "orchestrator",
            semconv.OPERATION_NAME: semconv.INVOKE_WORKFLOW,
            semconv.OUTCOME: "ok",
        }
        self.span("invoke_workflow orchestrator", start, time, "", attributes, span_id=graph)
        return time

    def cycle(self, start: int, graph: str, cycle: int) -> int:
        """A director's call, four workers side by side with their waits, and a strategist that merges."""
        step = 3 * cycle + 2
        director = self.name_id()
        ready = self.chat(start + MILLISECOND, director)
        self.node("director", start, ready, graph, step, span_id=director)
        ends = [self.worker(ready, graph, step + 1, f"T{4 * cycle + number:02d}", number) for number in range(4)]
        end = max(ends)
        for number, finished in enumerate(ends):
            queued: dict[str, semconv.AttributeValue] = {semconv.TASK_ID: f"T{4 * cycle + number:02d}"}
            self.wait(semconv.QUEUE, start, ready + MILLISECOND, graph, queued)
            if finished < end:
                held: dict[str, semconv.AttributeValue] = {semconv.NODE_NAME: "worker", semconv.NODE_STEP: step + 1}
                self.wait(semconv.BARRIER, finished, end, graph, held)
        waste = sum(end - finished for finished in ends) / 1e9
        self.span(
            "superstep",
            ready,
            end,
            graph,
            {
                semconv.SPAN_ROLE: semconv.ANNOTATION,
                semconv.WORKFLOW_NAME: "orchestrator",
                semconv.SUPERSTEP_INDEX: step + 1,
                semconv.SUPERSTEP_SIZE: 4,
                semconv.SUPERSTEP_STRAGGLER: "worker",
                semconv.SUPERSTEP_WASTE: waste,
                semconv.OUTCOME: "ok",
            },
        )
        return self.strategist(end, graph, step + 2)

    def worker(self, start: int, graph: str, step: int, task: str, number: int) -> int:
        """One worker; the last of four hands its task to a CLI."""
        node = self.name_id()
        time = self.git("worktree", start + MILLISECOND, node, 30, f"../worktrees/{task}")
        if number < 3:
            time = self.chat(time, node)
        else:
            agent, begun = self.name_id(), time
            time = self.chat(begun + 200 * MILLISECOND, agent) + 50 * MILLISECOND
            attributes: dict[str, semconv.AttributeValue] = {
                semconv.PROCESS_EXECUTABLE_NAME: "claude",
                semconv.AGENT_NAME: "claude",
                semconv.AGENT_CLI: "claude",
                semconv.PROVIDER_NAME: "anthropic",
                semconv.REQUEST_MODEL: MODELS[2],
                semconv.OPERATION_NAME: semconv.INVOKE_AGENT,
                semconv.PROCESS_PID: self.random.randrange(2, 99_999),
                semconv.PROCESS_EXIT_CODE: 0,
                semconv.OUTCOME: "ok",
            }
            self.span("invoke_agent claude", begun, time, node, attributes, span_id=agent, kind=3)
        for operation in ("add", "commit"):
            time = self.git(operation, time, node, 12, f"../worktrees/{task}")
        self.node("worker", start, time, graph, step, span_id=node, task=task)
        return time

    def strategist(self, start: int, graph: str, step: int) -> int:
        """A node that merges what the workers did."""
        node, time = self.name_id(), start
        for operation in MERGING:
            time = self.git(operation, time, node, 30)
        time = self.chat(time, node)
        self.node("strategist", start, time, graph, step, span_id=node)
        return time

    def node(self, name: str, start: int, end: int, graph: str, step: int, *, span_id: str = "", task: str = "") -> str:
        """A node; returns its id."""
        span_id = span_id or self.name_id()
        attributes: dict[str, semconv.AttributeValue] = {
            semconv.NODE_NAME: name,
            semconv.NODE_ATTEMPT: 1,
            semconv.WORKFLOW_NAME: "orchestrator",
            semconv.NODE_STEP: step,
            semconv.NODE_TRIGGERS: (f"branch:to:{name}",),
            semconv.NODE_PATH: name,
            semconv.NODE_WRITES: ("journal", "branch:to:strategist") if name == "worker" else ("journal",),
            **({semconv.TASK_ID: task} if task else {}),
            semconv.OUTCOME: "ok",
        }
        self.span(f"node {name}", start, end, graph, attributes, span_id=span_id)
        return span_id

    def chat(self, start: int, parent: str) -> int:
        """An LLM call, one in fifty refused; returns when it ended."""
        end = start + round(self.random.lognormvariate(0, 0.7) * 1e9)
        model = self.random.choice(MODELS[:2])
        refused = self.random.random() < 0.02
        attributes: dict[str, semconv.AttributeValue] = {
            semconv.REQUEST_MODEL: model,
            semconv.PROVIDER_NAME: "openai",
            semconv.SERVER_ADDRESS: "127.0.0.1",
            semconv.SERVER_PORT: 37421,
            semconv.OPERATION_NAME: semconv.CHAT,
            semconv.RESPONSE_ID: f"resp_{self.random.getrandbits(96):024x}",
            semconv.RESPONSE_MODEL: model,
            semconv.USAGE_INPUT_TOKENS: self.random.randrange(20, 4000),
            semconv.USAGE_OUTPUT_TOKENS: self.random.randrange(20, 900),
            semconv.USAGE_CACHE_READ: 0,
            semconv.USAGE_REASONING: 0,
            semconv.RESPONSE_FINISH_REASONS: ("completed",),
            semconv.OUTCOME: "error" if refused else "ok",
        }
        if refused:
            attributes[semconv.ERROR_TYPE] = "RateLimitError"
        status = ',"status":{"code":2,"message":"429: too many requests"}' if refused else ""
        self.span(f"chat {model}", start, end, parent, attributes, kind=3, status=status)
        return end

    def git(self, operation: str, start: int, parent: str, milliseconds: int, worktree: str = ".") -> int:
        """A git call; returns when it ended."""
        end = start + round(self.random.uniform(0.3, 1.7) * milliseconds * MILLISECOND)
        attributes: dict[str, semconv.AttributeValue] = {
            semconv.PROCESS_EXECUTABLE_NAME: "git",
            semconv.GIT_OPERATION: operation,
            semconv.VCS_REPOSITORY_NAME: "repository",
            semconv.GIT_WORKTREE: worktree,
            semconv.VCS_REF_HEAD_NAME: "main",
            semconv.PROCESS_PID: self.random.randrange(2, 99_999),
            semconv.PROCESS_EXIT_CODE: 0,
            semconv.OUTCOME: "ok",
        }
        self.span(f"git {operation}", start, end, parent, attributes, kind=3)
        return end

    def wait(
        self, reason: str, start: int, end: int, parent: str, attributes: dict[str, semconv.AttributeValue]
    ) -> None:
        """A wait."""
        found = {semconv.WAIT_REASON: reason, semconv.SPAN_ROLE: semconv.ANNOTATION, **attributes}
        self.span(f"wait {reason}", start, end, parent, {**found, semconv.OUTCOME: "ok"})


def attributes_json(attributes: dict[str, semconv.AttributeValue]) -> str:
    """The elements of an OTLP ``attributes`` array."""
    return ",".join(f'{{"key":"{key}","value":{_value(value)}}}' for key, value in attributes.items())


def _value(value: semconv.AttributeValue) -> str:
    if isinstance(value, tuple):
        return f'{{"arrayValue":{{"values":[{",".join(map(_value, value))}]}}}}'
    if isinstance(value, int):
        return f'{{"intValue":"{value}"}}'
    return f'{{"doubleValue":{value!r}}}' if isinstance(value, float) else f'{{"stringValue":{json.dumps(value)}}}'
