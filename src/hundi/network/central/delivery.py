"""From the central unit to the servers that belong to it: what waits for their companies goes there over HTTP."""

import asyncio
import contextlib
from typing import Any, Final

import asyncpg
import structlog

from hundi.db.pool import Database, Transaction
from hundi.http.outgoing import Outgoing as Caller
from hundi.kit.errors import Transient
from hundi.kit.keys import Keyring
from hundi.network.keys import HomeSigner
from hundi.network.outbox import TOO_FAR, Outbox, Statements
from hundi.network.pause import Pause
from hundi.network.postman import Postman, Turn
from hundi.network.protocol.parcels import CENTRE

log = structlog.get_logger("hundi.network")

CHANNEL: Final = "hundi_parcels"
EVERY_S: Final = 1
_CONNECT_S: Final = 10
_CALL_OUT: Final = "SELECT pg_notify($1, '')"
_WITH_MAIL: Final = """
    SELECT h.home, h.address FROM central.homes h
     WHERE h.address IS NOT NULL AND EXISTS (
           SELECT 1 FROM central.outbox o
            WHERE split_part(o.receiver, '/', 1) = h.home AND o.receiver LIKE '%/%' AND o.due <= $1
           UNION ALL
           SELECT 1 FROM central.outbox o
            WHERE split_part(o.receiver, '/', 1) = h.home AND o.receiver LIKE '%/%' AND o.due > $2)"""
_STATEMENTS: Final = Statements(
    claim="""
        UPDATE central.outbox SET attempts = attempts + 1, due = $3
         WHERE parcel_id = ANY (ARRAY(
               SELECT parcel_id FROM central.outbox
                WHERE split_part(receiver, '/', 1) = $1 AND receiver LIKE '%/%' AND due <= $2
                ORDER BY due, parcel_id LIMIT $4 FOR UPDATE SKIP LOCKED))
        RETURNING parcel_id, receiver, parcel, due, attempts""",
    taken="DELETE FROM central.outbox WHERE parcel_id = ANY ($1::text[]) RETURNING parcel_id",
    again="""
        UPDATE central.outbox AS o SET due = p.due, problem = p.problem
          FROM unnest($1::text[], $2::timestamptz[], $3::text[], $4::timestamptz[])
               AS p (parcel_id, due, problem, claimed)
         WHERE o.parcel_id = p.parcel_id AND o.due = p.claimed""",
    left="""
        UPDATE central.outbox AS o SET due = $3, attempts = o.attempts - 1
          FROM unnest($1::text[], $2::timestamptz[]) AS p (parcel_id, claimed)
         WHERE o.parcel_id = p.parcel_id AND o.due = p.claimed""",
    put="INSERT INTO central.outbox (parcel_id, receiver, parcel, due, attempts) VALUES ($1, $2, $3, $4, 0)",
    keep="""
        INSERT INTO central.refused (parcel_id, receiver, parcel, attempts, code, detail, refused_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)""",
    hurry="""
        UPDATE central.outbox SET due = $2
         WHERE split_part(receiver, '/', 1) = $1 AND receiver LIKE '%/%' AND due > $3""",
)


async def call_out(tx: Transaction) -> None:
    """Have the worker look at once for what waits for other servers, when this transaction commits."""
    await tx.execute(_CALL_OUT, CHANNEL)


class Deliveries:
    """One worker's rounds to the servers: one at a time for each, all of them side by side."""

    def __init__(self, db: Database, keyring: Keyring, caller: Caller) -> None:
        self._db = db
        self._caller = caller
        self._signer = HomeSigner(keyring, CENTRE)
        self._rounds: dict[str, asyncio.Task[None]] = {}
        self._pauses: dict[str, Pause] = {}
        self._called = asyncio.Event()
        self._stopping = False

    async def run(self, stop: asyncio.Event, direct_dsn: str) -> None:
        """Deliver until told to stop: at once when called out, and every second what is due again.

        ``direct_dsn`` is an address that is no PgBouncer in transaction mode: LISTEN needs a session.
        """
        stopping = asyncio.create_task(stop.wait())
        try:
            async with contextlib.AsyncExitStack() as stack:
                listening: asyncpg.Connection | None = None
                while not stop.is_set():
                    if listening is None or listening.is_closed():
                        listening = await self._listen(direct_dsn, stack)
                    self._called.clear()
                    try:
                        await self.look()
                    except Transient as error:
                        log.warning("parcels wait for the database", error=type(error).__name__)
                    await self._next(stopping)
        finally:
            stopping.cancel()
            self._stopping = True
            await self.rounds()

    async def look(self) -> None:
        """Begin a round to each server for which something is due and none is under way."""
        async with self._db.unbound() as tx:
            rows = await tx.fetch(_WITH_MAIL, tx.now, tx.now + TOO_FAR)
        for row in rows:
            pause = self._pauses.setdefault(row["home"], Pause())
            under_way = self._rounds.get(row["home"])
            if (under_way is None or under_way.done()) and not pause.on(self._db.clock.now()):
                self._rounds[row["home"]] = asyncio.create_task(self._round(row["home"], row["address"], pause))

    async def _round(self, server: str, address: str, pause: Pause) -> None:
        try:
            await self._deliver(server, Postman(self._caller, self._db.clock, self._signer, address, CENTRE), pause)
        except Transient as error:
            log.warning("a server's parcels wait", server=server, error=type(error).__name__)
        except Exception:
            # What is wrong with one server's parcels must not hold up all others; the next look tries again.
            log.exception("a server's parcels could not be delivered", server=server)

    async def _deliver(self, server: str, postman: Postman, pause: Pause) -> None:
        first = True
        while not self._stopping:
            turn = Turn()
            async with self._db.unbound() as tx:
                outbox = Outbox(tx, _STATEMENTS, server, keyed=False)
                if first:
                    await outbox.set_right()
                batch = await outbox.claim()
            first = False
            if not batch:
                return
            outcomes = await postman.carry(batch, turn)
            back = pause.learn(outcomes, self._db.clock.now())
            async with self._db.unbound() as tx:
                outbox = Outbox(tx, _STATEMENTS, server, keyed=False)
                for outcome, parcel in await outbox.record(outcomes):
                    log.warning("a parcel was refused for good", parcel=parcel.id, code=outcome.code, server=server)
                if back:
                    await outbox.hurry()
            if pause.on(self._db.clock.now()):
                return

    async def _next(self, stopping: "asyncio.Task[Any]") -> None:
        """Wait until called out, until told to stop, or for a second."""
        called = asyncio.create_task(self._called.wait())
        under_way = [task for task in self._rounds.values() if not task.done()]
        await asyncio.wait({called, stopping, *under_way}, timeout=EVERY_S, return_when=asyncio.FIRST_COMPLETED)
        called.cancel()

    async def _listen(self, dsn: str, stack: contextlib.AsyncExitStack) -> asyncpg.Connection | None:
        try:
            connection = await asyncpg.connect(
                dsn, timeout=_CONNECT_S, server_settings={"application_name": "hundi parcels"}
            )
            await connection.add_listener(CHANNEL, lambda *_: self._called.set())
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
            log.warning("the postman cannot listen and looks once a second", error=type(error).__name__)
            return None
        stack.callback(connection.terminate)
        return connection

    async def rounds(self) -> None:
        """Wait for the rounds under way; told to stop, they end with their batch, and a call takes some seconds at most."""
        if self._rounds:
            await asyncio.wait(self._rounds.values())
