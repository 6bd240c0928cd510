"""Widgets that draw single lines: a table widget would build a cell for every value of every row."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from agent_otel.tui import drawing, lines
from agent_otel.tui.rows import RowSequence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from textual import events

    from agent_otel.tui.rows import Row


class Lines(Widget):
    """Some lines of text, drawn anew only when they differ."""

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self._strips: list[Strip] = []

    def show(self, strips: list[Strip]) -> None:
        """Show these from now on."""
        if strips != self._strips:
            if len(strips) != len(self._strips):
                self.styles.height = len(strips)
            self._strips = strips
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line."""
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width)


class RowList(ScrollView, can_focus=True):
    """The list: only the lines on the screen are drawn, however many there are."""

    class Chosen(Message):
        """A row was chosen with enter or a click."""

        def __init__(self, row: Row) -> None:
            super().__init__()
            self.row = row

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", show=False),
        Binding("up,k", "move(-1)", show=False),
        Binding("pagedown", "page(1)", show=False),
        Binding("pageup", "page(-1)", show=False),
        Binding("home,g", "end(-1)", show=False),
        Binding("end,G", "end(1)", show=False),
        Binding("enter", "choose", show=False),
    ]

    def __init__(self, *, id: str) -> None:
        super().__init__(id=id)
        self.rows = RowSequence([])
        self._width = 1
        self.cursor = 0
        self._now = 0
        self._message: Sequence[str] = ()

    def show(self, rows: RowSequence, now: int, message: Sequence[str] = ()) -> None:
        """Show these rows as of ``now``, the cursor on the same thing as before; the message if there are none."""
        chosen = self.row
        self.rows, self._now, self._message = rows, now, message
        if chosen is not None and (self.cursor or self.scroll_offset.y):
            found = rows.find(chosen)
            self.cursor = self.cursor if found is None else found
        self.cursor = max(0, min(self.cursor, len(rows) - 1))
        self._width = max(1, self.scrollable_content_region.width)
        size = Size(self._width, len(rows))
        if size != self.virtual_size:
            self.virtual_size = size
        self.refresh()

    @property
    def row(self) -> Row | None:
        """The row under the cursor."""
        return self.rows[self.cursor] if self.cursor < len(self.rows) else None

    def render_line(self, y: int) -> Strip:
        """One line of the screen."""
        width = self._width
        place = y + round(self.scroll_offset.y)
        if place < len(self.rows):
            chosen = place == self.cursor and self.has_focus
            return lines.line(self.rows[place], self._now, width, chosen=chosen)
        said = y - (self.size.height > len(self._message))
        if not self.rows and 0 <= said < len(self._message):
            return drawing.strip([(f"  {self._message[said]}", drawing.PLAIN)], width)
        return Strip.blank(width)

    def action_move(self, by: int) -> None:
        """Move the cursor by a line."""
        self._move_to(self.cursor + by)

    def action_page(self, by: int) -> None:
        """Move the cursor by a screen."""
        self._move_to(self.cursor + by * max(1, self.scrollable_content_region.height - 1))

    def action_end(self, to: int) -> None:
        """Move the cursor to the first or last line."""
        self._move_to(0 if to < 0 else len(self.rows) - 1)

    def action_choose(self) -> None:
        """Tell which row was chosen."""
        if self.row is not None:
            self.post_message(self.Chosen(self.row))

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor, one on the chosen line chooses."""
        place = event.y + round(self.scroll_offset.y)
        if place < len(self.rows):
            if place == self.cursor:
                self.action_choose()
            self._move_to(place)

    def _move_to(self, place: int) -> None:
        self.cursor = max(0, min(place, len(self.rows) - 1))
        self.scroll_to_region(Region(0, self.cursor, 1, 1), animate=False, force=True)
        self.refresh()
