"""From this server to its central unit elsewhere: what companies have in their outboxes goes there over HTTP.

The job of a company that sent something carries at once. A look every second finds what was put off and is due again, and
what a dead worker had claimed.
"""

import asyncio
from functools import partial
from typing import Final

import structlog

from hundi.config import Settings
from hundi.db.pool import Database, Transaction
from hundi.http.outgoing import Outgoing as Caller
from hundi.kit.errors import Transient
from hundi.kit.ids import SellerId
from hundi.kit.keys import Keyring
from hundi.network import told
from hundi.network.ends import party_of
from hundi.network.keys import ServerSigner
from hundi.network.membership import Membership
from hundi.network.outbox import AT_ONCE, TOO_FAR, Outbox, Statements
from hundi.network.party_store import PostgresPartyStore
from hundi.network.pause import Pause
from hundi.network.postman import Outcome, Postman, Turn, Verdict
from hundi.network.protocol.catalogue import CALLS
from hundi.network.protocol.decisions import Delivery, Resp
from hundi.network.protocol.parcels import Parcel

log = structlog.get_logger("hundi.network")

EVERY_S: Final = 1
_BATCHES: Final = 20
_COMPANIES_AT_ONCE: Final = 4
_DUE: Final = "SELECT sellers_with_parcels($1, $2)"
_STATEMENTS: Final = Statements(
    claim="""
        UPDATE network_outbox SET attempts = attempts + 1, due = $3
         WHERE seller_id = $1 AND parcel_id = ANY (ARRAY(
               SELECT parcel_id FROM network_outbox WHERE seller_id = $1 AND due <= $2
                ORDER BY due, parcel_id LIMIT $4 FOR UPDATE SKIP LOCKED))
        RETURNING parcel_id, receiver, parcel, due, attempts""",
    taken="DELETE FROM network_outbox WHERE seller_id = $1 AND parcel_id = ANY ($2::text[]) RETURNING parcel_id",
    again="""
        UPDATE network_outbox AS o SET due = p.due, problem = p.problem
          FROM unnest($2::text[], $3::timestamptz[], $4::text[], $5::timestamptz[])
               AS p (parcel_id, due, problem, claimed)
         WHERE o.seller_id = $1 AND o.parcel_id = p.parcel_id AND o.due = p.claimed""",
    left="""
        UPDATE network_outbox AS o SET due = $4, attempts = o.attempts - 1
          FROM unnest($2::text[], $3::timestamptz[]) AS p (parcel_id, claimed)
         WHERE o.seller_id = $1 AND o.parcel_id = p.parcel_id AND o.due = p.claimed""",
    put="""
        INSERT INTO network_outbox (seller_id, parcel_id, receiver, parcel, due, attempts)
        VALUES ($1, $2, $3, $4, $5, 0)""",
    keep="""
        INSERT INTO network_refused (seller_id, parcel_id, receiver, parcel, attempts, code, detail, refused_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)""",
    hurry="UPDATE network_outbox SET due = $2 WHERE seller_id = $1 AND due > $3",
)


class Uplink:
    """One worker's way to the central unit elsewhere."""

    def __init__(self, db: Database, keyring: Keyring, settings: Settings, member: Membership, caller: Caller) -> None:
        self._db = db
        self._keyring = keyring
        self._settings = settings
        self._postman = Postman(caller, db.clock, ServerSigner(keyring), member.address, f"{member.server}/")
        self._pause = Pause()

    async def drain(self, seller_id: SellerId, *, looking: bool = False) -> None:
        """Carry what is due in a company's outbox; may run twice, and beside itself.

        ``looking``: nobody asked for it, so what seems to be put off is looked at too.
        """
        for _ in range(_BATCHES):
            if self._pause.on(self._db.clock.now()):
                return
            turn = Turn()
            async with self._db.transaction(seller_id) as tx:
                outbox = Outbox(tx, _STATEMENTS, seller_id)
                if looking:
                    await outbox.set_right()
                    looking = False
                batch = await outbox.claim()
            if not batch:
                return
            outcomes = await self._postman.carry(batch, turn)
            back = self._pause.learn(outcomes, self._db.clock.now())
            async with self._db.transaction(seller_id) as tx:
                outbox = Outbox(tx, _STATEMENTS, seller_id)
                refused = await outbox.record(outcomes, partial(self._answer, tx))
                if back:
                    await outbox.hurry()
            left = any(one.verdict is Verdict.LEFT for one in outcomes)
            if len(batch) < AT_ONCE and not (refused or back or left):
                return

    async def _answer(self, tx: Transaction, outcome: Outcome, parcel: Parcel) -> None:
        """Give a message that was refused for good the answer it will not get from there: FAILED, with the reason."""
        log.warning("a parcel was refused for good", parcel=parcel.id, code=outcome.code, field=outcome.field)
        if parcel.message is None:
            return
        call = CALLS[type(parcel.message)]
        resp = Resp(
            request_id=parcel.id, success=False, error_code=outcome.code, error_detail=outcome.detail,
            error_field=outcome.field or None,
        )  # fmt: skip
        answer = Delivery(hook=call.response_hook, cause=parcel.id, resp=resp, body=parcel.message.body)
        party = party_of(tx, self._keyring, self._settings)
        await party.apply(PostgresPartyStore(tx, party.home), answer)
        await told.listener(tx)(answer)

    async def run(self, stop: asyncio.Event) -> None:
        """Look every second for what is due, until told to stop; several workers may do so at the same time."""
        while not stop.is_set():
            try:
                await self.look()
            except Transient as error:
                log.warning("parcels wait for the database", error=type(error).__name__)
            try:
                await asyncio.wait_for(stop.wait(), EVERY_S)
            except TimeoutError:
                continue

    async def look(self) -> None:
        """Carry what is due of every company."""
        if self._pause.on(self._db.clock.now()):
            return
        async with self._db.unbound() as tx:
            sellers = [SellerId(row[0]) for row in await tx.fetch(_DUE, tx.now, tx.now + TOO_FAR)]
        free = asyncio.Semaphore(_COMPANIES_AT_ONCE)

        async def one(seller_id: SellerId) -> None:
            async with free:
                try:
                    await self.drain(seller_id, looking=True)
                except Transient as error:
                    log.warning("a company's parcels wait", seller_id=seller_id, error=type(error).__name__)
                except Exception:
                    # What is wrong with one company's parcels must not hold up all others; the next look tries again.
                    log.exception("a company's parcels could not be carried", seller_id=seller_id)

        await asyncio.gather(*(one(seller_id) for seller_id in sellers))
