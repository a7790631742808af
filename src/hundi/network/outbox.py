"""What waits to be carried to another server: claimed with a lease, and what became of it recorded.

Claiming and recording are transactions of their own, and the call lies between them, in none (design §4.2). A claim counts
the attempt and puts the parcel off by a lease; when the worker dies the lease runs out, and the parcel is claimed again.
The instant it was put off to is the mark of a claim: whoever comes too late to record finds another one, and leaves it.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import msgspec
import structlog

from hundi.db.pool import Transaction
from hundi.kit.clock import FrozenClock
from hundi.network.postman import LEASE, MADE_ELSEWHERE, Outcome, Verdict
from hundi.network.protocol.identifiers import Prefix, SortableIds
from hundi.network.protocol.mailbox import retry_at
from hundi.network.protocol.parcels import Parcel, encode
from hundi.network.protocol.store import Outgoing

log = structlog.get_logger("hundi.network")

AT_ONCE: Final = 64
"""How many parcels one claim takes."""
TOO_FAR: Final = timedelta(hours=2)
"""Nothing is put off for so long: what seems to be was put off by a clock that has been set back since, and is due."""
NOT_ANSWERED: Final = "REFUSED_UNANSWERED"
"""The code of a parcel that was refused for good while its answer could not be written here."""
Settle = Callable[[Outcome, Parcel], Awaitable[None]]
"""What else is to be done about a parcel that was refused for good."""
_PARCEL: Final = msgspec.json.Decoder(Parcel)


class Statements(NamedTuple):
    """The SQL of one end; parameters after the scope stand in the order the methods below give them."""

    claim: str
    taken: str
    again: str
    left: str
    put: str
    keep: str
    hurry: str


class Outbox:
    """The parcels of one sender (or, at the central unit, for one server); ``scope`` is what the statements begin with."""

    def __init__(self, tx: Transaction, statements: Statements, scope: str, *, keyed: bool = True) -> None:
        """``keyed``: rows are found by scope and parcel id, not by the parcel's id alone."""
        self.tx = tx
        self.sql = statements
        self.scope = scope
        self._key = (scope,) if keyed else ()

    async def claim(self) -> list[Outgoing]:
        """Give parcels that are due, the longest due first, and put them off by the lease."""
        now = self.tx.now
        rows = await self.tx.fetch(self.sql.claim, self.scope, now, now + LEASE, AT_ONCE)
        found = [
            Outgoing(
                id=row["parcel_id"], receiver=row["receiver"], parcel=row["parcel"], due=row["due"], attempts=row["attempts"]
            )
            for row in rows
        ]  # fmt: skip
        return sorted(found, key=lambda one: one.id)

    async def record(self, outcomes: Sequence[Outcome], settle: Settle | None = None) -> list[tuple[Outcome, Parcel]]:
        """Write down what became of a batch; gives what was refused for good, with the parcel, each once.

        A refused parcel is kept aside, and another one takes its places, so that what comes after it may take effect. Where
        ``settle`` fails for one, that parcel alone stays in the outbox and is tried again.
        """
        by_verdict: dict[Verdict, list[Outcome]] = {verdict: [] for verdict in Verdict}
        for outcome in outcomes:
            by_verdict[outcome.verdict].append(outcome)
        await self._take_out([one.outgoing.id for one in by_verdict[Verdict.TAKEN]])
        await self._again(by_verdict[Verdict.UNKNOWN])
        await self._give_back(by_verdict[Verdict.LEFT])
        refused = [(one, _PARCEL.decode(one.outgoing.parcel)) for one in by_verdict[Verdict.REFUSED]]
        return [(one, parcel) for one, parcel in refused if await self._refused(one, parcel, settle)]

    async def _refused(self, outcome: Outcome, parcel: Parcel, settle: Settle | None) -> bool:
        """Take a refused parcel out of the way; False: somebody has before, or it must stay for another time."""
        try:
            async with self.tx.connection.transaction():
                if not await self._take_out([outcome.outgoing.id]):
                    return False
                await self._set_aside(outcome, parcel)
                if settle is not None:
                    await settle(outcome, parcel)
        except Exception:
            # What became of the others of the batch must stand, or all of them would be carried again and again.
            log.exception("a refused parcel could not be answered and is put off", parcel=parcel.id)
            detail = f"It was refused ({outcome.problem}), and its answer could not be written: the log says why."
            await self._again(
                [msgspec.structs.replace(outcome, verdict=Verdict.UNKNOWN, code=NOT_ANSWERED, detail=detail)]
            )
            return False
        return True

    async def hurry(self) -> None:
        """Make everything due now: the other side is back."""
        await self.tx.execute(self.sql.hurry, self.scope, self.tx.now, self.tx.now)

    async def set_right(self) -> None:
        """Make due what a clock that has been set back since has put off for longer than anything is."""
        await self.tx.execute(self.sql.hurry, self.scope, self.tx.now, self.tx.now + TOO_FAR)

    async def _take_out(self, ids: list[str]) -> set[str]:
        if not ids:
            return set()
        return {row["parcel_id"] for row in await self.tx.fetch(self.sql.taken, *self._key, ids)}

    async def _again(self, outcomes: list[Outcome]) -> None:
        if outcomes:
            await self.tx.execute(
                self.sql.again, *self._key, [one.outgoing.id for one in outcomes],
                [retry_at(one.outgoing.attempts, self.tx.now) for one in outcomes], [one.problem for one in outcomes],
                [one.outgoing.due for one in outcomes],
            )  # fmt: skip

    async def _give_back(self, outcomes: list[Outcome]) -> None:
        if outcomes:
            await self.tx.execute(
                self.sql.left, *self._key, [one.outgoing.id for one in outcomes],
                [one.outgoing.due for one in outcomes], self.tx.now,
            )  # fmt: skip

    async def _set_aside(self, outcome: Outcome, parcel: Parcel) -> None:
        tried = outcome.outgoing
        await self.tx.execute(
            self.sql.keep, *self._key, tried.id, tried.receiver, tried.parcel, tried.attempts, outcome.code,
            outcome.detail, self.tx.now,
        )  # fmt: skip
        if parcel.positions and parcel.instead_of is None and outcome.code != MADE_ELSEWHERE:
            await self._put(withdrawal_of(parcel, self.tx.now), tried.receiver, self.tx.now)

    async def _put(self, parcel: Parcel, receiver: str, due: datetime) -> None:
        await self.tx.execute(self.sql.put, *self._key, parcel.id, receiver, encode(parcel), due)


def withdrawal_of(parcel: Parcel, at: datetime) -> Parcel:
    """Make what takes a refused parcel's places and has no effect."""
    made = SortableIds(FrozenClock(at)).make(Prefix.MESSAGE)
    return Parcel(
        id=made, sender=parcel.sender, receiver=parcel.receiver, positions=parcel.positions, instead_of=parcel.id
    )
