"""The lines of an invoice as they come over the wire: completed, held against the invoice, written (domain §2, §10)."""

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

from hundi.audit.service import as_json
from hundi.db.pool import Transaction
from hundi.gst.rates import rate_problem
from hundi.gst.supply import WITHOUT_PAYMENT, Heads, SupplyType, tax_heads
from hundi.http.wire import Money
from hundi.invoices import line_sums
from hundi.invoices.rows import ItemRow
from hundi.invoices.schemas import ItemIn
from hundi.kit.errors import FieldProblem
from hundi.kit.money import ZERO, shown

FIELD: Final = "itemLists"
_NAMES: Final = {
    "taxable_value": "assessmentAmount", "cgst": "cgst", "sgst": "sgst", "igst": "igst", "cess": "cess",
    "item_total": "totalItemValue",
}  # fmt: skip
_DROP: Final = "DELETE FROM invoice_items WHERE seller_id = $1 AND invoice_id = $2"
_WRITE: Final = """
    INSERT INTO invoice_items (seller_id, invoice_id, line_no, description, hsn_code, is_service, quantity, unit, unit_price,
                               discount, taxable_value, gst_rate, cgst, sgst, igst, cess, item_total, order_line)
    SELECT $1, $2, l.line_no, l.description, l.hsn_code, l.is_service, l.quantity, l.unit, l.unit_price, l.discount,
           l.taxable_value, l.gst_rate, l.cgst, l.sgst, l.igst, l.cess, l.item_total, l.order_line
      FROM jsonb_to_recordset($3::jsonb) AS l (
           line_no smallint, description text, hsn_code text, is_service boolean, quantity numeric, unit text,
           unit_price numeric, discount numeric, taxable_value numeric, gst_rate numeric, cgst numeric, sgst numeric,
           igst numeric, cess numeric, item_total numeric, order_line text)"""


def completed(lines: Sequence[ItemIn], heads: Heads) -> list[dict[str, Any]]:
    """Give lines as they are stored; one that names no tax has that of its rate, under the heads the invoice has.

    An invoice without any tax (a bill of supply, an export under LUT) has lines without any, whatever their rate.
    """
    return [_completed(at, line, heads) for at, line in enumerate(lines, 1)]


def _completed(at: int, line: ItemIn, invoice: Heads) -> dict[str, Any]:
    taxable = line.assessmentAmount.value
    heads = Heads(*(_paise(head) for head in (line.cgst, line.sgst, line.igst)))
    names_none = line.cgst is None and line.sgst is None and line.igst is None
    if names_none and (invoice.cgst or invoice.sgst or invoice.igst):
        heads = tax_heads(taxable, line.gstRate.value, inter_state=bool(invoice.igst))
    cess = _paise(line.cess)
    total = line.totalItemValue.value if line.totalItemValue else taxable + heads.cgst + heads.sgst + heads.igst + cess
    return {
        "line_no": at, "description": line.productDescription, "hsn_code": line.hsnCode,
        "is_service": line.isService == "YES", "quantity": line.quantity.value if line.quantity else None,
        "unit": line.unit, "unit_price": line.unitPrice.value if line.unitPrice else None,
        "discount": _paise(line.discount), "taxable_value": taxable,
        "gst_rate": line.gstRate.value, "cgst": heads.cgst, "sgst": heads.sgst, "igst": heads.igst, "cess": cess,
        "item_total": total, "order_line": line.orderLineReference,
    }  # fmt: skip


def _paise(amount: Money | None) -> Decimal:
    return ZERO if amount is None else amount.value


def problems(lines: Sequence[Mapping[str, Any]], wanted: line_sums.Wanted) -> list[FieldProblem]:
    """Hold completed lines against what the invoice says: see :mod:`hundi.invoices.line_sums`."""
    if not lines:
        return []
    sums = {name: sum((line[name] for line in lines), ZERO) for name in (*line_sums.HEADS, "item_total")}
    return line_sums.problems(line_sums.Sums(count=len(lines), **sums), wanted, FIELD, _NAMES)


def unlisted(lines: Sequence[ItemIn], day: date) -> list[FieldProblem]:
    """Warn of rates that are not in force on the day of the invoice (domain §2)."""
    found = (rate_problem(f"{FIELD}[{at}].gstRate", line.gstRate.value, day) for at, line in enumerate(lines))
    return [problem for problem in found if problem is not None]


def untaxed(
    lines: Sequence[Mapping[str, Any]], *, reverse_charge: bool, supply_type: SupplyType | None
) -> list[FieldProblem]:
    """Warn of completed lines that have a rate while no tax is charged: the heads were forgotten, or the rate is none.

    Under reverse charge, and on an export or SEZ supply without payment of tax (s. 16 IGST Act), that is as it should be.
    """
    if reverse_charge or supply_type in WITHOUT_PAYMENT:
        return []
    if any(line["cgst"] or line["sgst"] or line["igst"] for line in lines):
        return []
    rated = next((line for line in lines if line["gst_rate"]), None)
    if rated is None:
        return []
    message = (
        "The lines have a GST rate, but no tax is charged: send cgst and sgst, or igst, of the invoice, or 0 as gstRate. "
        "On an export or SEZ supply without payment of tax send supplyType EXPWOP or SEZWOP."
    )
    at = f"{FIELD}[{rated['line_no'] - 1}].gstRate"
    return [FieldProblem(at, "RATE_WITHOUT_TAX", message, shown(rated["gst_rate"]))]


def same(lines: Sequence[Mapping[str, Any]], stored: Sequence[ItemRow]) -> bool:
    """Tell whether these lines are those that stand already."""
    return [ItemRow(**line) for line in lines] == list(stored)


async def replace(tx: Transaction, invoice_id: str, lines: Sequence[Mapping[str, Any]]) -> None:
    """Write these lines in place of those an invoice has; the caller holds the invoice's lock."""
    await tx.execute(_DROP, tx.seller_id, invoice_id)
    if lines:
        await tx.execute(_WRITE, tx.seller_id, invoice_id, as_json(list(lines)))
