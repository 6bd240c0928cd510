"""An OpenAI-compatible server inside the client's own transport, for tests that need no socket."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
from openai import AsyncOpenAI, OpenAI

Handler = Callable[[httpx2.Request], httpx2.Response]

USAGE = {
    "prompt_tokens": 11,
    "completion_tokens": 7,
    "total_tokens": 18,
    "prompt_tokens_details": {"cached_tokens": 3},
    "completion_tokens_details": {"reasoning_tokens": 2},
}


def completion(**changes: Any) -> dict[str, Any]:
    """The body of a chat completion."""
    body: dict[str, Any] = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-test-2026",
        "choices": [
            {
                "index": 0,
                "finish_reason": "stop",
                "message": {"role": "assistant", "content": "hello"},
                "logprobs": None,
            }
        ],
        "usage": USAGE,
    }
    return body | changes


def response(**changes: Any) -> dict[str, Any]:
    """The body of a response."""
    body: dict[str, Any] = {
        "id": "resp-1",
        "object": "response",
        "created_at": 1,
        "model": "gpt-test-2026",
        "status": "completed",
        "output": [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": {
            "input_tokens": 5,
            "output_tokens": 4,
            "total_tokens": 9,
            "input_tokens_details": {"cached_tokens": 1},
            "output_tokens_details": {"reasoning_tokens": 0},
        },
    }
    return body | changes


def chunks(count: int = 3) -> list[dict[str, Any]]:
    """The chunks of a streamed chat completion, usage last."""

    def chunk(choices: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
        return {
            "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "gpt-test-2026",
            "choices": choices, **more,
        }  # fmt: skip

    texts = [chunk([{"index": 0, "delta": {"content": "x"}, "finish_reason": None}]) for _ in range(count)]
    return [*texts, chunk([{"index": 0, "delta": {}, "finish_reason": "stop"}]), chunk([], usage=USAGE)]


def events() -> list[dict[str, Any]]:
    """The events of a streamed response."""
    return [
        {"type": "response.created", "sequence_number": 0, "response": response(status="in_progress", usage=None)},
        {"type": "response.completed", "sequence_number": 1, "response": response()},
    ]


def _sse(items: list[dict[str, Any]]) -> Iterator[bytes]:
    for item in items:
        yield b"data: " + json.dumps(item).encode() + b"\n\n"
    yield b"data: [DONE]\n\n"


def answer(request: httpx2.Request) -> httpx2.Response:
    """What the server says to a request."""
    body = json.loads(request.read() or b"{}")
    chat = request.url.path.endswith("/chat/completions")
    if body.get("stream"):
        content = b"".join(_sse(chunks() if chat else events()))
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=content)
    return httpx2.Response(200, json=completion() if chat else response())


def client(handler: Handler = answer, **options: Any) -> OpenAI:
    """The real client, answered by the handler."""
    http = httpx2.Client(transport=httpx2.MockTransport(handler))
    return OpenAI(api_key="test", base_url="http://llm.test:8080/v1", http_client=http, **options)


def async_client(handler: Handler = answer, **options: Any) -> AsyncOpenAI:
    """The real async client, answered by the handler."""
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(handler))
    return AsyncOpenAI(api_key="test", base_url="http://llm.test:8080/v1", http_client=http, **options)
