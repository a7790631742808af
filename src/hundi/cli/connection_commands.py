"""The commands of `hundi network connection`."""

from typing import Annotated

import typer

from hundi.cli.options import Seller
from hundi.cli.verb import Document, verb
from hundi.config import Settings

app = typer.Typer(help="How a company reaches the network: the central unit here, or a provider.", no_args_is_help=True)

Limit = Annotated[int, typer.Option(min=1, max=5000, help="At most so many.")]
Again = Annotated[bool, typer.Option("--retry/--dismiss", help="Try again, or end it.")]


@verb(app, "show")
async def show(settings: Settings, seller: Seller = None) -> Document:
    """Show a company's connection; secrets are never shown."""
    from hundi.cli import connections

    return await connections.show(settings, seller)


@verb(app, "set")
async def choose(
    settings: Settings,
    kind: Annotated[str, typer.Argument(help="central, enkash or zwitch.")],
    base_url: Annotated[str | None, typer.Option(help="The provider's address; Zwitch's own by default.")] = None,
    client_id: Annotated[str | None, typer.Option(help="EnKash: client id; Zwitch: access key.")] = None,
    client_secret: Annotated[str | None, typer.Option(help="EnKash: client secret; Zwitch: secret key.")] = None,
    username: Annotated[str | None, typer.Option(help="Who signs in; none: the client itself.")] = None,
    password: Annotated[str | None, typer.Option(help="The user's password.")] = None,
    b2b_id: Annotated[list[str] | None, typer.Option(help="A B2B ID of the company; may be repeated.")] = None,
    signing_secret: Annotated[str | None, typer.Option(help="whsec_…, where the provider signs its webhooks.")] = None,
    new_intake_secret: Annotated[bool, typer.Option("--new-intake-secret", help="The old one ends at once.")] = False,
    seller: Seller = None,
) -> Document:
    """Choose how a company reaches the network; a new intake secret is shown this once."""
    from hundi.cli import connections

    return await connections.choose(
    settings, seller, kind, base_url=base_url, client_id=client_id, client_secret=client_secret,
    username=username, password=password, b2b_ids=b2b_id or [], signing_secret=signing_secret,
    new_intake_secret=new_intake_secret,
)  # fmt: skip


@verb(app, "leave")
async def leave(settings: Settings, seller: Seller = None) -> Document:
    """Leave the provider: the company trades through the central unit here again."""
    from hundi.cli import connections

    return await connections.leave(settings, seller)


@verb(app, "kept")
async def kept(
    settings: Settings,
    limit: Limit = 50,
    seller: Seller = None,
) -> Document:
    """List the provider's webhooks that contradict what is known here and had no effect."""
    from hundi.cli import connections

    return await connections.kept(settings, seller, limit=limit)


@verb(app, "messages")
async def messages(
    settings: Settings,
    progress: Annotated[str | None, typer.Option(help="QUEUED, SENT, IN DOUBT or ANSWERED.")] = None,
    limit: Limit = 50,
    seller: Seller = None,
) -> Document:
    """List a company's messages to its provider and how far each has come."""
    from hundi.cli import connections

    return await connections.messages(settings, seller, progress=progress, limit=limit)


@verb(app, "settle")
async def settle(
    settings: Settings,
    thing: Annotated[str, typer.Argument(help="A kept webhook (nrx_…) or a message in doubt (MSG…).")],
    again: Again = True,
    seller: Seller = None,
) -> Document:
    """Try a kept webhook or a message in doubt again, or dismiss it: the webhook has no effect, the message has failed."""
    from hundi.cli import connections

    return await connections.settle(settings, seller, thing, again=again)
