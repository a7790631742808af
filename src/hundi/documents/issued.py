"""What a document said when it was sent: kept with the first delivery that carries it, and never changed (rule 46 CGST Rules).

A document is drawn from rows. Once it was sent, those rows are kept as they were then, as numbered versions, and PDF and
hosted page are drawn from the latest; only what may move on is taken from the present: status, balance, what is still to be
paid, and an IRN or e-way bill that came later (docs/decisions/0022).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from hundi.db.pool import Transaction
from hundi.documents import queries
from hundi.documents.queries import DocumentRow, ItemRow
from hundi.documents.words import inr, long_date
from hundi.kit.dates import ist_date
from hundi.sellers.rows import LogoRow

TEMPLATE: Final = 1
"""The form in which documents are drawn now; a form that draws differently gets the next number and leaves this one be."""

_LIVE: Final = (
    "version", "balance", "receivable_status", "partial_payment_allowed", "minimum_part", "link_version", "tds",
    "net_amount", "r_upi_max_amount",
)  # fmt: skip
_ADDED: Final = ("irn", "ack_no", "ack_date", "signed_qr", "eway_bill_no")
_PARTIES: Final = tuple(name for name in DocumentRow.__struct_fields__ if name.startswith(("r_", "c_")))
_PAYEE: Final = ("r_bank_holder", "r_bank_account", "r_bank_ifsc", "r_bank_name", "r_upi_vpa")
_SIGNED: Final = tuple(name for name in _PARTIES if name not in {*_LIVE, *_PAYEE})
_OWN: Final = tuple(
    name for name in DocumentRow.__struct_fields__ if name not in {*_LIVE, *_ADDED, *_PARTIES, "customer_id"}
)

_LATEST: Final = """
    SELECT DISTINCT ON (invoice_id) invoice_id, version, delivery_id, template, said, created_at
      FROM issued_documents WHERE seller_id = $1 AND invoice_id = ANY($2::text[]) ORDER BY invoice_id, version DESC"""
_ONE: Final = """
    SELECT invoice_id, version, delivery_id, template, said, created_at
      FROM issued_documents WHERE seller_id = $1 AND invoice_id = $2 AND version = $3"""
_KEEP: Final = """
    INSERT INTO issued_documents (seller_id, invoice_id, version, delivery_id, template, said, created_at)
    SELECT $1, d.invoice_id, d.version, d.delivery_id, $2, d.said::jsonb, $3
      FROM unnest($4::text[], $5::smallint[], $6::text[], $7::text[]) AS d (invoice_id, version, delivery_id, said)
    ON CONFLICT (seller_id, invoice_id, version) DO NOTHING RETURNING invoice_id"""
_HELD: Final = """
    SELECT count(*) FROM issued_documents k
      JOIN unnest($2::text[], $3::smallint[], $4::text[], $5::text[]) AS d (invoice_id, version, delivery_id, said)
        ON k.invoice_id = d.invoice_id AND k.version = d.version AND k.delivery_id = d.delivery_id
       AND k.said = d.said::jsonb
     WHERE k.seller_id = $1"""
_AGAIN: Final = """
    INSERT INTO issued_again (seller_id, delivery_id, invoice_id, version, created_at)
    SELECT $1, d.delivery_id, d.invoice_id, d.version, $2
      FROM unnest($3::text[], $4::text[], $5::smallint[]) AS d (delivery_id, invoice_id, version)
    ON CONFLICT (seller_id, delivery_id, invoice_id, version) DO NOTHING"""
_VERSIONS: Final = """
    SELECT version, delivery_id, template, created_at FROM issued_documents
     WHERE seller_id = $1 AND invoice_id = $2 AND ($3::smallint IS NULL OR version > $3)
     ORDER BY version LIMIT $4 OFFSET $5"""
_HOW_MANY: Final = "SELECT count(*) FROM issued_documents WHERE seller_id = $1 AND invoice_id = $2"
_SENT_AGAIN: Final = """
    SELECT version, delivery_id FROM issued_again
     WHERE seller_id = $1 AND invoice_id = $2 AND version = ANY($3::smallint[]) ORDER BY created_at, delivery_id"""


class Contents(msgspec.Struct, frozen=True, kw_only=True):
    """The rows one document is drawn from, and where the company's logo is, if it has one."""

    row: DocumentRow
    items: list[ItemRow]
    logo: LogoRow | None = None


class Issued(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a document as it was kept."""

    invoice_id: str
    version: int
    delivery_id: str
    template: int
    contents: Contents
    created_at: datetime


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A version of a document as a list shows it; ``deliveries`` carried it, the first one first."""

    version: int
    template: int
    created_at: datetime
    deliveries: list[str]


class ToSend(NamedTuple):
    """What is sent of an invoice: the version it is or becomes, and whether that has still to be kept."""

    version: int
    contents: Contents
    new: bool


_ENCODER: Final = msgspec.json.Encoder(decimal_format="string")
_DECODER: Final = msgspec.json.Decoder(Contents)


async def latest(tx: Transaction, invoice_ids: Sequence[str]) -> dict[str, Issued]:
    """Give the latest version of each invoice's document, by invoice id; one that was not sent yet has none."""
    rows = await tx.fetch(_LATEST, tx.seller_id, list(invoice_ids))
    return {row["invoice_id"]: _issued(row) for row in rows}


async def version(tx: Transaction, invoice_id: str, number: int) -> Issued | None:
    """Give one version of an invoice's document."""
    row = await tx.fetchrow(_ONE, tx.seller_id, invoice_id, number)
    return None if row is None else _issued(row)


async def versions(
    tx: Transaction, invoice_id: str, *, after: int | None, limit: int, offset: int
) -> tuple[list[Version], int]:
    """Give a page of the versions of an invoice's document, the first one first, and how many there are in all."""
    rows = await tx.fetch(_VERSIONS, tx.seller_id, invoice_id, after, limit, offset)
    carried: dict[int, list[str]] = {row["version"]: [row["delivery_id"]] for row in rows}
    for row in await tx.fetch(_SENT_AGAIN, tx.seller_id, invoice_id, list(carried)):
        if row["delivery_id"] not in carried[row["version"]]:
            carried[row["version"]].append(row["delivery_id"])
    shown = [
        Version(
            version=row["version"], template=row["template"], created_at=row["created_at"],
            deliveries=carried[row["version"]],
        )
        for row in rows
    ]  # fmt: skip
    return shown, int(await tx.fetchval(_HOW_MANY, tx.seller_id, invoice_id))


def _issued(row: Mapping[str, Any]) -> Issued:
    fields = dict(row)
    contents = _DECODER.decode(fields.pop("said"))
    return Issued(**fields, contents=contents)


async def present(tx: Transaction, invoice_ids: Sequence[str]) -> list[Contents]:
    """Give what the documents of these invoices would say now, in the order of their ids."""
    rows = await queries.documents(tx, tx.seller_id, invoice_ids)
    items: dict[str, list[ItemRow]] = {row.invoice_id: [] for row in rows}
    for item in await queries.items(tx, tx.seller_id, list(items)):
        items[item.invoice_id].append(item)
    logo = await queries.logo(tx) if rows else None
    return [Contents(row=row, items=items[row.invoice_id], logo=logo) for row in rows]


def shown(kept: Issued | None, live: Contents) -> Contents:
    """Say what a reader is shown: what was sent, with what may move on as it is now; what is live where nothing was sent.

    An invoice that was given to another customer since is shown live: what the former one was sent is not for the new one.
    """
    if kept is None or kept.contents.row.customer_id != live.row.customer_id:
        return live
    return msgspec.structs.replace(kept.contents, row=_moved_on(kept.contents.row, live.row))


def to_send(kept: Issued | None, live: Contents) -> ToSend:
    """Say what is sent: what is true now, as the version that said the same, or as a new one.

    An invoice with an IRN keeps the parties it was sent with, as the portal has signed them; where to pay may change.
    """
    if kept is None:
        return ToSend(1, live, new=True)
    then, now = kept.contents, live
    if then.row.irn and then.row.irn == live.row.irn and then.row.customer_id == live.row.customer_id:
        held = {name: getattr(then.row, name) for name in _SIGNED}
        now = msgspec.structs.replace(live, row=msgspec.structs.replace(live.row, **held))
    still = {name: getattr(now.row, name) for name in _LIVE}
    if msgspec.structs.replace(then, row=msgspec.structs.replace(then.row, **still)) == now:
        return ToSend(kept.version, now, new=False)
    return ToSend(kept.version + 1, now, new=True)


def changes(kept: Issued | None, live: Contents) -> list[str]:
    """Say in plain words what the invoice says otherwise than the version that is shown; nothing where it says the same."""
    if kept is None or kept.contents.row.customer_id != live.row.customer_id:
        return []
    then, now = kept.contents, live
    differing = [name for name in _OWN if getattr(then.row, name) != getattr(now.row, name)]
    differing += [name for name in _ADDED if getattr(then.row, name) not in {None, getattr(now.row, name)}]
    said = []
    if "invoice_number" in differing:
        said.append(f"its number is {now.row.invoice_number}")
    if "invoice_date" in differing:
        said.append(f"its date is {long_date(ist_date(now.row.invoice_date))}")
    if "due_date" in differing:
        said.append(f"it is due on {long_date(now.row.due_date)}")
    if "invoice_value" in differing:
        said.append(f"its value is {inr(now.row.invoice_value)}")
    if then.items != now.items:
        said.append("its items were changed")
    return said or (["its particulars were changed"] if differing else [])


async def keep(tx: Transaction, sent: Sequence[tuple[str, ToSend]]) -> bool:
    """Keep what is sent, each with the id of its delivery; False where another version was kept meanwhile.

    One statement for all where nothing was sent before, and no more than three.
    """
    new = [(delivery_id, one) for delivery_id, one in sent if one.new]
    again = [(delivery_id, one) for delivery_id, one in sent if not one.new]
    if again:
        await tx.execute(
            _AGAIN, tx.seller_id, tx.now, [delivery_id for delivery_id, _ in again],
            [one.contents.row.invoice_id for _, one in again], [one.version for _, one in again],
        )  # fmt: skip
    if not new:
        return True
    ids, numbers = [one.contents.row.invoice_id for _, one in new], [one.version for _, one in new]
    deliveries = [delivery_id for delivery_id, _ in new]
    texts = [_ENCODER.encode(one.contents).decode() for _, one in new]
    kept = await tx.fetch(_KEEP, tx.seller_id, TEMPLATE, tx.now, ids, numbers, deliveries, texts)
    if len(kept) == len(new):
        return True
    # Another worker at the same delivery may have kept the very same a moment ago.
    return int(await tx.fetchval(_HELD, tx.seller_id, ids, numbers, deliveries, texts)) == len(new)


async def keep_present(tx: Transaction, deliveries: Mapping[str, str]) -> None:
    """Keep what the documents of some invoices say now, which somebody else carries; ``deliveries`` are by invoice id.

    The caller holds the invoices' locks, so that nobody else writes the same version.
    """
    kept = await latest(tx, list(deliveries))
    found = await present(tx, list(deliveries))
    await keep(
        tx, [(deliveries[one.row.invoice_id], to_send(kept.get(one.row.invoice_id), one)) for one in found]
    )  # fmt: skip


def _moved_on(then: DocumentRow, now: DocumentRow) -> DocumentRow:
    live = {name: getattr(now, name) for name in _LIVE}
    added = {name: getattr(now, name) for name in _ADDED if getattr(then, name) is None}
    return msgspec.structs.replace(then, **live, **added)
