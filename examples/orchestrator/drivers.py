"""Carry out what nodes ask for: one thread per worker, or one task per worker on an event loop."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from openai import AsyncOpenAI, OpenAI
from steps import Ask, Delegate, Git, Result, Step, Steps

if TYPE_CHECKING:
    from openai.types.chat import ChatCompletionChunk, ChatCompletionUserMessageParam

BIN: Final = Path(__file__).resolve().parent / "bin"


class Blocking:
    """Carries out steps on the calling thread."""

    def __init__(self) -> None:
        self.client = OpenAI()
        self.responses = self.client.responses  # loaded now, so that no call waits for it
        # git reads all worktrees while it adds one, and fails on one that another process has half made or removed.
        self.worktrees = threading.Lock()

    def run(self, steps: Steps[Result]) -> Result:
        """Carry out the steps one by one and return the node's result."""
        try:
            step = next(steps)
            while True:
                step = steps.send(self.perform(step))
        except StopIteration as end:
            result: Result = end.value
            return result

    def perform(self, step: Step) -> str:
        """The answer to one step."""
        match step:
            case Ask():
                return self.ask(step)
            case Delegate():
                return final_message(step, self.execute(command(step), step.folder, cli_environment()))
            case Git(arguments=("worktree", *_)):
                with self.worktrees:
                    return self.execute(command(step), step.folder)
            case Git():
                return self.execute(command(step), step.folder)

    def ask(self, step: Ask) -> str:
        """The LLM's text."""
        if step.mode == "responses":
            return self.responses.create(model=step.model, input=step.prompt).output_text
        messages = [user_message(step.prompt)]
        if step.mode == "chat":
            completion = self.client.chat.completions.create(model=step.model, messages=messages)
            return completion.choices[0].message.content or ""
        stream = self.client.chat.completions.create(
            model=step.model, messages=messages, stream=True, stream_options={"include_usage": True}
        )
        return "".join(text_of(chunk) for chunk in stream)

    def execute(self, argv: list[str], folder: Path, environment: dict[str, str] | None = None) -> str:
        """What the program printed. Raises ``CalledProcessError`` if it failed."""
        return subprocess.run(
            argv, cwd=folder, env=environment, check=True, capture_output=True, text=True, encoding="utf-8"
        ).stdout


class Concurrent:
    """Carries out steps on the running event loop; the asynchronous twin of ``Blocking``."""

    def __init__(self) -> None:
        self.client = AsyncOpenAI()
        self.responses = self.client.responses
        self.worktrees = asyncio.Lock()

    async def run(self, steps: Steps[Result]) -> Result:
        """Carry out the steps one by one and return the node's result."""
        try:
            step = next(steps)
            while True:
                step = steps.send(await self.perform(step))
        except StopIteration as end:
            result: Result = end.value
            return result

    async def perform(self, step: Step) -> str:
        """The answer to one step."""
        match step:
            case Ask():
                return await self.ask(step)
            case Delegate():
                return final_message(step, await self.execute(command(step), step.folder, cli_environment()))
            case Git(arguments=("worktree", *_)):
                async with self.worktrees:
                    return await self.execute(command(step), step.folder)
            case Git():
                return await self.execute(command(step), step.folder)

    async def ask(self, step: Ask) -> str:
        """The LLM's text."""
        if step.mode == "responses":
            return (await self.responses.create(model=step.model, input=step.prompt)).output_text
        messages = [user_message(step.prompt)]
        if step.mode == "chat":
            completion = await self.client.chat.completions.create(model=step.model, messages=messages)
            return completion.choices[0].message.content or ""
        stream = await self.client.chat.completions.create(
            model=step.model, messages=messages, stream=True, stream_options={"include_usage": True}
        )
        return "".join([text_of(chunk) async for chunk in stream])

    async def execute(self, argv: list[str], folder: Path, environment: dict[str, str] | None = None) -> str:
        """What the program printed. Raises ``CalledProcessError`` if it failed."""
        process = await asyncio.create_subprocess_exec(
            *argv, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        output, errors = await process.communicate()
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, argv, output, errors)
        return output.decode()


def user_message(prompt: str) -> ChatCompletionUserMessageParam:
    """The prompt as a chat message."""
    return {"role": "user", "content": prompt}


def text_of(chunk: ChatCompletionChunk) -> str:
    """The chunk's text; the last chunk has none but carries the usage."""
    return "".join(choice.delta.content or "" for choice in chunk.choices)


def command(step: Git | Delegate) -> list[str]:
    """The program and its arguments."""
    match step:
        case Git():
            return ["git", *step.arguments]
        case Delegate(cli="claude"):
            return ["claude", "-p", step.prompt, "--model", step.model, "--output-format", "json"]
        case Delegate():
            return ["codex", "exec", "--json", "-m", step.model, step.prompt]


def final_message(step: Delegate, output: str) -> str:
    """The agent's answer: ``claude`` prints one JSON object, ``codex exec`` one event a line."""
    if step.cli == "claude":
        return str(json.loads(output)["result"])
    events: list[dict[str, Any]] = [json.loads(line) for line in output.splitlines()]
    items = [event["item"] for event in events if event["type"] == "item.completed"]
    return str([item["text"] for item in items if item["type"] == "agent_message"][-1])


def cli_environment() -> dict[str, str]:
    """The environment with this example's CLIs, and the Python that they need, first on PATH."""
    folders = [str(BIN), str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    return {**os.environ, "PATH": os.pathsep.join(folders)}
