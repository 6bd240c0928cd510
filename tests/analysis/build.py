"""Runs made by hand: spans in seconds, as ``Run`` objects or as the OTLP lines that the store holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import msgspec

from agent_otel import semconv
from agent_otel.store.assemble import assemble
from agent_otel.store.model import Link, Resource, Span, State

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from agent_otel.store.reader import Run

TRACE = "0af7651916cd43dd8448eb211c80319c"
EPOCH = 1_780_000_000_000_000_000
"""Second zero of every built run."""
PROCESS = {"service.name": "test", "service.instance.id": "one"}


def nanoseconds(seconds: float) -> int:
    """Exact to the nanosecond for times of tests."""
    return round(seconds * 1_000_000_000)


class Builder:
    """Collects spans of one trace; every method returns the id of the span that it added."""

    def __init__(self, trace_id: str = TRACE, epoch: int = EPOCH) -> None:
        self.trace_id = trace_id
        self.epoch = epoch
        self.spans: list[Span] = []

    def span(
        self,
        name: str,
        start: float,
        end: float,
        parent: str | None = None,
        attributes: semconv.Attributes | None = None,
        *,
        links: Iterable[str] = (),
        status: int = 0,
        process: str | None = None,
        state: State = "ended",
        span_id: str | None = None,
    ) -> str:
        """Any span."""
        resource = {**PROCESS, "service.instance.id": process} if process else PROCESS
        added = Span(
            trace_id=self.trace_id,
            span_id=span_id or f"{len(self.spans) + 1:016x}",
            parent_id=parent,
            name=name,
            kind=1,
            start=self.epoch + nanoseconds(start),
            end=self.epoch + nanoseconds(end),
            attributes=dict(attributes or {}),
            links=tuple(Link(self.trace_id, span_id) for span_id in links),
            status=status,
            status_message="",
            scope=semconv.SCOPE,
            resource=Resource(resource, resource["service.instance.id"]),
            state=state,
        )
        self.spans.append(added)
        return added.span_id

    def workflow(self, start: float, end: float, parent: str | None = None, name: str = "plan") -> str:
        """A graph run."""
        attributes = {semconv.OPERATION_NAME: semconv.INVOKE_WORKFLOW, semconv.WORKFLOW_NAME: name}
        return self.span(f"invoke_workflow {name}", start, end, parent, attributes)

    def node(
        self,
        name: str,
        start: float,
        end: float,
        parent: str | None,
        step: int | None = None,
        attributes: semconv.Attributes | None = None,
        *,
        status: int = 0,
        state: State = "ended",
    ) -> str:
        """A node of a graph."""
        found: dict[str, semconv.AttributeValue] = {semconv.NODE_NAME: name, **(attributes or {})}
        if step is not None:
            found[semconv.NODE_STEP] = step
        return self.span(f"node {name}", start, end, parent, found, status=status, state=state)

    def agent(self, name: str, start: float, end: float, parent: str | None = None, cli: str | None = None) -> str:
        """An agent run, of a CLI if one is named."""
        found: dict[str, semconv.AttributeValue] = {
            semconv.OPERATION_NAME: semconv.INVOKE_AGENT,
            semconv.AGENT_NAME: name,
        }
        if cli is not None:
            found |= {semconv.AGENT_CLI: cli, semconv.PROCESS_EXECUTABLE_NAME: cli}
        return self.span(f"invoke_agent {name}", start, end, parent, found)

    def chat(
        self,
        start: float,
        end: float,
        parent: str | None = None,
        model: str = "gpt-4o",
        *,
        status: int = 0,
        process: str | None = None,
    ) -> str:
        """An LLM call."""
        attributes = {semconv.OPERATION_NAME: semconv.CHAT, semconv.REQUEST_MODEL: model}
        return self.span(f"chat {model}", start, end, parent, attributes, status=status, process=process)

    def git(self, subcommand: str, start: float, end: float, parent: str | None = None) -> str:
        """A git call."""
        return self.span(f"git {subcommand}", start, end, parent, {semconv.GIT_OPERATION: subcommand})

    def task(self, task: str, start: float, end: float, parent: str | None, depends_on: tuple[str, ...] = ()) -> str:
        """A task."""
        attributes: dict[str, semconv.AttributeValue] = {semconv.TASK_ID: task, semconv.TASK_TYPE: "code"}
        if depends_on:
            attributes[semconv.TASK_DEPENDS_ON] = depends_on
        return self.span("task code", start, end, parent, attributes)

    def wait(
        self,
        reason: str,
        start: float,
        end: float,
        parent: str | None,
        attributes: semconv.Attributes | None = None,
    ) -> str:
        """A wait."""
        found: dict[str, semconv.AttributeValue] = {
            semconv.SPAN_ROLE: semconv.ANNOTATION,
            semconv.WAIT_REASON: reason,
            **(attributes or {}),
        }
        return self.span(f"wait {reason}", start, end, parent, found)

    def checkpoint(self, start: float, end: float, parent: str | None) -> str:
        """What a graph does between its last node's end and the step's end."""
        return self.span("checkpoint", start, end, parent, {semconv.ACTIVITY_CATEGORY: semconv.CHECKPOINT})

    def superstep(self, index: int, start: float, end: float, parent: str | None) -> str:
        """A step of two or more nodes."""
        attributes: semconv.Attributes = {semconv.SPAN_ROLE: semconv.ANNOTATION, semconv.SUPERSTEP_INDEX: index}
        return self.span("superstep", start, end, parent, attributes)

    def run(self) -> Run:
        """The run that these spans make up."""
        return assemble(self.trace_id, self.spans)

    def line(self, spans: Iterable[Span] | None = None, *, started_only: bool = False) -> bytes:
        """These spans (all by default) as one line of OTLP JSON, as start records if asked."""
        return otlp_line(self.spans if spans is None else spans, started_only=started_only)

    def write(self, directory: Path, stem: str = "1-a") -> Path:
        """Store all spans in one segment, a line each; returns its path."""
        path = directory / "otlp" / f"traces-{stem}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as stream:
            for span in self.spans:
                stream.write(self.line([span]))
        return path


def otlp_line(spans: Iterable[Span], *, started_only: bool = False) -> bytes:
    """Spans of one scope and the first one's resource as a line of OTLP JSON."""
    found = list(spans)
    document = {
        "resourceSpans": [
            {
                "resource": {"attributes": _pairs(found[0].resource.attributes) if found else []},
                "scopeSpans": [
                    {
                        "scope": {"name": semconv.SCOPE},
                        "schemaUrl": semconv.SCHEMA_URL,
                        "spans": [_span(span, started_only) for span in found],
                    }
                ],
            }
        ]
    }
    return json.dumps(document).encode() + b"\n"


def _span(span: Span, started_only: bool) -> dict[str, object]:
    written: dict[str, object] = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": str(span.start),
        "attributes": _pairs(span.attributes),
        "links": [{"traceId": link.trace_id, "spanId": link.span_id} for link in span.links],
        "status": {"code": span.status},
    }
    if span.parent_id is not None:
        written["parentSpanId"] = span.parent_id
    if not started_only:
        written["endTimeUnixNano"] = str(span.end)
    return written


def _pairs(attributes: semconv.Attributes) -> list[dict[str, object]]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def _value(value: semconv.AttributeValue) -> dict[str, object]:
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, tuple):
        return {"arrayValue": {"values": [_value(item) for item in value]}}
    return {"stringValue": value}


def example(scale: float = 1.0) -> Builder:
    """DESIGN's example: three parallel nodes of 30, 600 and 30 seconds, each one LLM call long."""
    built = Builder()
    graph = built.workflow(0, 600 * scale)
    for name, seconds in (("first", 30 * scale), ("slow", 600 * scale), ("third", 30 * scale)):
        node = built.node(name, 0, seconds, graph, 1)
        built.chat(0, seconds, node)
        if name != "slow":
            built.wait(semconv.BARRIER, seconds, 600 * scale, graph, {semconv.NODE_NAME: name})
    built.superstep(1, 0, 600 * scale, graph)
    return built


def renamed(span: Span, trace_id: str) -> Span:
    """The same span in another trace."""
    return msgspec.structs.replace(span, trace_id=trace_id)
