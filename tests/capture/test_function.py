"""What stands in for a function is copied and pickled as the function was."""

from __future__ import annotations

import copy
import pickle
import sys
from typing import TYPE_CHECKING, Any

import pytest

from agent_otel import semconv
from agent_otel.capture.patch import Patches
from agent_otel.capture.target import Start, Target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Recording


def function(number: int) -> int:
    """A function that can be pickled by its name."""
    return number + 1


class Client:
    """An object with a method."""

    def create(self) -> str:
        """The object's class, so that a copy is told from nothing."""
        return type(self).__name__


@pytest.fixture(autouse=True)
def patched(recording: Recording) -> Iterator[None]:
    patches = Patches()
    for name in ("function", "Client.create"):
        target = Target(__name__, name, semconv.CHAT, lambda _arguments: Start("m", {}))
        patches.install(recording.capture, [target], "test")
    yield
    patches.undo()


def _reduced(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, _reduced])
def test_a_function_is_copied_and_pickled_by_its_name(recording: Recording, how: Any) -> None:
    wrapped = vars(sys.modules[__name__])["function"]
    assert how(wrapped) is wrapped
    assert wrapped(1) == 2
    assert len(recording.spans) == 1


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, _reduced])
def test_a_method_is_copied_and_pickled_with_its_object(recording: Recording, how: Any) -> None:
    client = Client()
    method = how(client.create)
    assert method() == "Client"
    assert (method.__self__ is client) is (how is copy.copy)
    assert len(recording.spans) == 1
    assert copy.deepcopy(Client.create)(client) == "Client"
