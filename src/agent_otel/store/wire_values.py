"""Attributes in OTLP JSON, decoded: a list of ``{"key": ..., "value": {"stringValue": ...}}`` becomes a dict.

Most attributes repeat from span to span, so what was decoded once is looked up by its bytes: whole lists, lists that
differ in the process id only, single attributes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from agent_otel import semconv

if TYPE_CHECKING:
    from collections.abc import Mapping

Scalar: TypeAlias = str | bool | int | float
_Pair: TypeAlias = "tuple[str, semconv.AttributeValue]"

_FIRST: Final = b'[{"key":"'
_BETWEEN: Final = b'},{"key":"'
_LAST: Final = b"}]"
REMEMBERED: Final = 20_000
REMEMBERED_LISTS: Final = 4_000
_LONGEST: Final = 200
_LONGEST_LIST: Final = 2_000
_PROCESS_ID: Final = b'{"key":"process.pid","value":{"intValue":"'
_NUMBER_END: Final = b'"}}'
_RESPONSE_ID: Final = b'{"key":"gen_ai.response.id"'
_NESTED: Final = b"kvlistValue"
_UNKNOWN: Final[dict[str, semconv.AttributeValue]] = {}
_NUMBER: Final = b'","value":{"intValue":"'
_SHORT_NUMBER: Final = 5


_NOTHING: Final = msgspec.Raw(b"")


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
    kvlist_value: msgspec.Raw = _NOTHING
    bytes_value: str | None = None


class KeyValue(msgspec.Struct, gc=False, frozen=True):
    """One attribute."""

    key: str
    value: AnyValue = msgspec.field(default_factory=AnyValue)


_one: Final = msgspec.json.Decoder(KeyValue)
_all: Final = msgspec.json.Decoder(list[KeyValue])


_KEYS: Final = {name: name for name in vars(semconv).values() if isinstance(name, str)}
"""Equal texts -> the one object, so that looking a key up in a span's attributes compares no characters."""
_RAW_KEYS: Final = {name.encode(): name for name in _KEYS}


class _Remembered(dict[bytes, _Pair]):
    """What stands after ``{"key":"`` and before ``}`` of an attribute -> its key and value."""

    def __missing__(self, part: bytes) -> _Pair:
        head, between, number = part.partition(_NUMBER)
        if between and len(number) > _SHORT_NUMBER and number.endswith(b'"}') and number[:-2].isdigit():
            # process ids and token counts: nearly all different, so not worth a place
            key = _RAW_KEYS.get(head)
            if key is not None:
                return key, int(number[:-2])
        pair = _one.decode(b'{"key":"' + part + b"}")
        value = _value(pair.value)
        if value is None:
            raise ValueError("an attribute without a value")
        found = _KEYS.get(pair.key, pair.key), value
        if len(part) <= _LONGEST:
            if len(self) >= REMEMBERED:
                self.clear()
            self[part] = found
        return found


_remembered: Final = _Remembered()
_recall: Final = _remembered.__getitem__


_lists: Final[dict[bytes, dict[str, semconv.AttributeValue]]] = {}
_patterns: Final[dict[tuple[bytes, bytes], dict[str, semconv.AttributeValue] | None]] = {}


def remembered() -> tuple[int, int]:
    """How many attributes, and how many lists of them, are remembered."""
    return len(_remembered), len(_lists) + len(_patterns)


def forget() -> None:
    """Remember none."""
    _remembered.clear()
    _lists.clear()
    _patterns.clear()


def attribute_map(raw: bytes) -> Mapping[str, semconv.AttributeValue]:
    """The attributes of an OTLP JSON list, without those that have no value. Equal lists may share one mapping.

    Raises ``msgspec.DecodeError`` (or ``ValueError`` for a number written wrong).
    """
    before, found, after = raw.partition(_PROCESS_ID)
    if found:
        number, end, rest = after.partition(_NUMBER_END)
        if end and number.isdigit():
            like = _pattern(before, rest)
            if like is not None:
                attributes = like.copy()
                attributes[semconv.PROCESS_PID] = int(number)
                return attributes
        return _decoded(raw)
    if len(raw) > _LONGEST_LIST or _RESPONSE_ID in raw:
        return _decoded(raw)
    known = _lists.get(raw)
    if known is None:
        known = _lists[raw] = _decoded(raw)
        if len(_lists) > REMEMBERED_LISTS:
            _lists.clear()
    return known


def _pattern(before: bytes, rest: bytes) -> dict[str, semconv.AttributeValue] | None:
    """The attributes of a list but for its process id, which stands between these; None if they cannot be shared."""
    if len(before) + len(rest) > _LONGEST_LIST:
        return None
    known = _patterns.get((before, rest), _UNKNOWN)
    if known is _UNKNOWN:
        made = _decoded(before + _PROCESS_ID + b"0" + _NUMBER_END + rest)
        single = _NESTED not in before and _PROCESS_ID not in rest and made.get(semconv.PROCESS_PID) == 0
        known = made if single else None
        if len(_patterns) >= REMEMBERED_LISTS:
            _patterns.clear()
        _patterns[before, rest] = known
    return known


def _decoded(raw: bytes) -> dict[str, semconv.AttributeValue]:
    if raw == b"[]":
        return {}
    if raw.startswith(_FIRST) and raw.endswith(_LAST):
        # If every part is a whole JSON object, then they are the list's elements: there is no other way to read it.
        try:
            return dict(map(_recall, raw[len(_FIRST) : -len(_LAST)].split(_BETWEEN)))
        except (msgspec.DecodeError, ValueError, RecursionError):
            pass
    found: dict[str, semconv.AttributeValue] = {}
    for pair in _all.decode(raw):
        value = _value(pair.value)
        if value is not None:
            found[pair.key] = value
    return found


def _value(value: AnyValue) -> semconv.AttributeValue | None:
    return _items(value.array_value) if value.array_value is not None else _scalar(value)


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
    return bytes(value.kvlist_value).decode() or None


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
