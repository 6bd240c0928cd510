"""Live self time, with a clock of the test's own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agent_otel.signals.activity import Activity, Clock
from agent_otel.signals.queues import TaskTable

SECOND = 1_000_000_000


class Hand:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.time = 0

    def __call__(self) -> int:
        return self.time * SECOND


def test_a_clock_stands_still_while_something_below_is_open() -> None:
    hand = Hand()
    activity = Activity(hand)
    node = activity.open("own", None, 0)
    llm = activity.open("llm", node, 2 * SECOND)
    activity.close(llm, 7 * SECOND)
    hand.time = 10
    assert activity.seconds() == ({"own": 5.0, "llm": 5.0}, {})
    activity.close(node, 11 * SECOND)
    hand.time = 20
    assert activity.seconds() == ({"own": 6.0, "llm": 5.0}, {})


def test_children_side_by_side_stop_the_parent_once() -> None:
    activity = Activity(Hand())
    node = activity.open("own", None, 0)
    first = activity.open("llm", node, 1 * SECOND)
    second = activity.open("llm", node, 2 * SECOND)
    activity.close(first, 4 * SECOND)
    activity.close(second, 6 * SECOND)
    activity.close(node, 7 * SECOND)
    assert activity.seconds()[0] == {"own": 2.0, "llm": 7.0}


def test_a_child_that_outlives_its_parent_and_a_second_close_change_nothing() -> None:
    activity = Activity(Hand())
    node = activity.open("own", None, 0)
    child = activity.open("llm", node, 1 * SECOND)
    activity.close(node, 2 * SECOND)
    activity.close(child, 5 * SECOND)
    activity.close(child, 9 * SECOND)
    assert activity.seconds()[0] == {"own": 1.0, "llm": 4.0}


def test_waits_are_counted_apart_and_a_waiting_call_is_no_work() -> None:
    activity = Activity(Hand())
    node = activity.open("own", None, 0)
    wait = activity.open(None, node, 1 * SECOND)
    activity.close(wait, 4 * SECOND)
    activity.waited("approval", 3 * SECOND)
    activity.close(node, 5 * SECOND)
    assert activity.seconds() == ({"own": 2.0}, {"approval": 3.0})


def test_a_forked_child_begins_at_zero() -> None:
    hand = Hand()
    activity = Activity(hand)
    activity.open("own", None, 0)
    activity.waited("lock", SECOND)
    activity.restart()
    hand.time = 100
    assert activity.seconds() == ({}, {})


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(1, 9)), min_size=1, max_size=30))
def test_nested_clocks_of_one_thread_sum_to_the_wall(steps: list[tuple[int, int]]) -> None:
    """Opening and closing in stack order: one clock runs at a time, so the sum is the time that something was open."""
    activity = Activity(Hand())
    stack: list[Clock] = []
    now = wall = 0
    for kind, seconds in steps:
        if stack:
            wall += seconds
        now += seconds
        if stack and kind == 0:
            activity.close(stack.pop(), now * SECOND)
        else:
            stack.append(activity.open(f"c{kind}", stack[-1] if stack else None, now * SECOND))
    while stack:
        activity.close(stack.pop(), now * SECOND)
    assert sum(activity.seconds()[0].values()) == wall


def test_the_task_table_counts_states_and_tells_changes() -> None:
    table = TaskTable()
    told: list[tuple[str, dict[str, int]]] = []
    table.listeners.append(lambda queue, depth: told.append((queue, dict(depth))))
    table.move("q", "a", "ready")
    table.move("q", "a", "ready")
    table.move("q", "b", "active")
    table.leave("q", ["a", "unknown"])
    table.leave("never", ["a"])
    assert told == [("q", {"ready": 1}), ("q", {"ready": 1, "active": 1}), ("q", {"active": 1})]
    assert {queue: dict(depth) for queue, depth in table.depths().items()} == {"q": {"active": 1}}
    table.restart()
    assert table.depths() == {}


def test_time_of_the_process_that_forked_is_not_the_childs() -> None:
    activity = Activity(Hand())
    inherited = activity.open("own", None, 0)
    activity.restart()
    git = activity.open("git", inherited, 100 * SECOND)
    activity.close(git, 101 * SECOND)
    assert activity.seconds()[0] == {"git": 1.0}
