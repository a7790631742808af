"""What the command itself answers, and what every verb beside a running server has in common."""

import json
from collections.abc import Iterator
from typing import Annotated

import pytest
import structlog
import typer
from typer.testing import CliRunner

from hundi import __version__
from hundi.cli.main import app
from hundi.cli.options import Seller
from hundi.cli.output import Refused
from hundi.cli.verb import Document, Told, verb
from hundi.config import Settings


@pytest.fixture(autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """A command sends its log to standard error, which the runner closes after it."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


Thing = Annotated[str, typer.Argument(help="What is shown.")]


def test_the_version_is_printed_and_nothing_is_run() -> None:
    done = CliRunner().invoke(app, ["--version"])
    assert (done.exit_code, done.output) == (0, f"hundi {__version__}\n")
    before_a_verb = CliRunner().invoke(app, ["--version", "db", "status"])
    assert (before_a_verb.exit_code, before_a_verb.output) == (0, f"hundi {__version__}\n")


def test_without_a_verb_the_help_is_shown() -> None:
    done = CliRunner().invoke(app, [])
    assert done.exit_code == 2
    assert "--version" in done.output


def test_a_verb_prints_lines_for_people_and_one_document_for_programs() -> None:
    commands = typer.Typer()

    @verb(commands, "show")
    async def show(settings: Settings, thing: Thing, seller: Seller = None) -> Document:
        return {"thing": thing, "seller": seller, "database": settings.database_url}

    @verb(commands, "list")
    async def every(settings: Settings, most: int = 2) -> Document:
        return [{"at": at, "of": most} for at in range(most)]

    beside = ["--database-url", "postgresql://nowhere/hundi"]
    people = CliRunner().invoke(commands, ["show", "it", "--seller", "CEK1", *beside])
    assert people.output.splitlines() == ["thing: it", "seller: CEK1", "database: postgresql://nowhere/hundi"]
    programs = CliRunner().invoke(commands, ["show", "it", "--json", *beside])
    assert json.loads(programs.output) == {"thing": "it", "seller": None, "database": "postgresql://nowhere/hundi"}
    assert CliRunner().invoke(commands, ["list", *beside]).output == "at=0  of=2\nat=1  of=2\n"
    assert CliRunner().invoke(commands, ["list", "--most", "0", *beside]).output == "None.\n"
    assert CliRunner().invoke(commands, ["show", *beside]).exit_code == 2


def test_a_verb_that_finds_something_wrong_says_so_and_ends_with_one() -> None:
    commands = typer.Typer()

    @verb(commands, "look")
    async def look(settings: Settings, good: bool = False) -> Told:
        return Told({"good": good}, "As it should be." if good else "Broken.", good=good)

    @verb(commands, "refuse")
    async def refuse(settings: Settings) -> Told:
        message = "Not today."
        raise Refused(message)

    beside = ["--database-url", "postgresql://nowhere/hundi"]
    found = [CliRunner().invoke(commands, ["look", *more, *beside]) for more in ((), ("--good",))]
    assert [(one.exit_code, one.output) for one in found] == [(1, "Broken.\n"), (0, "As it should be.\n")]
    refused = CliRunner().invoke(commands, ["refuse", "--json", *beside])
    assert (refused.exit_code, refused.stdout, refused.stderr) == (1, "", "Not today.\n")
