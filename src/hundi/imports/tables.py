"""The rows of a chunk as PostgreSQL's COPY reads them: CSV text for each table the chunk fills."""

import asyncio
import io
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

import msgspec
import polars as pl

from hundi.audit.service import as_json
from hundi.imports.figures import FIGURES
from hundi.invoices.policies import Policy
from hundi.invoices.rules import ApprovalStatus, CreatedVia, EntryKind, pending
from hundi.kit.actor import Actor
from hundi.kit.dates import IST
from hundi.kit.ids import new_id

_PAISA: Final = pl.lit("0.01").cast(pl.Decimal(3, 2))
# Stored name → column of the judged rows. Whole columns without a value are left out of the COPY.
_PLAIN: Final = {
    "invoice_id": "invoice_id", "registration_id": "registration_id", "customer_id": "customer_id",
    "external_id": "externalId", "fy": "fy", "invoice_number": "invoiceNumber", "number_key": "number_key",
    "due_date": "due_date", "po_number": "poNumber", "po_date": "poDate", "description": "description",
    "email_address": "emailAddress", "mobile_number": "mobileNumber", "cc_emails": "ccEmails",
    "place_of_supply": "place", "supply_type": "supplyType", "ship_to_name": "shipToName",
    "ship_to_address": "shipToAddress", "ship_to_pin": "shipToPin", "ship_to_state": "shipToState", "irn": "irn",
    "ack_no": "ackNo", "signed_qr": "signedQr", "eway_bill_no": "ewayBillNo", "branch_code": "branchCode",
    "attachment_file_name": "attachmentFileName", "row_no": "row",
}  # fmt: skip
_BLOCK_ROWS: Final = 4096
_PIECE: Final = 64 * 1024
_READ: Final = 1024 * 1024
_ALWAYS: Final = frozenset({"invoice_number", "number_key"})
_MAY_BE_DEFAULT: Final = frozenset(
    {"cgst", "sgst", "igst", "cess", "discount", "other_charges", "tcs", "round_off", "tds", "total_received"}
)


_ITEM_AMOUNTS: Final = {
    "discount": "discount", "taxable_value": "taxableValue", "cgst": "cgst", "sgst": "sgst", "igst": "igst",
    "cess": "cess", "item_total": "itemTotal",
}  # fmt: skip


class Birth(msgspec.Struct, frozen=True):
    """What all invoices of one chunk have in common."""

    seller_id: str
    import_id: str
    actor: Actor
    at: datetime


class Copied:
    """Rows for one table: its columns in order, and CSV that is written while it is sent, never whole in memory.

    ``lead`` is the id's column where these are the file's own rows, one for one: others may have taken their keys.
    """

    def __init__(self, table: str, rows: pl.DataFrame, named: dict[str, pl.Expr], *, lead: str = "") -> None:
        self.table = table
        self.lead = lead
        self.columns = list(named)
        self.count = rows.height
        self._rows = rows
        self._named = named
        self._aside: IO[bytes] | None = None

    def lay_aside(self, folder: Path) -> None:
        """Write the CSV into a file that is gone when it is closed, and let go of the rows: as CSV they wait on disk.

        A chunk waits and is sent for seconds. Its rows would take more memory meanwhile than judging the next ones does.
        """
        if self.count <= _BLOCK_ROWS:
            return
        self._aside = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - it stays open until `close`
        for at in range(0, self.count, _BLOCK_ROWS):
            self._aside.write(self._block(at))
        self._aside.flush()
        self._rows = self._rows.clear()

    def close(self) -> None:
        """Let go of the file, if the rows were laid aside."""
        if self._aside is not None:
            with suppress(OSError):  # what a full disk did not take is thrown away with the file
                self._aside.close()

    async def blocks(self) -> AsyncIterator[bytes]:
        """Give the CSV piece by piece; what was not laid aside is written while the piece before it is sent."""
        if self._aside is not None:
            self._aside.seek(0)
            while block := await asyncio.to_thread(self._aside.read, _READ):
                for start in range(0, len(block), _PIECE):
                    yield block[start : start + _PIECE]
            return
        coming = asyncio.create_task(asyncio.to_thread(self._block, 0))
        for at in range(_BLOCK_ROWS, self.count + _BLOCK_ROWS, _BLOCK_ROWS):
            block = await coming
            if at < self.count:
                coming = asyncio.create_task(asyncio.to_thread(self._block, at))
            # Small pieces are copied into memory that is used again and again, large ones into fresh memory each time.
            for start in range(0, len(block), _PIECE):
                yield block[start : start + _PIECE]

    def _block(self, at: int) -> bytes:
        return csv_of(self._rows.slice(at, _BLOCK_ROWS).select(**self._named))


def csv_of(frame: pl.DataFrame, separator: str = ",") -> bytes:
    """Write rows as CSV in UTF-8, without a header."""
    out = io.BytesIO()  # polars would make a text of it, to be encoded once more
    frame.write_csv(out, include_header=False, separator=separator)
    return out.getvalue()


def invoices(rows: pl.DataFrame, birth: Birth, policies: Sequence[Policy], via: CreatedVia) -> Copied:
    """Write the invoices of the fresh rows."""
    named = {
        stored: pl.col(column) for stored, column in _PLAIN.items() if stored in _ALWAYS or _is_filled(rows, column)
    }
    for name in FIGURES:
        if name not in _MAY_BE_DEFAULT or (rows[name] != 0).any():
            named[name] = pl.col(name).cast(pl.Decimal(20, 0)) * _PAISA
    named["gst_exclusive"] = pl.col("gstExclusive").fill_null(value=True)
    named["reverse_charge"] = pl.col("reverseCharge").fill_null(value=False)
    named["partial_payment_allowed"] = pl.col("partialPaymentAllowed").fill_null(value=False)
    if _is_filled(rows, "gstRate"):
        named["gst_rate"] = pl.col("gstRate").cast(pl.Decimal(20, 0)) * pl.lit("0.001").cast(pl.Decimal(4, 3))
    if _is_filled(rows, "ackDate"):
        named["ack_date"] = pl.col("ackDate").cast(pl.String) + " 00:00:00+05:30"
    # An invoice dated to a day begins with that day in India; one without a date is of this moment.
    now = birth.at.astimezone(IST).isoformat(sep=" ")
    named["invoice_date"] = (
        pl.when(pl.col("invoiceDate").is_null())
        .then(pl.lit(now))
        .otherwise(pl.col("day").cast(pl.String) + " 00:00:00+05:30")
    )
    named["receivable_status"] = (
        pl.when(pl.col("balance") <= 0).then(pl.lit("PAID"))
        .when(pl.col("balance") >= pl.col("net_amount")).then(pl.lit("PENDING")).otherwise(pl.lit("PARTIALLY_PAID"))
    )  # fmt: skip
    if policies:
        named["approval_status"] = approval(policies)
    named["content_hash"] = pl.lit("\\x") + pl.col("content_hash")
    named |= {
        "seller_id": pl.lit(birth.seller_id), "import_id": pl.lit(birth.import_id),
        "created_via": pl.lit(via.value), "created_at": pl.lit(_instant(birth.at)),
        "created_by": pl.lit(birth.actor.subject), "modified_at": pl.lit(_instant(birth.at)),
        "modified_by": pl.lit(birth.actor.subject),
    }  # fmt: skip
    return Copied("invoices", rows, named, lead="invoice_id")


def approval(policies: Sequence[Policy]) -> pl.Expr:
    """Give the approval each row is born with, as approvals.born() gives it for one; net amounts are in paise here."""
    born = pl.lit(ApprovalStatus.APPROVER_APPROVED.value)
    net = pl.col("net_amount")
    for policy in policies:
        holds = net >= int(policy.from_amount * 100)
        if policy.to_amount is not None:
            holds &= net < int(policy.to_amount * 100)
        born = pl.when(holds).then(pl.lit(pending(policy.steps[0]).value)).otherwise(born)
    return born


def entries(rows: pl.DataFrame, birth: Birth, entry_prefix: str) -> Copied:
    """Write the OPENING entries of rows that bring money along (domain §3)."""
    paid = rows.filter(pl.col("total_received") != 0)
    named = {
        "seller_id": pl.lit(birth.seller_id),
        "invoice_id": pl.col("invoice_id"),
        # The row number is the last eight digits of the invoice's id, and of its entry's.
        "entry_id": pl.lit(entry_prefix) + pl.col("invoice_id").str.tail(8),
        "kind": pl.lit(EntryKind.OPENING.value),
        "amount": pl.col("total_received").cast(pl.Decimal(20, 0)) * _PAISA,
        "created_at": pl.lit(_instant(birth.at)),
        "created_by": pl.lit(birth.actor.subject),
    }
    return Copied("invoice_entries", paid, named)


def items(lines: pl.DataFrame, birth: Birth, prefix: str) -> Copied:
    """Write the items of invoices; ``prefix`` completes an owner's row number to its invoice's id."""
    row = pl.col("owner")
    named = {
        "seller_id": pl.lit(birth.seller_id),
        # Eight hexadecimal digits of the row number, as kit.ids.row_id_prefix says.
        "invoice_id": pl.lit(prefix) + row.map_elements(lambda n: f"{n:08x}", return_dtype=pl.String),
        "line_no": pl.col("line_no"), "description": pl.col("description"), "hsn_code": pl.col("hsnCode"),
        "is_service": pl.col("isService").fill_null(value=False), "quantity": pl.col("quantity"), "unit": pl.col("unit"),
        "unit_price": pl.col("unitPrice"), "order_line": pl.col("orderLine"),
        "gst_rate": pl.col("gstRate").cast(pl.Decimal(20, 0)) * pl.lit("0.001").cast(pl.Decimal(4, 3)),
    }  # fmt: skip
    for name, column in _ITEM_AMOUNTS.items():
        named[name] = pl.col(column).cast(pl.Decimal(20, 0)) * _PAISA
    return Copied("invoice_items", lines, named)


def chunk(birth: Birth, values: dict[str, Any]) -> Copied:
    """Write the chunk's own row."""
    return _one("import_chunks", {"seller_id": birth.seller_id, "import_id": birth.import_id, **values})


def traces(birth: Birth, traced_as: tuple[str, str], facts: dict[str, Any]) -> list[Copied]:
    """Write the one audit row and the one event row of a chunk (design §4.12)."""
    common = {
        "seller_id": birth.seller_id,
        "at": _instant(birth.at),
        "object_kind": "import",
        "object_id": birth.import_id,
    }
    audit = {
        **common, "audit_id": new_id("aud", birth.at), "actor": birth.actor.subject, "action": traced_as[0],
        "after": as_json(facts), "request_id": birth.actor.request_id,
    }  # fmt: skip
    event = {**common, "event_id": new_id("evt", birth.at), "type": traced_as[1], "data": as_json(facts)}
    return [_one("audit_log", audit), _one("events", event)]


def _one(table: str, values: dict[str, Any]) -> Copied:
    frame = pl.DataFrame({name: [str(value)] for name, value in values.items()})
    return Copied(table, frame, {name: pl.col(name) for name in values})


def _is_filled(rows: pl.DataFrame, column: str) -> bool:
    """Tell whether a column has any value; those without were left behind when the chunk was judged."""
    return column in rows.columns and rows[column].null_count() < rows.height


def _instant(at: datetime) -> str:
    return at.isoformat()
