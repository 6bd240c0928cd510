"""What the tests with real processes share."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, Any

from opentelemetry import context as context_api

from agent_otel import semconv
from tests.conftest import Recording, attributes

if TYPE_CHECKING:
    from pathlib import Path


def write(file: Path, text: str) -> Path:
    """Make an executable."""
    file.write_text(textwrap.dedent(text).lstrip())
    file.chmod(0o755)
    return file


class Node:
    """A node around what the test does."""

    def __init__(self, recording: Recording) -> None:
        self.call = recording.capture.begin(semconv.NODE, "worker", {semconv.NODE_NAME: "worker"})

    def __enter__(self) -> None:
        assert self.call is not None
        self.token = context_api.attach(self.call.context)

    def __exit__(self, *_: object) -> None:
        assert self.call is not None
        context_api.detach(self.token)
        self.call.finish()


def outcome(recording: Recording, name: str = "invoke_agent claude") -> tuple[Any, Any, Any]:
    found = attributes(recording.span(name))
    return found[semconv.OUTCOME], found.get(semconv.ERROR_TYPE), found.get(semconv.PROCESS_EXIT_CODE)
