"""Spans as OTLP JSON, read back with ``opentelemetry-proto-json``."""

from __future__ import annotations

import math
from enum import Enum
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto_json.trace.v1.trace import TracesData
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    TraceState,
    set_span_in_context,
)

from agent_otel import safe
from agent_otel.store.encode import SpanEncoder
from agent_otel.store.otlp_lines import LINE_BYTES
from agent_otel.store.otlp_values import attributes_json, trimmed, value_json
from tests.store.conftest import Collected, spans_in

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from opentelemetry.proto_json.common.v1.common import AnyValue, KeyValue

    from tests.store.conftest import Tracing


def decoded(value: AnyValue | None) -> Any:
    """What an ``AnyValue`` holds, as Python has it."""
    if value is None:
        return None
    if value.array_value is not None:
        return [decoded(item) for item in value.array_value.values]
    if value.kvlist_value is not None:
        return {str(pair.key): decoded(pair.value) for pair in value.kvlist_value.values}
    for found in (value.string_value, value.bool_value, value.int_value, value.double_value, value.bytes_value):
        if found is not None:
            return found
    return None


def attributes_of(pairs: list[KeyValue]) -> dict[str, Any]:
    return {str(pair.key): decoded(pair.value) for pair in pairs}


def round_trip(attributes: Mapping[str, Any]) -> dict[str, Any]:
    provider = TracerProvider(
        resource=Resource({}), shutdown_on_exit=False, span_limits=SpanLimits(max_span_attributes=SpanLimits.UNSET)
    )
    collected = Collected()
    provider.add_span_processor(collected)
    provider.get_tracer("t").start_span("s", attributes=attributes).end()
    (span,) = spans_in(line.data for line in SpanEncoder().encode(collected.spans))
    return attributes_of(span.attributes)


def plain(value: object) -> object:
    """What comes back for ``value``: sequences as lists, surrogates without a partner replaced."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in cast("Sequence[object]", value)]
    if isinstance(value, dict):
        return {plain(key): plain(item) for key, item in cast("dict[str, object]", value).items() if key}
    return value


TEXTS = st.text(st.characters(codec=None), max_size=40)
SCALARS = st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | TEXTS | st.binary(max_size=20)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=8
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.dictionaries(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20), VALUES, max_size=6))
def test_attribute_values_come_back_as_they_were(attributes: dict[str, Any]) -> None:
    # Compared as text: NaN is no equal of itself, and 1 and True are equal.
    assert repr(round_trip(attributes)) == repr(plain(attributes))


class Colour(str, Enum):
    RED = "red"


class Odd:
    def __str__(self) -> str:
        return "odd"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1, '{"intValue":"1"}'),
        (True, '{"boolValue":true}'),
        (1.0, '{"doubleValue":1.0}'),
        (1e22, '{"doubleValue":1e+22}'),
        (math.nan, '{"doubleValue":"NaN"}'),
        (-math.inf, '{"doubleValue":"-Infinity"}'),
        (b"\x00\xff", '{"bytesValue":"AP8="}'),
        (None, "{}"),
        (Colour.RED, '{"stringValue":"red"}'),
        (2**63, '{"stringValue":"0x8000000000000000"}'),
        ("\ud800", '{"stringValue":"\ufffd"}'),
        ('"\\\n', '{"stringValue":"\\"\\\\\\n"}'),
        (("a", 1), '{"arrayValue":{"values":[{"stringValue":"a"},{"intValue":"1"}]}}'),
        (
            {"k": [True]},
            '{"kvlistValue":{"values":[{"key":"k","value":{"arrayValue":{"values":[{"boolValue":true}]}}}]}}',
        ),
        (Odd(), '{"stringValue":"odd"}'),
    ],
)
def test_values(value: object, text: str) -> None:
    assert value_json(value) == text


def test_equal_values_of_other_types_are_not_confused() -> None:
    for value, text in ((1, '"intValue":"1"'), (True, '"boolValue":true'), (1.0, '"doubleValue":1.0')):
        assert text in attributes_json({"same.key": value})


def test_deep_nesting_ends() -> None:
    value: object = "deep"
    for _ in range(500):
        value = [value]
    assert '"stringValue":"list"' in value_json(value)


def test_ids_equal_the_spans(tracing: Tracing) -> None:
    with tracing.tracer.start_as_current_span("parent"):
        tracing.span("child")
    child, parent = spans_in(line.data for line in SpanEncoder().encode(tracing.ended))
    for stored, span in ((child, tracing.ended[0]), (parent, tracing.ended[1])):
        assert span.context is not None
        assert stored.trace_id == span.context.trace_id.to_bytes(16, "big")
        assert stored.span_id == span.context.span_id.to_bytes(8, "big")
        assert (stored.start_time_unix_nano, stored.end_time_unix_nano) == (span.start_time, span.end_time)
    assert child.parent_span_id == parent.span_id
    assert parent.parent_span_id == b""


def full_span(tracing: Tracing) -> ReadableSpan:
    """A span that has everything a span can have."""
    remote = SpanContext(7, 9, is_remote=True, trace_flags=TraceFlags(1), trace_state=TraceState([("vendor", "x1")]))
    context = set_span_in_context(NonRecordingSpan(remote))
    span = tracing.tracer.start_span(
        "chat gpt", context, SpanKind.CLIENT, {"a": 1}, links=[Link(remote, {"why": "cause"})], start_time=1_000
    )
    span.add_event("exception", {"exception.type": "ValueError", "n": (1.5, 2.5)}, timestamp=1_500)
    span.set_status(StatusCode.ERROR, 'it "broke"')
    span.end(2_000)
    return tracing.ended[-1]


def test_everything_a_span_has(tracing: Tracing) -> None:
    (line,) = SpanEncoder().encode([full_span(tracing)])
    (resource,) = TracesData.from_json(line.data).resource_spans
    assert resource.resource is not None
    assert attributes_of(resource.resource.attributes) == {"service.name": "test"}
    (scope,) = resource.scope_spans
    assert scope.scope is not None
    assert (scope.scope.name, scope.scope.version, scope.schema_url) == ("scope", "1.0", "https://schema")
    (span,) = scope.spans
    assert (span.name, span.kind, span.trace_state) == ("chat gpt", 3, "vendor=x1")
    assert span.trace_id == (7).to_bytes(16, "big")
    assert span.parent_span_id == (9).to_bytes(8, "big")
    assert span.flags is not None
    assert span.flags & 0x301 == 0x301
    assert span.status is not None
    assert (span.status.code, span.status.message) == (2, 'it "broke"')
    (event,) = span.events
    assert (event.name, event.time_unix_nano) == ("exception", 1_500)
    assert attributes_of(event.attributes) == {"exception.type": "ValueError", "n": [1.5, 2.5]}
    (link,) = span.links
    assert (link.span_id, link.trace_state) == ((9).to_bytes(8, "big"), "vendor=x1")
    assert attributes_of(link.attributes) == {"why": "cause"}


def test_agrees_with_the_official_encoder(tracing: Tracing) -> None:
    span = full_span(tracing)
    official = encode_spans([span]).resource_spans[0].scope_spans[0].spans[0]
    (ours,) = spans_in(line.data for line in SpanEncoder().encode([span]))
    assert ours.trace_id == official.trace_id
    assert ours.span_id == official.span_id
    assert ours.kind == official.kind
    assert ours.status is not None
    assert ours.status.code == official.status.code
    assert len(ours.events) == len(official.events)
    assert (ours.flags or 0) & 0x300 == official.flags & 0x300


def test_what_limits_dropped_is_counted() -> None:
    provider = TracerProvider(
        shutdown_on_exit=False, span_limits=SpanLimits(max_span_attributes=1, max_events=1, max_links=1)
    )
    collected = Collected()
    provider.add_span_processor(collected)
    link = Link(SpanContext(1, 2, is_remote=False))
    span = provider.get_tracer("t").start_span("s", attributes={"a": 1, "b": 2}, links=[link, link])
    span.add_event("one")
    span.add_event("two")
    span.end()
    (stored,) = spans_in(line.data for line in SpanEncoder().encode(collected.spans))
    assert (stored.dropped_attributes_count, stored.dropped_events_count, stored.dropped_links_count) == (1, 1, 1)


def test_an_open_span_has_no_end(tracing: Tracing) -> None:
    span = tracing.tracer.start_span("open")
    assert isinstance(span, ReadableSpan)
    (line,) = SpanEncoder().encode([span])
    assert b"endTimeUnixNano" not in line.data


def test_spans_are_grouped_by_resource_and_scope(tracing: Tracing) -> None:
    other = tracing.provider.get_tracer("other", attributes={"team": "a"})
    for number in range(4):
        (other if number % 2 else tracing.tracer).start_span(str(number)).end()
    (line,) = SpanEncoder().encode(tracing.ended)
    (resource,) = TracesData.from_json(line.data).resource_spans
    assert [[span.name for span in scope.spans] for scope in resource.scope_spans] == [["0", "2"], ["1", "3"]]
    assert resource.scope_spans[1].scope is not None
    assert attributes_of(resource.scope_spans[1].scope.attributes) == {"team": "a"}
    assert line.items == 4


def test_long_batches_become_several_lines(tracing: Tracing) -> None:
    for number in range(30):
        tracing.span(str(number), text="é" * 50_000)
    lines = SpanEncoder().encode(tracing.ended)
    assert max(len(line.data) for line in lines) < LINE_BYTES
    assert sum(line.items for line in lines) == 30
    assert [span.name for span in spans_in(line.data for line in lines)] == [str(number) for number in range(30)]


def test_a_monstrous_span_keeps_its_small_values(tracing: Tracing, caplog: pytest.LogCaptureFixture) -> None:
    span = tracing.tracer.start_span("huge", attributes={"small": "kept", "big": "x" * 3_000_000})
    span.add_event("event", {"big": "y" * 3_000_000})
    span.end()
    encoder = SpanEncoder()
    (line,) = encoder.encode(tracing.ended)
    assert len(line.data) < LINE_BYTES
    (stored,) = spans_in([line.data])
    kept = attributes_of(stored.attributes)
    assert kept["small"] == "kept"
    assert kept["big"] == "x" * len(kept["big"])
    assert len(kept["big"]) >= 100_000
    assert encoder.cut == 1
    assert "'huge' is too long" in caplog.text


def test_a_span_of_countless_events_is_cut_and_counted() -> None:
    provider = TracerProvider(shutdown_on_exit=False, span_limits=SpanLimits(max_events=SpanLimits.UNSET))
    collected = Collected()
    provider.add_span_processor(collected)
    span = provider.get_tracer("t").start_span("s")
    for _ in range(20_000):
        span.add_event("e", {"key": "v"})
    span.end()
    (line,) = SpanEncoder().encode(collected.spans)
    (stored,) = spans_in([line.data])
    assert len(stored.events) + (stored.dropped_events_count or 0) == 20_000


def test_a_span_that_cannot_be_encoded_is_counted_and_others_are_written(
    tracing: Tracing, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken:
        def __str__(self) -> str:
            raise RuntimeError

    monkeypatch.setattr(safe, "reraise", False)
    broken = ReadableSpan("broken", tracing.span().context, attributes=cast("Any", {"a": Broken()}))
    encoder = SpanEncoder()
    (line,) = encoder.encode([broken, tracing.span("fine")])
    assert [span.name for span in spans_in([line.data])] == ["fine"]
    assert encoder.failed == 1


def test_a_resource_too_long_for_a_line_is_cut() -> None:
    provider = TracerProvider(resource=Resource({"big": "x" * 2_000_000, "small": "s"}), shutdown_on_exit=False)
    collected = Collected()
    provider.add_span_processor(collected)
    provider.get_tracer("t", attributes={"big": "y" * 2_000_000}).start_span("s").end()
    (line,) = SpanEncoder().encode(collected.spans)
    assert len(line.data) < LINE_BYTES
    (resource,) = TracesData.from_json(line.data).resource_spans
    assert resource.resource is not None
    kept = attributes_of(resource.resource.attributes)
    assert kept == {"big": "x" * 512, "small": "s"}


def test_trimming_reaches_nested_values() -> None:
    value = {"text": "x" * 9, "bytes": b"y" * 9, "list": ["z" * 9] * 9, "map": {"k" * 9: 1, "none": None}, "odd": Odd()}
    assert trimmed(value, 4, 5) == {
        "text": "xxxx",
        "byte": b"yyyy",
        "list": ["zzzz"] * 5,
        "map": {"kkkk": 1, "none": None},
        "odd": "odd",
    }
    assert trimmed(value, 4, 1) == {"text": "xxxx"}
    assert trimmed(None, 4, None) == {}
