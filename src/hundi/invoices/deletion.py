"""Delete Invoice Collection (contract §4.4): invoices that were made by mistake and have had no effect yet.

The rows stay, for their numbers are burnt (domain §6) and their trail must not end; nobody finds them any more.
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

from hundi.audit.service import as_json
from hundi.db.pool import Transaction
from hundi.invoices import numbering
from hundi.invoices.collection import Outcome
from hundi.invoices.errors import InvoiceNotFound
from hundi.invoices.rules import DispatchStatus
from hundi.kit.actor import Actor
from hundi.kit.errors import FieldProblem
from hundi.kit.ids import new_id

# Sorted before they are locked, so that two requests about the same invoices wait for each other and never in a circle.
_LOCK: Final = """
    SELECT invoice_id, invoice_number, dispatch_status, dispatched_at, irn, net_amount, receivable_status
      FROM invoices WHERE seller_id = $1 AND invoice_id = ANY ($2::text[]) AND deleted_at IS NULL
     ORDER BY invoice_id FOR UPDATE"""
_MONEY: Final = """
    SELECT invoice_id FROM invoice_entries WHERE seller_id = $1 AND invoice_id = ANY ($2::text[])
     GROUP BY invoice_id HAVING sum(amount) <> 0 OR coalesce(sum(certified), 0) <> 0"""
_DELETE: Final = """
    UPDATE invoices SET deleted_at = $3, modified_at = $3, modified_by = $4, version = version + 1
     WHERE seller_id = $1 AND invoice_id = ANY ($2::text[])"""
_AUDIT: Final = """
    INSERT INTO audit_log (seller_id, audit_id, at, actor, action, object_kind, object_id, after, request_id)
    SELECT $1, d.audit_id, $2, $3, 'invoice.delete', 'invoice', d.invoice_id, d.after, $4
      FROM unnest($5::text[], $6::text[], $7::jsonb[]) AS d (audit_id, invoice_id, after)"""
_EVENTS: Final = """
    INSERT INTO events (seller_id, event_id, at, type, object_kind, object_id, data)
    SELECT $1, d.event_id, $2, 'invoice.deleted', 'invoice', d.invoice_id, d.data
      FROM unnest($3::text[], $4::text[], $5::jsonb[]) AS d (event_id, invoice_id, data)"""


async def delete_collection(tx: Transaction, who: Actor, places: dict[str, int]) -> Outcome:
    """Delete these invoices (id → place in the request) as far as they may be, and say of each other one why not."""
    held = {row["invoice_id"]: dict(row) for row in await tx.fetch(_LOCK, tx.seller_id, sorted(places))}
    money = {row["invoice_id"] for row in await tx.fetch(_MONEY, tx.seller_id, sorted(held))}
    outcome = Outcome(done=[], refused=[])
    for invoice_id, at in places.items():
        why = _why_not(held.get(invoice_id), has_money=invoice_id in money)
        if why is None:
            outcome.done.append(invoice_id)
        else:
            outcome.refused.append(FieldProblem(f"invoiceIds[{at}]", *why, invoice_id[:200]))
    if outcome.done:
        await numbering.void(tx, who, outcome.done, numbering.DELETED)
        await tx.execute(_DELETE, tx.seller_id, outcome.done, tx.now, who.subject)
        await _leave_trace(tx, who, [held[invoice_id] for invoice_id in outcome.done])
    return outcome


def _why_not(row: dict[str, Any] | None, *, has_money: bool) -> tuple[str, str] | None:
    if row is None:
        return InvoiceNotFound.code, "There is no such invoice here; check the id."
    number = row["invoice_number"]
    if row["irn"] is not None:
        return "HAS_IRN", f"Invoice {number}: it has an IRN. Cancel that at the portal, then cancel the invoice."
    if row["dispatch_status"] != DispatchStatus.NOT_DISPATCHED or row["dispatched_at"] is not None:
        return "DISPATCHED", f"Invoice {number}: it was sent, or is about to be. Cancel it instead."
    if has_money:
        return "HAS_MONEY", f"Invoice {number}: money or notes stand against it. Reverse them first."
    return None


async def _leave_trace(tx: Transaction, who: Actor, rows: Sequence[dict[str, Any]]) -> None:
    ids = [row["invoice_id"] for row in rows]
    facts = [as_json(_facts(row["invoice_number"], row["net_amount"], row["receivable_status"])) for row in rows]
    audit_ids = [new_id("aud", tx.now) for _ in rows]
    await tx.execute(_AUDIT, tx.seller_id, tx.now, who.subject, who.request_id, audit_ids, ids, facts)
    await tx.execute(_EVENTS, tx.seller_id, tx.now, [new_id("evt", tx.now) for _ in rows], ids, facts)


def _facts(number: str, net_amount: Decimal, status: str) -> dict[str, Any]:
    return {"invoiceNumber": number, "netAmount": net_amount, "receivableStatus": status}
