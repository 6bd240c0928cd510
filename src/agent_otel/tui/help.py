"""The keys, and what the figures mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

if TYPE_CHECKING:
    from textual.app import ComposeResult

KEYS: Final = {
    "/": "filter by name, task, CLI, model or run; escape shows all",
    "space": "pause the screen, and go on",
    "s": "sort: longest, newest, name, errors",
    "enter": "open the run under the cursor; escape goes back",
    "up down": "move; also j k, page up, page down, home, end",
    "?": "this help",
    "q": "quit",
}
MEANING: Final = {
    "LLM": "calls of the last minute; bars: calls by ten seconds",
    "work": "work per second, and wait/work, of the last minute",
    "queue": "tasks by state, now; bars: ready ones by ten seconds",
    "errors": "the calls that failed last",
    "open": "spans that run now, for a second or longer",
    "waited": "barrier, queue, lock and other waits that are over",
}


class Help(ModalScreen[None]):
    """Shown over the rest until a key is pressed."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,q,question_mark,enter,space", "dismiss", show=False)]
    CSS = """
    Help { align: center middle; }
    Help VerticalScroll { width: 78; max-width: 100%; height: auto; max-height: 100%; padding: 1 2;
        background: $surface; border: round $primary; }
    Help Static { width: 100%; height: auto; }
    """

    def compose(self) -> ComposeResult:
        """One text."""
        rows = [f"[b]{key.replace('[', ''):<9}[/b]{text}" for key, text in KEYS.items()]
        meaning = [f"[b]{key:<9}[/b]{text}" for key, text in MEANING.items()]
        with VerticalScroll():
            yield Static("\n".join([*rows, "", *meaning]))
