"""A run as OTLP JSON Lines: what was stored, line by line, readable by the collector's ``otlp_json_file`` receiver.

Spans that never ended follow in lines of their own: they end when their process was last heard of, or now.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

from agent_otel import semconv
from agent_otel.store.otlp_values import attributes_json, quoted

if TYPE_CHECKING:
    from agent_otel.report.exports.registry import Recorded
    from agent_otel.store.reader import Span


def render(recorded: Recorded, stream: TextIO) -> None:
    """Write the lines."""
    for line in recorded.lines:
        stream.write(line.decode())
    for span in recorded.run.spans:
        if span.state != "ended":
            stream.write(unended(span) + "\n")


def unended(span: Span) -> str:
    """A line with a span that has not ended; an abandoned one has that as its outcome."""
    attributes = dict(span.attributes)
    if span.state == "abandoned":
        attributes[semconv.OUTCOME] = span.state
    members = [
        f'"traceId":{quoted(span.trace_id)}',
        f'"spanId":{quoted(span.span_id)}',
        *([f'"parentSpanId":{quoted(span.parent_id)}'] if span.parent_id else []),
        f'"name":{quoted(span.name)}',
        f'"kind":{span.kind}',
        f'"startTimeUnixNano":"{span.start}"',
        f'"endTimeUnixNano":"{span.end}"',
        f'"attributes":[{attributes_json(attributes)}]',
        '"status":{}',
    ]
    scope = f'{{"scope":{{"name":{quoted(span.scope)}}},"spans":[{{{",".join(members)}}}]}}'
    resource = f'{{"attributes":[{attributes_json(span.resource.attributes)}]}}'
    return f'{{"resourceSpans":[{{"resource":{resource},"scopeSpans":[{scope}]}}]}}'
