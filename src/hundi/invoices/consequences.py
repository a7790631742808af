"""What a change of an invoice means for its other parts: its lines, its place of supply, the links that were sent."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from hundi.customers import queries as customers
from hundi.customers.errors import CustomerNotFound
from hundi.customers.rows import CustomerRow
from hundi.db.pool import Transaction
from hundi.gst.supply import Heads, SupplyType, head_problem, is_inter_state, is_sez_or_export
from hundi.invoices import line_sums, lines
from hundi.invoices.rows import InvoiceRow
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.money import ZERO
from hundi.kit.states import CENTRE

_LINE_SUMS: Final = """
    SELECT count(*) AS count, sum(taxable_value) AS taxable_value, sum(cgst) AS cgst, sum(sgst) AS sgst,
           sum(igst) AS igst, sum(cess) AS cess, sum(item_total) AS item_total
      FROM invoice_items WHERE seller_id = $1 AND invoice_id = $2 HAVING count(*) > 0"""
_STATES: Final = """
    SELECT i.ship_to_state, r.state_code FROM invoices i
      JOIN registrations r ON r.seller_id = $1 AND r.registration_id = i.registration_id
     WHERE i.seller_id = $1 AND i.invoice_id = $2"""
_WIRE_NAMES: Final = {
    "taxable_value": "baseAmount", "cgst": "cgst", "sgst": "sgst", "igst": "igst", "cess": "cess",
}  # fmt: skip


def check_new_lines(before: InvoiceRow, values: Mapping[str, Any], new: Sequence[Mapping[str, Any]]) -> None:
    """Refuse new lines that do not add up to the invoice as it is going to be; raises :class:`Invalid`."""
    says = {name: values.get(name, getattr(before, name)) for name in line_sums.HEADS}
    reverse: bool = values.get("reverse_charge", before.reverse_charge)
    supply = SupplyType(before.supply_type) if before.supply_type else None
    untaxed = reverse or supply in line_sums.WITH_PAYMENT
    problems = lines.problems(new, line_sums.Wanted(**says, untaxed=untaxed))
    if problems:
        raise Invalid(problems=problems)


async def check_lines(tx: Transaction, before: InvoiceRow, values: dict[str, Any]) -> None:
    """Refuse new figures that the invoice's lines do not add up to (``line_sums``); raises :class:`Invalid`.

    A figure that stays as it was is not held against them: an older version may have let it differ.
    """
    found = await tx.fetchrow(_LINE_SUMS, tx.seller_id, before.invoice_id)
    if found is None:
        return
    sums = line_sums.Sums(**dict(found))
    apart = line_sums.tolerance(sums.count)
    problems = []
    for name, field in _WIRE_NAMES.items():
        wanted: Decimal = values.get(name, getattr(before, name))
        come_to = getattr(sums, name)
        if wanted != getattr(before, name) and abs(come_to - wanted) > apart:
            message = f"The invoice's lines come to {come_to}, not {wanted}: send itemLists with lines that do."
            problems.append(FieldProblem(field, "ITEMS_DO_NOT_ADD_UP", message, str(wanted)))
    supply = SupplyType(before.supply_type) if before.supply_type else None
    if values.get("reverse_charge", True) is False and supply not in line_sums.WITH_PAYMENT:
        parts = sum((getattr(sums, head) for head in line_sums.HEADS), ZERO)
        if abs(sums.item_total - parts) > apart:
            message = "The invoice's lines leave out the tax, as under reverse charge: send itemLists with it."
            problems.append(FieldProblem("reverseCharge", "ITEMS_DO_NOT_ADD_UP", message, "false"))
    if problems:
        raise Invalid(problems=problems)


def usual_place(customer: CustomerRow) -> str | None:
    """Give the place of supply that the customer alone suggests: the GSTIN's state, else its own (domain §2)."""
    code = customer.gstin[:2] if customer.gstin else customer.state_code
    return None if code == CENTRE else code


async def of_customer_change(
    tx: Transaction, before: InvoiceRow, customer: CustomerRow, values: dict[str, Any]
) -> list[FieldProblem]:
    """Add to ``values`` what another customer brings with it; give what is doubtful about the tax heads then.

    A place of supply that followed from the old customer follows the new one. A link that was sent to the old customer
    stops working: it must not show the new one's invoice. :func:`hundi.invoices.links.renew` makes another.
    """
    if before.link_version > 0:
        values["link_version"] = before.link_version + 1
    states = await tx.fetchrow(_STATES, tx.seller_id, before.invoice_id)
    place = before.place_of_supply
    if states is not None and states["ship_to_state"] is None and place == await _old_place(tx, before):
        place = usual_place(customer)
        values["place_of_supply"] = place
    supply = SupplyType(before.supply_type) if before.supply_type else None
    border = is_sez_or_export(supply, customer.treatment)
    inter = is_inter_state(states["state_code"] if states else None, place, sez_or_export=border)
    heads = Heads(*(values.get(name, getattr(before, name)) for name in ("cgst", "sgst", "igst")))
    found = head_problem(heads, inter, place)
    return [found] if found else []


async def _old_place(tx: Transaction, before: InvoiceRow) -> str | None:
    try:
        return usual_place(await customers.one(tx, tx.seller_id, before.customer_id))
    except CustomerNotFound:
        return None
