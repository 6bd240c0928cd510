from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent_otel.analysis import intervals

TIMES = st.integers(0, 30)


@given(st.lists(st.tuples(TIMES, TIMES)), TIMES, TIMES)
def test_covered_is_the_length_of_what_was_clipped(found: list[tuple[int, int]], start: int, end: int) -> None:
    expected = intervals.length(intervals.clipped(found, start, end)) if start < end else 0
    assert intervals.covered(sorted(found), start, end) == expected
