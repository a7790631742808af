"""What a run leaves behind: the books of both sides in stable words, and a document for programs."""

from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from hundi.kit.money import ZERO
from hundi.network.protocol.objects import InvoiceFacts, NetworkObject, facts_of
from hundi.network.protocol.statuses import InvoiceStatus, Kind
from hundi.network.simulator.databases import Copy, Database
from hundi.network.simulator.invariants import Accounts, violations
from hundi.network.simulator.world import Scenario, World

_DEAD = frozenset({InvoiceStatus.REJECTED, InvoiceStatus.CANCELLED, InvoiceStatus.FAILED})


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A finished run: what was simulated, everybody's books, the wire's figures, and which invariants are broken."""

    scenario: Scenario
    accounts: Accounts
    figures: dict[str, int]
    refused: dict[str, int]
    broken: tuple[str, ...]


async def outcome_of(world: World) -> Outcome:
    """Read all books of a world that has come to rest, and hold them against the invariants."""
    centre = {copy.object.id: copy for copy in await world.centre.database.copies()}
    parties: dict[str, dict[str, Copy]] = {}
    leftovers = {}
    for name, node in world.nodes.items():
        leftovers[name] = await node.database.leftovers()
        if name in world.parties:
            parties[name] = {copy.object.id: copy for copy in await node.database.copies()}
    accounts = Accounts(
        centre=centre, parties=parties, leftovers=leftovers,
        submitted={name: tuple(node.submitted) for name, node in world.parties.items()},
        told={name: tuple(node.told) for name, node in world.parties.items()},
    )  # fmt: skip
    refused = Counter(
        delivery.resp.error_code
        for node in world.parties.values()
        for delivery in node.told
        if delivery.resp is not None and delivery.resp.error_code is not None
    )
    figures = {
        "messages": sum(len(node.submitted) for node in world.parties.values()),
        "deliveries": sum(len(node.told) for node in world.parties.values()),
        "transmissions": world.wire.sent, "lost": world.wire.lost, "repeated": world.wire.repeated,
        "damaged": world.wire.damaged, "crashes": sum(node.crashes for node in world.nodes.values()), "mischief": world.mischief,
        "envelopes refused": sum(sum(node.refused_envelopes.values()) for node in world.nodes.values()),
    }  # fmt: skip
    return Outcome(
        scenario=world.scenario, accounts=accounts, figures=figures, refused=dict(sorted(refused.items())),
        broken=tuple(violations(accounts)),
    )  # fmt: skip


async def simulate(scenario: Scenario, databases: dict[str, Database] | None = None) -> Outcome:
    """Run a scenario and give its outcome; ``databases`` by name of the end, in memory where none is given."""
    world = World(scenario, databases)
    await world.run()
    return await outcome_of(world)


def text(outcome: Outcome) -> str:
    """Write the ledger: the figures, each business's totals as both sides have them, each document at its three places."""
    scenario = outcome.scenario
    lines = [
        f"{scenario.businesses} businesses, {scenario.days} days, seed {scenario.seed}, faults {scenario.faults}",
        "",
        *(f"{name:>18}: {value}" for name, value in outcome.figures.items()),
        *(f"{name:>18}: {value}" for name, value in _counted(outcome).items()),
        "",
        "Refused by the centre: " + (", ".join(f"{code} {n}" for code, n in outcome.refused.items()) or "nothing"),
        "",
        f"{'business':<10}{'invoiced':>18}{'received':>18}{'billed':>18}{'paid':>18}",
        *_totals(outcome),
        "",
        f"{'document':<22}{'supplier':<10}{'buyer':<10}{'amount':>16}{'settled':>16}  supplier / buyer / centre",
        *(_line(outcome, copy) for copy in outcome.accounts.centre.values() if copy.object.kind is Kind.INVOICE),
        "",
        *(f"BROKEN: {sentence}" for sentence in outcome.broken),
        f"{len(outcome.broken)} invariants broken." if outcome.broken else "All invariants hold.",
    ]
    return "\n".join(lines)


def _counted(outcome: Outcome) -> dict[str, int]:
    kinds = Counter(copy.object.kind for copy in outcome.accounts.centre.values())
    return {kind.lower(): kinds[kind] for kind in Kind}


def _sums(books: Iterable[Copy], own: str, *, supplies: bool) -> tuple[Decimal, Decimal]:
    total, settled = ZERO, ZERO
    for copy in books:
        one = copy.object
        if one.kind is Kind.INVOICE and one.status not in _DEAD and (one.supplier if supplies else one.buyer) == own:
            facts = facts_of(one, InvoiceFacts)
            total += facts.total
            settled += facts.settled
    return total, settled


def _totals(outcome: Outcome) -> Iterable[str]:
    for name, books in outcome.accounts.parties.items():
        own = name.upper()
        invoiced, received = _sums(books.values(), own, supplies=True)
        billed, paid = _sums(books.values(), own, supplies=False)
        yield f"{own:<10}{invoiced:>18}{received:>18}{billed:>18}{paid:>18}"


def _status_at(outcome: Outcome, home: str, one: NetworkObject) -> str:
    copy = outcome.accounts.parties.get(home, {}).get(one.id)
    return "none" if copy is None else f"{copy.object.status} v{copy.object.version}"


def _line(outcome: Outcome, copy: Copy) -> str:
    one = copy.object
    facts = facts_of(one, InvoiceFacts)
    supplier, buyer = one.parties
    places: Sequence[str] = (_status_at(outcome, supplier, one), _status_at(outcome, buyer, one))
    return (
        f"{one.number:<22}{one.supplier:<10}{one.buyer:<10}{facts.total:>16}{facts.settled:>16}  "
        f"{' / '.join((*places, f'{one.status} v{one.version}'))}"
    )


def document(outcome: Outcome) -> dict[str, Any]:
    """Give the same for programs: figures, refusals, broken invariants, and every object as each end has it."""
    return {
        "seed": outcome.scenario.seed,
        "businesses": outcome.scenario.businesses,
        "days": outcome.scenario.days,
        "faults": outcome.scenario.faults,
        "figures": outcome.figures,
        "refused": outcome.refused,
        "broken": list(outcome.broken),
        "centre": [_entry(copy) for copy in outcome.accounts.centre.values()],
        "parties": {
            name: [_entry(copy) for copy in books.values()] for name, books in outcome.accounts.parties.items()
        },
    }  # fmt: skip


def _entry(copy: Copy) -> dict[str, Any]:
    one = copy.object
    return {
        "objectId": one.id, "kind": one.kind, "number": one.number, "supplier": one.supplier, "buyer": one.buyer,
        "version": one.version, "status": one.status, "revision": one.revision, "facts": msgspec.to_builtins(one.facts),
    }  # fmt: skip
