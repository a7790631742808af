"""`hundi network …`: the simulator of the B2B invoice network."""

from enum import StrEnum
from typing import Annotated

import typer

from hundi.cli.options import Json

app = typer.Typer(help="The B2B invoice network.", no_args_is_help=True)


class Faults(StrEnum):
    """How bad the simulated wire and machines are."""

    NONE = "none"
    NORMAL = "normal"
    HARD = "hard"


@app.command()
def simulate(
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same run, byte for byte.")] = 1,
    businesses: Annotated[int, typer.Option(min=2, max=1000, help="How many businesses trade.")] = 50,
    days: Annotated[int, typer.Option(min=1, max=365, help="How many virtual days.")] = 30,
    faults: Annotated[Faults, typer.Option(help="What goes wrong on the wire and with machines.")] = Faults.NORMAL,
    as_json: Json = False,
) -> None:
    """Let businesses trade for a virtual month and print the ledger of both sides; exit code 1 if an invariant breaks."""
    import asyncio
    from typing import Any

    from hundi.cli.output import result
    from hundi.network.simulator.ledger import document, text
    from hundi.network.simulator.ledger import simulate as run_scenario
    from hundi.network.simulator.world import Scenario

    async def ran() -> tuple[dict[str, Any], str, bool]:
        outcome = await run_scenario(Scenario(seed=seed, businesses=businesses, days=days, faults=faults))
        return (document(outcome), "", not outcome.broken) if as_json else ({}, text(outcome), not outcome.broken)

    found, ledger, whole = asyncio.run(ran())
    result(found, ledger, as_json=as_json)
    raise typer.Exit(0 if whole else 1)
