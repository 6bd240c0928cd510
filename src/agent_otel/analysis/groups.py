"""Spans of one kind by name: how many, how often they failed, how long they took."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from agent_otel import semconv
from agent_otel.store.assemble import top_down
from agent_otel.store.model import text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_otel.store.reader import Run, Span

BY: Final = ("agent", "cli", "model", "node")
"""What ``--by`` may name."""
UNKNOWN: Final = "-"
IN_PROCESS: Final = "in process"
"""The CLI of an agent that is none: it runs inside the instrumented program."""


@dataclass(slots=True)
class Durations:
    """The durations (nanoseconds) of one group, and how many of them failed."""

    errors: int = 0
    values: array[int] = field(default_factory=lambda: array("q"))

    def add(self, span: Span) -> None:
        """Count a span."""
        self.values.append(span.end - span.start)
        self.errors += span.failed

    def extend(self, other: Durations) -> None:
        """Count all of another group."""
        self.values.extend(other.values)
        self.errors += other.errors


@dataclass(frozen=True, slots=True)
class Group:
    """A group's result; durations in seconds. ``p95`` and ``median`` are interpolated."""

    name: str
    count: int
    errors: int
    median: float
    p95: float
    total: float


def quantile(ordered: Sequence[int], fraction: float) -> float:
    """The quantile of sorted values, interpolated linearly (numpy's default, type 7); 0 for none."""
    if not ordered:
        return 0.0
    rank = fraction * (len(ordered) - 1)
    low = int(rank)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (rank - low)


def result(name: str, durations: Durations) -> Group:
    """The figures of a group."""
    ordered = sorted(durations.values)
    return Group(
        name=name,
        count=len(ordered),
        errors=durations.errors,
        median=quantile(ordered, 0.5) / 1e9,
        p95=quantile(ordered, 0.95) / 1e9,
        total=sum(ordered) / 1e9,
    )


def model_of(span: Span) -> str:
    """The model that was asked for, else the one that answered."""
    return text(span, semconv.REQUEST_MODEL) or text(span, semconv.RESPONSE_MODEL) or UNKNOWN


def kind_and_name(span: Span) -> tuple[str, str] | None:
    """The list of the report that a span belongs to, and its name there; None if to no list."""
    word = span.operation
    if word == semconv.NODE:
        return "nodes", text(span, semconv.NODE_NAME) or UNKNOWN
    if word == semconv.INVOKE_AGENT:
        return "agents", text(span, semconv.AGENT_NAME) or UNKNOWN
    if word in semconv.LLM_OPERATIONS:
        return "llm", semconv.span_name(word, model_of(span))
    if word == semconv.GIT:
        return "git", text(span, semconv.GIT_OPERATION) or UNKNOWN
    return None


def by_kind(run: Run) -> dict[str, dict[str, Durations]]:
    """``nodes``, ``agents``, ``llm`` and ``git``: name -> durations."""
    lists: dict[str, dict[str, Durations]] = {"nodes": {}, "agents": {}, "llm": {}, "git": {}}
    for span in run.spans:
        found = kind_and_name(span)
        if found is not None:
            names = lists[found[0]]
            durations = names.get(found[1])
            if durations is None:
                durations = names[found[1]] = Durations()
            durations.add(span)
    return lists


def by_keys(run: Run, keys: Sequence[str]) -> dict[tuple[str, ...], Durations]:
    """Durations by a combination of ``BY``.

    With ``agent`` or ``cli`` they are those of agent runs and of nodes under which an LLM or CLI ran without one; else
    with ``model`` those of LLM calls (and of CLIs whose calls are not seen), else those of nodes. What a span does not
    say itself it has from the nearest span around it that does; the model of an agent run, from its first LLM call.
    """
    context = _inherited(run)
    groups: dict[tuple[str, ...], Durations] = {}
    for position in _population(run, keys):
        values = context[position]
        key = tuple(values[BY.index(word)] or UNKNOWN for word in keys)
        groups.setdefault(key, Durations()).add(run.spans[position])
    return groups


_Context = tuple[str, str, str, str]


def _inherited(run: Run) -> list[_Context]:
    nothing: _Context = ("", "", "", "")
    found: list[_Context] = [nothing] * len(run.spans)
    for position in top_down(run.parents):
        span, above = run.spans[position], run.parents[position]
        agent, cli, model, node = nothing if above == -1 else found[above]
        word = span.operation
        if word == semconv.INVOKE_AGENT:
            agent = text(span, semconv.AGENT_NAME) or UNKNOWN
            cli = text(span, semconv.AGENT_CLI) or IN_PROCESS
            model = text(span, semconv.REQUEST_MODEL) or model
        elif word == semconv.NODE:
            node = text(span, semconv.NODE_NAME) or UNKNOWN
            agent, cli = node, text(span, semconv.AGENT_CLI) or IN_PROCESS
        elif word in semconv.LLM_OPERATIONS:
            model = model_of(span)
        found[position] = (agent, cli, model, node)
    for position, span in enumerate(run.spans):
        if span.operation in semconv.LLM_OPERATIONS:
            _hand_up(run, position, found)
    return found


def _hand_up(run: Run, call: int, found: list[_Context]) -> None:
    """Tell the agents and nodes around an LLM call its model, where they have none yet."""
    model, above = found[call][2], run.parents[call]
    while above != -1:
        agent, cli, known, node = found[above]
        if not known:
            found[above] = (agent, cli, model, node)
        above = run.parents[above]


def _population(run: Run, keys: Sequence[str]) -> list[int]:
    words = [span.operation for span in run.spans]
    if "model" in keys and not {"agent", "cli"} & set(keys):
        calling = _around_calls(run, words, semconv.LLM_OPERATIONS)
        hidden = [
            position
            for position, span in enumerate(run.spans)
            if semconv.AGENT_CLI in span.attributes
            and semconv.REQUEST_MODEL in span.attributes
            and words[position] == semconv.INVOKE_AGENT
            and position not in calling
        ]
        return [position for position, word in enumerate(words) if word in semconv.LLM_OPERATIONS] + hidden
    if "agent" in keys or "cli" in keys:
        acting = _around_calls(run, words, semconv.LLM_OPERATIONS | {semconv.INVOKE_AGENT})
        return [
            position
            for position, word in enumerate(words)
            if word == semconv.INVOKE_AGENT or (word == semconv.NODE and acting.get(position) is False)
        ]
    return [position for position, word in enumerate(words) if word == semconv.NODE]


def _around_calls(run: Run, words: Sequence[str], calls: frozenset[str]) -> dict[int, bool]:
    """The nodes and agents nearest around a call -> whether an agent run is among these calls."""
    around = [-1] * len(words)
    nearest: dict[int, bool] = {}
    for position in top_down(run.parents):
        above = run.parents[position]
        if above != -1:
            enclosing = words[above] in (semconv.NODE, semconv.INVOKE_AGENT)
            around[position] = above if enclosing else around[above]
        place = around[position]
        if place != -1 and words[position] in calls:
            nearest[place] = nearest.get(place, False) or words[position] == semconv.INVOKE_AGENT
    return nearest
