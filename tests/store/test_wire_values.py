"""Attributes are decoded the same whether they are taken apart quickly or by the decoder alone."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent_otel.store import wire_values
from agent_otel.store.wire_values import attribute_map

KEYS = st.one_of(st.sampled_from(["process.pid", "agent_otel.outcome", 'a"},{"key":"b', "\\", ""]), st.text())
SCALARS = st.one_of(
    st.text().map(lambda text: {"stringValue": text}),
    st.sampled_from(['"},{"key":"', '}},{"key":"x","value":{"intValue":"1"']).map(lambda text: {"stringValue": text}),
    st.integers(-(2**63), 2**63 - 1).map(lambda number: {"intValue": str(number)}),
    st.integers(0, 9).map(lambda number: {"intValue": number}),
    st.booleans().map(lambda flag: {"boolValue": flag}),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda number: {"doubleValue": number}),
    st.just({}),
)
VALUES: st.SearchStrategy[dict[str, Any]] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(SCALARS, max_size=3).map(lambda items: {"arrayValue": {"values": items}}),
        st.lists(st.tuples(KEYS, inner), max_size=2).map(
            lambda pairs: {"kvlistValue": {"values": [{"key": key, "value": value} for key, value in pairs]}}
        ),
    ),
    max_leaves=4,
)


def plainly(raw: bytes) -> dict[str, object]:
    """The decoder alone: a space before the list's end keeps the quick way from being tried."""
    return dict(attribute_map(raw[:-1] + b" ]"))


@given(st.lists(st.tuples(KEYS, VALUES), max_size=6), st.booleans())
def test_both_ways_agree(pairs: list[tuple[str, dict[str, Any]]], compact: bool) -> None:
    separators = (",", ":") if compact else (", ", ": ")
    raw = json.dumps([{"key": key, "value": value} for key, value in pairs], separators=separators).encode()
    wire_values.forget()
    expected = plainly(raw)
    for _ in range(2):
        found = attribute_map(raw)
        assert found == expected
        assert list(found) == list(expected)
        assert [type(value) for value in found.values()] == [type(value) for value in expected.values()]


@pytest.mark.parametrize(
    "raw",
    [
        b'[{"key":"a","value":{"stringValue":"x"}},{"key":"b","value":{"intValue":"1x"}}]',
        b'[{"key":"process.pid","value":{"intValue":"123456x"}}]',
        b'[{"key":"a","value":{"stringValue":"x"}},{"key":"b]',
        b'[{"key":"a","value":{"stringValue":1}}]',
        b'[{"key":"a","value":{"stringValue":"\xff"}}]',
    ],
)
def test_what_cannot_be_read_is_an_error(raw: bytes) -> None:
    for _ in range(2):
        with pytest.raises((msgspec.DecodeError, ValueError)):
            attribute_map(raw)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire_values, "REMEMBERED", 10)
    wire_values.forget()
    for number in range(50):
        raw = f'[{{"key":"a","value":{{"stringValue":"{number}"}}}}]'.encode()
        assert attribute_map(raw) == {"a": str(number)}
    assert wire_values.remembered() <= 10


def test_process_ids_and_long_texts_are_not_remembered() -> None:
    wire_values.forget()
    long = "x" * 1000
    assert attribute_map(
        f'[{{"key":"process.pid","value":{{"intValue":"123456"}}}},{{"key":"b","value":{{"stringValue":"{long}"}}}}]'.encode()
    ) == {"process.pid": 123456, "b": long}
    assert wire_values.remembered() == 0
