"""The local LLM server answers the real client as the real API does, as slowly as its seed says."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import openai
import pytest
from openai import AsyncOpenAI, OpenAI

from .truth import EXAMPLES, ORCHESTRATOR, drawn_latencies, read_log

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Generator, Iterator

PROMPT = "Task T01: plan the ledger\nwith details"


@dataclass(frozen=True)
class Running:
    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def client(self) -> OpenAI:
        return OpenAI(base_url=self.url, api_key="local", max_retries=0)


@contextmanager
def server(folder: Path, seed: int = 7, scale: float = 0.05) -> Generator[Running]:
    port_file, log = folder / "port", folder / "llm.jsonl"
    argv = [sys.executable, str(EXAMPLES / "llm_server.py"), "--port-file", str(port_file), "--log", str(log)]
    process = subprocess.Popen([*argv, "--seed", str(seed), "--scale", str(scale), "--stop-with-parent"])
    try:
        deadline = time.monotonic() + 20
        while not port_file.exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield Running(process, f"http://127.0.0.1:{int(port_file.read_text())}/v1", log)
    finally:
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with server(tmp_path_factory.mktemp("server")) as started:
        yield started


@pytest.fixture
def client(running: Running) -> Iterator[OpenAI]:
    with running.client() as made:
        yield made


@pytest.fixture
async def async_client(running: Running) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=running.url, api_key="local", max_retries=0) as made:
        yield made


def chat_text(client: OpenAI) -> str:
    completion = client.chat.completions.create(model="m", messages=[{"role": "user", "content": PROMPT}])
    return completion.choices[0].message.content or ""


def test_chat_completion(client: OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="gpt-5-mini", messages=[{"role": "user", "content": PROMPT}]
    )
    completion = raw.parse()
    assert completion.id.startswith("chatcmpl-")
    assert completion.model == "gpt-5-mini"
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None
    assert completion.usage.prompt_tokens == len(PROMPT) // 4
    assert completion.usage.completion_tokens == len((completion.choices[0].message.content or "").split())
    assert int(raw.headers["openai-processing-ms"]) > 0
    assert raw.headers["x-request-id"].startswith("req_")


def test_chat_stream_with_and_without_usage(client: OpenAI) -> None:
    plain = list(client.chat.completions.create(model="m", messages=[{"role": "user", "content": PROMPT}], stream=True))
    counted = list(
        client.chat.completions.create(
            model="m",
            messages=[{"role": "user", "content": [{"type": "text", "text": PROMPT}]}],
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    text = "".join(choice.delta.content or "" for chunk in counted for choice in chunk.choices)
    assert text == chat_text(client)
    assert len({chunk.id for chunk in counted}) == 1
    assert [chunk.usage for chunk in plain] == [None] * len(plain)
    assert plain[-1].choices[0].finish_reason == "stop"
    assert counted[-1].choices == []
    assert counted[-1].usage is not None
    assert counted[-1].usage.completion_tokens == len(text.split())


def test_responses(client: OpenAI) -> None:
    response = client.responses.create(model="gpt-5", input=PROMPT)
    assert response.status == "completed"
    assert response.output_text == chat_text(client)
    assert response.usage is not None
    assert response.usage.input_tokens == len(PROMPT) // 4
    listed = client.responses.create(model="gpt-5", input=[{"role": "user", "content": PROMPT}])
    assert listed.output_text == response.output_text


def test_responses_stream(client: OpenAI) -> None:
    events = list(client.responses.create(model="gpt-5", input=PROMPT, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == text
    assert last.response.usage is not None
    assert last.response.usage.output_tokens == len(text.split())
    with client.responses.stream(model="gpt-5", input=PROMPT) as stream:
        assert stream.get_final_response().output_text == text


async def test_asynchronous_client(async_client: AsyncOpenAI) -> None:
    completion = await async_client.chat.completions.create(model="m", messages=[{"role": "user", "content": PROMPT}])
    stream = await async_client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": PROMPT}], stream=True
    )
    text = "".join([choice.delta.content or "" async for chunk in stream for choice in chunk.choices])
    assert text == completion.choices[0].message.content
    response = await async_client.responses.create(model="m", input=PROMPT)
    assert response.output_text == text
    kinds = [event.type async for event in await async_client.responses.create(model="m", input=PROMPT, stream=True)]
    assert kinds[0] == "response.created"
    assert kinds[-1] == "response.completed"


def test_models_and_errors(client: OpenAI) -> None:
    assert "gpt-5" in [model.id for model in client.models.list()]
    with pytest.raises(openai.NotFoundError, match="Unknown request URL"):
        client.embeddings.create(model="m", input="text")
    with pytest.raises(openai.BadRequestError, match="messages"):
        client.post("/chat/completions", body={"model": "m"}, cast_to=object)
    assert chat_text(client)


def test_latency_depends_on_seed_and_first_line_only(tmp_path: Path) -> None:
    prompts = [f"Task T{number:02d}: work" for number in range(12)]

    def durations(name: str, order: list[str], seed: int, width: int) -> dict[str, float]:
        folder = tmp_path / name
        folder.mkdir()
        with server(folder, seed=seed, scale=0.1) as running, running.client() as client:

            def ask(prompt: str) -> None:
                client.chat.completions.create(model=name, messages=[{"role": "user", "content": f"{prompt}\n{name}"}])

            with ThreadPoolExecutor(width) as pool:
                list(pool.map(ask, order))
        return {line.key: line.seconds for line in read_log(running.log)}

    measured = {
        7: [durations("one by one", prompts, 7, 1), durations("together", prompts[::-1], 7, 4)],
        8: [durations("another seed", prompts, 8, 4)],
    }
    for seed, runs in measured.items():
        drawn = drawn_latencies(seed, prompts)
        for run in runs:
            assert set(run) == set(prompts)
            excess = sorted(run[prompt] - 0.1 * drawn[prompt] for prompt in prompts)
            assert excess[0] > -0.001
            assert excess[6] < 0.02
    assert drawn_latencies(7, prompts) == drawn_latencies(7, reversed(prompts))
    assert drawn_latencies(7, prompts) != drawn_latencies(8, prompts)


def test_latency_is_long_tailed_and_capped() -> None:
    drawn = sorted(drawn_latencies(7, [str(number) for number in range(1000)]).values())
    assert drawn[500] == pytest.approx(0.4, rel=0.1)
    assert drawn[900] > 1.2
    assert drawn[-1] == 3.0
    assert drawn[0] > 0


def test_the_logged_duration_is_what_a_client_sees(tmp_path: Path) -> None:
    with server(tmp_path, scale=0.3) as running, running.client() as client:
        chat_text(client)
        seen: list[float] = []
        for stream in (False, True) * 4:
            began = time.perf_counter()
            if stream:
                for _ in client.responses.create(model="m", input=PROMPT, stream=True):
                    pass
            else:
                client.responses.create(model="m", input=PROMPT)
            seen.append(time.perf_counter() - began)
    logged = [line.seconds for line in read_log(running.log)][1:]
    assert len(logged) == len(seen)
    differences = sorted(outside - inside for outside, inside in zip(seen, logged, strict=True))
    assert 0 < differences[len(differences) // 2] < 0.02


def test_sigterm_stops_it_cleanly_with_a_connection_open(tmp_path: Path) -> None:
    with server(tmp_path) as running, running.client() as client:
        chat_text(client)
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(timeout=10) == 0


@pytest.mark.parametrize(
    "argv",
    [
        ["claude", "-p", PROMPT, "--model", "m", "--output-format", "json"],
        ["codex", "exec", "--json", "-m", "m", PROMPT],
    ],
    ids=["claude", "codex"],
)
def test_agent_clis_print_what_the_real_ones_print(running: Running, argv: list[str]) -> None:
    folders = f"{ORCHESTRATOR / 'bin'}:{Path(sys.executable).parent}:/usr/bin:/bin"
    environment = {"PATH": folders, "OPENAI_BASE_URL": running.url, "OPENAI_API_KEY": "local"}
    done = subprocess.run(
        [str(ORCHESTRATOR / "bin" / argv[0]), *argv[1:]],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    with running.client() as client:
        text = chat_text(client)
    if argv[0] == "claude":
        assert (lines[0]["type"], lines[0]["subtype"], lines[0]["is_error"]) == ("result", "success", False)
        assert lines[0]["result"] == text
        assert lines[0]["usage"]["output_tokens"] == len(text.split())
        assert lines[0]["modelUsage"]["m"]["inputTokens"] == len(PROMPT) // 4
    else:
        kinds = ["thread.started", "turn.started", "item.completed", "turn.completed"]
        assert [line["type"] for line in lines] == kinds
        assert lines[2]["item"]["text"] == text
        assert lines[3]["usage"]["output_tokens"] == len(text.split())


def test_it_ends_with_its_parent_if_asked_to(tmp_path: Path) -> None:
    port_file = tmp_path / "port"
    argv = [
        sys.executable,
        str(EXAMPLES / "llm_server.py"),
        "--port-file",
        str(port_file),
        "--stop-with-parent",
    ]
    program = (
        "import pathlib, subprocess, sys, time; subprocess.Popen(sys.argv[2:])\n"
        "while not pathlib.Path(sys.argv[1]).exists(): time.sleep(0.01)"
    )
    subprocess.run([sys.executable, "-c", program, str(port_file), *argv], check=True, timeout=20)
    address = ("127.0.0.1", int(port_file.read_text()))
    deadline = time.monotonic() + 20
    while True:
        try:
            socket.create_connection(address, timeout=1).close()
        except ConnectionRefusedError:
            break
        assert time.monotonic() < deadline
        time.sleep(0.05)
