"""``agent-otel compare``: which agent, CLI, model, prompt or commit does best."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from agent_otel.cli import selection
from agent_otel.cli.errors import CommandError
from agent_otel.cli.extra import needs
from agent_otel.cli.store import Directory, opened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent_otel.analysis.candidates import Pools

Word = TypeVar("Word", bound=str)
NUMERIC = ("numpy", "scipy")


def compare(
    by: Annotated[
        str, typer.Option("--by", metavar="KEYS", help="agent, cli, model, prompt_version, revision; commas between.")
    ] = "agent,cli",
    metric: Annotated[
        str, typer.Option("--metric", metavar="METRIC", help="duration, quality, success, tokens or cost.")
    ] = "duration",
    kind: Annotated[
        str | None,
        typer.Option(
            "--kind",
            metavar="KIND",
            help="agent, node, llm or run. [default: llm by model alone, else agent]",
            show_default=False,
        ),
    ] = None,
    category: Annotated[
        str | None,
        typer.Option("--category", metavar="TYPE", help="Only tasks of this type.", show_default=False),
    ] = None,
    directory: Directory = None,
    since: selection.Since = None,
    minimum: Annotated[
        int, typer.Option("--min-samples", metavar="N", min=2, help="The least of a candidate to be compared.")
    ] = 10,
    form: selection.Format = "text",
    output: selection.Output = None,
) -> None:
    """Say which agent, CLI, model, prompt or commit does best, and how sure that is."""
    with needs("analysis", NUMERIC):
        from agent_otel.analysis.candidates import BY, METRICS, Pools
        from agent_otel.analysis.compare import compare as compared
    from agent_otel.analysis.samples import KINDS, stored_samples
    from agent_otel.report.comparison.registry import FORMATS, renderer

    keys = [one_of("--by", word.strip(), BY) for word in dict.fromkeys(by.split(",")) if word.strip()]
    if not keys:
        raise CommandError(f"--by needs at least one of {', '.join(BY)}", 2)
    chosen = "llm" if "model" in keys and not {"agent", "cli"} & set(keys) else "agent"
    pools = Pools(keys, one_of("--metric", metric, METRICS), one_of("--kind", kind or chosen, KINDS), category)
    selection.known_format(form, FORMATS)
    when = selection.start(None, since)
    with opened(directory) as reader:
        pools.add(stored_samples(reader, when))
        if not pools.by_category:
            raise selection.nothing(reader, since) if not reader.runs() else CommandError(_nothing(pools, since))
        found = compared(pools, minimum, [str(problem) for problem in reader.problems])
    if not any(one.measured for one in found.candidates) and metric != "success":
        raise CommandError(f"no {metric} known of any of {found.samples:,} samples; {KNOWN_WHERE[metric]}")
    selection.write(partial(renderer(form), found), output)


KNOWN_WHERE = {
    "duration": "what failed or was stopped has none that counts",
    "quality": "the program sets it on tasks, as `agent_otel.task.quality`",
    "tokens": "only libraries and CLIs that report their usage have them",
    "cost": "the program sets it on LLM calls and agents, as `agent_otel.cost`",
}


def one_of(option: str, word: Word | str, known: Sequence[Word]) -> Word:
    """The word as one of those known; a ``CommandError`` names them."""
    for one in known:
        if one == word:
            return one
    raise CommandError(f"{option} does not know {word!r}; it takes {', '.join(known)}", 2)


def _nothing(pools: Pools, since: str | None) -> str:
    when = f" since {since}" if since is not None else ""
    kind = {"agent": "agent run", "node": "node", "llm": "LLM call", "run": "run"}[pools.kind]
    of = f" of category {pools.category!r}" if pools.category else ""
    return f"no {kind}{of} in the store{when}; --kind, --category and --since choose others"
