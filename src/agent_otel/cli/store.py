"""What all commands over stored data share: the ``--dir`` option, the reader with its progress, its errors."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, TypeAlias

import typer

from agent_otel.cli.errors import CommandError

if TYPE_CHECKING:
    from collections.abc import Generator

    from agent_otel.store.reader import StoreReader

Directory: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--dir",
        metavar="DIR",
        envvar="AGENT_OTEL_DIR",
        help="The store. [default: .planning/metrics of the main worktree]",
        show_default=False,
    ),
]
HOW_TO_RECORD: Final = "record one with `opentelemetry-instrument python app.py` or `agent-otel run -- python app.py`"
PATIENCE: Final = 1.0
"""Seconds of work after which a progress bar appears."""


@contextmanager
def opened(directory: Path | None) -> Generator[StoreReader]:
    """A reader of the store; its errors become a ``CommandError``: status 2 for an unknown run, else 1."""
    from agent_otel.settings import store_directory
    from agent_otel.store.reader import StoreError, StoreReader, UnknownRunError

    folder = directory.expanduser().absolute() if directory is not None else store_directory()
    with Progress() as progress:
        try:
            yield StoreReader(folder, progress=progress)
        except UnknownRunError as error:
            raise CommandError(str(error), 2) from error
        except StoreError as error:
            raise CommandError(str(error)) from error


def problems(reader: StoreReader) -> None:
    """Tell what could not be read, on stderr."""
    for problem in reader.problems:
        sys.stderr.write(f"agent-otel: {problem}\n")


class Progress:
    """A bar on stderr once reading has taken a while; none where stderr is no terminal."""

    def __init__(self) -> None:
        self._started = time.monotonic()
        self._bar: object | None = None

    def __call__(self, done: int, total: int) -> None:
        if not sys.stderr.isatty() or time.monotonic() - self._started < PATIENCE:
            return
        from rich import progress as bars
        from rich.console import Console

        if not isinstance(self._bar, bars.Progress):
            self._bar = bars.Progress(console=Console(stderr=True), transient=True)
            self._bar.add_task("reading the store", total=total)
            self._bar.start()
        self._bar.update(self._bar.task_ids[0], completed=done)
        if done >= total:
            self.stop()

    def stop(self) -> None:
        """Take the bar away."""
        from rich import progress as bars

        if isinstance(self._bar, bars.Progress):
            self._bar.stop()
            self._bar = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self.stop()
