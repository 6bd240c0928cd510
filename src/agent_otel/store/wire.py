"""OTLP JSON lines, decoded: the parts of the format that this package reads.

The format is the JSON mapping of OTLP's ``ExportTraceServiceRequest``: ids in hexadecimal, 64-bit integers as text
(numbers are accepted), unknown fields ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from agent_otel import semconv
from agent_otel.store.model import Link, Resource, Span, State, meaning
from agent_otel.store.wire_values import attribute_map

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

KNOWN_SCHEMA: Final = "https://opentelemetry.io/schemas/1."
NO_IDS: Final = frozenset({"", "0" * 16, "0" * 32})


class WireLink(msgspec.Struct, gc=False, frozen=True, rename="camel"):
    """A link to another span."""

    trace_id: str = ""
    span_id: str = ""


class HeadStatus(msgspec.Struct, gc=False, frozen=True):
    """The status of a span: 0 unset, 1 ok, 2 error."""

    code: int = 0


class WireStatus(HeadStatus, gc=False, frozen=True):
    """The status of a span with its message."""

    message: str = ""


NO_STATUS: Final = WireStatus()
NO_ATTRIBUTES: Final = msgspec.Raw(b"[]")


class Head(msgspec.Struct, gc=False, frozen=True, rename="camel"):
    """What a first pass needs of a span; its attributes stay undecoded."""

    trace_id: str
    span_id: str
    start_time_unix_nano: int
    parent_span_id: str = ""
    name: str = ""
    end_time_unix_nano: int = 0
    status: HeadStatus = NO_STATUS
    attributes: msgspec.Raw = NO_ATTRIBUTES


class WireSpan(msgspec.Struct, gc=False, frozen=True, rename="camel"):
    """A span as written."""

    trace_id: str
    span_id: str
    start_time_unix_nano: int
    parent_span_id: str = ""
    name: str = ""
    kind: int = 0
    end_time_unix_nano: int = 0
    status: WireStatus = NO_STATUS
    attributes: msgspec.Raw = NO_ATTRIBUTES
    links: tuple[WireLink, ...] = ()


class WireScope(msgspec.Struct, gc=False, frozen=True):
    """The instrumentation that made spans."""

    name: str = ""
    version: str = ""


class WireResource(msgspec.Struct, gc=False, frozen=True):
    """The process that made spans."""

    attributes: msgspec.Raw = NO_ATTRIBUTES


class ScopeHeads(msgspec.Struct, gc=False, frozen=True, rename="camel"):
    """Spans of one scope, in a first pass."""

    spans: list[Head] = msgspec.field(default_factory=list[Head])
    schema_url: str = ""


class ResourceHeads(msgspec.Struct, gc=False, frozen=True, rename="camel"):
    """Spans of one resource, in a first pass."""

    scope_spans: list[ScopeHeads] = msgspec.field(default_factory=list[ScopeHeads])
    schema_url: str = ""


class HeadLine(msgspec.Struct, gc=False, frozen=True, rename="camel"):
    """A line, in a first pass."""

    resource_spans: list[ResourceHeads]


class ScopeSpans(msgspec.Struct, gc=False, frozen=True):
    """Spans of one scope."""

    scope: WireScope = msgspec.field(default_factory=WireScope)
    spans: list[WireSpan] = msgspec.field(default_factory=list[WireSpan])


class ResourceSpans(msgspec.Struct, gc=False, frozen=True, rename="camel"):
    """Spans of one resource."""

    resource: WireResource = msgspec.field(default_factory=WireResource)
    scope_spans: list[ScopeSpans] = msgspec.field(default_factory=list[ScopeSpans])


class Line(msgspec.Struct, gc=False, frozen=True, rename="camel"):
    """A line."""

    resource_spans: list[ResourceSpans]


_heads: Final = msgspec.json.Decoder(HeadLine, strict=False)  # 64-bit integers are text in OTLP JSON
_lines: Final = msgspec.json.Decoder(Line, strict=False)

DecodeErrors: Final = (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError)
"""What decoding a line may raise (``msgspec.ValidationError`` is a ``DecodeError``)."""
_RESOURCES: Final = 256
_resources: Final[dict[bytes, Resource]] = {}


def decode_heads(line: bytes) -> HeadLine:
    """The first-pass view of a line; raises one of ``DecodeErrors``."""
    return _heads.decode(line)


def unknown_schemas(line: HeadLine) -> set[str]:
    """The schema addresses of a line that are not OpenTelemetry's first major version."""
    urls = {part.schema_url for part in line.resource_spans}
    urls.update(scope.schema_url for part in line.resource_spans for scope in part.scope_spans)
    return {url for url in urls if url and not url.startswith(KNOWN_SCHEMA)}


def head_attributes(head: Head) -> Mapping[str, semconv.AttributeValue]:
    """The attributes of a first-pass span; raises one of ``DecodeErrors``."""
    return attribute_map(bytes(head.attributes))


def spans(line: bytes, wanted: Container[str] | None = None) -> list[Span]:
    """The spans of a line, of these traces only if any are named; raises one of ``DecodeErrors``.

    A span without an end comes with the end 0 and as running; whoever knows its process says what it is.
    """
    found: list[Span] = []
    for part in _lines.decode(line).resource_spans:
        resource = _resource(bytes(part.resource.attributes))
        for scope in part.scope_spans:
            name = scope.scope.name
            found += [_span(span, name, resource) for span in scope.spans if wanted is None or span.trace_id in wanted]
    return found


def _span(span: WireSpan, scope: str, resource: Resource) -> Span:
    end = span.end_time_unix_nano
    attributes = attribute_map(bytes(span.attributes))
    state: State = "ended" if end else "running"
    # by position: half the cost of keywords, and there may be a million
    return Span(
        span.trace_id,
        span.span_id,
        None if span.parent_span_id in NO_IDS else span.parent_span_id,
        span.name,
        span.kind,
        span.start_time_unix_nano,
        end,
        attributes,
        tuple([Link(link.trace_id, link.span_id) for link in span.links]) if span.links else (),
        span.status.code,
        span.status.message,
        scope,
        resource,
        state,
        *meaning(span.name, attributes),
    )


def _resource(raw: bytes) -> Resource:
    known = _resources.get(raw)
    if known is None:
        attributes = attribute_map(raw)
        known = Resource(attributes, process_of(attributes))
        if len(_resources) >= _RESOURCES:
            _resources.clear()
        _resources[raw] = known
    return known


def process_of(attributes: Mapping[str, semconv.AttributeValue]) -> str:
    """An identity that spans of one process share, read from its resource; empty if the resource says nothing."""
    instance = attributes.get(semconv.SERVICE_INSTANCE_ID)
    pid = attributes.get(semconv.PROCESS_PID)
    if instance is None and pid is None:
        return ""
    return f"{attributes.get('host.name', '')}/{'' if pid is None else pid}/{'' if instance is None else instance}"
