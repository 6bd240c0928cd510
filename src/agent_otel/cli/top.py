"""``agent-otel top``: what runs now."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import Final

from agent_otel.cli.errors import CommandError
from agent_otel.cli.store import HOW_TO_RECORD, Directory

MISSING: Final = 'top needs Textual; pip install "agent-otel[tui]"'


def top(directory: Directory = None) -> None:
    """Watch the programs that run: agents, nodes, queues, LLM calls and errors, live."""
    if find_spec("textual") is None:
        raise CommandError(MISSING)
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):
        raise CommandError(
            "top needs a terminal; `agent-otel runs` and `agent-otel report` write to pipes and files", 2
        )
    from agent_otel.settings import store_directory
    from agent_otel.store.follow import Follower
    from agent_otel.tui.app import Top

    folder = directory.expanduser().absolute() if directory is not None else store_directory()
    if folder.exists() and not folder.is_dir():
        raise CommandError(f"the store {folder} cannot be read: it is no folder")
    Top(Follower(folder), f"{HOW_TO_RECORD[0].upper()}{HOW_TO_RECORD[1:]}").run()
