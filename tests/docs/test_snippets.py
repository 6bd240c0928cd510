"""Every snippet runs, every command exists, every link leads somewhere."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any, Final

import pytest
import typer

from agent_otel.cli.main import app
from tests.docs.documents import DOCS, ROOT, WRITTEN, Block, anchors, blocks, every_block, links, read
from tests.launching import Workshop

if TYPE_CHECKING:
    from pathlib import Path

NO_RUN: Final = "no-run"
SNIPPETS: Final = [block for block in every_block("python") if NO_RUN not in block.words]
STORES: Final = [block for block in SNIPPETS if "store_directory" in block.text]
WIDTH: Final = 120


@pytest.mark.parametrize("block", SNIPPETS, ids=str)
def test_a_snippet_runs(block: Block, tmp_path: Path) -> None:
    workshop = Workshop(tmp_path, {"AGENT_OTEL_DIR": str(tmp_path / "store")})
    if "agent_otel.instrument(" in block.text:
        workshop.write("app.py", block.text)
        done = workshop.run("python", "app.py")
    else:
        done = workshop.instrumented(block.text)
    # Nothing on stderr: telemetry errors are warnings there, so that they would not fail the program.
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("block", STORES, ids=str)
def test_a_snippet_that_reads_the_store_finds_a_run(block: Block, tmp_path: Path) -> None:
    workshop = Workshop(tmp_path)
    workshop.instrumented("from agent_otel import workflow\nwith workflow('plan'):\n    pass\n")
    workshop.write("reader.py", block.text)
    done = workshop.run("python", "reader.py")
    assert (done.returncode, done.stderr) == (0, "")
    assert "invoke_workflow plan" in done.stdout


def test_snippets_that_do_not_run_are_rare() -> None:
    assert len(every_block("python")) - len(SNIPPETS) <= 2


def lines() -> list[str]:
    """The lines in console and bash blocks that call us."""
    found = [line.removeprefix("$ ") for block in every_block("console", "bash") for line in block.text.splitlines()]
    return [line for line in found if line.startswith("agent-otel")]


@pytest.mark.parametrize("line", lines())
def test_a_command_is_understood(line: str) -> None:
    words = shlex.split(line, comments=True)
    stops = [place for place, word in enumerate(words) if word in {"|", ">", "&&"}]
    _, *arguments = words[: stops[0]] if stops else words
    if arguments == ["--version"]:
        return
    command, *rest = arguments
    tree: Any = typer.main.get_command(app)
    assert command in tree.commands
    tree.commands[command].make_context(command, rest)  # raises for an option or a value that it does not know


def test_inline_commands_exist() -> None:
    tree: Any = typer.main.get_command(app)
    for document in WRITTEN:
        for command in re.findall(r"`agent-otel ([a-z]+)", read(document)):
            assert command in tree.commands, document


def test_every_fence_names_its_language() -> None:
    for document in WRITTEN:
        for block in blocks(document):
            assert block.language in {"python", "console", "bash", "text", "json", "yaml"}, str(block)


@pytest.mark.parametrize("document", WRITTEN)
def test_links_lead_somewhere(document: str) -> None:
    for link in links(document):
        if re.match(r"https?://", link):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / document).parent / path if path else ROOT / document
        assert target.exists(), link
        if anchor:
            assert anchor in anchors(str(target.resolve().relative_to(ROOT))), link


def test_the_index_lists_every_document() -> None:
    listed = set(links("docs/README.md"))
    assert listed == {str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md")} - {"README.md"}


@pytest.mark.parametrize("document", WRITTEN)
def test_prose_is_as_wide_as_code(document: str) -> None:
    text = read(document)
    fenced = {
        number for block in blocks(document) for number in range(block.line, block.line + block.text.count("\n") + 1)
    }
    wide = [
        number
        for number, line in enumerate(text.splitlines(), start=1)
        if len(line) > WIDTH and number not in fenced and not line.startswith(("|", "    "))
    ]
    assert wide == []


@pytest.mark.parametrize("document", WRITTEN)
def test_no_machine_is_named(document: str) -> None:
    assert re.findall(r"/(?:home|root|work|Users)/|pypi\.org", read(document)) == []
