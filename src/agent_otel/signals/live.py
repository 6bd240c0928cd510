"""Live lines: one line on stderr for whatever ends, and for every change of a queue.

The lines are written by a thread of their own, so that a slow terminal never holds up the program.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final, TextIO

from agent_otel import safe, semconv

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Mapping

    from agent_otel.signals.finished import Finished

_KINDS: Final[Mapping[str, str]] = {
    semconv.TASK: "task",
    semconv.NODE: "node",
    semconv.GIT: "git",
    semconv.INVOKE_AGENT: "agent",
    semconv.INVOKE_WORKFLOW: "run",
    semconv.SUPERSTEP: "loop",
    semconv.EXECUTE_TOOL: "tool",
    **dict.fromkeys(semconv.LLM_OPERATIONS, "llm"),
}
_GREEN: Final = "32"
_YELLOW: Final = "33"
_RED: Final = "31"
_COLOURS: Final[Mapping[str, str]] = {"ok": _GREEN, "error": _RED, "timeout": _RED}
_EXIT_SECONDS: Final = 1.0


class LiveLines:
    """Prints to ``stream`` (stderr by default), with colours if that is a terminal and ``NO_COLOR`` is not set."""

    def __init__(self, stream: TextIO | None = None, environ: Mapping[str, str] | None = None) -> None:
        self._stream = stream
        self._colours = _wants_colours(sys.stderr if stream is None else stream, environ or os.environ)
        self._lines: SimpleQueue[str | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def finished(self, record: Finished) -> None:
        """Queue the line of a call that ended."""
        line = finished_line(record, colours=self._colours)
        if line is not None:
            self._put(line)

    def changed(self, queue: str, depth: Counter[str]) -> None:
        """Queue the line of a queue that changed."""
        safe.call(self._put, queue_line(time.time(), queue, depth))

    def close(self) -> None:
        """Print what is queued; gives up after a second."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._lines.put(None)
            thread.join(_EXIT_SECONDS)

    def restart(self) -> None:
        """Begin anew in a forked child, where the thread is gone."""
        self._lines = SimpleQueue()
        self._thread = None

    def _put(self, line: str) -> None:
        self._lines.put(line)
        if self._thread is None:
            thread = threading.Thread(target=self._print, args=(self._lines,), name="agent-otel-live", daemon=True)
            self._thread = thread
            thread.start()

    def _print(self, lines: SimpleQueue[str | None]) -> None:
        while (line := lines.get()) is not None:
            stream = sys.stderr if self._stream is None else self._stream
            try:
                stream.write(line + "\n")
                stream.flush()
            except (OSError, ValueError, AttributeError):
                # Nobody can read it: stderr is closed, or a pipe without a reader.
                continue


def finished_line(record: Finished, *, colours: bool = False) -> str | None:
    """``12:30:01.123 node    worker                      1.204 s ok``; None for what has no line."""
    kind = _kind(record)
    if kind is None:
        return None
    outcome = record.outcome if record.error_type is None else f"{record.outcome} {record.error_type}"
    told = _coloured(outcome, _COLOURS.get(record.outcome, _YELLOW)) if colours else outcome
    details = "".join(f"  {detail}" for detail in _details(record))
    begun = f"{_clock(record.end / 1e9)} {kind:<7} {_printable(record.subject):<24}"
    return f"{begun} {record.seconds:>9.3f} s {told}{details}"


def queue_line(now: float, queue: str, depth: Counter[str]) -> str:
    """``12:30:01.123 queue   tasks                    ready 3  active 2  waiting 1``."""
    states = "  ".join(f"{state} {depth[state]}" for state in semconv.QUEUE_STATES)
    return f"{_clock(now)} {'queue':<7} {_printable(queue):<24} {states}"


def _kind(record: Finished) -> str | None:
    if record.operation == semconv.INVOKE_AGENT and semconv.PROCESS_EXECUTABLE_NAME in record.attributes:
        return "cli"
    return _KINDS.get(record.operation)


def _details(record: Finished) -> list[str]:
    found = record.attributes
    details: list[str] = []
    sent, received = found.get(semconv.USAGE_INPUT_TOKENS), found.get(semconv.USAGE_OUTPUT_TOKENS)
    if record.operation in semconv.LLM_OPERATIONS and isinstance(sent, int):
        details.append(f"{sent}+{received if isinstance(received, int) else 0} tokens")
    if record.operation == semconv.SUPERSTEP and (straggler := found.get(semconv.SUPERSTEP_STRAGGLER)):
        details.append(f"straggler {straggler}")
    if record.operation == semconv.TASK and (task := found.get(semconv.TASK_ID)):
        details.append(str(task))
    return details


def _clock(seconds: float) -> str:
    return f"{time.strftime('%H:%M:%S', time.localtime(seconds))}.{int(seconds * 1000) % 1000:03d}"


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _coloured(text: str, colour: str) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m"


def _wants_colours(stream: TextIO | None, environ: Mapping[str, str]) -> bool:
    if stream is None or environ.get("NO_COLOR") or environ.get("TERM") == "dumb":
        return False
    return safe.call_or(False, stream.isatty)
