"""Installing wrappers, observing, undoing; and the clock."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from agent_otel.capture import clock
from agent_otel.capture.patch import Patches
from agent_otel.capture.target import Observer, Result, Start, Target
from tests.capture.library import NAME, library

if TYPE_CHECKING:
    from tests.conftest import Recording


def test_an_observer_is_told_and_changes_nothing(recording: Recording) -> None:
    module = library()
    sys.modules[NAME] = module
    told: list[tuple[Any, Result]] = []
    observer = Observer(
        NAME,
        "plain",
        lambda _capture, arguments: arguments.args,
        lambda _c, _a, note, result: told.append((note, result)),
    )
    patches = Patches()
    patches.install(recording.capture, [observer], "test")
    mine = ValueError()
    assert module.plain(5) == 5
    with pytest.raises(ValueError):  # noqa: PT011
        module.plain(mine)
    assert told == [((5,), Result(5, None)), ((mine,), Result(None, mine))]
    patches.undo()
    del sys.modules[NAME]


def test_undo_leaves_wrappers_that_others_put_on_top(recording: Recording) -> None:
    import wrapt

    module = library()
    sys.modules[NAME] = module
    original = module.plain
    patches = Patches()
    patches.install(recording.capture, [Target(NAME, "plain", "chat", lambda _arguments: Start("m", {}))], "test")
    seen: list[str] = []

    def other(wrapped: Any, _instance: Any, args: Any, kwargs: Any) -> Any:
        seen.append("other")
        return wrapped(*args, **kwargs)

    wrapt.wrap_function_wrapper(module, "plain", other)
    patches.undo()
    assert module.plain(1) == 1
    assert (seen, recording.spans) == (["other"], ())
    assert module.plain.__wrapped__ is original
    del sys.modules[NAME]


def test_a_missing_function_is_told_and_the_rest_is_recorded(
    recording: Recording, caplog: pytest.LogCaptureFixture
) -> None:
    sys.modules[NAME] = library()
    patches = Patches()
    targets = [Target(NAME, name, "chat", lambda _arguments: Start("m", {})) for name in ("gone", "plain")]
    patches.install(recording.capture, targets, "test")
    sys.modules[NAME].plain()
    assert f"{NAME}.gone" in caplog.text
    assert len(recording.spans) == 1
    patches.undo()
    del sys.modules[NAME]


def test_the_clock_does_not_follow_the_wall_inside_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    own = clock.Clock()
    before = own.now()
    monkeypatch.setattr("time.time_ns", lambda: 0)
    assert own.now() >= before
    own.align()
    assert own.now() < 10**9
