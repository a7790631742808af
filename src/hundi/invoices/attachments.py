"""The files of an invoice: kept, listed, marked shared, primary or deleted (contract §4.7; domain §8).

At most one is primary: that is the document the customer is mailed. Files go into the store before their row is written;
a row is never without its file.
"""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from hundi.audit.service import emit, record
from hundi.db.pool import Transaction
from hundi.files import service as files
from hundi.files.store import Kept
from hundi.invoices import queries
from hundi.invoices.attachment_errors import AttachmentNotFound, NotFitAsPrimary, TooManyAttachments
from hundi.invoices.attachment_kinds import MAILED, Named
from hundi.kit.actor import Actor
from hundi.kit.errors import FieldProblem
from hundi.kit.ids import SellerId

MOST: Final = 20
_MOST_EVER: Final = 100

_COLUMNS: Final = """
    SELECT a.attachment_id, a.invoice_id, a.source, a.original_name, a.file_ext, a.content_type, a.size, a.sha256,
           a.is_primary, a.shared, a.deleted, a.reference_id, a.remarks, a.created_at, a.created_by, a.modified_at,
           a.modified_by, f.file_key
      FROM attachments a
      JOIN stored_files f ON f.seller_id = $1 AND f.file_id = a.file_id
     WHERE a.seller_id = $1"""
_OF_INVOICE: Final = _COLUMNS + " AND a.invoice_id = $2 AND (NOT a.deleted OR $3::bool) ORDER BY a.attachment_id"
_ONE: Final = _COLUMNS + " AND a.invoice_id = $2 AND a.attachment_id = $3"
_PRIMARY: Final = _COLUMNS + " AND a.invoice_id = ANY ($2::text[]) AND a.is_primary AND NOT a.deleted"
_ADD: Final = """
    INSERT INTO attachments (seller_id, attachment_id, invoice_id, file_id, source, original_name, file_ext, content_type,
        size, sha256, is_primary, shared, reference_id, remarks, created_at, created_by, modified_at, modified_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $15, $16)"""
_CHANGE: Final = """
    UPDATE attachments SET is_primary = $4, shared = $5, deleted = $6, remarks = $7, reference_id = $8, modified_at = $9,
           modified_by = $10
     WHERE seller_id = $1 AND invoice_id = $2 AND attachment_id = $3"""
_NO_PRIMARY: Final = """
    UPDATE attachments SET is_primary = false, modified_at = $3, modified_by = $4
     WHERE seller_id = $1 AND invoice_id = $2 AND is_primary"""
# The attachments are part of what getInvoice shows and of what is mailed, so a change of them is a change of the invoice.
_TOUCH: Final = """
    UPDATE invoices SET version = version + 1, modified_at = $3, modified_by = $4
     WHERE seller_id = $1 AND invoice_id = $2"""


class Source(StrEnum):
    """Where an attachment comes from (``attachmentSource``)."""

    TALLY_INVOICE = "TALLY_INVOICE"
    UPLOAD = "UPLOAD"
    API = "API"
    SYSTEM = "SYSTEM"


class AttachmentRow(msgspec.Struct, frozen=True, kw_only=True):
    """An attachment as kept, with the key of its file in the store."""

    attachment_id: str
    invoice_id: str
    source: str
    original_name: str
    file_ext: str
    content_type: str
    size: int
    sha256: bytes
    is_primary: bool
    shared: bool
    deleted: bool
    reference_id: str | None
    remarks: str | None
    created_at: datetime
    created_by: str
    modified_at: datetime
    modified_by: str
    file_key: str


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What was sent with a file. ``primary`` None: the first Tally invoice becomes it, nothing else does."""

    source: Source = Source.API
    primary: bool | None = None
    shared: bool = False
    reference_id: str | None = None
    remarks: str | None = None


class Marks(msgspec.Struct, frozen=True, kw_only=True):
    """A change of an attachment: absent leaves, None clears."""

    primary: bool | UnsetType = UNSET
    shared: bool | UnsetType = UNSET
    deleted: bool | UnsetType = UNSET
    remarks: str | UnsetType | None = UNSET
    reference_id: str | UnsetType | None = UNSET


async def of_invoice(
    tx: Transaction, seller_id: SellerId, invoice_id: str, *, deleted: bool = False
) -> list[AttachmentRow]:
    """Give an invoice's attachments, oldest first; with ``deleted`` those that were deleted as well."""
    return [AttachmentRow(**dict(row)) for row in await tx.fetch(_OF_INVOICE, seller_id, invoice_id, deleted)]


async def one(tx: Transaction, seller_id: SellerId, invoice_id: str, attachment_id: str) -> AttachmentRow:
    """Give one attachment, deleted or not, or raise :class:`AttachmentNotFound`."""
    found = await tx.fetchrow(_ONE, seller_id, invoice_id, attachment_id)
    if found is None:
        raise AttachmentNotFound
    return AttachmentRow(**dict(found))


async def primary_of(tx: Transaction, seller_id: SellerId, invoice_ids: Sequence[str]) -> dict[str, AttachmentRow]:
    """Give the primary attachment of those of these invoices that have one, by invoice id."""
    rows = await tx.fetch(_PRIMARY, seller_id, list(invoice_ids))
    return {row["invoice_id"]: AttachmentRow(**dict(row)) for row in rows}


async def attach(
    tx: Transaction, who: Actor, invoice_id: str, attachment_id: str, *, kept: Kept, named: Named, wish: Wish
) -> tuple[AttachmentRow, list[FieldProblem]]:
    """Put a stored file on an invoice. The same content again is no second attachment but a warning.

    Raises ``InvoiceNotFound``, :class:`TooManyAttachments`, :class:`NotFitAsPrimary`.
    """
    await queries.lock(tx, tx.seller_id, invoice_id)
    there = await of_invoice(tx, tx.seller_id, invoice_id, deleted=True)
    for row in there:
        if row.sha256 == kept.sha256 and not row.deleted:
            message = "This invoice has that file already; change its marks with PATCH."
            return row, [FieldProblem("file", "DUPLICATE_UNCHANGED", message, row.attachment_id)]
    if sum(not row.deleted for row in there) >= MOST or len(there) >= _MOST_EVER:
        raise TooManyAttachments
    primary = wish.primary
    if primary is None:
        has_one = any(row.is_primary and not row.deleted for row in there)
        primary = wish.source is Source.TALLY_INVOICE and named.content_type in MAILED and not has_one
    if primary:
        _check_primary(named.content_type, deleted=False)
        await tx.execute(_NO_PRIMARY, tx.seller_id, invoice_id, tx.now, who.subject)
    file_id = await files.keep(tx, key=kept.key, name=named.name, content_type=named.content_type, size=kept.size)
    await tx.execute(
        _ADD, tx.seller_id, attachment_id, invoice_id, file_id, wish.source.value, named.name, named.ending,
        named.content_type, kept.size, kept.sha256, primary, wish.shared or primary, wish.reference_id, wish.remarks,
        tx.now, who.subject,
    )  # fmt: skip
    await tx.execute(_TOUCH, tx.seller_id, invoice_id, tx.now, who.subject)
    row = await one(tx, tx.seller_id, invoice_id, attachment_id)
    facts = {**_facts(row), "size": row.size, "sha256": row.sha256.hex(), "attachmentSource": row.source}
    await record(tx, who, "invoice.attach", kind="invoice", object_id=invoice_id, after=facts)
    await emit(tx, "invoice.attached", kind="invoice", object_id=invoice_id, data=facts)
    return row, []


async def mark(tx: Transaction, who: Actor, invoice_id: str, attachment_id: str, marks: Marks) -> AttachmentRow:
    """Change an attachment's marks and texts; give it as it is then.

    A primary attachment is shared, because it is mailed; deleting it takes the mark away. Raises ``InvoiceNotFound``,
    :class:`AttachmentNotFound`, :class:`NotFitAsPrimary`, :class:`TooManyAttachments` (restoring a 21st).
    """
    await queries.lock(tx, tx.seller_id, invoice_id)
    before = await one(tx, tx.seller_id, invoice_id, attachment_id)
    deleted = _set(marks.deleted, before.deleted)
    primary = _set(marks.primary, before.is_primary and not deleted)
    shared = _set(marks.shared, before.shared or primary)
    if primary:
        if not shared:
            raise NotFitAsPrimary
        _check_primary(before.content_type, deleted=deleted)
    if before.deleted and not deleted and len(await of_invoice(tx, tx.seller_id, invoice_id)) >= MOST:
        raise TooManyAttachments
    if primary and not before.is_primary:
        await tx.execute(_NO_PRIMARY, tx.seller_id, invoice_id, tx.now, who.subject)
    await tx.execute(
        _CHANGE, tx.seller_id, invoice_id, attachment_id, primary, shared, deleted,
        _set(marks.remarks, before.remarks), _set(marks.reference_id, before.reference_id), tx.now, who.subject,
    )  # fmt: skip
    after = await one(tx, tx.seller_id, invoice_id, attachment_id)
    was, now = _facts(before), _facts(after)
    changed = [name for name in now if name == "attachmentId" or was[name] != now[name]]
    if len(changed) > 1:
        await tx.execute(_TOUCH, tx.seller_id, invoice_id, tx.now, who.subject)
        was, now = {name: was[name] for name in changed}, {name: now[name] for name in changed}
        await record(tx, who, "invoice.attachment", kind="invoice", object_id=invoice_id, before=was, after=now)
        await emit(tx, "invoice.attachment_changed", kind="invoice", object_id=invoice_id, data=now)
    return after


def _set(wanted: Any, present: Any) -> Any:
    return present if wanted is UNSET else wanted


def _check_primary(content_type: str, *, deleted: bool) -> None:
    if deleted or content_type not in MAILED:
        raise NotFitAsPrimary


def _facts(row: AttachmentRow) -> dict[str, Any]:
    return {
        "attachmentId": row.attachment_id, "fileName": row.original_name, "primary": row.is_primary,
        "shared": row.shared, "deleted": row.deleted, "referenceId": row.reference_id, "remarks": row.remarks,
    }  # fmt: skip
