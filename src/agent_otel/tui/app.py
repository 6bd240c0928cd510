"""``agent-otel top``: the screen, its keys, and the clock that keeps it up to date."""

from __future__ import annotations

import gc
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input

from agent_otel.tui import lines
from agent_otel.tui.drawing import BOLD, DIM, PLAIN, YELLOW, Piece, strip
from agent_otel.tui.help import Help
from agent_otel.tui.live import Live
from agent_otel.tui.rows import SORTS, Rows, RowSequence, Sort
from agent_otel.tui.widgets import Lines, RowList

if TYPE_CHECKING:
    from collections.abc import Callable

    from textual import events
    from textual.strip import Strip

    from agent_otel.store.follow import Follower, News

POLL_SECONDS: Final = 0.5
"""As often as the store writes."""
AT_ONCE_SECONDS: Final = 0.02
"""How long it waits when there is more to read."""
TALL: Final = 40
"""Lines from which on five errors are shown, not one."""
FRAMES_KEPT: Final = 2000


class Top(App[None]):
    """The live view of one store. ``frames`` are seconds of CPU from new records to the written screen."""

    TITLE = "agent-otel top"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    Screen { layout: vertical; }
    #heading, #columns, #keys { height: 1; }
    #figures { height: 4; }
    #list { height: 1fr; scrollbar-size-vertical: 1; overflow-x: hidden; }
    #filter { height: 1; border: none; padding: 0 1; display: none; background: $surface; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("q,ctrl+c", "quit", show=False, priority=False),
        Binding("slash", "filter", show=False),
        Binding("space", "pause", show=False),
        Binding("s", "sort", show=False),
        Binding("question_mark", "help", show=False),
        Binding("escape", "leave", show=False),
    ]

    def __init__(self, follower: Follower, hint: str, *, clock: Callable[[], int] = time.time_ns) -> None:
        super().__init__()
        self.live = Live()
        self.frames: deque[float] = deque(maxlen=FRAMES_KEPT)
        self._follower = follower
        self._hint = hint
        self._clock = clock
        self._rows = Rows()
        self._sort: Sort = SORTS[0]
        self._wanted = ""
        self._opened: str | None = None
        self._paused = False
        self._read: float | None = 0.0
        """How much of the store has been read at the start; None once all has."""
        self._shown: tuple[object, ...] = ()

    @property
    def reading(self) -> bool:
        """Whether the store is still being read for the first time."""
        return self._read is not None

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield Lines(id="heading")
        yield Lines(id="figures")
        yield Lines(id="columns")
        yield RowList(id="list")
        yield Input(placeholder="filter by name, task, CLI, model or run", id="filter")
        yield Lines(id="keys")

    def on_mount(self) -> None:
        """Begin to read."""
        self.query_one(RowList).focus()
        self.run_worker(self._load, thread=True, exclusive=True)
        self.show()

    def _load(self) -> None:
        news = self._follower.start(self._progress)
        self.call_from_thread(self._begin, news)

    def _progress(self, done: int, total: int) -> None:
        self.call_from_thread(self._reading, done / total if total else 1.0)

    def _reading(self, share: float) -> None:
        self._read = share
        self.show()

    def _begin(self, news: News) -> None:
        self._read = None
        self.live.take(news, self._clock())
        gc.collect()
        gc.freeze()  # going through all of Textual takes longer than a frame
        self.show()
        self.set_interval(POLL_SECONDS, self.tick)

    def tick(self) -> None:
        """Look for news and show them."""
        began = time.process_time()
        news = self._follower.poll()
        if news:
            self.live.take(news, self._clock())
        if news.more:
            self.set_timer(AT_ONCE_SECONDS, self.tick)
        if not self._paused and self.show() and news:
            self.call_after_refresh(self._framed, began)

    def _framed(self, began: float) -> None:
        self.frames.append(time.process_time() - began)

    def show(self, *, anew: bool = False) -> bool:
        """Draw what has changed; whether anything has. What runs changes every second."""
        now = self._clock()
        state = (self.live.version, now // 1_000_000_000, self._sort, self._wanted, self._opened, self._read, self.size)
        if state == self._shown and not anew:
            return False
        rows_stand = self._shown[:1] == state[:1] and self._shown[2:] == state[2:] and not self.live.open_spans
        self._shown = state
        width = self.size.width
        place = _short(self._follower.directory)
        self.query_one("#heading", Lines).show([lines.heading(self.live, place, now, width, paused=self._paused)])
        errors = 5 if self.size.height >= TALL else 1
        self.query_one("#figures", Lines).show(lines.figures(self.live, now, width, errors))
        self.query_one("#columns", Lines).show([lines.column_heading(width - 1)])
        self.query_one("#keys", Lines).show([self._keys(width)])
        if not rows_stand or anew:
            self.query_one(RowList).show(self._list(), now, self._message())
        return True

    def _list(self) -> RowSequence:
        if self._opened is not None:
            run = self.live.runs.get(self._opened)
            if run is not None:
                return self._rows.detail(run, self._sort, self._wanted)
            self._opened = None
        return self._rows.overview(self.live, self._sort, self._wanted)

    def _message(self) -> list[str]:
        if self._read is not None:
            return [f"Reading the store: {self._read * 100:.0f} %"]
        if self._wanted:
            return [f"Nothing that runs contains {self._wanted!r}; escape shows all."]
        nothing = f"Nothing has run in {_short(self._follower.directory)} in the last ten minutes."
        room = max(10, self.size.width - 4)
        return [*wrap(nothing, room), "", *wrap(self._hint, room)]

    def _keys(self, width: int) -> Strip:
        keys = [("/", "filter"), ("space", "go on" if self._paused else "pause"), ("s", f"sort: {self._sort}")]
        keys.append(("esc", "back") if self._opened or self._wanted else ("enter", "open run"))
        pieces: list[Piece] = [(" ", PLAIN)]
        for key, text in [*keys, ("?", "help"), ("q", "quit")]:
            pieces += [(key, BOLD), (f" {text}   ", DIM)]
        if self._wanted:
            pieces.append((f"/{self._wanted}", YELLOW))
        return strip(pieces, width)

    def on_resize(self, _event: events.Resize) -> None:
        """Draw for the new size, once it is known to all parts."""
        self.call_after_refresh(self.show, anew=True)

    def on_row_list_chosen(self, event: RowList.Chosen) -> None:
        """Open the run."""
        if self._opened is None:
            self._opened = event.row.run.trace_id
            self._to_top()

    def action_leave(self) -> None:
        """Drop the filter, else leave the run."""
        field = self.query_one(Input)
        if field.display or self._wanted:
            field.value = self._wanted = ""
            self._hide_filter()
        elif self._opened is not None:
            self._opened = None
            self._to_top()
        self.show(anew=True)

    def _to_top(self) -> None:
        found = self.query_one(RowList)
        found.cursor = 0
        found.scroll_to(y=0, animate=False, force=True)
        self.show(anew=True)

    def action_filter(self) -> None:
        """Let the user type what to look for."""
        field = self.query_one(Input)
        field.display = True
        field.focus()

    def _hide_filter(self) -> None:
        self.query_one(Input).display = False
        self.query_one(RowList).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Filter while typing."""
        self._wanted = event.value.strip().lower()
        self.show(anew=True)

    def on_input_submitted(self, _event: Input.Submitted) -> None:
        """Keep the filter."""
        self._hide_filter()
        self.show(anew=True)

    def action_pause(self) -> None:
        """Keep the screen as it is, or go on; reading goes on in any case."""
        self._paused = not self._paused
        self.show(anew=True)

    def action_sort(self) -> None:
        """The next order."""
        self._sort = SORTS[(SORTS.index(self._sort) + 1) % len(SORTS)]
        self.show(anew=True)

    def action_help(self) -> None:
        """Say what the keys do."""
        self.push_screen(Help())


def _short(directory: Path) -> str:
    """The folder as the user would write it here."""
    with suppress(ValueError):
        return str(directory.relative_to(Path.cwd()))
    return str(directory)
