"""The commands of `hundi network centre`."""

from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

import typer

from hundi.cli.options import DatabaseUrl, DataDir, Json, beside, with_secret

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


@app.command()
def enrol(
    server: Annotated[str, typer.Argument(help="The name the server gets: small letters, digits, hyphens.")],
    public_key: Annotated[str, typer.Option("--key", help="What `hundi network server-key` prints there.")],
    address: Annotated[str, typer.Option("--address", help="How it is reached: https://host.")],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Let another server in, or give it a new key or address."""
    from hundi.cli import centre

    _done(lambda s: centre.enrol(s, server, public_key, address), data_dir, database_url, as_json=as_json)


@app.command()
def servers(data_dir: DataDir = None, database_url: DatabaseUrl = None, as_json: Json = False) -> None:
    """List the servers, what waits for each and why, and what one of them refused for good."""
    from hundi.cli import centre
    from hundi.cli.output import result, run

    found = run(centre.servers(beside(data_dir, database_url)))
    lines = [
        f"{one['home']}: {one['address']}, {one['count']} waiting{_because(one['problem'])}" for one in found["servers"]
    ]
    lines += [
        f"refused {one['parcel_id']} for {one['receiver']}: {one['code']}: {one['detail']}" for one in found["refused"]
    ]
    result(found, "\n".join(lines) or "No server is enrolled.", as_json=as_json)


def _because(problem: str | None) -> str:
    return f" ({problem})" if problem else ""


@app.command()
def key(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Print the central unit's public key."""
    from hundi.cli.keys import centre_key, keyring_of
    from hundi.cli.output import result

    found = centre_key(keyring_of(with_secret(data_dir)))
    result({"publicKey": found}, found, as_json=as_json)
