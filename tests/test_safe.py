"""Telemetry errors stay where they are."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from agent_otel import safe

if TYPE_CHECKING:
    import pytest


def _broken() -> None:
    raise ValueError("mine")


def test_a_log_handler_of_the_program_that_fails_is_not_felt(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise RuntimeError("the handler is broken")

    handler = Failing(logging.DEBUG)
    monkeypatch.setattr(safe, "reraise", False)
    monkeypatch.setattr(safe.logger, "level", logging.DEBUG)
    safe.logger.addHandler(handler)
    try:
        assert safe.call(_broken) is None
        safe.warn("told to nobody")
    finally:
        safe.logger.removeHandler(handler)
