"""Attribute values as OTLP JSON text.

The mapping is proto3 JSON as OTLP narrows it: 64-bit integers are strings, bytes are base64,
and a double that JSON cannot write is the string ``NaN``, ``Infinity`` or ``-Infinity``.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from types import MappingProxyType
from typing import Any, Final, NamedTuple, TypeAlias, cast

import msgspec
from opentelemetry.attributes import BoundedAttributes

AttributeMap: TypeAlias = "Mapping[str, Any]"

_KEYS: Final = 2048
_TEXTS_OF_KEY: Final = 256
_CACHED_LENGTH: Final = 64
_MAXIMUM_DEPTH: Final = 64
_INT64_MINIMUM: Final = -(2**63)
_INT64_MAXIMUM: Final = 2**63 - 1


class _Key(NamedTuple):
    """An attribute key: its JSON up to the value, and whole members of its texts seen so far."""

    head: str
    members: dict[str, str]


_encode_text: Final = cast("Callable[[str], bytes]", msgspec.json.Encoder().encode)
_type_of: Final = cast("Callable[[object], object]", type)
_keys: dict[str, _Key] = {}


def quoted(text: str) -> str:
    """``text`` as a JSON string; surrogates without a partner become U+FFFD, since UTF-8 cannot hold them."""
    try:
        return _encode_text(text).decode()
    except UnicodeEncodeError:
        return _encode_text(text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")).decode()


def attributes_json(attributes: AttributeMap | None) -> str:
    """The elements of an OTLP ``attributes`` array, comma separated, without the brackets; empty for none."""
    if not attributes:
        return ""
    parts: list[str] = []
    append = parts.append
    known = _keys.get
    for key, value in plain(attributes).items():
        head, members = known(key) or _key(key)
        kind = _type_of(value)
        if kind is str:
            append(members.get(value) or _text_member(head, members, value))
        elif kind is int and _INT64_MINIMUM <= value <= _INT64_MAXIMUM:
            append(f'{head}{{"intValue":"{value}"}}}}')
        else:
            append(f"{head}{value_json(value)}}}")
    return ",".join(parts)


def plain(attributes: AttributeMap) -> AttributeMap:
    """The attributes as a plain dict: the SDK's bounded mapping takes a Python call for every item read."""
    if isinstance(attributes, (MappingProxyType, BoundedAttributes)):
        copied: AttributeMap = attributes.copy()
        return copied
    return attributes


def value_json(value: Any, depth: int = 0) -> str:
    """One value as an OTLP ``AnyValue``; a type that OTLP does not know is written as its text."""
    kind = _type_of(value)
    if kind is str:
        return f'{{"stringValue":{quoted(value)}}}'
    if kind is bool:
        return '{"boolValue":true}' if value else '{"boolValue":false}'
    if kind is float:
        return f'{{"doubleValue":{double_json(value)}}}'
    if kind is tuple and depth < _MAXIMUM_DEPTH:
        return f'{{"arrayValue":{{"values":[{",".join([value_json(item, depth + 1) for item in value])}]}}}}'
    return _other_json(value, depth)


def _other_json(value: object, depth: int) -> str:
    if value is None:
        return "{}"
    if isinstance(value, str):
        return f'{{"stringValue":{quoted("".join(value))}}}'
    if isinstance(value, int):
        return _integer_json(int(value))
    if isinstance(value, float):
        return f'{{"doubleValue":{double_json(float(value))}}}'
    if isinstance(value, (bytes, bytearray)):
        return f'{{"bytesValue":"{base64.b64encode(bytes(value)).decode()}"}}'
    if depth >= _MAXIMUM_DEPTH:
        return f'{{"stringValue":"{type(value).__name__}"}}'
    if isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value)
        members = [f"{_key(str(key)).head}{value_json(item, depth + 1)}}}" for key, item in pairs.items()]
        return f'{{"kvlistValue":{{"values":[{",".join(members)}]}}}}'
    if isinstance(value, (Sequence, AbstractSet)):
        items = cast("Sequence[object]", value)
        return f'{{"arrayValue":{{"values":[{",".join([value_json(item, depth + 1) for item in items])}]}}}}'
    return f'{{"stringValue":{quoted(str(value))}}}'


def double_json(value: float) -> str:
    """A double as proto3 JSON."""
    if math.isfinite(value):
        return float.__repr__(value)
    if math.isnan(value):
        return '"NaN"'
    return '"Infinity"' if value > 0 else '"-Infinity"'


def number_json(value: float) -> str:
    """The value of a metric point or exemplar, as the member ``asInt`` or ``asDouble``."""
    if isinstance(value, int) and _INT64_MINIMUM <= value <= _INT64_MAXIMUM:
        return f'"asInt":"{int(value)}"'
    return f'"asDouble":{double_json(_as_double(value))}'


def _as_double(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def trimmed(attributes: AttributeMap | None, characters: int, count: int | None) -> dict[str, object]:
    """The first ``count`` attributes (None: all), with no text, bytes or key longer than ``characters``."""
    kept = list(plain(attributes or {}).items())[:count]
    return {key[:characters]: _trimmed_value(value, characters, count) for key, value in kept}


def _trimmed_value(value: object, characters: int, count: int | None, depth: int = 0) -> object:
    if isinstance(value, (str, bytes, bytearray)):
        return value[:characters]
    if depth >= _MAXIMUM_DEPTH:
        return type(value).__name__
    if isinstance(value, Mapping):
        kept = list(cast("Mapping[object, object]", value).items())[:count]
        return {str(key)[:characters]: _trimmed_value(item, characters, count, depth + 1) for key, item in kept}
    if isinstance(value, (tuple, list)):
        items = cast("Sequence[object]", value)[:count]
        return [_trimmed_value(item, characters, count, depth + 1) for item in items]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return str(value)[:characters]


def _integer_json(value: int) -> str:
    if _INT64_MINIMUM <= value <= _INT64_MAXIMUM:
        return f'{{"intValue":"{value}"}}'
    # OTLP has no wider integer; hexadecimal, because Python refuses to write very long decimals.
    return f'{{"stringValue":"{value:#x}"}}'


def _key(key: str) -> _Key:
    known = _keys.get(key)
    if known is None:
        known = _Key(f'{{"key":{quoted(key)},"value":', {})
        if len(key) <= _CACHED_LENGTH:
            if len(_keys) >= _KEYS:
                _keys.clear()
            _keys[key] = known
    return known


def _text_member(head: str, members: dict[str, str], text: str) -> str:
    member = f'{head}{{"stringValue":{quoted(text)}}}}}'
    # A key whose texts are nearly all different (ids) fills its share once and is encoded anew from then on.
    if len(members) < _TEXTS_OF_KEY and len(text) <= _CACHED_LENGTH:
        members[text] = member
    return member
