"""From the rows of an invoice to the document that PDF, hosted page and mail show."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

import msgspec
import structlog

from hundi.db.pool import Transaction
from hundi.documents import issued
from hundi.documents.countries import split_country
from hundi.documents.issued import Contents, Issued, ToSend
from hundi.documents.links import page_url
from hundi.documents.model import (
    ZERO,
    Address,
    BankAccount,
    EInvoice,
    InvoiceDocument,
    Line,
    Recipient,
    Supplier,
    UpiPayment,
)
from hundi.documents.queries import DocumentRow, ItemRow
from hundi.invoices.errors import InvoiceNotFound
from hundi.invoices.rules import ReceivableStatus, shown_status
from hundi.kit.dates import ist_date
from hundi.kit.ids import SellerId
from hundi.kit.keys import Keyring, SealBroken
from hundi.kit.states import OUTSIDE_INDIA, STATES
from hundi.payments.upi import (
    LEAST_AMOUNT,
    NotPayable,
    Payee,
    PaymentRequest,
    UpiMode,
    transaction_reference,
    upi_link,
    why_not_payable,
)
from hundi.sellers.rows import LogoRow

log = structlog.get_logger("hundi.documents")

_UNKNOWN: Final = "-"


class BuiltDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document with the version of the row it was made from, and why it carries no UPI, where it carries none.

    ``logo`` is where the company's logo is, if it has one. ``sent_at`` is when the document that is shown was sent first,
    None where it is drawn as the invoice is now; ``changes`` says what the invoice says otherwise since. ``due_date`` is that
    of the invoice now.
    """

    document: InvoiceDocument
    version: int
    not_payable: NotPayable | None
    logo: LogoRow | None = None
    due_date: date | None = None
    sent_at: datetime | None = None
    changes: tuple[str, ...] = ()


async def document_of(
    tx: Transaction, keyring: Keyring, base_url: str, seller_id: SellerId, invoice_id: str
) -> InvoiceDocument:
    """Load one invoice as a document, or raise :class:`InvoiceNotFound`."""
    return (await built(tx, keyring, base_url, seller_id, invoice_id)).document


async def built(
    tx: Transaction, keyring: Keyring, base_url: str, seller_id: SellerId, invoice_id: str
) -> BuiltDocument:
    """Load one invoice with what the hosted page wants besides, or raise :class:`InvoiceNotFound`."""
    found = await documents_of(tx, keyring, base_url, seller_id, [invoice_id])
    if not found:
        raise InvoiceNotFound
    return found[0]


async def documents_of(
    tx: Transaction, keyring: Keyring, base_url: str, seller_id: SellerId, invoice_ids: Sequence[str]
) -> list[BuiltDocument]:
    """Load some invoices of one seller as their readers see them, in the order of their ids, in five statements.

    What was sent is shown as it was sent (hundi.documents.issued), what was not yet, as it is now.
    """
    found = await issued.present(tx, invoice_ids)
    kept = await issued.latest(tx, [one.row.invoice_id for one in found])
    today = ist_date(tx.now)
    return [_shown(kept.get(one.row.invoice_id), one, keyring, base_url, seller_id, today) for one in found]


async def documents_to_send(
    tx: Transaction, keyring: Keyring, base_url: str, seller_id: SellerId, invoice_ids: Sequence[str]
) -> list[tuple[BuiltDocument, ToSend]]:
    """Load some invoices of one seller as they would be sent now, in five statements; keep each with its delivery."""
    found = await issued.present(tx, invoice_ids)
    kept = await issued.latest(tx, [one.row.invoice_id for one in found])
    today = ist_date(tx.now)
    sending = [issued.to_send(kept.get(one.row.invoice_id), one) for one in found]
    return [(_built(one.contents, keyring, base_url, seller_id, today), one) for one in sending]


def as_sent(kept: Issued, keyring: Keyring, base_url: str, seller_id: SellerId) -> BuiltDocument:
    """Give a version of a document as it was on the day it was kept, with the balance and status of then."""
    return _built(kept.contents, keyring, base_url, seller_id, ist_date(kept.created_at), lenient=True)


async def as_now(
    tx: Transaction, keyring: Keyring, base_url: str, seller_id: SellerId, invoice_id: str
) -> BuiltDocument:
    """Give an invoice's document as it would be sent for the first time now, or raise :class:`InvoiceNotFound`."""
    found = await issued.present(tx, [invoice_id])
    if not found:
        raise InvoiceNotFound
    return _built(found[0], keyring, base_url, seller_id, ist_date(tx.now))


def _shown(
    kept: Issued | None, live: Contents, keyring: Keyring, base_url: str, seller_id: SellerId, today: date
) -> BuiltDocument:
    contents = issued.shown(kept, live)
    if kept is None or contents is live:
        return _built(live, keyring, base_url, seller_id, today)
    made = _built(contents, keyring, base_url, seller_id, today, lenient=True, due=live.row.due_date)
    difference = live.row.invoice_value - contents.row.invoice_value
    return msgspec.structs.replace(
        made,
        # No other zero than the model's: the PDF is to be the one that was mailed, byte for byte.
        document=msgspec.structs.replace(made.document, changed=difference or ZERO),
        sent_at=kept.created_at,
        changes=tuple(issued.changes(kept, live)),
    )


def _built(
    contents: Contents,
    keyring: Keyring,
    base_url: str,
    seller_id: SellerId,
    today: date,
    *,
    lenient: bool = False,
    due: date | None = None,
) -> BuiltDocument:
    """Make the document; ``lenient`` leaves out a bank account that was sealed under a key that is gone.

    ``due`` decides whether it is overdue, where that is not what the document says.
    """
    row, items = contents.row, contents.items
    due = due or row.due_date
    status = shown_status(ReceivableStatus(row.receivable_status), due, today)
    why_not = why_not_payable(row.balance, status, row.r_upi_max_amount, vpa=row.r_upi_vpa or "")
    document = InvoiceDocument(
        invoice_id=row.invoice_id,
        number=row.invoice_number,
        invoice_date=ist_date(row.invoice_date),
        supplier=_supplier(row, keyring, seller_id, lenient=lenient),
        recipient=_recipient(row),
        taxable_value=row.taxable_value,
        invoice_value=row.invoice_value,
        net_amount=row.net_amount,
        balance=row.balance,
        status=status.value,
        due_date=row.due_date,
        po_number=row.po_number or "",
        po_date=row.po_date,
        eway_bill_number=row.eway_bill_no or "",
        description=row.description or "",
        place_of_supply_code=row.place_of_supply or "",
        place_of_supply_name=_state_name(row.place_of_supply),
        reverse_charge=row.reverse_charge,
        supply_type=row.supply_type or "",
        lines=tuple(_line(item, reverse_charge=row.reverse_charge) for item in items),
        cgst=row.cgst,
        sgst=row.sgst,
        igst=row.igst,
        cess=row.cess,
        discount=row.discount,
        other_charges=row.other_charges,
        tcs=row.tcs,
        round_off=row.round_off,
        tds=row.tds,
        received=row.net_amount - row.balance,
        e_invoice=_e_invoice(row),
        upi=_upi(row) if why_not is None else None,
        hosted_url=page_url(base_url, keyring, seller_id, row.invoice_id, row.link_version),
    )
    return BuiltDocument(
        document=document, version=row.version, not_payable=why_not, logo=contents.logo, due_date=due
    )  # fmt: skip


def _state_name(code: str | None) -> str:
    state = STATES.get(code or "")
    return state.name if state else ""


def _bank(row: DocumentRow, keyring: Keyring, seller_id: SellerId, *, lenient: bool) -> BankAccount | None:
    if row.r_bank_account is None or not row.r_bank_ifsc:
        return None
    try:
        account = keyring.open(row.r_bank_account, f"registrations.bank_account {seller_id} {row.registration_id}")
    except SealBroken:
        if not lenient:
            raise
        log.warning("the bank account of a sent document cannot be opened", invoice_id=row.invoice_id)
        return None
    return BankAccount(
        holder=row.r_bank_holder or row.r_legal_name,
        account_number=account,
        ifsc=row.r_bank_ifsc,
        bank_name=row.r_bank_name or "",
    )


def _supplier(row: DocumentRow, keyring: Keyring, seller_id: SellerId, *, lenient: bool) -> Supplier:
    # A company may be set up before its address is known, with a dash for it; a dash is no address to print.
    lines = tuple(line for line in (row.r_address_line1, row.r_address_line2) if line and line != _UNKNOWN)
    city = "" if row.r_city == _UNKNOWN else row.r_city
    return Supplier(
        legal_name=row.r_legal_name,
        trade_name=row.r_trade_name or "",
        address=Address(
            lines=lines,
            city=city,
            pin=row.r_pin_code if lines or city else "",
            state_code=row.r_state_code,
            state_name=_state_name(row.r_state_code),
        ),
        gstin=row.r_gstin or "",
        pan=row.r_pan or "",
        udyam=row.r_udyam_number or "",
        lut=row.r_lut_number or "",
        email=row.r_email or "",
        phone=row.r_phone or "",
        bank=_bank(row, keyring, seller_id, lenient=lenient),
        upi_id=row.r_upi_vpa or "",
        signatory=row.r_signatory_name or "",
    )


def _recipient(row: DocumentRow) -> Recipient:
    billing = _address(row.c_address, row.c_pin_code, row.c_state_code or (row.c_gstin or "")[:2])
    shipping = None
    if row.ship_to_address or row.ship_to_state:
        shipping = _address(row.ship_to_address, row.ship_to_pin, row.ship_to_state)
    elif row.c_shipping_address or row.c_shipping_state:
        shipping = _address(row.c_shipping_address, row.c_shipping_pin_code, row.c_shipping_state or row.c_state_code)
    return Recipient(
        legal_name=row.c_legal_name,
        trade_name=row.c_trade_name or "",
        billing=billing,
        shipping=None if shipping == billing else shipping,
        shipping_name=row.ship_to_name or "",
        gstin=row.c_gstin or "",
        pan=row.c_pan or "",
    )


def _address(text: str | None, pin: str | None, state_code: str | None) -> Address:
    lines = tuple(line.strip() for line in (text or "").splitlines() if line.strip())
    country = ""
    if not state_code or state_code == OUTSIDE_INDIA:
        lines, country = split_country(lines)
    return Address(
        lines=lines, pin=pin or "", state_code=state_code or "", state_name=_state_name(state_code), country=country
    )


def _line(item: ItemRow, *, reverse_charge: bool) -> Line:
    # Under reverse charge taxes are shown and not added (domain §2), so that the lines come to the invoice's value.
    return Line(
        description=item.description,
        taxable_value=item.taxable_value,
        total=item.taxable_value if reverse_charge else item.item_total,
        hsn=item.hsn_code or "",
        is_service=item.is_service,
        quantity=item.quantity,
        unit=item.unit or "",
        unit_price=item.unit_price,
        discount=item.discount,
        gst_rate=item.gst_rate,
        cgst=item.cgst,
        sgst=item.sgst,
        igst=item.igst,
        cess=item.cess,
    )


def _e_invoice(row: DocumentRow) -> EInvoice | None:
    if not row.irn:
        return None
    return EInvoice(irn=row.irn, ack_number=row.ack_no or "", ack_date=row.ack_date, signed_qr=row.signed_qr or "")


def _upi(row: DocumentRow) -> UpiPayment:
    request = PaymentRequest(
        payee=Payee(vpa=row.r_upi_vpa or "", name=row.r_trade_name or row.r_legal_name),
        amount=row.balance,
        reference=transaction_reference(row.invoice_id),
        note=f"Invoice {row.invoice_number}",
        minimum=(row.minimum_part or LEAST_AMOUNT) if row.partial_payment_allowed else None,
    )
    return UpiPayment(qr_link=upi_link(request, UpiMode.QR), button_link=upi_link(request, UpiMode.LINK))
