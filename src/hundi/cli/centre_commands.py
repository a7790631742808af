"""The commands of `hundi network centre`."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from hundi.cli.options import DatabaseUrl, DataDir, Json, beside

app = typer.Typer(help="What the operator of the central unit decides.", no_args_is_help=True)


def _done(
    work: Callable[[Any], Coroutine[Any, Any, dict[str, str]]],
    data_dir: Path | None,
    database_url: str | None,
    *,
    as_json: bool,
) -> None:
    from hundi.cli.output import result, run

    found = run(work(beside(data_dir, database_url)))
    result(found, "\n".join(f"{name}: {value}" for name, value in found.items()), as_json=as_json)


@app.command()
def kyc(
    business_id: Annotated[str, typer.Argument(help="The business's object id (ORG…).")],
    approve: Annotated[bool, typer.Option("--approve/--reject", help="Whether it may trade.")] = True,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Approve a business, so that its B2B IDs may be used, or take it out of use."""
    from hundi.cli import centre

    _done(lambda s: centre.decide_kyc(s, business_id, approved=approve), data_dir, database_url, as_json=as_json)


@app.command()
def switch(
    b2b_id: Annotated[str, typer.Argument(help="The B2B ID.")],
    on: Annotated[bool, typer.Option("--on/--off", help="Whether it may be used for something new.")] = True,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Put a B2B ID into use or out of use."""
    from hundi.cli import centre

    _done(lambda s: centre.switch(s, b2b_id, active=on), data_dir, database_url, as_json=as_json)


@app.command()
def settle(
    payment_id: Annotated[str, typer.Argument(help="The on-platform payment's object id (PMT…).")],
    success: Annotated[bool, typer.Option("--success/--failed", help="What the rail says.")] = True,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Say how an on-platform payment ended."""
    from hundi.cli import centre

    _done(lambda s: centre.settle(s, payment_id, success=success), data_dir, database_url, as_json=as_json)


@app.command("let-in")
def let_in(
    home: Annotated[str, typer.Argument(help="The name another server signs with.")],
    public_key: Annotated[str, typer.Argument(help="Its ed25519 public key, base64.")],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Let another server's home in by its public key."""
    from hundi.cli import centre

    _done(lambda s: centre.let_in(s, home, public_key), data_dir, database_url, as_json=as_json)


@app.command()
def key(data_dir: DataDir = None, database_url: DatabaseUrl = None, as_json: Json = False) -> None:
    """Print the central unit's public key."""
    from hundi.cli import centre

    _done(centre.key, data_dir, database_url, as_json=as_json)
