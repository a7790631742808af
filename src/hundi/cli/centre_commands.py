"""The commands of `hundi network centre`."""

from typing import Annotated

import typer

from hundi.cli.options import DataDir, Json, with_secret
from hundi.cli.verb import Document, Told, verb
from hundi.config import Settings

app = typer.Typer(help="What the operator of the central unit decides.", no_args_is_help=True)


@verb(app, "kyc")
async def kyc(
    settings: Settings,
    business_id: Annotated[str, typer.Argument(help="The business's object id (ORG…).")],
    approve: Annotated[bool, typer.Option("--approve/--reject", help="Whether it may trade.")] = True,
) -> Document:
    """Approve a business, so that its B2B IDs may be used, or take it out of use."""
    from hundi.cli import centre

    return await centre.decide_kyc(settings, business_id, approved=approve)


@verb(app, "switch")
async def switch(
    settings: Settings,
    b2b_id: Annotated[str, typer.Argument(help="The B2B ID.")],
    on: Annotated[bool, typer.Option("--on/--off", help="Whether it may be used for something new.")] = True,
) -> Document:
    """Put a B2B ID into use or out of use."""
    from hundi.cli import centre

    return await centre.switch(settings, b2b_id, active=on)


@verb(app, "settle")
async def settle(
    settings: Settings,
    payment_id: Annotated[str, typer.Argument(help="The on-platform payment's object id (PMT…).")],
    success: Annotated[bool, typer.Option("--success/--failed", help="What the rail says.")] = True,
) -> Document:
    """Say how an on-platform payment ended."""
    from hundi.cli import centre

    return await centre.settle(settings, payment_id, success=success)


@verb(app, "enrol")
async def enrol(
    settings: Settings,
    server: Annotated[str, typer.Argument(help="The name the server gets: small letters, digits, hyphens.")],
    public_key: Annotated[str, typer.Option("--key", help="What `hundi network server-key` prints there.")],
    address: Annotated[str, typer.Option("--address", help="How it is reached: https://host.")],
) -> Document:
    """Let another server in, or give it a new key or address."""
    from hundi.cli import centre

    return await centre.enrol(settings, server, public_key, address)


@verb(app, "servers")
async def servers(settings: Settings) -> Told:
    """List the servers, what waits for each and why, and what one of them refused for good."""
    from hundi.cli import centre

    found = await centre.servers(settings)
    lines = [
        f"{one['home']}: {one['address']}, {one['count']} waiting{_because(one['problem'])}" for one in found["servers"]
    ]
    lines += [
        f"refused {one['parcel_id']} for {one['receiver']}: {one['code']}: {one['detail']}" for one in found["refused"]
    ]
    return Told(found, "\n".join(lines) or "No server is enrolled.")


def _because(problem: str | None) -> str:
    return f" ({problem})" if problem else ""


@app.command()
def key(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Print the central unit's public key."""
    from hundi.cli.keys import centre_key, keyring_of
    from hundi.cli.output import result

    found = centre_key(keyring_of(with_secret(data_dir)))
    result({"publicKey": found}, found, as_json=as_json)
