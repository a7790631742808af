"""`hundi network …`: the central unit by itself, a server's key and outbox, the buyer's side, and the simulator."""

from enum import StrEnum
from typing import Annotated

import typer

from hundi.cli.options import DatabaseUrl, DataDir, Host, Json, Port, Seller, settings_from, with_secret
from hundi.cli.verb import Told, verb
from hundi.config import Settings

app = typer.Typer(help="The B2B invoice network.", no_args_is_help=True)


class Faults(StrEnum):
    """How bad the simulated wire and machines are."""

    NONE = "none"
    NORMAL = "normal"
    HARD = "hard"


class Store(StrEnum):
    """Where the simulated ends keep their books."""

    MEMORY = "memory"
    POSTGRES = "postgres"


@app.command()
def simulate(
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same run, byte for byte.")] = 1,
    businesses: Annotated[int, typer.Option(min=2, max=1000, help="How many businesses trade.")] = 50,
    days: Annotated[int, typer.Option(min=1, max=365, help="How many virtual days.")] = 30,
    faults: Annotated[Faults, typer.Option(help="What goes wrong on the wire and with machines.")] = Faults.NORMAL,
    store: Annotated[Store, typer.Option(help="In memory, or in a PostgreSQL of its own.")] = Store.MEMORY,
    database_url: Annotated[
        str | None, typer.Option(help="For --store postgres: the app role's address of an upgraded, empty database.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Let businesses trade for a virtual month and print the ledger of both sides; exit code 1 if an invariant breaks."""
    from typing import Any

    from hundi.cli.output import refuse, result, run
    from hundi.cli.simulating import over_postgres
    from hundi.network.simulator.ledger import document, text
    from hundi.network.simulator.ledger import simulate as run_scenario
    from hundi.network.simulator.world import Scenario

    if database_url is not None and store is Store.MEMORY:
        refuse("--database-url goes with --store postgres.")

    async def ran() -> tuple[dict[str, Any], str, bool]:
        scenario = Scenario(seed=seed, businesses=businesses, days=days, faults=faults)
        if store is Store.MEMORY:
            outcome = await run_scenario(scenario)
        else:
            outcome = await over_postgres(scenario, database_url)
        return (document(outcome), "", not outcome.broken) if as_json else ({}, text(outcome), not outcome.broken)

    found, ledger, whole = run(ran())
    result(found, ledger, as_json=as_json)
    raise typer.Exit(0 if whole else 1)


@verb(app, "inbox")
async def inbox(
    settings: Settings,
    status: Annotated[str | None, typer.Option("--status", help="Such as 'SENT TO BUYER' or ACCEPTED.")] = None,
    supplier: Annotated[str | None, typer.Option("--supplier", help="A supplier's B2B ID.")] = None,
    verdict: Annotated[str | None, typer.Option("--verdict", help="Such as MATCHED or PRICE_DIFFERS.")] = None,
    due_to: Annotated[str | None, typer.Option("--due-to", help="Due on this day or before: yyyy-MM-dd.")] = None,
    text: Annotated[str | None, typer.Option("--text", help="Part of a number, supplier or order.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=5000, help="How many, those due first.")] = 50,
    seller: Seller = None,
) -> Told:
    """List received invoices: supplier, dates, what is due, and how they match their orders."""
    from hundi.cli.payables import Wish, listed

    wish = Wish(status=status, supplier=supplier, verdict=verdict, due_to=due_to, text=text, limit=limit)
    return await listed(settings, seller, wish)


@verb(app, "match")
async def match(
    settings: Settings,
    invoice_id: Annotated[str, typer.Argument(help="The object id of a received invoice.")],
    seller: Seller = None,
) -> Told:
    """Match a received invoice with its orders and notes; exit code 1 when something differs beyond the tolerances."""
    from hundi.cli.payables import matched

    return await matched(settings, seller, invoice_id)


@app.command()
def serve(
    data_dir: DataDir = None,
    host: Host = None,
    port: Port = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Run the central unit by itself, for servers that connect to it; companies live on those."""
    from hundi.cli.output import run
    from hundi.cli.up import up

    settings = settings_from(data_dir=data_dir, host=host, port=port, database_url=database_url)
    run(up(settings, centre_alone=True))


@app.command("server-key")
def server_key(data_dir: DataDir = None, as_json: Json = False) -> None:
    """Print the public key of this server, with which a central unit elsewhere lets it in."""
    from hundi.cli import keys
    from hundi.cli.output import result

    found = keys.server_key(keys.keyring_of(with_secret(data_dir)))
    result({"publicKey": found}, found, as_json=as_json)


@verb(app, "outbox")
async def outbox(settings: Settings, seller: Seller = None) -> Told:
    """List what companies have sent that waits to be carried, and what the central unit refused for good."""
    from hundi.cli import networking

    found = await networking.outbox(settings, seller)
    lines = [
        f"{one['sellerId']} {one['parcelId']} {one['state']} after {one['attempts']} attempts"
        + (f": {one['problem']}" if one["problem"] else "")
        for one in found
    ]
    return Told(found, "\n".join(lines) or "Nothing waits and nothing was refused.")
