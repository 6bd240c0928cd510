"""What a node may ask for: it yields one of these and gets the answer, and reads the same blocking or not."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeVar

if TYPE_CHECKING:
    from pathlib import Path

Result = TypeVar("Result")


@dataclass(frozen=True)
class Git:
    """Run git in ``folder``; the answer is what it printed."""

    folder: Path
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Ask:
    """Ask an LLM; the answer is its text."""

    model: str
    prompt: str
    mode: Literal["chat", "chat stream", "responses"] = "chat"


@dataclass(frozen=True)
class Delegate:
    """Hand the work to an agent CLI that runs in ``folder``; the answer is its final message."""

    cli: Literal["claude", "codex"]
    model: str
    prompt: str
    folder: Path


Step = Git | Ask | Delegate
Steps = Generator[Step, str, Result]
