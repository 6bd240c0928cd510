"""A local OpenAI-compatible server with seeded, long-tailed latencies: chat completions, responses, models.

    python examples/llm_server.py --port 0 --port-file port.txt --log llm.jsonl --seed 8

How long an answer takes depends only on the seed and on the first line of the request's last message, never
on the order of requests or on who asks: the same piece of work is equally slow under every scheduler. With
``--latencies`` it is fixed for those who are listed by how that line begins, up to a comma or colon.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import re
import signal
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TextIO

import llm_answers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

MEDIAN_SECONDS: Final = 0.4
SIGMA: Final = 1.0
CAP_SECONDS: Final = 3.0
FIRST_CHUNK_SHARE: Final = 0.3
ENDPOINTS: Final[dict[str, type[llm_answers.Answer]]] = {
    "/v1/chat/completions": llm_answers.ChatAnswer,
    "/v1/responses": llm_answers.ResponsesAnswer,
}
REASONS: Final = {200: "OK", 400: "Bad Request", 404: "Not Found"}


def latency(seed: int, key: str) -> float:
    """Seconds that the work named ``key`` takes: lognormal, capped, the same in every process."""
    return min(CAP_SECONDS, MEDIAN_SECONDS * random.Random(f"{seed}:{key}").lognormvariate(0.0, SIGMA))


@dataclass(frozen=True)
class Request:
    """One HTTP request; ``started`` is the monotonic clock when its head had arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    started: float

    @classmethod
    async def read(cls, reader: asyncio.StreamReader) -> Request:
        """The connection's next request. Raises ``IncompleteReadError`` when the client has hung up."""
        head = await reader.readuntil(b"\r\n\r\n")
        started = time.monotonic()
        first, *lines = head.decode("latin-1").rstrip().split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        return cls(method, path.partition("?")[0], headers, body, started)


@dataclass
class Exchange:
    """A request and the connection that its answer goes to; ``key`` and ``stream`` are for the log."""

    request: Request
    writer: asyncio.StreamWriter
    delay: float = 0.0
    key: str = ""
    stream: bool = False
    extra_headers: dict[str, str] = field(default_factory=dict[str, str])

    async def wait_until(self, share: float) -> None:
        """Sleep until ``share`` of the answer's latency is over."""
        await asyncio.sleep(self.request.started + self.delay * share - time.monotonic())

    def head(self, status: int, content_type: str, framing: str) -> bytes:
        """The response's head, with the time taken so far as OpenAI reports it."""
        elapsed = (time.monotonic() - self.request.started) * 1000
        lines = [
            f"HTTP/1.1 {status} {REASONS[status]}",
            f"content-type: {content_type}",
            framing,
            f"openai-processing-ms: {elapsed:.0f}",
            *(f"{name}: {value}" for name, value in self.extra_headers.items()),
        ]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    async def send(self, status: int, payload: dict[str, Any]) -> None:
        """Answer with one JSON document; head and body leave in one write."""
        body = json.dumps(payload).encode()
        self.writer.write(self.head(status, "application/json", f"content-length: {len(body)}") + body)
        await self.writer.drain()

    async def send_events(self, events: list[bytes]) -> None:
        """Answer with server-sent events, spread over the latency; the head leaves with the first of them."""
        self.stream = True
        chunks = [b"%x\r\n%s\r\n" % (len(event), event) for event in events]
        last = max(1, len(chunks) - 1)
        for index, chunk in enumerate(chunks):
            await self.wait_until(FIRST_CHUNK_SHARE + (1 - FIRST_CHUNK_SHARE) * index / last)
            head = self.head(200, "text/event-stream", "transfer-encoding: chunked") if index == 0 else b""
            end = b"0\r\n\r\n" if index == len(chunks) - 1 else b""
            self.writer.write(head + chunk + end)
            await self.writer.drain()


@dataclass(frozen=True)
class Server:
    """The server's settings and its log of how long each request took."""

    seed: int
    scale: float
    log: TextIO | None
    latencies: Mapping[str, float] = field(default_factory=dict[str, float])

    async def connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection's requests, one after the other, until the client hangs up."""
        connection: socket.socket = writer.get_extra_info("socket")
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Cancelled is what a connection that is kept alive becomes when the server stops.
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            async for exchange in exchanges(reader, writer):
                try:
                    await self.answer(exchange)
                finally:
                    self.write_log(exchange, time.monotonic() - exchange.request.started)
        writer.close()

    async def answer(self, exchange: Exchange) -> None:
        """Find the endpoint and answer."""
        request = exchange.request
        if (request.method, request.path) == ("GET", "/v1/models"):
            await exchange.send(200, llm_answers.models())
            return
        answers = ENDPOINTS.get(request.path)
        if request.method != "POST" or answers is None:
            problem = f"Unknown request URL: {request.method} {request.path}"
            await exchange.send(404, llm_answers.error(problem))
            return
        try:
            answer = answers(json.loads(request.body), self.seed)
        except (ValueError, KeyError, TypeError, AttributeError) as wrong:
            await exchange.send(400, llm_answers.error(f"Could not read the request: {wrong!r}"))
            return
        exchange.key = answer.key
        fixed = self.latencies.get(re.split("[,:]", answer.key, maxsplit=1)[0])
        exchange.delay = (latency(self.seed, answer.key) if fixed is None else fixed) * self.scale
        exchange.extra_headers["x-request-id"] = f"req_{answer.id}"
        if answer.stream:
            await exchange.send_events(answer.events())
        else:
            await exchange.wait_until(1.0)
            await exchange.send(200, answer.document())

    def write_log(self, exchange: Exchange, seconds: float) -> None:
        """One JSON line: what was asked and how long it took, by this process's own clock."""
        if self.log is not None:
            line = {
                "path": exchange.request.path,
                "stream": exchange.stream,
                "seconds": round(seconds, 6),
                "key": exchange.key,
            }
            self.log.write(json.dumps(line) + "\n")
            self.log.flush()


async def exchanges(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> AsyncIterator[Exchange]:
    """The exchanges of a connection that is kept alive."""
    while True:
        request = await Request.read(reader)
        yield Exchange(request, writer)
        if request.headers.get("connection", "").lower() == "close":
            return


async def parent_gone(stop: asyncio.Event) -> None:
    """Set ``stop`` when the process that started this one has ended."""
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(0.5)
    stop.set()


async def serve(options: argparse.Namespace) -> None:
    """Serve until SIGTERM or SIGINT, or until the parent ends if that was asked for."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    with contextlib.ExitStack() as stack:
        log = stack.enter_context(options.log.open("a", encoding="utf-8")) if options.log else None
        fixed: dict[str, float] = json.loads(options.latencies.read_text(encoding="utf-8")) if options.latencies else {}
        answering = Server(options.seed, options.scale, log, fixed)
        server = await asyncio.start_server(answering.connection, "127.0.0.1", options.port)
        port = server.sockets[0].getsockname()[1]
        if options.port_file:
            # Renamed into place, so that whoever waits for the file never reads half a number.
            draft = options.port_file.with_suffix(".part")
            draft.write_text(f"{port}\n", encoding="utf-8")
            draft.replace(options.port_file)
        else:
            print(f"http://127.0.0.1:{port}/v1", flush=True)
        watch = loop.create_task(parent_gone(stop)) if options.stop_with_parent else None
        await stop.wait()
        if watch:
            watch.cancel()
        server.close()


def main() -> None:
    """Read the options and serve."""
    parser = argparse.ArgumentParser(description="A local OpenAI-compatible server with seeded latencies.")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--port-file", type=Path, help="where to write the port once it listens")
    parser.add_argument("--log", type=Path, help="JSON lines with each request's own duration")
    parser.add_argument("--seed", type=int, default=8)
    parser.add_argument("--scale", type=float, default=1.0, help="factor on every latency")
    parser.add_argument("--latencies", type=Path, help="JSON object: who asks -> seconds, before --scale")
    parser.add_argument("--stop-with-parent", action="store_true", help="end when the starting process ends")
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
