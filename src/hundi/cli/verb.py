"""The one way to make a command that works beside a running `hundi up`: its options, its run, what it prints.

Light: `--help` loads this. What a verb needs it imports when it runs.
"""

import inspect
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import typer

from hundi.cli.options import DatabaseUrl, DataDir, Json, beside
from hundi.config import Settings

Document = dict[str, Any] | list[dict[str, Any]]


class Told(NamedTuple):
    """What a command has to say: a document for programs, words for people. Not ``good``: exit code 1."""

    document: Document
    text: str
    good: bool = True


Work = TypeVar("Work", bound=Callable[..., Coroutine[Any, Any, Document | Told]])


def verb(app: typer.Typer, name: str) -> Callable[[Work], Work]:
    """Make a coroutine function the command ``name``, with --data-dir, --database-url and --json after its own options.

    Its first parameter is the settings; the others are arguments and options as Typer has them. It gives :class:`Told`,
    or a document that is shown to people as lines: an object a line for each field, a list a line for each of its rows.
    """

    def made(work: Work) -> Work:
        def command(
            *, data_dir: DataDir = None, database_url: DatabaseUrl = None, as_json: Json = False, **own: Any
        ) -> None:
            tell(lambda settings: work(settings, **own), data_dir, database_url, as_json=as_json)

        _, *own = inspect.signature(work).parameters.values()
        *besides, _ = inspect.signature(command).parameters.values()
        # Typer reads the options off the signature and, for those with a plain type, off the annotations.
        command.__signature__ = inspect.Signature([*own, *besides])  # type: ignore[attr-defined]  # PEP 362 has it
        command.__annotations__ = {one.name: one.annotation for one in (*own, *besides)}
        command.__doc__ = work.__doc__
        app.command(name)(command)
        return work

    return made


def tell(
    work: Callable[[Settings], Coroutine[Any, Any, Document | Told]],
    data_dir: Path | None,
    database_url: str | None,
    *,
    as_json: bool,
) -> None:
    """Run a verb on the settings and print what it gives; see :func:`verb`."""
    from hundi.cli.output import result, run

    found = run(work(beside(data_dir, database_url)))
    told = found if isinstance(found, Told) else Told(found, _lines(found))
    result(told.document, told.text, as_json=as_json)
    if not told.good:
        raise typer.Exit(1)


def _lines(document: Document) -> str:
    if isinstance(document, list):
        return "\n".join("  ".join(f"{key}={value}" for key, value in one.items()) for one in document) or "None."
    return "\n".join(f"{key}: {value}" for key, value in document.items())
