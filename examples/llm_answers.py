"""What the local LLM server answers: the documents and events of the chat completions and responses APIs."""

from __future__ import annotations

import json
import random
import time
from abc import ABC, abstractmethod
from typing import Any, Final

MODELS: Final = ("gpt-5", "gpt-5-mini", "gpt-5-codex", "claude-sonnet-4-5")
OPENINGS: Final = ("First", "Then", "After that", "In the same change", "Finally")
VERBS: Final = ("read", "validate", "split", "rename", "cover", "document", "simplify", "type")
OBJECTS: Final = ("the input", "the interface", "the error paths", "the edge cases", "the defaults")
REASONS: Final = (
    "so that the next task can rely on it",
    "because two modules use it",
    "and keep the old name working",
    "with a test that failed before",
    "without changing what users see",
)


def error(message: str) -> dict[str, Any]:
    """An error document as the API sends it."""
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": None}}


def models() -> dict[str, Any]:
    """The list of models."""
    common = {"object": "model", "created": 1_754_000_000, "owned_by": "local"}
    return {"object": "list", "data": [{"id": name, **common} for name in MODELS]}


def text_of(content: str | list[dict[str, Any]] | None) -> str:
    """The text of a message's content, which is a string or a list of parts."""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content or [])


def plausible_text(source: random.Random) -> str:
    """A few sentences of work."""
    count = source.randint(2, len(OPENINGS))
    return " ".join(
        f"{opening}, {source.choice(VERBS)} {source.choice(OBJECTS)} {source.choice(REASONS)}."
        for opening in OPENINGS[:count]
    )


class Answer(ABC):
    """The answer to one request: its key, its text and its token counts.

    Raises ``KeyError``, ``TypeError`` or ``AttributeError`` when the request lacks what the API requires.
    """

    def __init__(self, body: dict[str, Any], seed: int) -> None:
        self.model = str(body["model"])
        self.stream = bool(body.get("stream"))
        self.body = body
        messages = self.messages()
        self.key = (messages[-1].strip().splitlines() or [""])[0][:200]
        source = random.Random(f"{seed}:{self.key}:text")
        self.id = f"{source.getrandbits(96):024x}"
        self.created = int(time.time())
        self.text = plausible_text(source)
        self.pieces = [word + " " for word in self.text.split(" ")]
        self.pieces[-1] = self.pieces[-1].rstrip()
        self.input_tokens = max(1, sum(len(message) for message in messages) // 4)
        self.output_tokens = len(self.pieces)

    @abstractmethod
    def messages(self) -> list[str]:
        """The texts that the request holds, oldest first."""

    @abstractmethod
    def document(self) -> dict[str, Any]:
        """The whole answer."""

    @abstractmethod
    def events(self) -> list[bytes]:
        """The answer as server-sent events."""


class ChatAnswer(Answer):
    """``POST /v1/chat/completions``."""

    def messages(self) -> list[str]:
        """The contents of ``messages``."""
        return [text_of(message["content"]) for message in self.body["messages"]]

    def usage(self) -> dict[str, Any]:
        """The token counts in this API's words."""
        return {
            "prompt_tokens": self.input_tokens,
            "completion_tokens": self.output_tokens,
            "total_tokens": self.input_tokens + self.output_tokens,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        }

    def envelope(self, kind: str, choices: list[dict[str, Any]]) -> dict[str, Any]:
        """What a completion and a chunk of one have in common."""
        return {
            "id": f"chatcmpl-{self.id}",
            "object": kind,
            "created": self.created,
            "model": self.model,
            "system_fingerprint": "fp_local",
            "choices": choices,
        }

    def document(self) -> dict[str, Any]:
        """A ``chat.completion``."""
        message = {"role": "assistant", "content": self.text, "refusal": None}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        return {**self.envelope("chat.completion", [choice]), "usage": self.usage()}

    def events(self) -> list[bytes]:
        """``chat.completion.chunk`` events; the one with the usage only if ``stream_options`` asks for it."""
        deltas: list[dict[str, str]] = [{"role": "assistant", "content": ""}]
        deltas += [{"content": piece} for piece in self.pieces]
        chunks = [self.chunk(delta, None) for delta in deltas]
        chunks.append(self.chunk({}, "stop"))
        options: dict[str, Any] = self.body.get("stream_options") or {}
        if options.get("include_usage"):
            chunks.append({**self.envelope("chat.completion.chunk", []), "usage": self.usage()})
        return [*(b"data: %s\n\n" % json.dumps(chunk).encode() for chunk in chunks), b"data: [DONE]\n\n"]

    def chunk(self, delta: dict[str, str], finish_reason: str | None) -> dict[str, Any]:
        """One piece of the completion."""
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return self.envelope("chat.completion.chunk", [choice])


class ResponsesAnswer(Answer):
    """``POST /v1/responses``."""

    def messages(self) -> list[str]:
        """The texts of ``input``, which is a string or a list of messages."""
        given = self.body["input"]
        return [given] if isinstance(given, str) else [text_of(item["content"]) for item in given]

    def response(self, status: str, output: list[dict[str, Any]], usage: dict[str, Any] | None) -> dict[str, Any]:
        """A ``response`` in the state ``status``."""
        return {
            "id": f"resp_{self.id}",
            "object": "response",
            "created_at": self.created,
            "status": status,
            "error": None,
            "incomplete_details": None,
            "instructions": self.body.get("instructions"),
            "metadata": self.body.get("metadata") or {},
            "model": self.model,
            "output": output,
            "parallel_tool_calls": True,
            "temperature": 1.0,
            "tool_choice": "auto",
            "tools": [],
            "top_p": 1.0,
            "usage": usage,
        }

    def item(self, status: str, content: list[dict[str, Any]]) -> dict[str, Any]:
        """The one message that the response holds."""
        message = {"id": f"msg_{self.id}", "type": "message", "role": "assistant"}
        return {**message, "status": status, "content": content}

    def document(self) -> dict[str, Any]:
        """A completed ``response``."""
        usage = {
            "input_tokens": self.input_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": self.output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": self.input_tokens + self.output_tokens,
        }
        return self.response("completed", [self.item("completed", [self.part(self.text)])], usage)

    def part(self, text: str) -> dict[str, Any]:
        """A piece of content."""
        return {"type": "output_text", "text": text, "annotations": []}

    def events(self) -> list[bytes]:
        """The typed events of a streamed response, numbered."""
        place: dict[str, Any] = {"item_id": f"msg_{self.id}", "output_index": 0, "content_index": 0}
        waiting = self.response("in_progress", [], None)
        done = self.item("completed", [self.part(self.text)])
        deltas: list[dict[str, Any]] = [{**place, "delta": piece, "logprobs": []} for piece in self.pieces]
        events: list[tuple[str, dict[str, Any]]] = [
            ("response.created", {"response": waiting}),
            ("response.in_progress", {"response": waiting}),
            ("response.output_item.added", {"output_index": 0, "item": self.item("in_progress", [])}),
            ("response.content_part.added", {**place, "part": self.part("")}),
            *(("response.output_text.delta", delta) for delta in deltas),
            ("response.output_text.done", {**place, "text": self.text, "logprobs": []}),
            ("response.content_part.done", {**place, "part": self.part(self.text)}),
            ("response.output_item.done", {"output_index": 0, "item": done}),
            ("response.completed", {"response": self.document()}),
        ]
        typed = [{"type": kind, "sequence_number": number, **data} for number, (kind, data) in enumerate(events)]
        return [f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in typed]
