"""What the command itself answers, before any verb."""

from __future__ import annotations

from typer.testing import CliRunner

from hundi import __version__
from hundi.cli.main import app


def test_the_version_is_printed_and_nothing_is_run() -> None:
    done = CliRunner().invoke(app, ["--version"])
    assert (done.exit_code, done.output) == (0, f"hundi {__version__}\n")
    before_a_verb = CliRunner().invoke(app, ["--version", "db", "status"])
    assert (before_a_verb.exit_code, before_a_verb.output) == (0, f"hundi {__version__}\n")


def test_without_a_verb_the_help_is_shown() -> None:
    done = CliRunner().invoke(app, [])
    assert done.exit_code == 2
    assert "--version" in done.output
