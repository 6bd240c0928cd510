"""Start and stop the local LLM server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

SCRIPT: Final = Path(__file__).resolve().parent.parent / "llm_server.py"
START_SECONDS: Final = 30.0


@contextmanager
def local_llm(folder: Path, seed: int, scale: float, latencies: Mapping[str, float]) -> Generator[None]:
    """Point OPENAI_BASE_URL at a server of our own, which logs to ``folder``, unless it is set already.

    ``latencies`` are the seconds of those who ask (``Director``, ``Task T01``); all others are drawn.
    """
    if os.environ.get("OPENAI_BASE_URL"):
        yield
        return
    port_file = folder / "llm.port"
    argv = [sys.executable, str(SCRIPT), "--port", "0", "--port-file", str(port_file)]
    argv += ["--log", str(folder / "llm.jsonl"), "--seed", str(seed), "--scale", str(scale)]
    argv += ["--stop-with-parent"]
    if latencies:
        (folder / "latencies.json").write_text(json.dumps(dict(latencies)), encoding="utf-8")
        argv += ["--latencies", str(folder / "latencies.json")]
    server = subprocess.Popen(argv)
    try:
        port = wait_for_port(server, port_file)
        os.environ["OPENAI_BASE_URL"] = f"http://127.0.0.1:{port}/v1"
        os.environ.setdefault("OPENAI_API_KEY", "local")
        # A proxy that the machine needs for the world outside must not be asked for this address.
        os.environ["NO_PROXY"] = ",".join(filter(None, [os.environ.get("NO_PROXY"), "127.0.0.1"]))
        yield
    finally:
        server.terminate()
        server.wait(timeout=10)


def wait_for_port(server: subprocess.Popen[bytes], port_file: Path) -> int:
    """The port that the server listens on. Raises ``RuntimeError`` if it ended or took too long."""
    deadline = time.monotonic() + START_SECONDS
    while not port_file.exists():
        if server.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the LLM server did not start (exit status {server.poll()})")
        time.sleep(0.02)
    return int(port_file.read_text(encoding="utf-8"))
