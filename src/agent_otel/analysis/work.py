"""The time inside a span, in a form that says how long it would take if parts of it were faster.

Where the children of a span follow each other, its time is a sum: its own and theirs. Where they overlap, one that
started when others had ended waits for these, so that another may become the last one to end.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias

from agent_otel import semconv
from agent_otel.analysis.accounting import PAUSES
from agent_otel.store.assemble import top_down
from agent_otel.store.model import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from agent_otel.store.reader import Run, Span

TOP: Final = -1
"""The position that stands for the run itself."""
KINDS: Final = (semconv.LLM, semconv.TOOL, semconv.GIT, semconv.CLI)
"""Categories that are a target with everything inside the spans, such as the LLM calls in a CLI."""
NAMED: Final = {
    "node": semconv.NODE_NAME,
    "agent": semconv.AGENT_NAME,
    "cli": semconv.AGENT_CLI,
    "llm": semconv.REQUEST_MODEL,
    "git": semconv.GIT_OPERATION,
    "tool": semconv.TOOL_NAME,
    "type": semconv.TASK_TYPE,
}
"""Targets by name: ``node:worker`` is everything inside the spans with that attribute."""
_KEYS: Final = tuple(NAMED.values())

Parts: TypeAlias = "dict[str, float]"
"""Nanoseconds by category; they sum to a duration."""


@dataclass(frozen=True, slots=True)
class Label:
    """What a stretch of time is: its category, and all targets that it belongs to."""

    category: str
    targets: frozenset[str]


@dataclass(slots=True)
class Work:
    """A duration: nanoseconds by label, and groups of children that overlap."""

    linear: dict[int, int] = field(default_factory=dict[int, int])
    overlaps: list[Overlap] = field(default_factory=list["Overlap"])

    def add(self, label: int, nanoseconds: int) -> None:
        """Count some time."""
        self.linear[label] = self.linear.get(label, 0) + nanoseconds


@dataclass(slots=True)
class Overlap:
    """Children that ran beside each other, by start; ``label`` is of the span around them."""

    start: int
    label: int
    members: list[tuple[int, int, Work]]


Factors: TypeAlias = "Sequence[float]"
"""By label what a duration is multiplied with: 0.5 is twice as fast."""


class Works:
    """The work of any spans of one run."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.labels: list[Label] = []
        self._numbers: dict[Label, int] = {}
        self.children: dict[int, list[int]] = {}
        self.label_of = self._label_all()
        self.top_label = self._number(Label(semconv.OWN, frozenset({semconv.OWN})))

    def _label_all(self) -> list[int]:
        """The label of each span. What tells them apart is looked at once for all spans that have it in common."""
        run = self.run
        label_of = [0] * len(run.spans)
        inherited = [0] * len(run.spans)
        inside: list[frozenset[str]] = [frozenset()]
        known: dict[tuple[object, ...], tuple[int, int]] = {}
        for position in top_down(run.parents):
            span, above = run.spans[position], run.parents[position]
            around = 0 if above == TOP else inherited[above]
            annotation = span.annotation
            category = (span.wait_reason if annotation else None) or span.category
            key = (around, annotation, category, *map(span.attributes.get, _KEYS))
            if key not in known:
                inside.append(inside[around] | targets(span, category))
                known[key] = len(inside) - 1, self._number(Label(category, inside[-1] | {category}))
            inherited[position], label_of[position] = known[key]
            if not annotation or category in PAUSES:
                self.children.setdefault(self._home(position), []).append(position)
        for members in self.children.values():
            members.sort()
        return label_of

    def _home(self, position: int) -> int:
        """The nearest span around that was still running and works itself."""
        spans, above = self.run.spans, self.run.parents[position]
        while above != TOP and (spans[position].start >= spans[above].end or spans[above].annotation):
            above = self.run.parents[above]
        return above

    def _number(self, label: Label) -> int:
        number = self._numbers.get(label)
        if number is None:
            number = self._numbers[label] = len(self.labels)
            self.labels.append(label)
        return number

    def opaque(self, name: str) -> int:
        """A label of its own for a span whose inside is somebody else's concern."""
        return self._number(Label(name, frozenset({name})))

    def of(self, position: int) -> Work:
        """The work of a span."""
        span = self.run.spans[position]
        return self.stretch(self.children.get(position, ()), span.start, span.end, self.label_of[position])

    def stretch(
        self,
        children: Iterable[int],
        start: int,
        end: int,
        label: int,
        *,
        aside: Mapping[int, Work] | None = None,
        opaque: Mapping[int, int] | None = None,
    ) -> Work:
        """The work from ``start`` to ``end`` done by ``children`` (by start), the rest counted under ``label``.

        A child in ``aside`` counts in the work given there instead; one in ``opaque`` is not looked into and counts
        under the label given there.
        """
        made = Work()
        stack = [(children, start, end, label, made)]
        while stack:
            members, low, high, number, into = stack.pop()
            covered = 0
            for group in _groups(self.run, members, low, high):
                covered += max(last for _, last, _ in group) - group[0][0]
                overlap = None
                if len(group) > 1:
                    overlap = Overlap(group[0][0], number, [])
                    into.overlaps.append(overlap)
                for first, last, child in group:
                    target = into if overlap is None else Work()
                    if overlap is not None:
                        overlap.members.append((first, last, target))
                    elif aside is not None and child in aside:
                        target = aside[child]
                    if opaque is not None and child in opaque:
                        target.add(opaque[child], last - first)
                    elif child in self.children:
                        stack.append((self.children[child], first, last, self.label_of[child], target))
                    else:
                        target.add(self.label_of[child], last - first)
            into.add(number, high - low - covered)
        return made


def targets(span: Span, category: str) -> frozenset[str]:
    """The targets that a span adds to what lies in it."""
    if span.annotation:
        return frozenset()
    found = {category} if category in KINDS else set[str]()
    for kind, key in NAMED.items():
        if key in span.attributes and (kind not in KINDS or kind == category):
            name = text(span, key)
            if name is not None:
                found.add(f"{kind}:{name}")
    return frozenset(found)


def _groups(run: Run, members: Iterable[int], low: int, high: int) -> Iterable[list[tuple[int, int, int]]]:
    """Start, end and position of members, clipped, together where they overlap."""
    group: list[tuple[int, int, int]] = []
    reached = low
    for member in members:
        start, end = max(low, run.spans[member].start), min(high, run.spans[member].end)
        if end <= start:
            continue
        if group and start >= reached:
            yield group
            group = []
        group.append((start, end, member))
        reached = max(reached, end)
    if group:
        yield group


def evaluate(work: Work, factors: Factors, labels: Sequence[Label]) -> Parts:
    """How long the work takes, by category along what is waited for."""
    found: Parts = {}
    for label, nanoseconds in work.linear.items():
        category = labels[label].category
        found[category] = found.get(category, 0) + nanoseconds * factors[label]
    for overlap in work.overlaps:
        merge(found, _longest(overlap, factors, labels))
    return found


def merge(into: Parts, parts: Mapping[str, float], times: float = 1) -> None:
    """Add parts to others."""
    for category, nanoseconds in parts.items():
        into[category] = into.get(category, 0) + nanoseconds * times


def _longest(overlap: Overlap, factors: Factors, labels: Sequence[Label]) -> Parts:
    """The chain of members that ends last: each starts after all that had ended before it, and as long after."""
    members = overlap.members
    parts = [evaluate(work, factors, labels) for _, _, work in members]
    by_end = sorted(range(len(members)), key=lambda place: members[place][1])
    ends: list[float] = [0] * len(members)
    before: list[int | None] = [None] * len(members)
    lags: list[float] = [0] * len(members)
    place, latest = 0, None
    recorded = overlap.start
    for number, (start, _, _) in enumerate(members):
        while members[by_end[place]][1] <= start:
            ended = by_end[place]
            recorded = members[ended][1]
            if latest is None or ends[ended] > ends[latest]:
                latest = ended
            place += 1
        before[number] = latest
        lags[number] = (start - recorded) * factors[overlap.label]
        began = lags[number] + (0 if latest is None else ends[latest])
        ends[number] = began + sum(parts[number].values())
    found: Parts = {}
    last: int | None = max(range(len(members)), key=ends.__getitem__)
    while last is not None:
        merge(found, parts[last])
        merge(found, {labels[overlap.label].category: lags[last]})
        last = before[last]
    return found
