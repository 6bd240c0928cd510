"""How processes end: timeouts, signals, interrupts, and a ``Popen`` that nobody waits for."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest

from agent_otel import semconv
from agent_otel.libs import process
from tests.conftest import attributes
from tests.libs.processes import outcome, write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Recording

pytestmark = pytest.mark.usefixtures("processes")


SLEEPER = "#!/bin/sh\nexec sleep 30\n"


def test_timeout(recording: Recording, tools: Path) -> None:
    write(tools / "claude", SLEEPER)
    with pytest.raises(subprocess.TimeoutExpired) as raised:
        subprocess.run(["claude"], timeout=0.05, check=False)
    assert raised.value.cmd == ["claude"]
    assert raised.value.timeout == pytest.approx(0.05, rel=0.2)
    assert outcome(recording) == ("timeout", "subprocess.TimeoutExpired", -9)


def test_terminated_after_a_timeout_with_a_status_of_its_own(recording: Recording, tools: Path) -> None:
    write(tools / "claude", "#!/bin/sh\ntrap 'exit 143' TERM\necho up\nwhile :; do sleep 0.01; done\n")
    popen = subprocess.Popen(["claude"], stdout=subprocess.PIPE)
    assert popen.stdout is not None
    assert popen.stdout.readline() == b"up\n"
    with pytest.raises(subprocess.TimeoutExpired):
        popen.wait(0.01)
    popen.terminate()
    popen.communicate()
    assert outcome(recording) == ("timeout", "subprocess.TimeoutExpired", 143)


def test_a_wait_that_timed_out_is_no_failure(recording: Recording, tools: Path) -> None:
    write(tools / "claude", "#!/bin/sh\nsleep 0.1\n")
    popen = subprocess.Popen(["claude"])
    with pytest.raises(subprocess.TimeoutExpired):
        popen.wait(0.01)
    assert popen.wait() == 0
    assert outcome(recording) == ("ok", None, 0)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed(recording: Recording, tools: Path, number: signal.Signals) -> None:
    write(tools / "claude", SLEEPER)
    popen = subprocess.Popen(["claude"])
    popen.send_signal(number)
    assert popen.wait() == -number
    assert outcome(recording) == ("error", number.name, -number)


def test_keyboard_interrupt(recording: Recording, tools: Path) -> None:
    write(tools / "claude", SLEEPER)
    timer = threading.Timer(0.1, lambda: os.kill(os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        subprocess.run(["claude"], check=False)
    gc.collect()
    assert outcome(recording)[:2] == ("cancelled", None)


@pytest.mark.filterwarnings("ignore:subprocess:ResourceWarning")
def test_dropped(recording: Recording, tools: Path) -> None:
    write(tools / "claude", "#!/bin/sh\nread line\n")
    popen = subprocess.Popen(["claude"], stdin=subprocess.PIPE)
    pipe = popen.stdin
    assert pipe is not None
    del popen
    assert outcome(recording) == ("abandoned", None, None)
    assert attributes(recording.span("invoke_agent claude"))[semconv.PROCESS_PID] > 0
    pipe.close()


@pytest.mark.filterwarnings("ignore:subprocess:ResourceWarning")
def test_dropped_by_a_class_of_its_own(recording: Recording, tools: Path) -> None:
    class Odd(subprocess.Popen[bytes]):
        __hash__ = None  # type: ignore[assignment]

        cycle: object

        def __eq__(self, other: object) -> bool:
            raise AssertionError

        def __del__(self) -> None:
            self._internal_poll(_deadstate=1)  # type: ignore[attr-defined]

    write(tools / "claude", "#!/bin/sh\n")
    popen = Odd(["claude"])
    popen.cycle = popen
    del popen
    gc.collect()
    assert outcome(recording) == ("abandoned", None, None)


async def test_asyncio_killed(recording: Recording, tools: Path) -> None:
    write(tools / "claude", SLEEPER)
    popen = await asyncio.create_subprocess_exec("claude")
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(popen.wait(), 0.05)
    popen.kill()
    assert await popen.wait() == -9
    assert outcome(recording) == ("error", "SIGKILL", -9)


def test_threads(recording: Recording, tools: Path) -> None:
    write(tools / "claude", "#!/bin/sh\nsleep 0.1\n")
    popen = subprocess.Popen(["claude"])
    threads = [threading.Thread(target=popen.wait) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcome(recording) == ("ok", None, 0)


AT_EXIT = """
import subprocess
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider
from agent_otel.capture import clock
from agent_otel.capture.call import Capture
from agent_otel.capture.patch import Patches
from agent_otel.libs import process
from agent_otel.signals.hub import Signals

signals = Signals(MeterProvider([]).get_meter("x"), clock.now)
patches = Patches()
patches.install(Capture(TracerProvider().get_tracer("x"), signals), process.TARGETS, "process")
subprocess.kept_by_a_module_that_dies_late = subprocess.Popen(["git", "cat-file", "--batch"], stdin=subprocess.PIPE)
kept = subprocess.Popen(["git", "cat-file", "--batch"], stdin=subprocess.PIPE)
"""


def test_the_end_of_the_interpreter_is_silent() -> None:
    done = subprocess.run([sys.executable, "-c", AT_EXIT], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_does_not_end_its_parents_calls(recording: Recording, tools: Path) -> None:
    write(tools / "claude", "#!/bin/sh\nread line\n")
    popen = subprocess.Popen(["claude"], stdin=subprocess.PIPE)
    child = os.fork()
    if child == 0:
        os._exit(len(process.children))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    popen.communicate()
    assert recording.span("invoke_agent claude")
