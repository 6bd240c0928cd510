"""What all commands over stored data share: the ``--dir`` option, the reader with its progress, its errors."""

from __future__ import annotations

import os
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from agent_otel.cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Generator

    from rich import progress as bars

    from agent_otel.store.reader import StoreReader

Directory: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--dir",
        metavar="DIR",
        envvar="AGENT_OTEL_DIR",
        help="The store's folder; .planning/metrics of the main worktree without it.",
        show_default=False,
    ),
]
HOW_TO_RECORD: Final = "record one with `opentelemetry-instrument python app.py` or `agent-otel run -- python app.py`"
PATIENCE: Final = 1.0
"""Seconds of work after which a progress bar appears."""
REDRAW_SECONDS: Final = 0.1
MOST_PROCESSES: Final = 4
"""A large store is read by as many processes as there are cores, up to this."""


@contextmanager
def opened(directory: Path | None) -> Generator[StoreReader]:
    """A reader of the store; its errors become a ``CommandError``: status 2 for an unknown run, else 1."""
    from agent_otel.settings import store_directory
    from agent_otel.store.reader import StoreError, StoreReader, UnknownRunError

    folder = directory.expanduser().absolute() if directory is not None else store_directory()
    with Progress() as progress:
        try:
            yield StoreReader(folder, progress=progress, processes=min(MOST_PROCESSES, _cores()))
        except UnknownRunError as error:
            raise CommandError(str(error), 2) from error
        except StoreError as error:
            raise CommandError(str(error)) from error


def _cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def problems(reader: StoreReader) -> None:
    """Tell what could not be read, on stderr."""
    for problem in reader.problems:
        sys.stderr.write(f"agent-otel: {problem}\n")


class Progress:
    """A bar on stderr once reading has taken a while; none where stderr is no terminal.

    It is drawn when there is news, and by no thread: the reader may yet have to fork.
    """

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._drawn = 0.0
        self._bar: bars.Progress | None = None

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if self._bar is not None and done >= total:
            self.stop()
        if done >= total or now - self._started < PATIENCE or now - self._drawn < REDRAW_SECONDS:
            return
        if not sys.stderr.isatty():
            return
        self._drawn = now
        if self._bar is None:
            from rich import progress as bars
            from rich.console import Console

            self._bar = bars.Progress(console=Console(stderr=True), transient=True, auto_refresh=False)
            self._bar.add_task("reading the store", total=total)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=done, total=total, refresh=True)

    def stop(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


@contextmanager
def working(what: str) -> Generator[None]:
    """A bar on stderr for work whose end is not known, once it has taken a while; none where stderr is no terminal.

    It is drawn by a thread, so nothing may be read from the store inside.
    """
    if not sys.stderr.isatty():
        yield
        return
    from rich import progress as bars
    from rich.console import Console

    bar = bars.Progress(console=Console(stderr=True), transient=True)
    bar.add_task(what, total=None)
    timer = threading.Timer(PATIENCE, bar.start)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        bar.stop()
