"""The page of commands: the help of each."""

from collections.abc import Iterator
from typing import Any, Final

import click
import typer.main

from hundi.cli.main import app as cli
from reference_pages.markdown import NOTE

WIDTH: Final = 100


def commands() -> Iterator[tuple[str, Any]]:
    """Give every command with its full name, those above others first."""
    return _below(typer.main.get_command(cli), "hundi")


def _below(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        if not child.hidden:
            yield from _below(child, f"{path} {name}")


def cli_page() -> str:
    """Print the help of every command."""
    parts = []
    for path, command in commands():
        context = click.Context(command, info_name=path, terminal_width=WIDTH, max_content_width=WIDTH)
        parts.append(f"## {path}\n\n```text\n{command.get_help(context).rstrip()}\n```\n")
    return (
        "# Commands\n\n"
        + NOTE
        + "Exit codes: 0 done, 1 refused (the reason is on standard error), 2 wrong usage. With "
        "`--json` a command prints one JSON document on standard output and nothing else.\n\n" + "\n".join(parts)
    )
