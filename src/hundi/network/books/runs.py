"""Dispatches that run as jobs: accepted at once, carried out slice by slice, with progress to look at (docs/decisions/0017).

Each step sends one slice, moves the run on and puts the job of the next step into the queue, all in one commit: a worker that
dies in a step has done nothing of it, and whoever comes next goes on where the last commit stands.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from hundi.audit import service as audit
from hundi.config import Settings
from hundi.db.pool import Database, Transaction
from hundi.dispatch.service import QueueOutcome
from hundi.dispatch.trail import Origin
from hundi.jobs.queue import enqueue
from hundi.kit.actor import Actor
from hundi.kit.errors import Refusal, Transient
from hundi.kit.ids import SellerId, new_id
from hundi.kit.keys import Keyring
from hundi.network.books import sending
from hundi.network.books.sending import Ahead, Wanted
from hundi.network.errors import DispatchNotFound

RUN: Final = "network.dispatch_run"
"""The job that takes one step of a run."""
KEPT: Final = timedelta(days=30)
"""How long a run that has ended is there to be looked at; later ones of the company sweep it away."""
_INSERT: Final = """
    INSERT INTO dispatch_runs (seller_id, dispatch_id, state, invoice_ids, wanted, done, by_mail, outcome, request_id,
                               created_at, created_by, changed_at)
    VALUES ($1, $2, 'ACCEPTED', $3, $4, 0, '{}', $5, $6, $7, $8, $7)"""
_SWEEP: Final = "DELETE FROM dispatch_runs WHERE seller_id = $1 AND state IN ('DONE', 'STOPPED') AND changed_at < $2"
_ONE: Final = """
    SELECT dispatch_id, state, invoice_ids, wanted::text AS wanted, done, by_mail, outcome::text AS outcome, problem,
           request_id, created_at, created_by, changed_at
      FROM dispatch_runs WHERE seller_id = $1 AND dispatch_id = $2"""
_LOCKED: Final = _ONE + " FOR UPDATE"
_MOVE: Final = """
    UPDATE dispatch_runs SET state = $3, done = $4, by_mail = $5, outcome = $6, changed_at = $7
     WHERE seller_id = $1 AND dispatch_id = $2 AND state IN ('ACCEPTED', 'RUNNING')"""
_STOP: Final = """
    UPDATE dispatch_runs SET state = 'STOPPED', problem = $3, changed_at = $4
     WHERE seller_id = $1 AND dispatch_id = $2 AND state IN ('ACCEPTED', 'RUNNING')"""
_OUTCOME: Final = msgspec.json.Decoder(QueueOutcome)
_WANTED: Final = msgspec.json.Decoder(Wanted)


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A run as it stands; ``done`` counts distinct invoices. ``outcome`` is final where the state is DONE."""

    dispatch_id: str
    state: str
    invoice_ids: list[str]
    wanted: Wanted
    done: int
    by_mail: list[str]
    outcome: QueueOutcome
    problem: str | None
    request_id: str | None
    created_at: datetime
    created_by: str
    changed_at: datetime

    @property
    def total(self) -> int:
        """Give how many invoices it names, each counted once."""
        return len(set(self.invoice_ids))

    @property
    def has_ended(self) -> bool:
        """Tell whether nothing more will happen."""
        return self.state in {"DONE", "STOPPED"}


async def begin(tx: Transaction, who: Actor, invoice_ids: Sequence[str], wanted: Wanted) -> str:
    """Accept a dispatch and give its id; the job of the first step is in the same commit."""
    dispatch_id = new_id("dsp", tx.now)
    await tx.execute(_SWEEP, tx.seller_id, tx.now - KEPT)
    await tx.execute(
        _INSERT, tx.seller_id, dispatch_id, list(invoice_ids), _json(wanted),
        _json(QueueOutcome(queued=[], already=[], refused=[])), who.request_id, tx.now, who.subject,
    )  # fmt: skip
    asked = {"invoices": len(invoice_ids), "wanted": msgspec.to_builtins(wanted)}
    await audit.record(tx, who, "dispatch.accepted", kind="dispatch", object_id=dispatch_id, after=asked)
    await enqueue(tx, RUN, ids={"dispatch_id": dispatch_id})
    return dispatch_id


async def one(tx: Transaction, dispatch_id: str, *, lock: bool = False) -> Run:
    """Give a run of the bound company, or raise :class:`DispatchNotFound`."""
    row = await tx.fetchrow(_LOCKED if lock else _ONE, tx.seller_id, dispatch_id)
    if row is None:
        raise DispatchNotFound
    found = dict(row)
    return Run(**found | {"wanted": _WANTED.decode(row["wanted"]), "outcome": _OUTCOME.decode(row["outcome"])})


async def step(db: Database, seller_id: SellerId, keyring: Keyring, settings: Settings, dispatch_id: str) -> None:
    """Take a run one slice further; nothing where it has ended or is gone.

    A refusal of the request as a whole stops it, with the reason. What was sent stays sent: the same dispatch, asked for
    again, sends what is left.
    """
    try:
        async with db.transaction(seller_id) as tx:
            try:
                run = await one(tx, dispatch_id, lock=True)
            except DispatchNotFound:
                return
            if not run.has_ended:
                await _step(tx, keyring, settings, run)
    except Transient:
        raise
    except Refusal as refused:
        first = refused.problems[0] if refused.problems else None
        problem = f"{first.code}: {first.message}" if first else f"{refused.code}: {refused.message}"
        async with db.transaction(seller_id) as tx:
            await tx.execute(_STOP, tx.seller_id, dispatch_id, problem[:500], tx.now)


async def _step(tx: Transaction, keyring: Keyring, settings: Settings, run: Run) -> None:
    origin = Origin(subject=run.created_by, request_id=run.request_id)
    places = sending.places_of(run.invoice_ids)
    ids = list(places)
    outcome, done, by_mail = run.outcome, run.done, list(run.by_mail)
    if done < len(ids):
        part = ids[done : done + sending.SLICE]
        sent = await sending.one_slice(
            tx, origin, keyring, settings, {one: places[one] for one in part}, run.wanted
        )  # fmt: skip
        if sent is None:
            by_mail, done = [*by_mail, *ids[done:]], len(ids)
        else:
            outcome.add(sent.outcome)
            by_mail, done = [*by_mail, *(one for one in part if one not in sent.over)], done + len(part)
        state = "RUNNING" if by_mail or done < len(ids) else "DONE"
    else:
        # Mails go together at the end: those of one customer may be grouped, and none may be sent twice.
        ahead = Ahead(outcome=outcome, done=set(ids) - set(by_mail))
        outcome = await sending.dispatch(tx, origin, keyring, settings, run.invoice_ids, run.wanted, ahead)
        state = "DONE"
    await tx.execute(
        _MOVE, tx.seller_id, run.dispatch_id, state, done, by_mail, _json(outcome), tx.now,
    )  # fmt: skip
    if state != "DONE":
        await enqueue(tx, RUN, ids={"dispatch_id": run.dispatch_id})


def _json(value: msgspec.Struct) -> str:
    return msgspec.json.encode(value).decode()
