"""``runs``, ``show`` and ``report``: what they print, and how they fail."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from agent_otel.cli.main import COMMANDS, main
from agent_otel.cli.since import moment
from agent_otel.cli.store import Progress
from agent_otel.version import __version__
from tests.analysis.build import EPOCH, TRACE, Builder, example

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store with one run, named by the environment."""
    example().write(tmp_path)
    monkeypatch.setenv("AGENT_OTEL_DIR", str(tmp_path))
    return tmp_path


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"agent-otel {__version__}\n"


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert [command for command in COMMANDS if command not in out] == []
    assert main([]) == 0
    assert capsys.readouterr().out == out


def test_runs_lists_runs(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs"]) == 0
    assert TRACE[:8] in capsys.readouterr().out


def test_runs_are_limited(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = Builder("f" * 32)
    other.workflow(0, 1)
    other.write(store)
    assert main(["runs", "--limit", "1"]) == 0
    assert "and 1 older" in capsys.readouterr().out


def test_show_draws_the_tree(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", TRACE[:4]]) == 0
    assert "node slow" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], [TRACE[:4]], ["--since", "2020-01-01"], ["--all"]])
def test_report_of_runs(store: Path, arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", *arguments, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["wall_seconds"] == 600


def test_report_to_a_file(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = store / "report.md"
    assert main(["report", "-f", "md", "-o", str(target)]) == 0
    assert capsys.readouterr().out == ""
    assert target.read_text().startswith("# invoke_workflow plan")
    assert main(["report", "-o", str(store / "no" / "file")]) == 1
    assert "--output" in capsys.readouterr().err


def test_dir_wins_over_the_environment(
    store: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path_factory.mktemp("empty")
    assert main(["runs", "--dir", str(empty)]) == 0
    assert str(empty) in capsys.readouterr().out


def test_an_empty_store_says_how_to_record_a_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--dir", str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert main(["runs", "--dir", str(tmp_path)]) == 0
    for text in (error, capsys.readouterr().out):
        assert "opentelemetry-instrument python app.py" in text
        assert "agent-otel run -- python app.py" in text
        assert text.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["report", "--by", "agent,colour"], "--by does not know 'colour'"),
        (["report", "--by", ","], "--by needs"),
        (["report", "--since", "soon"], "--since cannot be 'soon'"),
        (["report", "--format", "xml"], "--format does not know 'xml'"),
        (["report", "ffff"], "no run starts with 'ffff'"),
        (["report", TRACE, "--since", "7d"], "either RUN or --since"),
        (["report", "--nope"], "--nope"),
        (["show"], "RUN"),
        (["show", "ffff"], "no run starts with 'ffff'"),
        (["runs", "--limit", "0"], "--limit"),
        (["nope"], "nope"),
    ],
)
def test_a_wrong_command_line_is_one_line_and_status_2(
    store: Path, arguments: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("agent-otel: ")
    assert named in error
    assert error.count("\n") == 1


def test_a_store_that_cannot_be_read_is_one_line_and_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    for arguments in (["runs"], ["report"], ["show", "a"]):
        assert main([*arguments, "--dir", str(tmp_path / "file")]) == 1
        assert "cannot be read" in capsys.readouterr().err


def test_nothing_since_then(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--since", "2999-01-01"]) == 1
    assert "no run started" in capsys.readouterr().err


def test_trouble_with_the_store_is_in_the_report(store: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (store / "agent-performance.json").write_text("{")
    (store / "otlp" / "traces-9-a.jsonl").write_text("nonsense\n")
    assert main(["report", "--format", "json"]) == 0
    warnings = json.loads(capsys.readouterr().out)["warnings"]
    assert [place.split(":")[0].rsplit("/", 1)[1] for place in warnings] == [
        "traces-9-a.jsonl, line 1",
        "agent-performance.json",
    ]
    assert main(["runs"]) == 0
    assert "traces-9-a.jsonl, line 1" in capsys.readouterr().err


def test_a_closed_pipe_is_silent(store: Path) -> None:
    big = Builder("e" * 32, EPOCH + 10**12)
    graph = big.workflow(0, 5)
    for _ in range(3000):
        big.chat(0, 1, graph)
    big.write(store)
    code = "import sys; from agent_otel.cli.main import main; sys.exit(main(['show', 'eeee']))"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 0


def test_help_imports_nothing_that_reads_or_analyses() -> None:
    code = (
        "import sys; from agent_otel.cli.main import main; main(['--version']); "
        "print(sorted(name for name in sys.modules if name.split('.')[0] in ('msgspec', 'opentelemetry') "
        "or name.startswith(('agent_otel.analysis.', 'agent_otel.store.'))))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[1] == "[]"


def test_shell_completion(store: Path) -> None:
    code = "import sys; from agent_otel.cli.main import main; sys.exit(main())"
    environ = {
        "_AGENT_OTEL_COMPLETE": "complete_bash",
        "COMP_WORDS": "agent-otel re",
        "COMP_CWORD": "1",
        "PATH": "/usr/bin:/bin",
    }
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environ, check=False)
    assert done.stdout.split() == ["report"]


def test_ages_and_dates() -> None:
    assert moment("7d") == timedelta(days=7)
    assert moment("1.5H") == timedelta(minutes=90)
    assert moment("2026-01-31T12:00:00Z") == datetime.fromisoformat("2026-01-31T12:00:00+00:00")
    naive = moment("2026-01-31")
    assert isinstance(naive, datetime)
    assert naive.tzinfo is not None
    for wrong in ("", "7", "d", "-3d", "2026-13-01", f"{10**12}w"):
        with pytest.raises(ValueError, match="give an age"):
            moment(wrong)


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_long_work_shows_its_progress_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent_otel.cli.store.PATIENCE", 0.0)
    for stream in (Terminal(), io.StringIO()):
        monkeypatch.setattr(sys, "stderr", stream)
        with Progress() as progress:
            progress(1, 2)
            progress(2, 2)
        assert ("reading the store" in stream.getvalue()) is stream.isatty()


def test_short_work_shows_none(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    with Progress() as progress:
        progress(1, 2)
    assert stream.getvalue() == ""
