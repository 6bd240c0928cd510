"""The lines of the list, before they are drawn: runs, what is open in them as a tree, and what ended last."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import attrgetter
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, TypeAlias, overload

from agent_otel import semconv
from agent_otel.store.model import text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from agent_otel.store.model import Span
    from agent_otel.tui.live import Live, LiveRun

Sort: TypeAlias = Literal["longest", "newest", "name", "errors"]
SORTS: Final[tuple[Sort, ...]] = ("longest", "newest", "name", "errors")


Item: TypeAlias = "tuple[Span | None, int, str]"
"""A line without its run: span, depth and title. The garbage collector need not look at such tuples."""
HEAD: Final[Item] = (None, 0, "")


class Row(NamedTuple):
    """A line: a run (``span`` is None) or a span of it, ``depth`` levels down; a ``title`` stands for itself."""

    run: LiveRun
    span: Span | None = None
    depth: int = 0
    title: str = ""


@dataclass(slots=True)
class Block:
    """Lines that belong together, made when one of them is looked at; how many there are is known before."""

    run: LiveRun
    size: int
    make: Callable[[], list[Item]]
    _made: list[Item] | None = None

    @property
    def items(self) -> list[Item]:
        """The lines."""
        if self._made is None:
            self._made = self.make()
        return self._made


class RowSequence(Sequence[Row]):
    """The lines of some blocks one after another."""

    def __init__(self, blocks: list[Block]) -> None:
        self.blocks = blocks
        self._ends = list(accumulate(block.size for block in blocks))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @overload
    def __getitem__(self, place: int) -> Row: ...
    @overload
    def __getitem__(self, place: slice) -> list[Row]: ...
    def __getitem__(self, place: int | slice) -> Row | list[Row]:
        if isinstance(place, slice):
            return [self[each] for each in range(*place.indices(len(self)))]
        if place < 0:
            place += len(self)
        if not 0 <= place < len(self):
            raise IndexError(place)
        number = bisect_right(self._ends, place)
        block = self.blocks[number]
        return Row(block.run, *block.items[place - self._ends[number] + block.size])

    def find(self, wanted: Row) -> int | None:
        """Where the line about the same thing is now."""
        for block, end in zip(self.blocks, self._ends, strict=True):
            if block.run is wanted.run:
                span_id = wanted.span.span_id if wanted.span is not None else ""
                for place, (span, _, title) in enumerate(block.items):
                    if title == wanted.title and (span.span_id if span is not None else "") == span_id:
                        return end - block.size + place
        return None


class Rows:
    """Makes the lines; those of a run again only when it has changed and is looked at."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[int, Sort, str, Block]] = {}
        self._words: dict[str, str] = {}

    def overview(self, live: Live, sort: Sort, wanted: str) -> RowSequence:
        """Every run, running ones first, each with what is open in it; only what contains ``wanted``, if anything."""
        if len(self._known) > 2 * len(live.runs) + 10:
            self._known = {trace: known for trace, known in self._known.items() if trace in live.runs}
        if len(self._words) > 2 * live.open_spans + 1000:
            self._words.clear()
        blocks = (self._block(run, sort, wanted) for run in ordered(live.runs.values(), sort))
        return RowSequence([block for block in blocks if block.size])

    def _block(self, run: LiveRun, sort: Sort, wanted: str) -> Block:
        known = self._known.get(run.trace_id)
        if known is not None and known[:3] == (run.version, sort, wanted):
            return known[3]
        if wanted:
            items = self._wanted_items(run, sort, wanted)
            block = Block(run, len(items), lambda: items)
        else:
            block = Block(run, 1 + len(run.open) - (run.root in run.open), lambda: [HEAD, *open_rows(run, sort)])
        self._known[run.trace_id] = (run.version, sort, wanted, block)
        return block

    def detail(self, run: LiveRun, sort: Sort, wanted: str) -> RowSequence:
        """One run: its own line, what is open in it, then what ended last, newest first."""
        items = [HEAD, *(self._matching(run, sort, wanted) if wanted else open_rows(run, sort))]
        recent: list[Item] = [(span, 0, "") for span in reversed(run.recent) if not wanted or wanted in _words(span)]
        if recent:
            items += [(None, 0, "ended last"), *recent]
        return RowSequence([Block(run, len(items), lambda: items)])

    def _wanted_items(self, run: LiveRun, sort: Sort, wanted: str) -> list[Item]:
        items = self._matching(run, sort, wanted)
        if not items and wanted not in f"{run.name} {run.trace_id} {run.state}".lower():
            return []
        return [HEAD, *items]

    def _matching(self, run: LiveRun, sort: Sort, wanted: str) -> list[Item]:
        known = self._words
        found: list[Item] = []
        for span in _in_order(run.open.values(), sort):
            words = known.get(span.span_id)
            if words is None:
                words = known[span.span_id] = _words(span)
            if wanted in words:
                found.append((span, 0, ""))
        return found


def ordered(runs: Iterable[LiveRun], sort: Sort) -> list[LiveRun]:
    """Runs that go on first; then by the order asked for, those that are over by their ends."""
    keys: dict[Sort, Callable[[LiveRun], tuple[float | str, ...]]] = {
        "longest": lambda run: (run.start,),
        "newest": lambda run: (-run.start,),
        "name": lambda run: (run.name, run.start),
        "errors": lambda run: (-run.errors, run.start),
    }
    key = keys[sort]
    going: list[LiveRun] = []
    over: list[LiveRun] = []
    for run in runs:
        (going if run.state == "running" else over).append(run)
    going.sort(key=key)
    over.sort(key=key if sort in ("name", "errors") else lambda run: (-run.end,))
    return going + over


def _in_order(spans: Iterable[Span], sort: Sort) -> list[Span]:
    if sort == "name":
        return sorted(spans, key=attrgetter("name", "start"))
    return sorted(spans, key=attrgetter("start"), reverse=sort == "newest")


def open_rows(run: LiveRun, sort: Sort) -> list[Item]:
    """The open spans of a run as a tree, without its root, which the run's own line stands for."""
    known, root = run.open, run.root
    children: dict[str, list[Span]] = {}
    tops: list[Span] = []
    for span in _in_order(known.values(), sort):
        parent = span.parent_id
        if parent is None or parent == root or parent not in known:
            if span.span_id != root:
                tops.append(span)
        elif parent in children:
            children[parent].append(span)
        else:
            children[parent] = [span]
    items = _descend(tops, children)
    while children:  # parents in a circle
        items += _descend(children.pop(next(iter(children))), children)
    return items


def _descend(tops: list[Span], children: dict[str, list[Span]]) -> list[Item]:
    """These spans, each followed by what lies below it, which is taken out of ``children``."""
    items: list[Item] = []
    levels = [iter(tops)]
    while levels:
        depth = len(levels) - 1
        for span in levels[-1]:
            items.append((span, depth, ""))
            if span.span_id in children:
                levels.append(iter(children.pop(span.span_id)))
                break
        else:
            levels.pop()
    return items


def _words(span: Span) -> str:
    return f"{span.name} {task_of(span)} {subject(span)} {span.outcome}".lower()


def task_of(span: Span) -> str:
    """The task that it works on, if one is named."""
    return text(span, semconv.TASK_ID) or ""


def subject(span: Span) -> str:
    """What it works with: the CLI of an agent, the model, the worktree."""
    agent = text(span, semconv.AGENT_CLI)
    model = text(span, semconv.REQUEST_MODEL)
    tree = text(span, semconv.GIT_WORKTREE)
    found = (agent, model, tree if tree != "." else None)
    return " ".join(word for word in found if word and word not in span.name)


def error_text(span: Span) -> str:
    """Why it failed, in one line."""
    kind = text(span, semconv.ERROR_TYPE) or span.outcome
    return " ".join(f"{kind} {span.status_message}".split())
