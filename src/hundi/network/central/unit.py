"""The central unit at work: takes parcels in, carries out the operator's orders, keeps what waits for each home."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from hundi.db.pool import Transaction
from hundi.kit.clock import FrozenClock
from hundi.kit.keys import Keyring
from hundi.network.central.store import PostgresCentreStore
from hundi.network.keys import HomeVerifier
from hundi.network.protocol.centre import Centre, Scrutiny
from hundi.network.protocol.identifiers import SortableIds
from hundi.network.protocol.messages import DecideKyc, NetworkOrder, SettlePayment
from hundi.network.protocol.objects import BusinessFacts, NetworkObject, PaymentFacts
from hundi.network.protocol.parcels import CENTRE, Envelope, Parcel, opened, unseal
from hundi.network.protocol.store import Outgoing
from hundi.network.unit_of_work import UnitOfWork

_KEY: Final = "SELECT public_key FROM central.homes WHERE home = $1"
_ELSEWHERE: Final = "SELECT home FROM central.homes WHERE home = ANY ($1)"
_REFUSED: Final = """
    SELECT parcel_id, receiver, attempts, code, detail, refused_at FROM central.refused
     WHERE refused_at >= $1 ORDER BY refused_at DESC, parcel_id LIMIT $2"""
_SERVERS: Final = """
    SELECT h.home, h.address, w.count, w.oldest, w.problem FROM central.homes h,
           LATERAL (SELECT count(*) AS count, min(o.parcel_id) AS oldest,
                         coalesce(max(o.problem) FILTER (WHERE o.problem NOT LIKE 'WAITS_ITS_TURN:%'), max(o.problem))
                             AS problem FROM central.outbox o
                     WHERE split_part(o.receiver, '/', 1) = h.home AND o.receiver LIKE '%/%') w
     ORDER BY h.home"""
_REGISTER: Final = """
    INSERT INTO central.homes (home, public_key, address, created_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT ON CONSTRAINT homes_pk DO UPDATE SET public_key = excluded.public_key, address = excluded.address"""
_NEXT_DUE: Final = """
    SELECT min(due) FROM central.outbox
     WHERE receiver = $1 AND due > $2 AND attempts > 0 AND due <= $2::timestamptz + interval '2 hours'"""
# A parcel that was never tried is due from its birth, whatever the clock of whoever put it there said. What seems to be put
# off for longer than anything is (TOO_FAR in hundi.network.outbox) was so by a clock that has been set back since.
_DUE: Final = """
    SELECT parcel_id, receiver, parcel, due, attempts FROM central.outbox
     WHERE receiver = $1 AND (due <= $2 OR attempts = 0 OR due > $2::timestamptz + interval '2 hours')
     ORDER BY due, parcel_id LIMIT $3 FOR UPDATE SKIP LOCKED"""


def _centre(tx: Transaction, verifier: HomeVerifier, scrutiny: Scrutiny | None = None) -> Centre:
    clock = FrozenClock(tx.now)
    return Centre(clock, SortableIds(clock), verifier, scrutiny)


async def _verifier(tx: Transaction, keyring: Keyring, sender: str) -> HomeVerifier:
    server, of_another, _ = sender.partition("/")
    key = await tx.fetchval(_KEY, server)
    if key is not None:
        # A server's key is good for its own homes: which one is asked follows from the name that is claimed.
        return HomeVerifier(keyring, known={sender: bytes(key)})
    return HomeVerifier(keyring, local=frozenset() if of_another else None)


async def check(tx: Transaction, keyring: Keyring, envelope: Envelope) -> None:
    """Refuse an envelope that is not its sender's, not of now, or not for the unit; nothing is taken in."""
    unseal(envelope, CENTRE, tx.now, await _verifier(tx, keyring, envelope.sender))


async def receive(
    tx: Transaction, keyring: Keyring, envelope: Envelope, *, sandbox: bool, scrutiny: Scrutiny | None = None
) -> list[str]:
    """Take an envelope in; gives the homes for which something waits now.

    In a sandbox the unit approves KYC and settles on-platform payments by itself, in the same commit. What ``scrutiny``
    has against a message is its answer, once its turn has come. Raises
    :class:`hundi.network.protocol.faults.MessageRefused` for the wire's faults.
    """
    centre = _centre(tx, await _verifier(tx, keyring, envelope.sender), scrutiny)
    return await _take(tx, centre, [(centre.unseal(envelope), envelope.parcel)], sandbox=sandbox)


async def take_here(
    tx: Transaction, keyring: Keyring, sender: str, waiting: Sequence[Outgoing], *, sandbox: bool
) -> list[str]:
    """Take what a company of this installation has in its outbox, in its order, all or none; otherwise as :func:`receive`.

    The transaction is bound to the company and gives the parcels up itself, so nobody else can have put them in: they need
    no signature. What the GST rules have against them was said before they got there.
    """
    arrived = [(opened(one.parcel, one.id, sender, CENTRE), one.parcel) for one in waiting]
    return await _take(tx, _centre(tx, HomeVerifier(keyring)), arrived, sandbox=sandbox)


async def _take(
    tx: Transaction, centre: Centre, arrived: Sequence[tuple[Parcel, bytes]], *, sandbox: bool
) -> list[str]:
    work = UnitOfWork(PostgresCentreStore(tx))
    await work.expect([parcel for parcel, _ in arrived])
    for parcel, data in arrived:
        known = len(work.born)
        await centre.take(work, parcel, data)
        for wanted in [one for born in work.born[known:] for one in _orders_of(born)] if sandbox else ():
            await centre.order(work, wanted)
    await work.flush()
    return list(work.receivers)


def _orders_of(born: NetworkObject) -> list[NetworkOrder]:
    """Give what a sandbox decides of something new: KYC is approved, the rail has moved the money."""
    if isinstance(born.facts, BusinessFacts):
        return [DecideKyc(business_id=born.id, approved=True)]
    if isinstance(born.facts, PaymentFacts) and born.facts.on_platform:
        return [SettlePayment(payment_id=born.id, success=True)]
    return []


async def order(tx: Transaction, keyring: Keyring, wanted: NetworkOrder) -> list[str]:
    """Carry out what the network's operator decides; gives the homes for which something waits now."""
    work = UnitOfWork(PostgresCentreStore(tx))
    await _centre(tx, HomeVerifier(keyring)).order(work, wanted)
    await work.flush()
    return list(work.receivers)


async def homes_here(tx: Transaction, homes: list[str]) -> list[str]:
    """Give those of the homes that are companies of this installation; the others are registered with their keys."""
    if not homes:
        return []
    elsewhere = {row["home"] for row in await tx.fetch(_ELSEWHERE, homes)}
    return [home for home in homes if home not in elsewhere and "/" not in home]


async def register_home(tx: Transaction, home: str, public_key: bytes, address: str | None = None) -> None:
    """Let another server in, by its ed25519 public key (32 bytes) and its address; later ones replace earlier ones.

    It signs for its homes, ``<home>/<company id>``; what waits for them is delivered to the address.
    """
    await tx.execute(_REGISTER, home, public_key, address, tx.now)


class ServerRow(msgspec.Struct, frozen=True, kw_only=True):
    """A server that belongs to the unit: what waits for it, since when, and why the last attempt failed."""

    home: str
    address: str | None
    count: int
    oldest: str | None
    problem: str | None


class RefusedRow(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel another server refused for good."""

    parcel_id: str
    receiver: str
    attempts: int
    code: str
    detail: str
    refused_at: datetime


async def servers(tx: Transaction) -> list[ServerRow]:
    """Give the servers that belong to the unit, by name."""
    return [ServerRow(**dict(row)) for row in await tx.fetch(_SERVERS)]


async def refused(tx: Transaction, since: datetime, most: int) -> list[RefusedRow]:
    """Give what was refused for good since then, the latest first."""
    return [RefusedRow(**dict(row)) for row in await tx.fetch(_REFUSED, since, most)]


async def due_for(tx: Transaction, home: str, limit: int) -> list[Outgoing]:
    """Give parcels that are due for a home, locked until the commit; those another has locked are left to it."""
    rows = await tx.fetch(_DUE, home, tx.now, limit)
    return [
        Outgoing(
            id=row["parcel_id"], receiver=row["receiver"], parcel=row["parcel"], due=row["due"], attempts=row["attempts"]
        )
        for row in rows
    ]  # fmt: skip


async def next_due_for(tx: Transaction, home: str) -> datetime | None:
    """Say when the next parcel for a home is to be looked at of those that are not due; None when there is none."""
    found: datetime | None = await tx.fetchval(_NEXT_DUE, home, tx.now)
    return found


async def acknowledge(tx: Transaction, *taken: Outgoing) -> None:
    """Take parcels out of the outbox: their receiver has them."""
    await PostgresCentreStore(tx).acknowledge_all([outgoing.id for outgoing in taken])


async def postpone(tx: Transaction, outgoing: Outgoing, due: datetime) -> None:
    """Note that a parcel was tried and when it is due again."""
    await PostgresCentreStore(tx).postpone(outgoing.id, outgoing.attempts + 1, due)
