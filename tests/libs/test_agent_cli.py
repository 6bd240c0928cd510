"""Which command lines start an agent CLI, and what their arguments say."""

from __future__ import annotations

import pytest

from agent_otel import semconv
from agent_otel.libs import agent_cli
from agent_otel.libs.agent_cli import CLIS, behind_env, facts, recognise

ID = "0199a213-81c0-7800-8aa1-bbab2a035a53"


@pytest.mark.parametrize(
    ("line", "name", "rest"),
    [
        ("claude -p hello", "claude", "-p hello"),
        ("/opt/bin/codex exec x", "codex", "exec x"),
        (r"C:\tools\claude.EXE -p", "claude", "-p"),
        (r"C:\tools\codex.cmd exec", "codex", "exec"),
        ("claude --version", "claude", "--version"),
        ("node --no-warnings -r x /usr/lib/claude --model m", "claude", "--model m"),
        ("node /usr/lib/node_modules/@anthropic-ai/claude-code/cli.js -p", "claude", "-p"),
        ("python3.11 -u -X dev /opt/claude -p", "claude", "-p"),
        ("npx -y @anthropic-ai/claude-code@latest -p", "claude", "-p"),
        ("npx --package @openai/codex -- codex exec", "codex", "exec"),
        ("npx @openai/codex", "codex", ""),
        ("bunx @openai/codex@0.1 exec", "codex", "exec"),
        ("bun x @openai/codex exec", "codex", "exec"),
        ("npm exec --yes -- @openai/codex exec", "codex", "exec"),
        ("pnpm dlx @anthropic-ai/claude-code -p", "claude", "-p"),
        ("uvx --from some-package claude -p", "claude", "-p"),
        ("uv tool run claude", "claude", ""),
        ("uv run claude -p", "claude", "-p"),
    ],
)
def test_recognised(line: str, name: str, rest: str) -> None:
    found = recognise(line.split())
    assert found is not None
    cli, words = found
    assert (cli.name, list(words)) == (name, rest.split())


@pytest.mark.parametrize(
    "line",
    [
        "", "git claude", "claude-monitor", "echo claude", "node", "node -e claude", "node server.js claude", "npx",
        "python -c claude", "python -m claude", "python x.py claude", "python", "npx prettier claude", "npm install",
        "uv pip install claude", "npx @openai/codex-other",
    ],
)  # fmt: skip
def test_others(line: str) -> None:
    assert recognise(line.split()) is None


def test_env_is_looked_through() -> None:
    assert behind_env(["env", "A=b", "-x"]) == ["-x"]
    assert behind_env(["/usr/bin/env", "-i", "-u", "HOME", "A=b", "C=d", "claude", "-p"]) == ["claude", "-p"]
    assert behind_env(["env"]) == []
    assert behind_env(["env", "--", "A=b", "env", "C=d", "git", "status"]) == ["git", "status"]


@pytest.mark.parametrize(
    ("name", "line", "model", "session"),
    [
        ("claude", "-p hi --model opus", "opus", None),
        ("claude", "--model=claude-sonnet-4-5 -p hi", "claude-sonnet-4-5", None),
        ("claude", "--model a --model b", "b", None),
        ("claude", "-m opus", None, None),
        ("claude", f"--session-id {ID}", None, ID),
        ("claude", f"-r {ID} -p go", None, ID),
        ("claude", f"--resume={ID}", None, ID),
        ("claude", "--resume -p go", None, None),
        ("claude", "-p -- --model opus", None, None),
        ("claude", "--model", None, None),
        ("codex", "exec -m gpt-5-codex go", "gpt-5-codex", None),
        ("codex", 'exec -c model="o3" go', "o3", None),
        ("codex", "exec -m a --config model=b -c other=c go", "a", None),
        ("codex", f"exec resume {ID} go", None, ID),
        ("codex", "exec resume --last go", None, None),
        ("codex", "exec resume everything", None, None),
    ],
)
def test_arguments(name: str, line: str, model: str | None, session: str | None) -> None:
    found = facts(agent_cli.BY_NAME[name], line.split())
    assert found.get(semconv.REQUEST_MODEL) == model
    assert found.get(semconv.CONVERSATION_ID) == session


def test_what_has_spaces_is_no_name() -> None:
    claude = agent_cli.BY_NAME["claude"]
    found = facts(claude, ["--resume", "tell me a secret", "--model", "two words"])
    assert found == {
        semconv.AGENT_NAME: "claude", semconv.AGENT_CLI: "claude", semconv.PROVIDER_NAME: "anthropic",
    }  # fmt: skip


@pytest.mark.parametrize("cli", CLIS, ids=lambda cli: cli.name)
def test_every_cli(cli: agent_cli.Cli) -> None:
    assert recognise([cli.name]) == (cli, [])
    for package in cli.packages:
        found = recognise(["npx", "-y", package, "x"])
        assert found == (cli, ["x"])
    for option in cli.model:
        assert facts(cli, [option, "some-model"])[semconv.REQUEST_MODEL] == "some-model"
