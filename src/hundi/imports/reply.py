"""The reply to an upload: waited for, or where to look, or what an import that has ended came to."""

import asyncio
import contextlib
from datetime import timedelta
from typing import Any, Final

import msgspec
from litestar import Request
from litestar.datastructures import State

from hundi.db.pool import Database
from hundi.http.envelope import Reply, encode, failed, ok
from hundi.imports import queries
from hundi.imports.errors import FileRefusal
from hundi.imports.progress import address
from hundi.imports.queries import ImportRow
from hundi.imports.receiving import Received
from hundi.imports.schemas import ImportAccepted, StoredResult
from hundi.imports.service import CANCELLED, REFUSED, SETTLED
from hundi.kit.actor import Actor
from hundi.kit.errors import FieldProblem, Transient
from hundi.kit.ids import SellerId

_FIRST_WAIT: Final = timedelta(milliseconds=50)
_LONGEST_WAIT: Final = timedelta(milliseconds=250)
_PATIENCE_S: Final = 3600
_LONGEST_AWAY: Final = timedelta(seconds=60)
_DIGITS: Final = 9


class StillImporting(Transient):
    """This server stops while your file is imported, which goes on: send the same request again, or list the imports."""


async def stopped(stopping: asyncio.Event, wait: timedelta) -> bool:
    """Wait so long; tell at once where the server is told to stop meanwhile."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), wait.total_seconds())
    return stopping.is_set()


async def reply_to(request: Request[Any, Any, State], state: State, one: Received) -> Reply[Any]:
    """Wait for the end of an import and answer with it; with `Prefer: respond-async` say where to look.

    `Prefer: respond-async, wait=10` waits ten seconds first (RFC 7240 §4.3).
    """
    patience = _patience(request)
    row = await _settled(state, one.call.actor.seller_id, one.import_id, patience) if patience else None
    return _accepted(state, one) if row is None else answer(row, replayed=one.replayed)


def _patience(request: Request[Any, Any, State]) -> int:
    """Read from Prefer how many seconds the caller wants to wait; what is no number counts as not said."""
    wishes = [wish.strip() for wish in ",".join(request.headers.getall("prefer", [])).lower().split(",")]
    if "respond-async" not in wishes:
        return _PATIENCE_S
    waits = [wish.removeprefix("wait=").strip() for wish in wishes if wish.startswith("wait=")]
    return min(int(waits[0]), _PATIENCE_S) if waits and waits[0].isdecimal() and len(waits[0]) < _DIGITS else 0


async def _settled(state: State, seller_id: SellerId, import_id: str, patience: int) -> ImportRow | None:
    """Wait for the end of an import, asking at growing intervals with no transaction open; None when out of patience.

    A database that is away for a while is waited for too: the import goes on when it is back. Raises
    :class:`StillImporting` where this server is told to stop.
    """
    db: Database = state.db
    wait, away = _FIRST_WAIT, timedelta()
    try:
        async with asyncio.timeout(patience):
            while True:
                try:
                    async with db.read(seller_id) as tx:
                        if await queries.state(tx, import_id) in SETTLED:
                            return await queries.one(tx, import_id)
                    away = timedelta()
                except Transient:
                    away += wait
                    if away > _LONGEST_AWAY:
                        raise
                if await stopped(state.stopping, wait):
                    raise StillImporting
                wait = min(wait * 1.5, _LONGEST_WAIT)
    except TimeoutError:
        return None


def _accepted(state: State, one: Received) -> Reply[Any]:
    url = address(state.base_url, one.import_id)
    content = encode(ok(ImportAccepted(importId=one.import_id, state="ACCEPTED", url=url)))
    headers = {"Location": url, "Preference-Applied": "respond-async", **_replay(replayed=one.replayed)}
    return Reply(content, status_code=202, media_type="application/json", headers=headers)


def _replay(*, replayed: bool) -> dict[str, str]:
    return {"Idempotency-Replayed": "true"} if replayed else {}


def answer(row: ImportRow, *, replayed: bool = False) -> Reply[Any]:
    """Answer with a settled import: made from its row alone, so it is the same byte for byte each time."""
    headers = _replay(replayed=replayed)
    if row.state == REFUSED:
        refusal = msgspec.json.decode(row.refusal or "", type=FileRefusal)
        actor = msgspec.json.decode(row.actor, type=Actor)
        only = refusal.problems[0]
        content = failed(
            message=f"{only.field}: {only.message}" if len(refusal.problems) == 1 else refusal.message,
            error_type=refusal.error_type,
            request_id=actor.request_id,
            now=row.finished_at or row.created_at,
            problems=refusal.problems,
        )
        return Reply(encode(content), status_code=400, media_type="application/json", headers=headers)
    result = msgspec.json.decode(row.result or "", type=StoredResult)
    warnings = [FieldProblem(one.field, one.code, one.message, one.rejectedValue) for one in result.warnings]
    if row.state == CANCELLED and row.refusal is None:
        message = "The import was cancelled: rows that are in the success file were written before and stay."
        warnings.append(FieldProblem("file", "IMPORT_CANCELLED", message))
    return Reply(encode(ok(result.payload, warnings)), status_code=200, media_type="application/json", headers=headers)
