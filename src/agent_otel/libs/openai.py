"""OpenAI: chat completions and responses, plain and streamed, through the sync and the async client.

Both clients end in ``create`` (or ``parse``) of a resource; ``chat.completions.stream()`` calls ``create`` itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

import msgspec
from opentelemetry.trace import SpanKind

from agent_otel import semconv
from agent_otel.capture.call import Waiting
from agent_otel.capture.target import Arguments, Observer, Result, Start, Target
from agent_otel.libs.facts import entry, flag, number, text, texts, whole

if TYPE_CHECKING:
    from agent_otel.capture.call import Capture
    from agent_otel.capture.target import Declared
    from agent_otel.semconv import Attributes, AttributeValue

REQUIRES: Final = ("openai >= 3, < 4",)

_PROVIDERS: Final = (
    (".openai.azure.com", "azure.ai.openai"),
    (".services.ai.azure.com", "azure.ai.inference"),
    ("api.deepseek.com", "deepseek"),
    ("api.groq.com", "groq"),
    ("api.perplexity.ai", "perplexity"),
    ("api.x.ai", "x_ai"),
    ("api.mistral.ai", "mistral_ai"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
)


def _start(arguments: Arguments) -> Start:
    model = text(arguments.get("model")) or ""
    attributes: dict[str, AttributeValue] = {}
    if model:
        attributes[semconv.REQUEST_MODEL] = model
    url = urlsplit(str(getattr(getattr(arguments.instance, "_client", None), "base_url", "")))
    host = url.hostname or ""
    attributes[semconv.PROVIDER_NAME] = next((name for suffix, name in _PROVIDERS if host.endswith(suffix)), "openai")
    if host:
        attributes[semconv.SERVER_ADDRESS] = host
        port = url.port or (443 if url.scheme == "https" else 80)
        if port != 443:
            attributes[semconv.SERVER_PORT] = port
    return Start(model, attributes)


def _request(arguments: Arguments, limit: str) -> dict[str, AttributeValue]:
    read: dict[str, AttributeValue | None] = {
        semconv.REQUEST_MAX_TOKENS: whole(arguments.get(limit)) or whole(arguments.get("max_tokens")),
        semconv.REQUEST_TEMPERATURE: number(arguments.get("temperature")),
        semconv.REQUEST_TOP_P: number(arguments.get("top_p")),
        semconv.REQUEST_SEED: whole(arguments.get("seed")),
        semconv.REQUEST_FREQUENCY_PENALTY: number(arguments.get("frequency_penalty")),
        semconv.REQUEST_PRESENCE_PENALTY: number(arguments.get("presence_penalty")),
        semconv.REQUEST_STREAM: flag(arguments.get("stream")),
    }
    choices = whole(arguments.get("n"))
    if choices is not None and choices != 1:
        read[semconv.REQUEST_CHOICE_COUNT] = choices
    return {key: value for key, value in read.items() if value is not None}


def _usage(usage: Any) -> dict[str, AttributeValue]:
    """Token counts of a chat completion (``prompt_tokens`` ...) or a response (``input_tokens`` ...).

    Cached and reasoning tokens are parts of the input and output counts, as the conventions want them.
    """
    details_in = entry(usage, "prompt_tokens_details") or entry(usage, "input_tokens_details")
    details_out = entry(usage, "completion_tokens_details") or entry(usage, "output_tokens_details")
    read = {
        semconv.USAGE_INPUT_TOKENS: _first(usage, "prompt_tokens", "input_tokens"),
        semconv.USAGE_OUTPUT_TOKENS: _first(usage, "completion_tokens", "output_tokens"),
        semconv.USAGE_CACHE_READ: whole(entry(details_in, "cached_tokens")),
        semconv.USAGE_REASONING: whole(entry(details_out, "reasoning_tokens")),
    }
    return {key: value for key, value in read.items() if value is not None}


def _first(usage: Any, *names: str) -> int | None:
    for name in names:
        value = whole(entry(usage, name))
        if value is not None:
            return value
    return None


def _response(value: Any) -> dict[str, AttributeValue]:
    read: dict[str, AttributeValue | None] = {
        semconv.RESPONSE_ID: text(entry(value, "id")),
        semconv.RESPONSE_MODEL: text(entry(value, "model")),
    }
    facts = {key: item for key, item in read.items() if item is not None}
    return facts | _usage(entry(value, "usage"))


def _body(result: Any) -> Any:
    """The response itself; of a raw response (``with_raw_response``) its body, as far as that has been received.

    The caller's own ``parse()`` is not called for it: it may be given a type, and what it raises is the caller's.
    """
    http = entry(result, "http_response")
    if http is None:
        return result
    if not (http.is_closed and str(http.headers.get("content-type", "")).startswith("application/json")):
        return None
    try:
        return msgspec.json.decode(http.content)
    except msgspec.DecodeError:
        return None


def _finish_chat(arguments: Arguments, result: object) -> Attributes:
    result = _body(result)
    facts = _request(arguments, "max_completion_tokens") | _response(result)
    reasons = texts(entry(choice, "finish_reason") for choice in _sequence(entry(result, "choices")))
    if reasons:
        facts[semconv.RESPONSE_FINISH_REASONS] = reasons
    return facts


def _finish_response(arguments: Arguments, result: object) -> Attributes:
    result = _body(result)
    facts = _request(arguments, "max_output_tokens") | _response(result)
    status = text(entry(result, "status"))
    if status is not None:
        facts[semconv.RESPONSE_FINISH_REASONS] = (status,)
    return facts


def _sequence(value: Any) -> list[Any]:
    return list(cast("list[Any]", value)) if isinstance(value, (list, tuple)) else []


class _ChatStream:
    """Chunks of a chat completion: the last ones carry finish reason and usage."""

    def __init__(self, arguments: Arguments) -> None:
        self._arguments = arguments
        self._facts: dict[str, AttributeValue] = {}
        self._reasons: dict[int, str] = {}

    def chunk(self, item: Any) -> None:
        if not self._facts:
            self._facts = _response(item)
        usage = entry(item, "usage")
        if usage is not None:
            self._facts.update(_usage(usage))
        for choice in _sequence(entry(item, "choices")):
            reason = text(entry(choice, "finish_reason"))
            if reason is not None:
                self._reasons[whole(entry(choice, "index")) or 0] = reason

    def attributes(self) -> Attributes:
        facts = _request(self._arguments, "max_completion_tokens") | self._facts
        if self._reasons:
            facts[semconv.RESPONSE_FINISH_REASONS] = tuple(self._reasons[index] for index in sorted(self._reasons))
        return facts


class _ResponseStream:
    """Events of a response: those that end it carry the whole of it."""

    def __init__(self, arguments: Arguments) -> None:
        self._arguments = arguments
        self._last: Any = None

    def chunk(self, item: Any) -> None:
        response = entry(item, "response")
        if response is not None:
            self._last = response

    def attributes(self) -> Attributes:
        return _finish_response(self._arguments, self._last)


def _retrying(capture: Capture, arguments: Arguments) -> Waiting:
    status = whole(entry(arguments.get("response"), "status_code"))
    return Waiting(capture, semconv.RATE_LIMIT if status == 429 else semconv.RETRY, {}, framework="openai")


def _retried(_capture: Capture, _arguments: Arguments, waiting: Waiting | None, _result: Result) -> None:
    if waiting is not None:
        waiting.over()


def _chat(attribute: str) -> Target:
    return Target(
        "openai.resources.chat.completions.completions", attribute, semconv.CHAT, _start, _finish_chat, _ChatStream,
        SpanKind.CLIENT,
    )  # fmt: skip


def _respond(attribute: str) -> Target:
    return Target(
        "openai.resources.responses.responses", attribute, semconv.CHAT, _start, _finish_response, _ResponseStream,
        SpanKind.CLIENT,
    )  # fmt: skip


TARGETS: Final[tuple[Declared, ...]] = (
    _chat("Completions.create"),
    _chat("Completions.parse"),
    _chat("AsyncCompletions.create"),
    _chat("AsyncCompletions.parse"),
    _respond("Responses.create"),
    _respond("Responses.parse"),
    _respond("AsyncResponses.create"),
    _respond("AsyncResponses.parse"),
    Observer("openai._base_client", "SyncAPIClient._sleep_for_retry", _retrying, _retried),
    Observer("openai._base_client", "AsyncAPIClient._sleep_for_retry", _retrying, _retried),
)
