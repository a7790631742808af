r"""An invoice of the books as the GST rules see it: from the rows to :class:`hundi.gst.document.Document` (domain §2, §8).

Pure. Texts are made fit for the network, which knows neither ``\`` nor ``"``; nothing is looked up and nothing refused.
"""

import re
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Final

from hundi.documents.queries import DocumentRow, ItemRow
from hundi.gst.document import UNREGISTERED, Address, Document, Enclosure, Item, Party, Payment, Transaction, Values
from hundi.gst.einvoice import LONGEST_CREDIT
from hundi.gst.rates import rates_on
from hundi.gst.supply import EXPORTS, SEZ_OR_EXPORT, SupplyType
from hundi.gst.tolerance import within_tolerance
from hundi.gst.units import find_unit
from hundi.kit.dates import ist_date
from hundi.kit.money import ZERO, percent_of
from hundi.kit.states import CENTRE, OUTSIDE_INDIA

EXPORT_PIN: Final = "999999"
_HUNDRED: Final = Decimal(100)
_ONE: Final = Decimal(1)
_PRICE_STEP: Final = Decimal("0.001")
_NOT_LETTERS: Final = re.compile(r"[^A-Za-z]")
_BLANKS: Final = re.compile(r"[\s\x00-\x1f]+")
_PIN: Final = re.compile(r"[1-9][0-9]{5}")
_LONGEST_ADDRESS: Final = 100
_MOBILE: Final = 10
_OTHER_UNIT: Final = "OTH"
_SERVICE: Final = "99"
"""How every SAC begins (contract b2b §9.3)."""


def clean(text: str | None, most: int = 0) -> str:
    """Make a text fit for the network: one line, no backslash and no double quote, cut where ``most`` says so."""
    plain = _BLANKS.sub(" ", (text or "").replace("\\", "/").replace('"', "'")).strip()
    return plain[:most].rstrip() if most else plain


def document_of(
    row: DocumentRow, items: Sequence[ItemRow], *, default_hsn: str | None, account: str | None
) -> Document:
    """Give an invoice as a document. ``account`` is the supplier's bank account in clear; it comes out masked.

    Without lines it has one, from its description, under ``default_hsn``; where that is missing too, ``hsn`` is empty.
    """
    supply = _supply_type(row)
    exports = supply in EXPORTS
    day = ist_date(row.invoice_date)
    buyer_state = OUTSIDE_INDIA if exports else _state(row)
    place = OUTSIDE_INDIA if exports else (row.place_of_supply or buyer_state)
    intra = place == row.r_state_code and supply not in SEZ_OR_EXPORT
    return Document(
        number=clean(row.invoice_number),
        day=day,
        supplier=_supplier(row),
        buyer=_buyer(row, buyer_state, exports=exports),
        place_of_supply=place,
        items=tuple(_item(at, item, row) for at, item in enumerate(items, 1)) or (_only_line(row, default_hsn, day),),
        transaction=Transaction(
            supply_type=supply.value, reverse_charge=row.reverse_charge, igst_on_intra=intra and row.igst > 0
        ),
        shipping=_shipping(row),
        values=Values(
            assessable=row.taxable_value, total=row.invoice_value, cgst=row.cgst, sgst=row.sgst, igst=row.igst,
            cess=row.cess, other_charges=row.other_charges + row.tcs, round_off=row.round_off,
        ),
        payment=_payment(row, account, day),
        remarks=clean(row.description, _LONGEST_ADDRESS) if items else "",
        enclosures=(Enclosure(info=f"E-way bill {clean(row.eway_bill_no)}"),) if row.eway_bill_no else (),
        irn=(row.irn or "").lower(),
        irn_at=row.ack_date,
    )  # fmt: skip


def _supply_type(row: DocumentRow) -> SupplyType:
    """Give the kind of supply: as stored, else by the customer's treatment and whether tax is charged (domain §1)."""
    stored = SupplyType.__members__.get(row.supply_type or "")
    if stored is not None:
        return SupplyType.B2B if stored is SupplyType.B2C else stored
    paid = row.igst > 0
    if row.c_treatment == "SEZ":
        return SupplyType.SEZWP if paid else SupplyType.SEZWOP
    if row.c_treatment == "OVERSEAS":
        return SupplyType.EXPWP if paid else SupplyType.EXPWOP
    return SupplyType.B2B


def _state(row: DocumentRow) -> str:
    """Give the buyer's state: the GSTIN's, for that is what the rules hold beside it, else the customer's own."""
    code = (row.c_gstin or "")[:2] or (row.c_state_code or "")
    return "" if code == CENTRE else code


def _address(text: str | None, pin: str | None, *, country: str = "INDIA") -> Address:
    """Break an address into INV-01's parts: what stands last, after a comma or in a line of its own, is the place."""
    parts = [clean(part) for part in re.split(r"[\n,]", text or "")]
    parts = [part for part in parts if part]
    city = parts.pop() if len(parts) > 1 else ""
    street = ", ".join(parts)
    first, rest = street[:_LONGEST_ADDRESS], street[_LONGEST_ADDRESS:]
    return Address(
        line1=first.strip(", "), line2=rest[:_LONGEST_ADDRESS].strip(", "), city=city[:_LONGEST_ADDRESS],
        pincode=pin if pin and _PIN.fullmatch(pin) else "", country=country,
    )  # fmt: skip


def _phone(text: str | None) -> str:
    digits = "".join(found for found in text or "" if found.isascii() and found.isdigit())
    return digits[-_MOBILE:] if len(digits) >= _MOBILE else ""


def _supplier(row: DocumentRow) -> Party:
    return Party(
        gstin=row.r_gstin or UNREGISTERED, legal_name=clean(row.r_legal_name), trade_name=clean(row.r_trade_name),
        state_code=row.r_state_code, phone=_phone(row.r_phone), email=row.r_email or "",
        address=Address(
            line1=clean(row.r_address_line1, _LONGEST_ADDRESS), line2=clean(row.r_address_line2, _LONGEST_ADDRESS),
            city=clean(row.r_city, _LONGEST_ADDRESS), pincode=row.r_pin_code, country="INDIA",
        ),
    )  # fmt: skip


def _buyer(row: DocumentRow, state: str, *, exports: bool) -> Party:
    address = _address(row.c_address, EXPORT_PIN if exports else row.c_pin_code, country="" if exports else "INDIA")
    return Party(
        gstin=UNREGISTERED if exports else row.c_gstin or UNREGISTERED, legal_name=clean(row.c_legal_name),
        trade_name=clean(row.c_trade_name), state_code=state, address=address,
    )  # fmt: skip


def _shipping(row: DocumentRow) -> Party | None:
    if not row.ship_to_address and not row.ship_to_state:
        return None
    return Party(
        legal_name=clean(row.ship_to_name or row.c_legal_name), state_code=row.ship_to_state or "",
        address=_address(row.ship_to_address, row.ship_to_pin),
    )  # fmt: skip


def _item(at: int, item: ItemRow, row: DocumentRow) -> Item:
    total = item.taxable_value + item.discount
    price = item.unit_price
    if price is None:
        price = (total / item.quantity).quantize(_PRICE_STEP) if item.quantity else total
    taxes = ZERO if row.reverse_charge else item.cgst + item.sgst + item.igst + item.cess
    return Item(
        serial=str(at), description=clean(item.description, 300), is_service=item.is_service, hsn=item.hsn_code or "",
        quantity=item.quantity, unit=_unit(item.unit, is_service=item.is_service), unit_price=price, total_amount=total,
        discount=item.discount, assessable=item.taxable_value, gst_rate=item.gst_rate, cgst=item.cgst, sgst=item.sgst,
        igst=item.igst, cess=item.cess, cess_rate=_cess_rate(item.cess, item.taxable_value),
        total_value=item.taxable_value + taxes, order_line=item.order_line or "",
    )  # fmt: skip


def _unit(text: str | None, *, is_service: bool) -> str:
    if (code := find_unit(text or "")) is not None:
        return code
    letters = _NOT_LETTERS.sub("", text or "").upper()
    return letters[:8] if len(letters) > 1 else "" if is_service else _OTHER_UNIT


def _only_line(row: DocumentRow, hsn: str | None, day: date) -> Item:
    """Give the one line that stands for an invoice without lines (domain §8)."""
    code = hsn or ""
    is_service = code.startswith(_SERVICE)
    taxes = ZERO if row.reverse_charge else row.cgst + row.sgst + row.igst + row.cess
    return Item(
        serial="1", description=clean(row.description, 300) or f"Invoice {clean(row.invoice_number)}",
        is_service=is_service, hsn=code, quantity=None if is_service else _ONE, unit="" if is_service else _OTHER_UNIT,
        unit_price=row.taxable_value, total_amount=row.taxable_value, assessable=row.taxable_value,
        gst_rate=_rate(row, day), cgst=row.cgst, sgst=row.sgst, igst=row.igst, cess=row.cess,
        cess_rate=_cess_rate(row.cess, row.taxable_value), total_value=row.taxable_value + taxes,
    )  # fmt: skip


def _cess_rate(cess: Decimal, taxable: Decimal) -> Decimal:
    """Give the rate a cess comes to; the books keep its amount alone."""
    return (cess * _HUNDRED / taxable).quantize(_PRICE_STEP) if cess and taxable else Decimal(0)


def _rate(row: DocumentRow, day: date) -> Decimal:
    """Find the rate of an invoice without lines: the listed one its tax fits, nearest first, else what it comes to."""
    tax = row.cgst + row.sgst + row.igst
    if not row.taxable_value or not tax:
        return Decimal(0)
    computed = tax * _HUNDRED / row.taxable_value
    listed = sorted(rates_on(day), key=lambda rate: abs(rate - computed))
    fitting = next((rate for rate in listed if within_tolerance(tax, percent_of(row.taxable_value, rate))), None)
    return fitting if fitting is not None else computed.quantize(_PRICE_STEP)


def _payment(row: DocumentRow, account: str | None, day: date) -> Payment:
    received = row.net_amount - row.balance
    return Payment(
        payee=clean(row.r_bank_holder or row.r_legal_name, 100), account=account[-4:] if account else "",
        branch=row.r_bank_ifsc or "", credit_days=min(max((row.due_date - day).days, 0), LONGEST_CREDIT),
        paid=received if received > 0 else None, due=row.balance if received > 0 else None,
    )  # fmt: skip
