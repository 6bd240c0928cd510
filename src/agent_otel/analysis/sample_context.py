"""Who did what in a run: for every span the agent, CLI, model, task and prompt around it, and what it used below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from agent_otel import semconv
from agent_otel.analysis.groups import IN_PROCESS, UNKNOWN, model_of
from agent_otel.store.assemble import top_down
from agent_otel.store.model import text

if TYPE_CHECKING:
    from agent_otel.store.reader import Run, Span

SEVERAL: Final = "several"
"""The model, or the category, of what used more than one."""


@dataclass(slots=True)
class Told:
    """What a span says of its task, or what those below or around it say; ``quality`` is a mean over ``scores``."""

    model: str = ""
    category: str = ""
    quality: float | None = None
    scores: int = 1

    def join(self, other: Told) -> None:
        """Take in what another one says: two models are several, two qualities a mean."""
        self.model = _both(self.model, other.model)
        self.category = _both(self.category, other.category)
        if other.quality is None:
            return
        if self.quality is None:
            self.quality, self.scores = other.quality, other.scores
        else:
            scores = self.scores + other.scores
            self.quality = (self.quality * self.scores + other.quality * other.scores) / scores
            self.scores = scores

    def over(self, other: Told | None) -> Told:
        """This, and where it says nothing the other."""
        if other is None:
            return self
        quality, scores = (other.quality, other.scores) if self.quality is None else (self.quality, self.scores)
        return Told(self.model or other.model, self.category or other.category, quality, scores)


@dataclass(slots=True)
class Context:
    """What is known of a span: empty text or None where nothing is.

    ``tokens`` and ``cost`` are the span's own, else the sum of what lies below. ``told`` is what the span says, else
    what those below say, else the nearest around it. ``agent``, ``cli`` and ``prompt_version`` are the nearest.
    """

    told: Told
    agent: str = ""
    cli: str = ""
    prompt_version: str = ""
    tokens: int | None = None
    cost: float | None = None
    acts: bool = False


def contexts(run: Run) -> list[Context | None]:
    """The context of every span by its position; None for waits and other annotations."""
    order = top_down(run.parents)
    words = [span.operation for span in run.spans]
    found: list[Context | None] = [
        None if span.annotation else _own(span, word) for span, word in zip(run.spans, words, strict=True)
    ]
    _mark_acting(run, order, words, found)
    below = _tell_upwards(run, order, found)
    around: list[Told | None] = [None] * len(found)
    for position in order:
        context, above = found[position], run.parents[position]
        outer = None if above == -1 else found[above]
        if context is None or outer is None:
            continue
        context.agent = context.agent or outer.agent
        context.cli = context.cli or outer.cli
        context.prompt_version = context.prompt_version or outer.prompt_version
        around[position] = outer.told.over(around[above])
    for position, context in enumerate(found):
        if context is not None:
            context.told = context.told.over(below[position]).over(around[position])
    return found


def _own(span: Span, word: str) -> Context:
    acting = word == semconv.INVOKE_AGENT
    made = Context(
        Told(
            model=_model(span) if acting or word in semconv.LLM_OPERATIONS else "",
            category=text(span, semconv.TASK_TYPE) or "",
            quality=_number(span, semconv.TASK_QUALITY),
        ),
        cost=_number(span, semconv.COST),
    )
    version = span.attributes.get(semconv.PROMPT_VERSION)
    if version is not None:
        made.prompt_version = str(version)
    tokens_in = _number(span, semconv.USAGE_INPUT_TOKENS)
    tokens_out = _number(span, semconv.USAGE_OUTPUT_TOKENS)
    if tokens_in is not None or tokens_out is not None:
        made.tokens = round((tokens_in or 0) + (tokens_out or 0))
    if acting or word == semconv.NODE:
        made.agent = text(span, semconv.AGENT_NAME if acting else semconv.NODE_NAME) or UNKNOWN
        made.cli = text(span, semconv.AGENT_CLI) or IN_PROCESS
    return made


def _mark_acting(run: Run, order: list[int], words: list[str], found: list[Context | None]) -> None:
    """An agent run acts, and so does the nearest node around an LLM call in which no agent runs."""
    enclosing = [-1] * len(words)
    calls: dict[int, bool] = {}
    for position in order:
        above = run.parents[position]
        if above != -1:
            enclosing[position] = above if words[above] in (semconv.NODE, semconv.INVOKE_AGENT) else enclosing[above]
        place, word = enclosing[position], words[position]
        if place != -1 and (word == semconv.INVOKE_AGENT or word in semconv.LLM_OPERATIONS):
            calls[place] = calls.get(place, False) or word == semconv.INVOKE_AGENT
    for position, context in enumerate(found):
        if context is not None:
            context.acts = words[position] == semconv.INVOKE_AGENT or calls.get(position) is False


def _tell_upwards(run: Run, order: list[int], found: list[Context | None]) -> list[Told | None]:
    """Add what spans used to those around them that do not say it themselves; what those below each span say."""
    below: list[Told | None] = [None] * len(found)
    stated = [(context is not None and context.tokens is not None) for context in found]
    priced = [(context is not None and context.cost is not None) for context in found]
    for position in reversed(order):
        context, above = found[position], run.parents[position]
        outer = None if above == -1 else found[above]
        if context is None or outer is None:
            continue
        if context.tokens is not None and not stated[above]:
            outer.tokens = (outer.tokens or 0) + context.tokens
        if context.cost is not None and not priced[above]:
            outer.cost = (outer.cost or 0.0) + context.cost
        told = context.told.over(below[position])
        if told.model or told.category or told.quality is not None:
            before = below[above]
            if before is None:
                before = below[above] = Told()
            before.join(told)
    return below


def _both(one: str, other: str) -> str:
    if not one or not other:
        return one or other
    return one if one == other else SEVERAL


def _model(span: Span) -> str:
    found = model_of(span)
    return "" if found == UNKNOWN else found


def _number(span: Span, key: str) -> float | None:
    stated = span.attributes.get(key)
    return float(stated) if isinstance(stated, (int, float)) and not isinstance(stated, bool) else None
