"""What a change of an invoice means for its other parts: its lines, its place of supply, the links that were sent."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from hundi.customers import queries as customers
from hundi.customers.errors import CustomerNotFound
from hundi.customers.rows import CustomerRow
from hundi.db.pool import Transaction
from hundi.gst.supply import Heads, SupplyType, head_problem, is_inter_state, is_sez_or_export
from hundi.invoices import line_sums, lines
from hundi.invoices.rows import InvoiceRow
from hundi.invoices.rules import read_place
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


async def read_new_place(tx: Transaction, before: InvoiceRow, changes: dict[str, Any]) -> list[FieldProblem]:
    """Read ``placeOfSupply`` among the changes into a state code, in place; give what is wrong with it.

    Null stands for what create would have taken: the ship-to state, else what the customer suggests (domain §2).
    """
    if "placeOfSupply" not in changes:
        return []
    if changes["placeOfSupply"]:
        changes["placeOfSupply"], wrong = read_place(changes["placeOfSupply"])
        if wrong is not None:
            del changes["placeOfSupply"]
        return [wrong] if wrong else []
    states = await _states(tx, before)
    changes["placeOfSupply"] = states.ship_to
    if states.ship_to is None:
        try:
            customer = await customers.one(tx, tx.seller_id, changes.get("customerId") or before.customer_id)
            changes["placeOfSupply"] = usual_place(customer)
        except CustomerNotFound:
            return []
    return []


async def of_customer_change(
    tx: Transaction, before: InvoiceRow, customer: CustomerRow, values: dict[str, Any], *, place_named: bool
) -> None:
    """Add to ``values`` what another customer brings with it.

    A place of supply that followed from the old customer follows the new one, unless another is named. A link that was
    sent to the old customer stops working: it must not show the new one's invoice. :func:`hundi.invoices.links.renew`
    makes another.
    """
    if before.link_version > 0:
        values["link_version"] = before.link_version + 1
    if place_named:
        return
    states = await _states(tx, before)
    if states.ship_to is None and before.place_of_supply == await _old_place(tx, before):
        values["place_of_supply"] = usual_place(customer)


async def doubts_of_place(tx: Transaction, before: InvoiceRow, values: Mapping[str, Any]) -> list[FieldProblem]:
    """Hold the tax heads against the place of supply by the rules of create, where a change touches either (domain §2)."""
    heads = ("cgst", "sgst", "igst")
    if not any(name in values for name in (*heads, "place_of_supply", "customer_id")):
        return []
    place = values.get("place_of_supply", before.place_of_supply)
    try:
        customer = await customers.one(tx, tx.seller_id, values.get("customer_id", before.customer_id))
        treatment = customer.treatment
    except CustomerNotFound:
        treatment = None
    supply = SupplyType(before.supply_type) if before.supply_type else None
    inter = is_inter_state(
        (await _states(tx, before)).seller, place, sez_or_export=is_sez_or_export(supply, treatment)
    )  # fmt: skip
    found = head_problem(Heads(*(values.get(name, getattr(before, name)) for name in heads)), inter, place)
    return [found] if found else []


class _States(NamedTuple):
    ship_to: str | None
    seller: str | None


async def _states(tx: Transaction, before: InvoiceRow) -> _States:
    found = await tx.fetchrow(_STATES, tx.seller_id, before.invoice_id)
    return _States(found["ship_to_state"], found["state_code"]) if found else _States(None, None)


async def _old_place(tx: Transaction, before: InvoiceRow) -> str | None:
    try:
        return usual_place(await customers.one(tx, tx.seller_id, before.customer_id))
    except CustomerNotFound:
        return None
