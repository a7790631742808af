"""Invoices and notes of the network as the rules of GST see them (contract b2b §9.2; domain §2, §11).

The network's copy of a document is an extract: it may leave out what the portal has. What is missing and follows from the
rest is filled in here: a state from the GSTIN, the place of supply by domain §2's ladder, the split of a line's tax where its
total shows that the rate was charged.
"""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final, NamedTuple

from hundi.gst import document as gst
from hundi.gst.einvoice_parties import state_key
from hundi.gst.supply import SEZ_OR_EXPORT, WITHOUT_PAYMENT, is_inter_state, place_of_supply, tax_heads
from hundi.gst.tolerance import within_tolerance
from hundi.kit.dates import ist_date
from hundi.kit.states import STATES, find_state
from hundi.network.wire import blocks
from hundi.network.wire.invoice import Invoice
from hundi.network.wire.notes import Note, NoteType, NoteValueDetails

_ZERO: Final = gst.ZERO
_HEADS: Final = frozenset({"igst", "cgst", "sgst"})
_TAXES: Final = _HEADS | {"cess", "cess_non_advalorem", "state_cess", "state_cess_non_advalorem"}
_YES: Final = frozenset({"Y", "YES"})
_NO: Final = frozenset({"N", "NO"})
_Party = blocks.SupplierDetails | blocks.BuyerDetails | blocks.DispatchDetails | blocks.ShippingDetails


class _Taxed(NamedTuple):
    """How a document is taxed; ``may_lack_tax``: its lines may be totalled without (domain §11)."""

    inter_state: bool
    without_payment: bool
    may_lack_tax: bool
    whole: bool


NOTE_NAMES: Final[Mapping[str, str]] = {
    "supplierInvoiceNumber": "supplierCDNoteNumber", "ecommerceGstin": "eCommerceGstin",
    "valueDetails": "cdNoteValueDetails", "totalInvoiceValue": "totalCDNoteValue",
}  # fmt: skip
"""What a note's message calls the fields of an invoice's."""


def document_of(found: Invoice | Note, *, whole: bool = True) -> gst.Document:
    """Give the document a message brings; :func:`hundi.gst.einvoice.check` then takes it as an extract.

    Without ``whole`` the lines have their amounts only, which is all that is looked at where there is no IRN.
    """
    sent = found.transactionDetails
    supplier, buyer, shipping = (
        _party(found.supplierDetails), _party(found.buyerDetails), _party_or_none(found.shippingDetails)
    )  # fmt: skip
    place = _place(found.buyerDetails, buyer, shipping)
    igst_on_intra = sent.igstChargable is blocks.YesNo.YES
    inter = igst_on_intra or is_inter_state(
        _known(supplier.state_code), _known(place), sez_or_export=sent.supplyType.value in SEZ_OR_EXPORT
    )
    reverse_charge = sent.reverseChargeTax is blocks.YesNo.YES
    how = _Taxed(
        inter_state=inter is not False,
        without_payment=sent.supplyType.value in WITHOUT_PAYMENT,
        may_lack_tax=reverse_charge or sent.supplyType is blocks.SupplyKind.EXPWP,
        whole=whole,
    )
    items = tuple(_item(item, how) for item in found.itemLists or ())
    info = found.eInvoiceInfo
    reference = found.invoiceReferenceDetails
    return gst.Document(
        kind=_kind(found),
        number=found.supplierCDNoteNumber if isinstance(found, Note) else found.supplierInvoiceNumber,
        day=ist_date(found.ts.value),
        supplier=supplier,
        buyer=buyer,
        place_of_supply=place,
        items=items,
        transaction=gst.Transaction(
            supply_type=sent.supplyType.value,
            tax_scheme=sent.taxScheme.value,
            reverse_charge=reverse_charge,
            igst_on_intra=igst_on_intra,
            ecommerce_gstin=_ecommerce(sent),
        ),
        dispatch=_party_or_none(found.dispatchDetails),
        shipping=shipping,
        values=_values(found, items),
        payment=_payment(found),
        remarks=(reference.invoiceRemarks or "") if reference else "",
        period_start=_day(reference.invoiceStartDate) if reference else None,
        period_end=_day(reference.invoiceEndDate) if reference else None,
        preceding=tuple(
            gst.Preceding(number=one.invoiceNumber, day=_day(one.date), other_reference=one.otherReferenceNo or "")
            for one in found.precedingInvoiceDetails or ()
        ),
        contracts=(*_contracts(found.contractReferenceDetails), *_orders(found.poDetails)),
        enclosures=tuple(
            gst.Enclosure(url=one.url or "", document=one.document or "", info=one.info or "")
            for one in found.additionalDocumentDetails or ()
        ),
        export=_export(found.exportDetails),
        eway_bill=_eway(found.ewayBillDetail),
        irn=(info.irnNumber or "").lower() if info else "",
        irn_at=info.irnTs.value if info and info.irnTs else None,
    )


def _kind(found: Invoice | Note) -> gst.DocumentKind:
    if isinstance(found, Invoice):
        return gst.DocumentKind.INVOICE
    return gst.DocumentKind.CREDIT_NOTE if found.noteType is NoteType.CREDIT else gst.DocumentKind.DEBIT_NOTE


def _ecommerce(sent: blocks.TransactionDetails | blocks.NoteTransactionDetails) -> str:
    if isinstance(sent, blocks.NoteTransactionDetails):
        return sent.eCommerceGstin or ""
    return sent.ecommerceGstin or ""


def _day(sent: Any) -> date | None:
    return sent.value if sent is not None else None


def _amount(sent: Any) -> Decimal | None:
    return sent.value if sent is not None else None


def _known(code: str) -> str | None:
    key = state_key(code)
    return key if key in STATES else None


def _state(sent: str | None, gstin: str) -> str:
    """Give the GST code of a state: letters are looked up; one that is left out is the GSTIN's."""
    if sent is None:
        return gstin[:2] if gstin and gstin != gst.UNREGISTERED else ""
    if sent.isdigit():
        return sent
    state = find_state(sent)
    return state.code if state else sent


def _party_or_none(sent: _Party | None) -> gst.Party | None:
    return _party(sent) if sent is not None else None


def _party(sent: _Party | None) -> gst.Party:
    if sent is None:
        return gst.Party()
    legal, trade = (
        (sent.lglNm, sent.trdNm) if isinstance(sent, blocks.ShippingDetails) else (sent.legalName, sent.tradeName)
    )
    where = sent.address
    gstin = sent.gstin or ""
    return gst.Party(
        gstin=gstin,
        legal_name=legal or "",
        trade_name=trade or "",
        state_code=_state(sent.stateCode, gstin),
        address=gst.Address(
            line1=where.addressLine1 or "",
            line2=where.addressLine2 or "",
            city=where.city or "",
            pincode=where.pincode or "",
            country=where.country or "",
        )
        if where is not None
        else gst.Address(),
        phone=sent.contactNumber.phoneNumber if sent.contactNumber else "",
        email=sent.email or "",
    )


def _place(sent: blocks.BuyerDetails | None, buyer: gst.Party, shipping: gst.Party | None) -> str:
    if sent is not None and sent.placeOfSupply is not None:
        return _state(sent.placeOfSupply, "")
    found = place_of_supply(None, shipping.state_code if shipping else None, buyer.gstin or None, buyer.state_code)
    return found.state.code if found.state else ""


def _item(sent: blocks.Item, how: _Taxed) -> gst.Item:
    figures = _figures(sent, how)
    if not how.whole:
        return gst.Item(**figures)
    batch = sent.batchDetails
    return gst.Item(
        description=sent.productDescription or "",
        is_service=sent.isService is blocks.YesNo.YES,
        hsn=sent.hsnCode,
        barcode=sent.barCode or "",
        free_quantity=sent.freeQuantity.value if sent.freeQuantity is not None else None,
        unit=sent.unit or "",
        order_line=sent.orderLineReference or "",
        origin_country=sent.originCountry or "",
        product_serial=sent.productSerialNumber or "",
        batch=gst.Batch(number=batch.batchNumber, expiry=_day(batch.expiryDate), warranty=_day(batch.batchWarrantyDate))
        if batch is not None
        else None,
        attributes=tuple(gst.Attribute(one.name, one.value) for one in sent.attributeDetails or ()),
        **figures,
    )


def _figures(sent: blocks.Item, how: _Taxed) -> dict[str, Any]:
    """Give the number and the amounts of a line, with its tax by head."""
    amounts, unread = _typed(sent.itemValueDetails, gst.ITEM_VALUE_TYPES)
    if sent.rates:
        rates, _ = _typed(sent.rates, gst.RATE_TYPES)
        amounts |= rates
    assessable, rate, total = sent.assessmentAmount.value, sent.gstRate.value, sent.totalItemValue.value
    charges = amounts.get("other_charges", _ZERO)
    outside = _ZERO
    if sent.otherTaxes:
        outside = sum([_amount(tax.amount) or _ZERO for tax in sent.otherTaxes], _ZERO)

    def explained(value: Decimal) -> bool:
        # Whether a tax outside GST is part of a line's total is not published: it may be or not.
        return within_tolerance(total, value + charges) or (
            bool(outside) and within_tolerance(total, value + charges + outside)
        )

    if rate and not unread and not how.without_payment and amounts.keys().isdisjoint(_HEADS):
        # The line says its rate and its total and not the heads: they are the rate's where that explains the total.
        due = tax_heads(assessable, rate, inter_state=how.inter_state)
        cess = sum([amounts[name] for name in _TAXES & amounts.keys()], _ZERO)
        untaxed = explained(assessable + cess)
        if explained(assessable + cess + due.igst + due.cgst + due.sgst) or (untaxed and how.may_lack_tax):
            amounts |= {"igst": due.igst, "cgst": due.cgst, "sgst": due.sgst}
        elif sent.itemValueDetails is None and not untaxed:
            unread = ("not sent",)
    if outside:
        taxed = assessable + sum([amounts[name] for name in _TAXES & amounts.keys()], _ZERO)
        if within_tolerance(total, taxed + charges + outside):
            amounts["other_charges"] = charges + outside
    return {
        "serial": sent.serialno or "", "quantity": sent.quantity.value if sent.quantity is not None else None,
        "unit_price": sent.unitPrice.value, "total_amount": sent.totalAmt.value, "assessable": assessable,
        "gst_rate": rate, "total_value": total, "unread": unread, **amounts,
    }  # fmt: skip


def _typed(sent: Iterable[Any] | None, names: Mapping[str, str]) -> tuple[dict[str, Decimal], tuple[str, ...]]:
    """Add up typed amounts by the field each belongs to; gives also the types that are none of ours, where not nought."""
    found: dict[str, Decimal] = {}
    unread: dict[str, None] = {}
    for one in sent or ():
        value: Decimal = one.value.value
        name = names.get(one.type) or names.get(one.type.strip().upper().replace("_", " "))
        if name is None:
            if value:
                unread[one.type] = None
        else:
            found[name] = found[name] + value if name in found else value
    return found, tuple(unread)


def _values(found: Invoice | Note, items: tuple[gst.Item, ...]) -> gst.Values | None:
    """Give the totals; a sum that is left out is what the items come to."""
    sent = found.cdNoteValueDetails if isinstance(found, Note) else found.valueDetails
    if sent is None:
        return None
    total = sent.totalCDNoteValue if isinstance(sent, NoteValueDetails) else sent.totalInvoiceValue
    others, unread = _typed(sent.otherValues, gst.OTHER_VALUE_TYPES)
    assessable = _amount(sent.assessmentValue)
    stated = _amount(total)
    if stated is None:
        extra = others.get("other_charges", _ZERO) + others.get("round_off", _ZERO) - others.get("discount", _ZERO)
        stated = sum([item.total_value for item in items], extra)
    return gst.Values(
        assessable=sum([item.assessable for item in items], _ZERO) if assessable is None else assessable,
        total=stated,
        unread=unread,
        **others,
    )


def _payment(found: Invoice | Note) -> gst.Payment | None:
    terms, account = found.advancePaymentDetails, found.supplierBankAccountDetails
    if terms is None:
        return None
    return gst.Payment(
        payee=terms.payeeName or "",
        account=(account.maskedAccountNumber or "") if account else "",
        mode=terms.mode or "",
        branch=(account.ifsc or "") if account else "",
        terms=terms.paymentTerms or "",
        instruction=terms.paymentInstruction or "",
        credit_transfer=terms.creditTransfer or "",
        direct_debit=terms.directDebit or "",
        credit_days=int(terms.creditDays.value) if terms.creditDays is not None else None,
        paid=_amount(terms.paidAmount),
        due=_amount(terms.pendingDueAmount),
    )


def _contracts(sent: Iterable[blocks.ContractReference] | None) -> tuple[gst.Contract, ...]:
    return tuple(
        gst.Contract(
            receipt_advice=one.receiptAdviceNo or "",
            receipt_advice_day=_day(one.receiptAdviceDate),
            tender=one.batchReferenceNo or "",
            contract=one.contractReferenceNo or "",
            external=one.extraReferenceNo or "",
            project=one.projectReferenceNo or "",
        )
        for one in sent or ()
    )


def _orders(sent: Iterable[blocks.PoReference] | None) -> tuple[gst.Contract, ...]:
    """Give the orders as references of contracts, where form INV-01 has them; they come after the contracts proper."""
    return tuple(gst.Contract(order=one.buyerPoId or "", order_day=_day(one.poDate)) for one in sent or ())


def _export(sent: blocks.ExportDetails | None) -> gst.Export | None:
    if sent is None:
        return None
    claim = (sent.refundClaim or "").upper()
    return gst.Export(
        shipping_bill=sent.shipBillNo or "",
        shipping_bill_day=_day(sent.shipBillDate),
        port=sent.port or "",
        refund_claim=True if claim in _YES else False if claim in _NO else None,
        currency=sent.foreignCurrency or "",
        country=sent.countryCode or "",
        duty=_amount(sent.exportDuty),
    )


def _eway(sent: blocks.EwayBillDetail | None) -> gst.EwayBill | None:
    if sent is None:
        return None
    return gst.EwayBill(
        transporter_id=sent.transporterId or "",
        transporter_name=sent.transporterName or "",
        mode=sent.transportMode or "",
        distance=int(sent.distance.value) if sent.distance is not None else None,
        document_number=sent.transportDocumentNo or "",
        document_day=_day(sent.transportDocumentDate),
        vehicle_number=sent.vehicleNo or "",
        vehicle_type=sent.vehicleType or "",
    )
