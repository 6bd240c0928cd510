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
    monkeypatch.setattr(wire_values, "REMEMBERED_LISTS", 9)
    wire_values.forget()
    for number in range(50):
        raw = f'[{{"key":"a","value":{{"stringValue":"{number}"}}}}]'.encode()
        assert attribute_map(raw) == {"a": str(number)}
        of_process = raw[:-1] + b',{"key":"process.pid","value":{"intValue":"77"}}]'
        assert attribute_map(of_process) == {"a": str(number), "process.pid": 77}
    assert max(wire_values.remembered()) <= 10


def test_process_ids_and_long_texts_are_not_remembered() -> None:
    wire_values.forget()
    long = "x" * 1000
    assert attribute_map(
        f'[{{"key":"process.pid","value":{{"intValue":"123456"}}}},{{"key":"b","value":{{"stringValue":"{long}"}}}}]'.encode()
    ) == {"process.pid": 123456, "b": long}
    assert wire_values.remembered()[0] <= 1  # the pattern has a process id of its own


PID = '{"key":"process.pid","value":{"intValue":"%s"}}'
NESTED = '{"key":"a","value":{"kvlistValue":{"values":[%s]}}}'


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        ([PID % 1234], {"process.pid": 1234}),
        ([PID % 1234, PID % 99], {"process.pid": 99}),
        ([PID % 1234, PID % 0], {"process.pid": 0}),
        ([NESTED % (PID % 1234), PID % 0], {"a": '{"values":[' + PID % 1234 + "]}", "process.pid": 0}),
        ([NESTED % (PID % 1234)], {"a": '{"values":[' + PID % 1234 + "]}"}),
        ([PID % 1, '{"key":"z","value":{"boolValue":true}}'], {"process.pid": 1, "z": True}),
        ([PID % "-5"], {"process.pid": -5}),
    ],
)
def test_lists_that_differ_in_the_process_id_only(items: list[str], expected: dict[str, object]) -> None:
    wire_values.forget()
    raw = f"[{','.join(items)}]".encode()
    for _ in range(2):
        assert list(attribute_map(raw).items()) == list(expected.items())
        other = raw.replace(b"1234", b"5678")
        assert str(dict(attribute_map(other))) == str(expected).replace("1234", "5678")
