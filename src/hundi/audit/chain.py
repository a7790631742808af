"""The audit trail's seals: a hash chain per seller, made a few minutes later so that no write waits for another (design §4.12).

Seal n is SHA-256 over seal n-1 and the row's own text. Rows are sealed in the order of their ids, which begin with their
time; only rows older than five minutes are taken, when no transaction that could still add an earlier one is open.
"""

import hashlib
from datetime import timedelta
from typing import Any, Final

import msgspec

from hundi.db.pool import Database, Transaction
from hundi.kit.ids import SellerId, floor_id

SETTLED_AFTER: Final = timedelta(minutes=5)
_BATCH: Final = 5000
_GENESIS: Final = b"\x00" * 32

_TO_SEAL: Final = "SELECT sellers_to_seal($1)"
_LOCK: Final = "SELECT 1 FROM sellers WHERE seller_id = $1 FOR UPDATE"
_LAST: Final = """
    SELECT seal_no, audit_id, hash FROM audit_seals WHERE seller_id = $1 ORDER BY seal_no DESC LIMIT 1"""
_ROWS: Final = """
    SELECT audit_id, at, actor, action, object_kind, object_id, before::text AS before, after::text AS after, request_id
      FROM audit_log WHERE seller_id = $1 AND audit_id > $2 AND audit_id < $3 ORDER BY audit_id LIMIT $4"""
_SEAL: Final = """
    INSERT INTO audit_seals (seller_id, seal_no, audit_id, hash, sealed_at)
    SELECT $1, s.seal_no, s.audit_id, s.hash, $5
      FROM unnest($2::bigint[], $3::text[], $4::bytea[]) AS s (seal_no, audit_id, hash)"""
_SEALED: Final = """
    SELECT s.seal_no, s.audit_id AS sealed_id, s.hash, a.audit_id, a.at, a.actor, a.action, a.object_kind, a.object_id,
           a.before::text AS before, a.after::text AS after, a.request_id
      FROM audit_seals s
      LEFT JOIN audit_log a ON a.seller_id = $1 AND a.audit_id = s.audit_id
     WHERE s.seller_id = $1 AND s.seal_no > $2 ORDER BY s.seal_no LIMIT $3"""
_SLIPPED_IN: Final = """
    SELECT a.audit_id FROM audit_log a
     WHERE a.seller_id = $1 AND a.audit_id <= $2
       AND NOT EXISTS (SELECT 1 FROM audit_seals s WHERE s.seller_id = $1 AND s.audit_id = a.audit_id)
     ORDER BY a.audit_id LIMIT 1"""


class Verdict(msgspec.Struct, frozen=True):
    """What verifying one seller's chain found; ``broken`` says where and how, or is None."""

    seller_id: str
    sealed: int
    broken: str | None


def _digest(previous: bytes, row: Any) -> bytes:
    parts = [
        row["audit_id"], row["at"].isoformat(), row["actor"], row["action"], row["object_kind"], row["object_id"],
        row["before"], row["after"], row["request_id"],
    ]  # fmt: skip
    return hashlib.sha256(previous + msgspec.json.encode(parts)).digest()


async def seal_due(db: Database) -> int:
    """Seal what is due for every seller; give the number of rows. Safe to run in many workers at once."""
    before = floor_id("aud", db.clock.now() - SETTLED_AFTER)
    async with db.unbound() as tx:
        sellers = [SellerId(row[0]) for row in await tx.fetch(_TO_SEAL, before)]
    count = 0
    for seller_id in sellers:
        while True:
            async with db.transaction(seller_id) as tx:
                sealed = await seal(tx, before)
            count += sealed
            if sealed < _BATCH:
                break
    return count


async def seal(tx: Transaction, before: str) -> int:
    """Seal the bound seller's next rows, at most 5,000; one at a time per seller (its row is locked)."""
    await tx.fetchval(_LOCK, tx.seller_id)
    last = await tx.fetchrow(_LAST, tx.seller_id)
    number, after, digest = (last["seal_no"], last["audit_id"], bytes(last["hash"])) if last else (0, "", _GENESIS)
    numbers: list[int] = []
    ids: list[str] = []
    hashes: list[bytes] = []
    for row in await tx.fetch(_ROWS, tx.seller_id, after, before, _BATCH):
        number += 1
        digest = _digest(digest, row)
        numbers.append(number)
        ids.append(row["audit_id"])
        hashes.append(digest)
    if numbers:
        await tx.execute(_SEAL, tx.seller_id, numbers, ids, hashes, tx.now)
    return len(numbers)


async def verify(tx: Transaction) -> Verdict:
    """Recompute the bound seller's chain from its beginning; memory stays bounded however long it is."""
    number, digest, last_id = 0, _GENESIS, ""
    while True:
        rows = await tx.fetch(_SEALED, tx.seller_id, number, _BATCH)
        for row in rows:
            broken = _broken(number, digest, row)
            if broken:
                return Verdict(tx.seller_id, number, broken)
            number, digest, last_id = row["seal_no"], bytes(row["hash"]), row["audit_id"]
        if len(rows) < _BATCH:
            break
    stray = await tx.fetchval(_SLIPPED_IN, tx.seller_id, last_id)
    if stray is not None:
        return Verdict(tx.seller_id, number, f"row {stray} was put in after the rows around it were sealed")
    return Verdict(tx.seller_id, number, None)


def _broken(number: int, digest: bytes, row: Any) -> str | None:
    if row["seal_no"] != number + 1:
        return f"seal {number + 1} is missing"
    if row["audit_id"] is None:
        return f"row {row['sealed_id']} (seal {row['seal_no']}) was deleted"
    if _digest(digest, row) != bytes(row["hash"]):
        return f"row {row['audit_id']} (seal {row['seal_no']}) was changed"
    return None
