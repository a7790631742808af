"""Why an invoice's document is no tax invoice, told where a clerk looks: when it is made with lines, when it
is sent, and beside the list of what was sent (domain §8).

Nothing is missing where the company's own document is attached as the primary one: that is what is mailed.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from hundi.db.pool import Transaction
from hundi.documents.build import as_now, documents_to_send
from hundi.documents.model import Address, EInvoice, InvoiceDocument, Line, Recipient, Supplier
from hundi.documents.particulars import ITEMS_MISSING, Missing, missing
from hundi.invoices.attachments import primary_of
from hundi.invoices.rows import CreatedFacts, InvoiceRow, ItemRow
from hundi.invoices.rules import ReceivableStatus
from hundi.kit.dates import ist_date
from hundi.kit.errors import FieldProblem
from hundi.kit.keys import Keyring
from hundi.kit.states import STATES

MOST_TOLD: Final = 20
"""So many of what is missing from one invoice are told; a last one says how many more there are."""
MOST_LOOKED_AT: Final = 100
"""Of so many documents of one dispatch it is told: looking at all would read every line once more."""
# What createInvoice says in its own words, and what only a look at the customer and the registration tells.
_TOLD_AT_BIRTH: Final = frozenset({"NUMBER_AGAINST_RULE_46B", "PLACE_OF_SUPPLY_UNKNOWN"})
_KNOWN: Final = Address(lines=("-",), state_code="27", state_name=STATES["27"].name, country="-")


class Shortfalls:
    """Tells what is missing; one for a server, with what it takes to draw a document."""

    def __init__(self, keyring: Keyring, base_url: str) -> None:
        self._keyring = keyring
        self._base_url = base_url

    async def of(self, tx: Transaction, row: InvoiceRow) -> list[FieldProblem]:
        """Give what is missing from the document of an invoice, as warnings at the fields that take it."""
        if row.receivable_status == ReceivableStatus.CANCELLED.value:
            return []
        if await primary_of(tx, tx.seller_id, [row.invoice_id]):
            return []
        now = await as_now(tx, self._keyring, self._base_url, tx.seller_id, row.invoice_id)
        return _told(missing(now.document))

    def at_birth(self, facts: CreatedFacts, items: Sequence[ItemRow]) -> list[FieldProblem]:
        """Give what is missing from an invoice that was just made, without another look at the database.

        Of customer and registration only the GSTIN is known then; getInvoiceDocuments tells the rest.
        """
        found = missing(_newborn(facts, items))
        return _told([one for one in found if one.code not in _TOLD_AT_BIRTH])


async def of_many(tx: Transaction, keyring: Keyring, places: Sequence[tuple[str, str]]) -> list[FieldProblem]:
    """Warn of invoices about to be sent whose document is no tax invoice; ``places`` are their fields and ids.

    Who makes invoices of amounts alone means payment advices: these are not warned of.
    """
    looked_at = places[:MOST_LOOKED_AT]
    ids = [invoice_id for _, invoice_id in looked_at]
    originals = await primary_of(tx, tx.seller_id, ids)
    sending = await documents_to_send(tx, keyring, "", tx.seller_id, ids)
    made = {one.document.invoice_id: one.document for one, _ in sending}
    found = []
    for field, invoice_id in looked_at:
        lacking = [] if invoice_id in originals else missing(made[invoice_id])
        if lacking and not any(one.code == ITEMS_MISSING for one in lacking):
            more = f" and {len(lacking) - 1} more" if len(lacking) > 1 else ""
            message = f"It goes out as a payment advice: {lacking[0].what}{more} missing. The list of its documents has all of it."
            found.append(FieldProblem(field, "NOT_A_TAX_INVOICE", message, invoice_id))
    if found and len(places) > len(looked_at):
        field, invoice_id = places[MOST_LOOKED_AT]
        left = len(places) - MOST_LOOKED_AT
        message = f"From here on the documents of {left} invoices were not looked at: list these documents to see what is missing."
        found.append(FieldProblem(field, "MORE_NOT_LOOKED_AT", message, invoice_id))
    return found


def _told(found: Sequence[Missing]) -> list[FieldProblem]:
    told = [
        FieldProblem(one.field, one.code, f"Without it the document is no tax invoice: {one.what}. {one.remedy}")
        for one in found[:MOST_TOLD]
    ]
    if len(found) > MOST_TOLD:
        message = f"{len(found) - MOST_TOLD} more particulars of a tax invoice are missing: complete these first."
        told.append(FieldProblem("itemLists", "MORE_MISSING", message))
    return told


def _newborn(facts: CreatedFacts, items: Iterable[ItemRow]) -> InvoiceDocument:
    """Put what is known of a new invoice into a document; what is not known stands as if it were there."""
    place = STATES.get(facts.place_of_supply or "")
    return InvoiceDocument(
        invoice_id=facts.invoice_id, number=facts.invoice_number, invoice_date=ist_date(facts.invoice_date),
        supplier=Supplier(legal_name="-", address=_KNOWN, gstin="-"),
        recipient=Recipient(legal_name="-", billing=_KNOWN, gstin=facts.customer_gstin or ""),
        taxable_value=facts.taxable_value, invoice_value=facts.invoice_value, net_amount=facts.net_amount,
        balance=facts.balance, place_of_supply_code=facts.place_of_supply or "",
        place_of_supply_name=place.name if place else "", reverse_charge=facts.reverse_charge,
        supply_type=facts.supply_type or "", lines=tuple(_line(item) for item in items), cgst=facts.cgst,
        sgst=facts.sgst, igst=facts.igst, cess=facts.cess,
        e_invoice=EInvoice(irn=facts.irn, signed_qr=facts.signed_qr or "") if facts.irn else None,
    )  # fmt: skip


def _line(item: ItemRow) -> Line:
    return Line(
        description=item.description, taxable_value=item.taxable_value, total=item.item_total, hsn=item.hsn_code or "",
        is_service=item.is_service, quantity=item.quantity, unit=item.unit or "", gst_rate=item.gst_rate,
        cgst=item.cgst, sgst=item.sgst, igst=item.igst, cess=item.cess,
    )  # fmt: skip
