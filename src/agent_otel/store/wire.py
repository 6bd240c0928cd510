"""OTLP JSON lines, decoded: the parts of the format that this package reads.

The format is the JSON mapping of OTLP's ``ExportTraceServiceRequest``: ids in hexadecimal, 64-bit integers as text
(numbers are accepted), unknown fields ignored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from agent_otel import semconv
from agent_otel.store.model import Link, Resource, Span, State

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

KNOWN_SCHEMA: Final = "https://opentelemetry.io/schemas/1."
NO_IDS: Final = frozenset({"", "0" * 16, "0" * 32})

Scalar: TypeAlias = str | bool | int | float


class ArrayValue(msgspec.Struct, gc=False, frozen=True):
    """The items of a list."""

    values: list[AnyValue] = msgspec.field(default_factory=list["AnyValue"])


class AnyValue(msgspec.Struct, gc=False, frozen=True, rename="camel"):
    """A value in OTLP's tagged form; exactly one field is set."""

    string_value: str | None = None
    bool_value: bool | None = None
    int_value: int | str | None = None
    double_value: float | str | None = None
    array_value: ArrayValue | None = None
    kvlist_value: msgspec.Raw | None = None
    bytes_value: str | None = None


class KeyValue(msgspec.Struct, gc=False, frozen=True):
    """One attribute."""

    key: str
    value: AnyValue = msgspec.field(default_factory=AnyValue)


class WireLink(msgspec.Struct, gc=False, frozen=True, rename="camel"):
    """A link to another span."""

    trace_id: str = ""
    span_id: str = ""


class WireStatus(msgspec.Struct, gc=False, frozen=True):
    """The status of a span: 0 unset, 1 ok, 2 error."""

    code: int = 0
    message: str = ""


NO_STATUS: Final = WireStatus()


class Head(msgspec.Struct, gc=False, frozen=True, rename="camel"):
    """What a first pass needs of a span; its attributes stay undecoded."""

    trace_id: str
    span_id: str
    start_time_unix_nano: int | str
    parent_span_id: str = ""
    name: str = ""
    end_time_unix_nano: int | str = 0
    status: WireStatus = NO_STATUS
    attributes: msgspec.Raw = msgspec.Raw(b"[]")


class WireSpan(msgspec.Struct, gc=False, frozen=True, rename="camel"):
    """A span as written."""

    trace_id: str
    span_id: str
    start_time_unix_nano: int | str
    parent_span_id: str = ""
    name: str = ""
    kind: int = 0
    end_time_unix_nano: int | str = 0
    status: WireStatus = NO_STATUS
    attributes: tuple[KeyValue, ...] = ()
    links: tuple[WireLink, ...] = ()


class WireScope(msgspec.Struct, gc=False, frozen=True):
    """The instrumentation that made spans."""

    name: str = ""
    version: str = ""


class WireResource(msgspec.Struct, gc=False, frozen=True):
    """The process that made spans."""

    attributes: tuple[KeyValue, ...] = ()


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


_heads: Final = msgspec.json.Decoder(HeadLine)
_lines: Final = msgspec.json.Decoder(Line)
_attributes: Final = msgspec.json.Decoder(tuple[KeyValue, ...])

DecodeErrors: Final = (msgspec.DecodeError, UnicodeDecodeError, ValueError, RecursionError)
"""What decoding a line may raise (``msgspec.ValidationError`` is a ``DecodeError``)."""


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
    return _mapping(_attributes.decode(head.attributes))


def spans(line: bytes, wanted: frozenset[str] | None = None) -> Iterator[Span]:
    """The spans of a line, of these traces only if any are named; raises one of ``DecodeErrors``.

    A span without an end comes with the end 0 and as running; whoever knows its process says what it is.
    """
    for part in _lines.decode(line).resource_spans:
        attributes = _mapping(part.resource.attributes)
        resource = Resource(attributes, process_of(attributes))
        for scope in part.scope_spans:
            for span in scope.spans:
                if wanted is None or span.trace_id in wanted:
                    yield _span(span, scope.scope.name, resource)


def _span(span: WireSpan, scope: str, resource: Resource) -> Span:
    end = int(span.end_time_unix_nano)
    state: State = "ended" if end else "running"
    return Span(
        trace_id=span.trace_id,
        span_id=span.span_id,
        parent_id=None if span.parent_span_id in NO_IDS else span.parent_span_id,
        name=span.name,
        kind=span.kind,
        start=int(span.start_time_unix_nano),
        end=end,
        attributes=_mapping(span.attributes),
        links=tuple(Link(link.trace_id, link.span_id) for link in span.links),
        status=span.status.code,
        status_message=span.status.message,
        scope=scope,
        resource=resource,
        state=state,
    )


def process_of(attributes: Mapping[str, semconv.AttributeValue]) -> str:
    """An identity that spans of one process share, read from its resource; empty if the resource says nothing."""
    instance = attributes.get(semconv.SERVICE_INSTANCE_ID)
    pid = attributes.get(semconv.PROCESS_PID)
    if instance is None and pid is None:
        return ""
    return f"{attributes.get('host.name', '')}/{'' if pid is None else pid}/{'' if instance is None else instance}"


def _mapping(pairs: tuple[KeyValue, ...]) -> dict[str, semconv.AttributeValue]:
    found: dict[str, semconv.AttributeValue] = {}
    for pair in pairs:
        value = pair.value
        if value.string_value is not None:
            found[pair.key] = value.string_value
        elif value.array_value is not None:
            found[pair.key] = _items(value.array_value)
        else:
            scalar = _scalar(value)
            if scalar is not None:
                found[pair.key] = scalar
    return found


def _scalar(value: AnyValue) -> Scalar | None:
    if value.string_value is not None:
        return value.string_value
    if value.int_value is not None:
        return int(value.int_value)
    if value.bool_value is not None:
        return value.bool_value
    if value.double_value is not None:
        return float(value.double_value)
    if value.bytes_value is not None:
        return value.bytes_value
    return bytes(value.kvlist_value).decode() if value.kvlist_value is not None else None


def _items(array: ArrayValue) -> tuple[str, ...] | tuple[bool, ...] | tuple[int, ...] | tuple[float, ...]:
    scalars = [item for item in map(_scalar, array.values) if item is not None]
    flags = tuple(item for item in scalars if isinstance(item, bool))
    if len(flags) == len(scalars):
        return flags
    integers = tuple(item for item in scalars if isinstance(item, int) and not isinstance(item, bool))
    if len(integers) == len(scalars):
        return integers
    numbers = tuple(item for item in scalars if isinstance(item, (int, float)) and not isinstance(item, bool))
    if len(numbers) == len(scalars):
        return numbers
    return tuple(str(item) for item in scalars)
