"""A company's own settings and its logo."""

from typing import Any, Final

import msgspec

from hundi.audit.service import emit, record
from hundi.db.pool import Transaction
from hundi.files import service as files
from hundi.files.store import Kept
from hundi.kit.actor import Actor
from hundi.kit.contacts import is_email, is_name
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.gstin import is_pan
from hundi.sellers import queries
from hundi.sellers.rows import SellerRow

_SET_LOGO: Final = "UPDATE sellers SET logo_file_id = $2 WHERE seller_id = $1"


async def change(tx: Transaction, who: Actor, changes: dict[str, Any]) -> SellerRow:
    """Change settings by column name; None clears. Raises ``Invalid`` with every wrong field."""
    problems = []
    reply_to, pan = changes.get("reply_to"), changes.get("pan")
    if "legal_name" in changes and not is_name(changes["legal_name"]):
        problems.append(FieldProblem("legalName", "REQUIRED", "Send a name, not just blanks."))
    if reply_to is not None and not is_email(reply_to):
        problems.append(FieldProblem("replyTo", "BAD_FORMAT", "Send an e-mail address.", reply_to))
    if pan is not None and not is_pan(pan):
        problems.append(FieldProblem("pan", "BAD_FORMAT", "Send a PAN: five letters, four digits, a letter.", pan))
    if problems:
        raise Invalid(problems=problems)
    await queries.lock(tx)
    before = await queries.seller(tx)
    if changes:
        columns = sorted(changes)
        sets = ", ".join(f"{column} = ${at}" for at, column in enumerate(columns, start=2))
        sql = f"UPDATE sellers SET {sets} WHERE seller_id = $1"
        await tx.execute(sql, tx.seller_id, *(changes[column] for column in columns))
    after = await queries.seller(tx)
    await _trace(tx, who, before, after)
    return after


async def set_logo(tx: Transaction, who: Actor, kept: Kept, content_type: str, name: str) -> SellerRow:
    """Make a stored file the company's logo; the one before stays in the store for documents that show it."""
    await queries.lock(tx)
    before = await queries.seller(tx)
    file_id = await files.keep(tx, key=kept.key, name=name, content_type=content_type, size=kept.size)
    await tx.execute(_SET_LOGO, tx.seller_id, file_id)
    after = await queries.seller(tx)
    await _trace(tx, who, before, after)
    return after


async def drop_logo(tx: Transaction, who: Actor) -> SellerRow:
    """Let the company have no logo. Raises ``LogoNotFound`` where it has none."""
    await queries.lock(tx)
    await queries.logo(tx)
    before = await queries.seller(tx)
    await tx.execute(_SET_LOGO, tx.seller_id, None)
    after = await queries.seller(tx)
    await _trace(tx, who, before, after)
    return after


async def _trace(tx: Transaction, who: Actor, before: SellerRow, after: SellerRow) -> None:
    was: dict[str, Any] = msgspec.structs.asdict(before)
    now: dict[str, Any] = msgspec.structs.asdict(after)
    changed = [name for name in now if was[name] != now[name]]
    if changed:
        was, now = {name: was[name] for name in changed}, {name: now[name] for name in changed}
        await record(tx, who, "seller.change", kind="seller", object_id=tx.seller_id, before=was, after=now)
        await emit(tx, "seller.changed", kind="seller", object_id=tx.seller_id, data=now)
