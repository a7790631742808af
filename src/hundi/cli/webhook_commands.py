"""`hundi webhook …`: who is told what happens, what became of it, and telling it again."""

from typing import Annotated

import typer

from hundi.cli.options import DatabaseUrl, DataDir, Json, Seller, Since, Until
from hundi.cli.verb import Document, tell, verb
from hundi.config import Settings

app = typer.Typer(help="Webhook endpoints and their deliveries.", no_args_is_help=True)

EndpointId = Annotated[str, typer.Argument(help="Endpoint id (whe_…).")]
DeliveryId = Annotated[str, typer.Argument(help="Delivery id (whd_…).")]
Types = Annotated[
    list[str] | None, typer.Option("--event", help="invoice.dispatched, invoice.* or *; may be repeated.")
]


@verb(app, "endpoints")
async def endpoints(settings: Settings, seller: Seller = None) -> Document:
    """List a company's endpoints."""
    from hundi.cli import webhooks

    return await webhooks.endpoints(settings, seller)


@verb(app, "create")
async def create(
    settings: Settings,
    url: Annotated[str, typer.Argument(help="https://…; http:// where HUNDI_OUTGOING_ALLOW has the host and port.")],
    event: Types = None,
    description: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    secret: Annotated[str | None, typer.Option(help="whsec_… of your own. Default: one is made.")] = None,
    seller: Seller = None,
) -> Document:
    """Register an endpoint; its secret is shown this once."""
    from hundi.cli import webhooks

    return await webhooks.create(
    settings, seller, url=url, types=event or [], description=description, secret=secret
)  # fmt: skip


@verb(app, "set")
async def change(
    settings: Settings,
    endpoint_id: EndpointId,
    url: Annotated[str | None, typer.Option(help="Another address.")] = None,
    event: Types = None,
    description: Annotated[str | None, typer.Option(help="What it is for; empty clears.")] = None,
    status: Annotated[str | None, typer.Option(help="ENABLED or DISABLED.")] = None,
    seller: Seller = None,
) -> Document:
    """Change an endpoint; --event replaces all its event types."""
    from hundi.cli import webhooks

    return await webhooks.change(
    settings, seller, endpoint_id, url=url, types=event or [], description=description, status=status
)  # fmt: skip


@verb(app, "rotate")
async def rotate(
    settings: Settings,
    endpoint_id: EndpointId,
    seller: Seller = None,
) -> Document:
    """Give an endpoint a new secret, shown this once; the old one signs beside it for 24 hours."""
    from hundi.cli import webhooks

    return await webhooks.rotate(settings, seller, endpoint_id)


@verb(app, "delete")
async def delete(
    settings: Settings,
    endpoint_id: EndpointId,
    seller: Seller = None,
) -> Document:
    """Delete an endpoint: nothing goes there any more."""
    from hundi.cli import webhooks

    return await webhooks.delete(settings, seller, endpoint_id)


@verb(app, "test")
async def ping(
    settings: Settings,
    endpoint_id: EndpointId,
    seller: Seller = None,
) -> Document:
    """Send a webhook.test message through the running worker."""
    from hundi.cli import webhooks

    return await webhooks.ping(settings, seller, endpoint_id)


@verb(app, "deliveries")
async def deliveries(
    settings: Settings,
    endpoint_id: Annotated[str | None, typer.Option("--endpoint", help="Only this endpoint's.")] = None,
    state: Annotated[str | None, typer.Option(help="PENDING, SENDING, DELIVERED or FAILED.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=5000, help="At most so many.")] = 50,
    seller: Seller = None,
) -> Document:
    """List deliveries, the newest first."""
    from hundi.cli import webhooks

    return await webhooks.deliveries(settings, seller, endpoint_id=endpoint_id, state=state, limit=limit)


@verb(app, "show")
async def show(
    settings: Settings,
    delivery_id: DeliveryId,
    seller: Seller = None,
) -> Document:
    """Show one delivery with what it says and its attempts."""
    from hundi.cli import webhooks

    return await webhooks.show(settings, seller, delivery_id)


@app.command("replay")
def replay(
    delivery_or_endpoint: Annotated[
        str, typer.Argument(help="A delivery (whd_…), or an endpoint (whe_…) with a period.")
    ],
    since: Since = None,
    until: Until = None,
    state: Annotated[
        list[str] | None, typer.Option("--state", help="DELIVERED or FAILED; may be repeated. Default: FAILED")
    ] = None,
    unheard: Annotated[bool, typer.Option("--unheard", help="Also what happened while the endpoint was off.")] = False,
    seller: Seller = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    as_json: Json = False,
) -> None:
    """Send a delivery again, or all of an endpoint's period; ids and sequence numbers stay."""
    from hundi.cli import webhooks

    if delivery_or_endpoint.startswith("whe_") != bool(since and until):
        message = "Name a delivery, or an endpoint together with --from and --to."
        raise typer.BadParameter(message)
    if since and until:
        start, end = since, until
        tell(
            lambda settings: webhooks.replay_period(
                settings, seller, delivery_or_endpoint, since=start, until=end, states=state or [], unheard=unheard
            ),
            data_dir, database_url, as_json=as_json,
        )  # fmt: skip
        return
    tell(
        lambda settings: webhooks.replay_one(settings, seller, delivery_or_endpoint),
        data_dir, database_url, as_json=as_json,
    )  # fmt: skip


@app.command("event-types")
def event_types(as_json: Json = False) -> None:
    """List the types of events there are."""
    from hundi.cli import webhooks
    from hundi.cli.output import result

    found = webhooks.event_types()
    result(found, "\n".join(f"{one['type']}: {one['description']}" for one in found), as_json=as_json)
