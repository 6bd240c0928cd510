"""The real openai client, sync and async, plain and streamed."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletion

from agent_otel.capture.patch import Patches
from agent_otel.libs import openai as library
from tests.conftest import Recording, attributes
from tests.libs.llm_transport import answer, async_client, client, completion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from openai.types.chat import ChatCompletionMessageParam

SPAN = "chat gpt-test"
MESSAGES: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hi"}]


@pytest.fixture(autouse=True)
def patched(recording: Recording) -> Iterator[None]:
    patches = Patches()
    patches.install(recording.capture, library.TARGETS, "openai")
    yield
    patches.undo()


def expected(**more: Any) -> dict[str, Any]:
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-test",
        "gen_ai.response.model": "gpt-test-2026",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.cache_read.input_tokens": 3,
        "gen_ai.usage.reasoning.output_tokens": 2,
        "server.address": "llm.test",
        "server.port": 8080,
        "agent_otel.outcome": "ok",
    } | more


def test_a_plain_chat_completion(recording: Recording) -> None:
    result = client().chat.completions.create(model="gpt-test", messages=MESSAGES, temperature=0.5, max_tokens=9)
    assert type(result) is ChatCompletion
    assert result.choices[0].message.content == "hello"
    span = recording.span(SPAN)
    assert attributes(span) == expected(**{"gen_ai.request.temperature": 0.5, "gen_ai.request.max_tokens": 9})
    assert span.kind.name == "CLIENT"
    assert span.status.status_code.name == "UNSET"


async def test_an_async_chat_completion(recording: Recording) -> None:
    result = await async_client().chat.completions.create(model="gpt-test", messages=MESSAGES)
    assert type(result) is ChatCompletion
    assert attributes(recording.span(SPAN)) == expected()


def test_a_stream_ends_when_it_is_drained(recording: Recording) -> None:
    stream = client().chat.completions.create(model="gpt-test", messages=MESSAGES, stream=True)
    assert isinstance(stream, openai.Stream)
    assert recording.spans == ()
    assert "".join(c.choices[0].delta.content or "" for c in stream if c.choices) == "xxx"
    read = attributes(recording.span(SPAN))
    assert 0 < read.pop("gen_ai.response.time_to_first_chunk") < 5
    assert read == expected(**{"gen_ai.request.stream": True})


async def test_an_async_stream_ends_when_it_is_drained(recording: Recording) -> None:
    stream = await async_client().chat.completions.create(model="gpt-test", messages=MESSAGES, stream=True)
    assert isinstance(stream, openai.AsyncStream)
    assert len([chunk async for chunk in stream]) == 5
    read = attributes(recording.span(SPAN))
    assert read.pop("gen_ai.response.time_to_first_chunk") > 0
    assert read == expected(**{"gen_ai.request.stream": True})


def test_a_stream_broken_off_ends_when_it_is_closed_or_dropped(recording: Recording) -> None:
    with client().chat.completions.create(model="gpt-test", messages=MESSAGES, stream=True) as stream:
        for _ in stream:
            break
        assert recording.spans == ()
        assert next(stream).choices
    assert attributes(recording.span(SPAN))["agent_otel.outcome"] == "cancelled"
    dropped = client().chat.completions.create(model="gpt-test", messages=MESSAGES, stream=True)
    next(dropped)
    del dropped
    gc.collect()
    assert [record.outcome for record in recording.finished] == ["cancelled", "abandoned"]


def test_responses_plain_and_streamed(recording: Recording) -> None:
    client().responses.create(model="gpt-test", input="hi")
    list(client().responses.create(model="gpt-test", input="hi", stream=True))
    plain, streamed = map(attributes, recording.named(SPAN))
    assert plain["gen_ai.usage.input_tokens"] == streamed["gen_ai.usage.input_tokens"] == 5
    assert plain["gen_ai.response.finish_reasons"] == streamed["gen_ai.response.finish_reasons"] == ("completed",)
    assert streamed["gen_ai.response.time_to_first_chunk"] > 0


async def test_async_responses_and_helper_streams(recording: Recording) -> None:
    await async_client().responses.create(model="gpt-test", input="hi")
    async with async_client().chat.completions.stream(model="gpt-test", messages=MESSAGES) as stream:
        final = await stream.get_final_completion()
    assert final.choices[0].message.content == "xxx"
    assert [record.outcome for record in recording.finished] == ["ok", "ok"]


async def test_raw_responses_are_read_and_parsed_by_the_caller_alone(recording: Recording) -> None:
    raw = client().chat.completions.with_raw_response.create(model="gpt-test", messages=MESSAGES)
    assert raw.headers["content-type"] == "application/json"
    assert raw.parse().choices[0].message.content == "hello"
    other = await async_client().responses.with_raw_response.create(model="gpt-test", input="hi")
    assert other.parse().id == "resp-1"
    chat, response = recording.named(SPAN)
    assert attributes(chat) == expected()
    assert attributes(response)["gen_ai.usage.input_tokens"] == 5

    def no_json(_request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(200, headers={"content-type": "application/json"}, content=b"{not json")

    raw = client(no_json).chat.completions.with_raw_response.create(model="gpt-test", messages=MESSAGES)
    assert raw.text == "{not json"
    with client().chat.completions.with_streaming_response.create(model="gpt-test", messages=MESSAGES) as streamed:
        assert b"hello" in b"".join(streamed.iter_bytes())
    assert [record.outcome for record in recording.finished] == ["ok"] * 4


def test_the_callers_exception_is_the_same_and_the_wait_for_a_retry_is_measured(recording: Recording) -> None:
    answers = iter([httpx2.Response(429, json={"error": {"message": "slow down"}}, headers={"retry-after-ms": "20"})])

    def handler(request: httpx2.Request) -> httpx2.Response:
        return next(answers, None) or httpx2.Response(400, json={"error": {"message": "bad"}})

    with pytest.raises(openai.BadRequestError) as caught:
        client(handler).chat.completions.create(model="gpt-test", messages=MESSAGES)
    assert caught.value.status_code == 400
    span = recording.span(SPAN)
    assert attributes(span)["error.type"] == "openai.BadRequestError"
    assert span.status.status_code.name == "ERROR"
    wait = recording.span("wait rate_limit")
    assert recording.parent(wait) == SPAN
    assert (wait.end_time or 0) - (wait.start_time or 0) >= 20_000_000


def test_a_timeout_is_a_timeout(recording: Recording) -> None:
    def handler(request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ReadTimeout("late", request=request)

    with pytest.raises(openai.APITimeoutError):
        client(handler, max_retries=0).chat.completions.create(model="gpt-test", messages=MESSAGES)
    assert attributes(recording.span(SPAN))["agent_otel.outcome"] == "timeout"
    assert attributes(recording.span(SPAN))["error.type"] == "openai.APITimeoutError"


async def test_a_cancelled_call(recording: Recording) -> None:
    async def handler(request: httpx2.Request) -> httpx2.Response:
        await asyncio.sleep(60)
        return answer(request)

    http = httpx2.AsyncClient(transport=httpx2.MockTransport(handler))
    called = openai.AsyncOpenAI(api_key="test", base_url="http://llm.test/v1", http_client=http)
    task = asyncio.create_task(called.chat.completions.create(model="gpt-test", messages=MESSAGES))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    read = attributes(recording.span(SPAN))
    assert read["agent_otel.outcome"] == "cancelled"
    assert "error.type" not in read


@pytest.mark.parametrize(
    "odd",
    [
        {"choices": []},
        {"choices": None, "usage": None},
        {"model": None, "id": 7},
        {"usage": {"prompt_tokens": None, "completion_tokens": "many", "total_tokens": True}},
        {"choices": [{"index": 0, "finish_reason": None, "message": None}]},
    ],
)
def test_odd_bodies_reach_the_caller_untouched(recording: Recording, odd: dict[str, Any]) -> None:
    result = client(lambda _: httpx2.Response(200, json=completion(**odd))).chat.completions.create(
        model="gpt-test", messages=MESSAGES
    )
    assert {key: result.model_dump().get(key) for key in odd if odd[key] is None} == {
        key: None for key in odd if odd[key] is None
    }
    assert attributes(recording.span(SPAN))["agent_otel.outcome"] == "ok"


def test_messages_from_a_generator_are_consumed_once_and_by_the_library(recording: Recording) -> None:
    asked: list[int] = []

    def messages() -> Iterator[ChatCompletionMessageParam]:
        asked.append(1)
        yield {"role": "user", "content": "hi"}

    bodies: list[bytes] = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        bodies.append(request.read())
        return answer(request)

    client(handler).chat.completions.create(model="gpt-test", messages=messages())
    assert asked == [1]
    assert b'"hi"' in bodies[0]


def test_undo_puts_the_originals_back(recording: Recording) -> None:
    from openai.resources.chat.completions import Completions

    patches = Patches()
    before = Completions.__dict__["create"]
    patches.install(recording.capture, library.TARGETS, "openai")
    assert Completions.__dict__["create"] is not before
    patches.undo()
    assert Completions.__dict__["create"] is before


def test_metrics_of_a_call(recording: Recording) -> None:
    client().chat.completions.create(model="gpt-test", messages=MESSAGES)
    (duration,) = recording.points("gen_ai.client.operation.duration")
    assert duration.count == 1
    assert dict(duration.attributes) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "gpt-test",
        "gen_ai.response.model": "gpt-test-2026",
        "server.address": "llm.test",
        "server.port": 8080,
        "agent_otel.outcome": "ok",
    }
    (exemplar,) = duration.exemplars
    context = recording.span(SPAN).context
    assert context is not None
    assert exemplar.span_id == context.span_id
    tokens = {
        point.attributes["gen_ai.token.type"]: point.sum for point in recording.points("gen_ai.client.token.usage")
    }
    assert tokens == {"input": 11, "output": 7}
