"""Spans as OTLP JSON lines, written by hand because the official path costs several times the span itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from opentelemetry.trace import INVALID_SPAN_CONTEXT

from agent_otel import safe
from agent_otel.store.otlp_lines import ITEM_BYTES, Line, LineBuilder, byte_length
from agent_otel.store.otlp_values import AttributeMap, attributes_json, quoted, trimmed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from opentelemetry.sdk.trace import Event, ReadableSpan
    from opentelemetry.trace import Link, Status
    from opentelemetry.trace.span import TraceState

# OTLP span flags: bits 0-7 are the W3C trace flags, bit 8 says that bit 9 (the parent is remote) is known.
_REMOTE_KNOWN: Final = 0x100
_REMOTE: Final = 0x200


class Cut(NamedTuple):
    """How far a span is cut: the length of a text; how many attributes, events and links stay (None: all)."""

    characters: int
    kept: int | None


# A span too long for a line gets the first of these that makes it fit.
_CUTS: Final = (
    Cut(262_144, None),
    Cut(65_536, None),
    Cut(16_384, None),
    Cut(4_096, None),
    Cut(1_024, None),
    Cut(256, None),
    Cut(64, 500),
    Cut(64, 20),
    Cut(64, 0),
)


class SpanEncoder:
    """Turns spans into lines ``{"resourceSpans":[...]}``, grouped by resource and scope.

    ``failed`` counts spans that could not be encoded, ``cut`` those whose texts were shortened to fit a line.
    """

    def __init__(self) -> None:
        self._builder = LineBuilder("Spans", "spans")
        self.failed = 0
        self.cut = 0

    def encode(self, spans: Iterable[ReadableSpan]) -> list[Line]:
        """The lines for these spans, each ending in a newline and shorter than ``LINE_BYTES``.

        A span that has not ended has no ``endTimeUnixNano``.
        """
        builder = self._builder
        for span in spans:
            text = safe.call(span_json, span)
            if text is None:
                self.failed += 1
                continue
            size = byte_length(text)
            if size > ITEM_BYTES:
                text = self._fitting(span)
                size = byte_length(text)
            builder.add(span.resource, span.instrumentation_scope, text, size)
        return builder.take()

    def _fitting(self, span: ReadableSpan) -> str:
        if not self.cut:
            safe.warn(f"the span {span.name[:80]!r} is too long for one line; the store cuts its longest texts")
        self.cut += 1
        text = ""
        for cut in _CUTS:
            text = span_json(span, cut)
            if byte_length(text) <= ITEM_BYTES:
                break
        return text


def span_json(span: ReadableSpan, cut: Cut | None = None) -> str:
    """One span as an OTLP JSON object; with ``cut`` its texts and counts are limited (see ``trimmed``)."""
    context = span.context or INVALID_SPAN_CONTEXT
    parent = span.parent
    flags = context.trace_flags | _REMOTE_KNOWN
    parent_json = ""
    if parent is not None:
        parent_json = f'"parentSpanId":"{parent.span_id.to_bytes(8, "big").hex()}",'
        if parent.is_remote:
            flags |= _REMOTE
    attributes: AttributeMap | None = span.attributes
    events = span.events
    links = span.links
    name = span.name
    lost = (span.dropped_attributes, span.dropped_events, span.dropped_links)
    if cut is not None:
        kept = trimmed(attributes, cut.characters, cut.kept)
        lost = (
            lost[0] + len(attributes or ()) - len(kept),
            lost[1] + len(events) - len(events[: cut.kept]),
            lost[2] + len(links) - len(links[: cut.kept]),
        )
        attributes, events, links = kept, events[: cut.kept], links[: cut.kept]
        name = name[: cut.characters]
    end = span.end_time
    end_json = f',"endTimeUnixNano":"{end}"' if end is not None else ""
    status = span.status
    state = context.trace_state
    return (
        f'{{"traceId":"{context.trace_id.to_bytes(16, "big").hex()}",'
        f'"spanId":"{context.span_id.to_bytes(8, "big").hex()}",'
        f'{parent_json}"flags":{flags:d},"name":{quoted(name)},"kind":{span.kind.value + 1},'
        f'"startTimeUnixNano":"{span.start_time or 0}"{end_json},"attributes":[{attributes_json(attributes)}]'
        f"{_events_json(events, cut) if events else ''}{_links_json(links, cut) if links else ''}"
        f"{_lost_json(lost) if any(lost) else ''}"
        f"{_status_json(status, cut) if status.status_code.value else ''}"
        f"{_state_json(state) if state else ''}}}"
    )


def _lost_json(lost: tuple[int, int, int]) -> str:
    attributes, events, links = lost
    return (
        _number("droppedAttributesCount", attributes)
        + _number("droppedEventsCount", events)
        + _number("droppedLinksCount", links)
    )


def _events_json(events: Sequence[Event], cut: Cut | None) -> str:
    inner = ",".join([_event_json(event, cut) for event in events])
    return f',"events":[{inner}]'


def _event_json(event: Event, cut: Cut | None) -> str:
    name = event.name if cut is None else event.name[: cut.characters]
    return (
        f'{{"timeUnixNano":"{event.timestamp}","name":{quoted(name)}'
        f"{_attributes_member(event.attributes, event.dropped_attributes, cut)}}}"
    )


def _links_json(links: Sequence[Link], cut: Cut | None) -> str:
    inner = ",".join([_link_json(link, cut) for link in links])
    return f',"links":[{inner}]'


def _link_json(link: Link, cut: Cut | None) -> str:
    context = link.context
    flags = context.trace_flags | _REMOTE_KNOWN | (_REMOTE if context.is_remote else 0)
    return (
        f'{{"traceId":"{context.trace_id:032x}","spanId":"{context.span_id:016x}","flags":{flags:d}'
        f"{_state_json(context.trace_state)}"
        f"{_attributes_member(link.attributes, link.dropped_attributes, cut)}}}"
    )


def _attributes_member(attributes: AttributeMap | None, dropped: int, cut: Cut | None) -> str:
    if cut is not None:
        kept = trimmed(attributes, cut.characters, cut.kept)
        dropped += len(attributes or ()) - len(kept)
        attributes = kept
    member = f',"attributes":[{attributes_json(attributes)}]' if attributes else ""
    return member + _number("droppedAttributesCount", dropped)


def _status_json(status: Status, cut: Cut | None) -> str:
    description = status.description
    if not description:
        return f',"status":{{"code":{status.status_code.value}}}'
    if cut is not None:
        description = description[: cut.characters]
    return f',"status":{{"code":{status.status_code.value},"message":{quoted(description)}}}'


def _state_json(state: TraceState) -> str:
    return f',"traceState":{quoted(state.to_header())}' if state else ""


def _number(member: str, count: int) -> str:
    return f',"{member}":{count}' if count else ""
