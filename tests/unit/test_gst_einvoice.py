"""The rule set of e-invoices: what passes, what each rule finds and where, and how much is said at once (b2b §9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from msgspec.structs import replace

from gst_documents import (
    DAY,
    TN_BUYER,
    TN_SELLER,
    TODAY,
    D,
    documents,
    everything,
    export,
    goods,
    invoice,
    party,
    totals,
)
from hundi.gst.document import (
    ZERO,
    Address,
    Contract,
    Document,
    DocumentKind,
    EwayBill,
    Export,
    Item,
    Payment,
    Preceding,
    Transaction,
    Values,
)
from hundi.gst.einvoice import check
from hundi.gst.einvoice_items import MOST_ITEMS
from hundi.gst.findings import LISTED_PROBLEMS, Problems
from hundi.gst.irn import irn_of
from hundi.gst.rulebook import RULES, Weight
from hundi.gst.tolerance import within_tolerance
from hundi.kit.gstin import gstin_with_check


def strict(document: Document, **more: Any) -> Problems:
    return check(document, today=TODAY, strict=True, **more)


def places(problems: Problems) -> set[tuple[str, str]]:
    return {(problem.field, problem.code) for problem in (*problems.errors, *problems.warnings)}


def item(document: Document, at: int = 0, **changes: Any) -> Document:
    """Change one item and nothing else."""
    changed = tuple(replace(one, **changes) if place == at else one for place, one in enumerate(document.items))
    return replace(document, items=changed)


def values(document: Document, **changes: Any) -> Document:
    assert document.values is not None
    return replace(document, values=replace(document.values, **changes))


def supplier(document: Document, **changes: Any) -> Document:
    return replace(document, supplier=replace(document.supplier, **changes))


def buyer(document: Document, **changes: Any) -> Document:
    return replace(document, buyer=replace(document.buyer, **changes))


def address(document: Document, **changes: Any) -> Document:
    return buyer(document, address=replace(document.buyer.address, **changes))


def eway(**changes: Any) -> Document:
    bill = everything().eway_bill
    assert bill is not None
    return replace(everything(), eway_bill=replace(bill, **changes))


def supply(supply_type: str, **more: Any) -> Transaction:
    return Transaction(supply_type=supply_type, **more)


def irn(document: Document, number: str) -> Document:
    return replace(document, irn=number)


NOTE = invoice(kind=DocumentKind.CREDIT_NOTE, preceding=(Preceding(number="INV/1", day=DAY),))
INTER = invoice(inter=True)


@dataclass(frozen=True)
class Case:
    """A document that breaks one rule, and what must be found."""

    code: str
    path: str
    document: Document
    nic: str | None = None


def case(code: str, path: str, document: Document, nic: str | None = None) -> Any:
    return pytest.param(Case(code, path, document, nic), id=f"{code} {path}")


CASES = [
    case("TAX_SCHEME", "transactionDetails.taxScheme", invoice(transaction=Transaction(tax_scheme="VAT"))),
    case("SUPPLY_TYPE_UNKNOWN", "transactionDetails.supplyType", invoice(transaction=supply("B2C"))),
    case("REVERSE_CHARGE_NOT_ALLOWED", "transactionDetails.reverseChargeTax",
         export(transaction=supply("EXPWOP", reverse_charge=True)), "2162"),
    case("IGST_ON_INTRA", "transactionDetails.igstChargable",
         replace(INTER, transaction=Transaction(igst_on_intra=True)), "2262"),
    case("ECOMMERCE_GSTIN_KIND", "transactionDetails.ecommerceGstin",
         invoice(transaction=Transaction(ecommerce_gstin=TN_BUYER)), "2195"),
    case("GSTIN_FORMAT", "transactionDetails.ecommerceGstin", invoice(transaction=Transaction(ecommerce_gstin="X"))),
    case("NUMBER_LENGTH", "supplierInvoiceNumber", invoice(number="")),
    case("NUMBER_OVER_16", "supplierInvoiceNumber", invoice(number="A" * 17)),
    case("NUMBER_CHARACTERS", "supplierInvoiceNumber", invoice(number="INV 1")),
    case("NUMBER_START", "supplierInvoiceNumber", invoice(number="0042")),
    case("NUMBER_CONTROL_CHARACTERS", "supplierInvoiceNumber", invoice(number="IN\nV")),
    case("NUMBER_INVISIBLE_CHARACTERS", "supplierInvoiceNumber", invoice(number="INV ")),
    case("DATE_FUTURE", "ts", invoice(day=date(2026, 11, 23)), "2218"),
    case("DATE_TOO_EARLY", "ts", invoice(day=date(2020, 9, 30))),
    case("PERIOD_REVERSED", "invoiceReferenceDetails.invoiceEndDate",
         invoice(period_start=DAY, period_end=date(2026, 11, 15)), "2219"),
    case("PRECEDING_AFTER_DOCUMENT", "precedingInvoiceDetails[0].date",
         replace(NOTE, preceding=(Preceding(number="INV/1", day=TODAY),))),
    case("NOTE_WITHOUT_INVOICE", "precedingInvoiceDetails", replace(NOTE, preceding=()), "2191"),
    case("IRN_WRONG", "eInvoiceInfo.irnNumber", irn(invoice(), "0" * 64)),
    case("GSTIN_MISSING", "supplierDetails.gstin", supplier(invoice(), gstin=""), "2155"),
    case("GSTIN_MISSING", "buyerDetails.gstin", buyer(invoice(), gstin=" "), "2214"),
    case("GSTIN_FORMAT", "buyerDetails.gstin", buyer(invoice(), gstin="33AABCB4321K1")),
    case("GSTIN_STATE", "supplierDetails.gstin", supplier(invoice(), gstin=gstin_with_check("60AAACD1234E1Z"))),
    case("GSTIN_CHECK_DIGIT", "buyerDetails.gstin", buyer(invoice(), gstin=TN_BUYER[:-1] + "0")),
    case("SUPPLIER_UNREGISTERED", "supplierDetails.gstin", supplier(invoice(), gstin="URP"), "2213"),
    case("BUYER_UNREGISTERED", "buyerDetails.gstin", buyer(invoice(), gstin="URP"), "2212"),
    case("BUYER_UNREGISTERED", "buyerDetails.gstin", buyer(invoice(transaction=supply("DEXP")), gstin="URP"), "2171"),
    case("EXPORT_BUYER", "buyerDetails.gstin", buyer(export(), gstin=TN_BUYER), "2248"),
    case("EXPORT_STATE", "buyerDetails.stateCode", buyer(export(), state_code="33"), "2261"),
    case("EXPORT_PLACE", "buyerDetails.placeOfSupply", export(place_of_supply="33"), "2232"),
    case("EXPORT_PIN", "buyerDetails.address.pincode", address(export(), pincode="600001")),
    case("SAME_PARTY", "buyerDetails.gstin", buyer(invoice(), gstin=TN_SELLER.lower()), "2211"),
    case("STATE_UNKNOWN", "supplierDetails.stateCode", supplier(invoice(), state_code="TN"), "2259"),
    case("STATE_UNKNOWN", "buyerDetails.stateCode", buyer(invoice(), state_code="00"), "2260"),
    case("STATE_UNKNOWN", "shippingDetails.stateCode",
         replace(everything(), shipping=replace(party("", "33"), state_code="")), "2200"),
    case("STATE_NOT_OF_GSTIN", "supplierDetails.stateCode", supplier(INTER, state_code="07"), "2258"),
    case("STATE_NOT_OF_GSTIN", "buyerDetails.stateCode", buyer(invoice(), state_code="29"), "2265"),
    case("STATE_NOT_OF_GSTIN", "shippingDetails.stateCode", invoice(shipping=party(TN_BUYER, "29")), "2325"),
    case("PLACE_OF_SUPPLY_UNKNOWN", "buyerDetails.placeOfSupply", invoice(place_of_supply=""), "2243"),
    case("PLACE_OF_SUPPLY_ABROAD", "buyerDetails.placeOfSupply", replace(INTER, place_of_supply="96"), "2242"),
    case("TEXT_MISSING", "supplierDetails.legalName", supplier(invoice(), legal_name="")),
    case("TEXT_MISSING", "supplierDetails.address.pincode", supplier(invoice(), address=Address(line1="1", city="Salem"))),
    case("TEXT_MISSING", "buyerDetails.address.addressLine1", address(invoice(), line1="")),
    case("TEXT_MISSING", "shippingDetails.lglNm", invoice(shipping=party(TN_BUYER, "33", ""))),
    case("TEXT_LENGTH", "supplierDetails.tradeName", supplier(invoice(), trade_name="AB")),
    case("TEXT_LENGTH", "buyerDetails.address.city", address(invoice(), city="x" * 101)),
    case("TEXT_LENGTH", "itemLists[0].productDescription", item(invoice(), description="x" * 301)),
    case("TEXT_LENGTH", "contractReferenceDetails[1].buyerPoId",
         invoice(contracts=(Contract(order="PO-7"), Contract(order="x" * 17)))),
    case("TEXT_CHARACTERS", "itemLists[0].productDescription", item(invoice(), description='a "bolt"')),
    case("TEXT_CHARACTERS", "invoiceReferenceDetails.invoiceRemarks", invoice(remarks="a\\b")),
    case("TEXT_FORM", "buyerDetails.email", buyer(invoice(), email="no address")),
    case("TEXT_FORM", "buyerDetails.contactNumber.phoneNumber", buyer(invoice(), phone="+919876543")),
    case("TEXT_FORM", "itemLists[0].originCountry", item(invoice(), origin_country="in")),
    case("TEXT_FORM", "precedingInvoiceDetails[0].invoiceNumber", replace(NOTE, preceding=(Preceding(number="0 1"),))),
    case("PIN_FORMAT", "buyerDetails.address.pincode", address(invoice(), pincode="060001")),
    case("PIN_NOT_IN_STATE", "buyerDetails.address.pincode", address(invoice(), pincode="110001"), "2178"),
    case("SHIPPING_TO_BUYER", "shippingDetails.gstin", replace(eway(), shipping=party(TN_BUYER, "33")), "2323"),
    case("ITEMS_EMPTY", "itemLists", invoice(items=()), "2228"),
    case("ITEMS_TOO_MANY", "itemLists", invoice(count=MOST_ITEMS + 1), "2173"),
    case("SERIAL_FORMAT", "itemLists[0].serialno", item(invoice(), serial="A1")),
    case("SERIAL_DUPLICATE", "itemLists[1].serialno", item(invoice(count=2), 1, serial="1"), "2233"),
    case("HSN_FORMAT", "itemLists[0].hsnCode", item(invoice(), hsn="73181"), "2176"),
    case("HSN_CHAPTER_UNKNOWN", "itemLists[0].hsnCode", item(invoice(), hsn="7701"), "2176"),
    case("HSN_NOT_A_SERVICE", "itemLists[0].hsnCode", item(invoice(), is_service=True)),
    case("HSN_NOT_GOODS", "itemLists[0].hsnCode", item(invoice(), hsn="998313")),
    case("SAC_HEADING_UNKNOWN", "itemLists[0].hsnCode", item(invoice(), hsn="9950", is_service=True), "2176"),
    case("QUANTITY_MISSING", "itemLists[0].quantity", item(invoice(), quantity=None), "2238"),
    case("UNIT_MISSING", "itemLists[0].unit", item(invoice(), unit=""), "2239"),
    case("UNIT_UNKNOWN", "itemLists[0].unit", item(invoice(), unit="nos"), "2177"),
    case("AMOUNT_NOT_A_NUMBER", "itemLists[0].gstRate", item(invoice(), gst_rate=D("NaN"))),
    case("AMOUNT_NOT_A_NUMBER", "valueDetails.totalInvoiceValue", values(invoice(), total=D("Infinity"))),
    case("AMOUNT_NEGATIVE", "itemLists[0].itemValueDetails[CGST]", item(invoice(), cgst=D(-90))),
    case("AMOUNT_NEGATIVE", "valueDetails.otherValues[DISCOUNT]", values(invoice(), discount=D(-1))),
    case("AMOUNT_TOO_LARGE", "itemLists[0].totalAmt", item(invoice(), total_amount=D("1000000000000"))),
    case("AMOUNT_TOO_LARGE", "itemLists[0].quantity", item(invoice(), quantity=D("1E+400"))),
    case("AMOUNT_TOO_PRECISE", "itemLists[0].assessmentAmount", item(invoice(), assessable=D("1000.001"))),
    case("AMOUNT_TOO_PRECISE", "itemLists[0].unitPrice", item(invoice(), unit_price=D("100.5001"))),
    case("TOTAL_NOT_QUANTITY_TIMES_PRICE", "itemLists[0].totalAmt", item(invoice(), quantity=D(11)), "2192"),
    case("ASSESSABLE_MISMATCH", "itemLists[0].assessmentAmount", item(invoice(), discount=D(7)), "2193"),
    case("DISCOUNT_UNNAMED", "itemLists[0].assessmentAmount",
         item(invoice(), discount=D(0), total_amount=D("1010.00"), unit_price=D("101.00")), "2193"),
    case("RATE_UNLISTED", "itemLists[0].gstRate", item(invoice(), gst_rate=D(28)), "2240"),
    case("RATE_UNLISTED", "itemLists[0].gstRate", item(NOTE, gst_rate=D(17)), "2240"),
    case("TAX_HEADS_MIXED", "itemLists[0].itemValueDetails[IGST]", item(invoice(), igst=D(1)), "2172"),
    case("TAX_HEADS_CONTRADICT_PLACE", "itemLists[0].itemValueDetails[IGST]",
         item(invoice(), igst=D(180), cgst=ZERO, sgst=ZERO), "2172"),
    case("TAX_HEADS_CONTRADICT_PLACE", "itemLists[0].itemValueDetails[CGST]",
         item(INTER, igst=ZERO, cgst=D(90), sgst=D(90)), "2174"),
    case("TAX_HEADS_CONTRADICT_PLACE", "itemLists[0].itemValueDetails[CGST]",
         item(export(), cgst=D(90), sgst=D(90)), "2180"),
    case("TAX_HEADS_CONTRADICT_PLACE", "itemLists[0].itemValueDetails[CGST]",
         item(invoice(transaction=supply("SEZWP")), igst=ZERO), "2237"),
    case("TAX_HALVES_DIFFER", "itemLists[0].itemValueDetails[SGST]", item(invoice(), sgst=D("90.01")), "2227"),
    case("VALUE_TYPE_UNKNOWN", "itemLists[0].itemValueDetails[OCTROI]", item(invoice(), unread=("OCTROI",))),
    case("VALUE_TYPE_UNKNOWN", "valueDetails.otherValues[OCTROI]", values(invoice(), unread=("OCTROI",))),
    case("TAX_MISSING", "itemLists[0].itemValueDetails[CGST]", item(invoice(), cgst=ZERO, sgst=ZERO), "2241"),
    case("CGST_SGST_MISMATCH", "itemLists[0].itemValueDetails[CGST]", item(invoice(), cgst=D(92), sgst=D(92)), "2234"),
    case("IGST_MISMATCH", "itemLists[0].itemValueDetails[IGST]", item(INTER, igst=D(178)), "2235"),
    case("CESS_MISMATCH", "itemLists[0].itemValueDetails[CESS]", item(invoice(), cess=D(5)), "2266"),
    case("CESS_MISMATCH", "itemLists[0].itemValueDetails[CESS]", item(invoice(), cess_rate=D(12)), "2266"),
    case("STATE_CESS_MISMATCH", "itemLists[0].itemValueDetails[STATE CESS]", item(invoice(), state_cess=D(5)), "2267"),
    case("ITEM_TOTAL_MISMATCH", "itemLists[0].totalItemValue", item(invoice(), total_value=D(1182)), "2194"),
    case("VALUES_MISSING", "valueDetails", invoice(values=None)),
    case("ASSESSABLE_TOTAL_MISMATCH", "valueDetails.assessmentValue", values(invoice(), assessable=D(1002)), "2182"),
    case("CGST_TOTAL_MISMATCH", "valueDetails.otherValues[CGST]", values(invoice(), cgst=D(88)), "2184"),
    case("SGST_TOTAL_MISMATCH", "valueDetails.otherValues[SGST]", values(invoice(), sgst=None), "2183"),
    case("IGST_TOTAL_MISMATCH", "valueDetails.otherValues[IGST]", values(INTER, igst=D(178)), "2185"),
    case("CESS_TOTAL_MISMATCH", "valueDetails.otherValues[CESS]", values(invoice(), cess=D(2)), "2186"),
    case("STATE_CESS_TOTAL_MISMATCH", "valueDetails.otherValues[STATE CESS]", values(invoice(), state_cess=D(2)), "2187"),
    case("INVOICE_TOTAL_MISMATCH", "valueDetails.totalInvoiceValue", values(invoice(), total=D(1182)), "2189"),
    case("INVOICE_TOTAL_MISMATCH", "valueDetails.totalInvoiceValue", values(invoice(), round_off=D("-5.00")), "2189"),
    case("DISCOUNT_EXCEEDS_TOTAL", "valueDetails.otherValues[DISCOUNT]",
         values(invoice(), discount=D(1180), total=ZERO), "2220"),
    case("ROUND_OFF_TOO_LARGE", "valueDetails.otherValues[ROUND OFF]",
         values(invoice(), round_off=D(100), total=D(1280))),
    case("EWAY_ON_NOTE", "ewayBillDetail", replace(eway(), kind=DocumentKind.DEBIT_NOTE), "2252"),
    case("EWAY_WITHOUT_GOODS", "ewayBillDetail", replace(eway(), items=(everything().items[2],)), "2251"),
    case("EWAY_TRANSPORTER_MISSING", "ewayBillDetail.transporterId", invoice(eway_bill=EwayBill(distance=10)), "4027"),
    case("EWAY_TRANSPORTER_FORM", "ewayBillDetail.transporterId", eway(transporter_id="33AAA"), "4018"),
    case("EWAY_MODE", "ewayBillDetail.transportMode", eway(mode="5"), "4028"),
    case("EWAY_MODE", "ewayBillDetail.transportMode", eway(mode=""), "4028"),
    case("EWAY_VEHICLE_MISSING", "ewayBillDetail.vehicleNo", eway(vehicle_number=""), "2253"),
    case("EWAY_VEHICLE_MISSING", "ewayBillDetail.vehicleType", eway(vehicle_type=""), "2253"),
    case("EWAY_VEHICLE_FORM", "ewayBillDetail.vehicleNo", eway(vehicle_number="TN 01"), "4014"),
    case("EWAY_VEHICLE_TYPE", "ewayBillDetail.vehicleType", eway(vehicle_type="X"), "4020"),
    case("EWAY_VEHICLE_TYPE_OFF_ROAD", "ewayBillDetail.vehicleType", eway(mode="2", vehicle_type="O"), "4024"),
    case("EWAY_DOCUMENT_MISSING", "ewayBillDetail.transportDocumentNo", eway(mode="3", document_number=""), "2254"),
    case("EWAY_DOCUMENT_MISSING", "ewayBillDetail.transportDocumentDate", eway(mode="3", document_day=None), "2254"),
    case("EWAY_DOCUMENT_BEFORE_INVOICE", "ewayBillDetail.transportDocumentDate",
         eway(document_day=date(2026, 11, 15)), "4021"),
    case("EWAY_DOCUMENT_FUTURE", "ewayBillDetail.transportDocumentDate", eway(document_day=date(2026, 11, 23)), "4016"),
    case("EWAY_DISTANCE", "ewayBillDetail.distance", eway(distance=None)),
    case("CREDIT_DAYS", "advancePaymentDetails.creditDays", invoice(payment=Payment(credit_days=10_000))),
    case("AMOUNT_NEGATIVE", "advancePaymentDetails.paidAmount", invoice(payment=Payment(paid=D(-1)))),
    case("AMOUNT_NOT_A_NUMBER", "exportDetails.exportDuty", export(export=Export(duty=D("NaN")))),
    case("EWAY_DISTANCE", "ewayBillDetail.distance", eway(distance=4001)),
]  # fmt: skip


@pytest.mark.parametrize("broken", CASES)
def test_each_rule_finds_its_fault_at_its_place(broken: Case) -> None:
    problems = strict(broken.document)
    listed = problems.warnings if RULES[broken.code].weight is Weight.WARNING else problems.errors
    found = [problem for problem in listed if (problem.field, problem.code) == (broken.path, broken.code)]
    assert found, places(problems)
    assert found[0].nic == broken.nic
    assert found[0].message.endswith(".")
    assert "{" not in found[0].message


def test_every_rule_has_a_case() -> None:
    assert {param.values[0].code for param in CASES} == set(RULES)


@pytest.mark.parametrize(
    "document",
    [
        invoice(), INTER, NOTE, export(), everything(),
        # 01 may be written 1, and a buyer's PIN may be left out.
        address(supplier(invoice(), state_code="33"), pincode=""),
        # A note may carry any tax within its heads, at a rate of the past.
        item(NOTE, gst_rate=D(28)),
        # Reverse charge: the item and the invoice leave out the tax that is shown.
        invoice(
            transaction=Transaction(reverse_charge=True), items=(goods(total_value=D(1000)),),
            values=replace(totals((goods(),)), total=D(1000)),
        ),
        # Within one state and yet IGST.
        replace(invoice(items=(goods(inter=True),)), transaction=Transaction(igst_on_intra=True)),
        # SEZ in the same state is inter-state.
        invoice(transaction=Transaction(supply_type="SEZWP"), items=(goods(inter=True),)),
        # What the portal's tolerance lets through.
        values(invoice(), total=D("1179.00")), item(invoice(), assessable=D("1000.99"), total_value=D("1180.99")),
        # Services need neither quantity nor unit.
        invoice(items=(goods(is_service=True, hsn="998313", quantity=None, unit=""),)),
        irn(invoice(), irn_of(invoice(), generated_on=TODAY)),
    ],
)  # fmt: skip
def test_what_a_portal_takes_passes(document: Document) -> None:
    assert places(strict(document)) == set()


@given(documents())
def test_generated_documents_pass(document: Document) -> None:
    problems = strict(document)
    assert problems.errors == ()
    assert {problem.code for problem in problems.warnings} <= {"TOTAL_NOT_QUANTITY_TIMES_PRICE"}


def _tax(document: Document, at: int) -> Document | None:
    """Raise the tax of an item by three rupees, where the rules judge it at all."""
    one = document.items[at]
    if document.is_note or not (one.igst or one.cgst):
        return None
    head = "igst" if one.igst else "cgst"
    return item(document, at, **{head: getattr(one, head) + 3})


Mutation = Callable[[Document, int], tuple[Document, str, set[str]] | None]
MUTATIONS: dict[str, Mutation] = {
    "assessable": lambda d, at: (
        item(d, at, assessable=d.items[at].assessable + 3), f"itemLists[{at}].assessmentAmount", {"ASSESSABLE_MISMATCH"}
    ),
    "item total": lambda d, at: (
        item(d, at, total_value=d.items[at].total_value + 3), f"itemLists[{at}].totalItemValue", {"ITEM_TOTAL_MISMATCH"}
    ),
    "serial": lambda d, at: (
        (item(d, at, serial=d.items[at - 1].serial), f"itemLists[{at}].serialno", {"SERIAL_DUPLICATE"}) if at else None
    ),
    "hsn": lambda d, at: (item(d, at, hsn="12345"), f"itemLists[{at}].hsnCode", {"HSN_FORMAT"}),
    "service": lambda d, at: (
        item(d, at, is_service=not d.items[at].is_service), f"itemLists[{at}].hsnCode",
        {"HSN_NOT_A_SERVICE", "HSN_NOT_GOODS"},
    ),
    "rate": lambda d, at: (item(d, at, gst_rate=D("17.5")), f"itemLists[{at}].gstRate", {"RATE_UNLISTED"}),
    "unit": lambda d, at: (item(d, at, unit="Stk"), f"itemLists[{at}].unit", {"UNIT_UNKNOWN"}),
    "not a number": lambda d, at: (
        item(d, at, discount=D("NaN")), f"itemLists[{at}].itemValueDetails[DISCOUNT]", {"AMOUNT_NOT_A_NUMBER"}
    ),
    "tax": lambda d, at: None if (changed := _tax(d, at)) is None else (
        changed, f"itemLists[{at}].itemValueDetails[{'IGST' if d.items[at].igst else 'CGST'}]",
        {"IGST_MISMATCH", "CGST_SGST_MISMATCH"},
    ),
    "heads": lambda d, at: (
        item(d, at, igst=d.items[at].cgst, cgst=d.items[at].igst, sgst=d.items[at].igst),
        f"itemLists[{at}].itemValueDetails[{'CGST' if d.items[at].igst else 'IGST'}]", {"TAX_HEADS_CONTRADICT_PLACE"},
    ) if d.items[at].igst or d.items[at].cgst else None,
    "assessable total": lambda d, _: (
        values(d, assessable=d.values.assessable + 3), "valueDetails.assessmentValue", {"ASSESSABLE_TOTAL_MISMATCH"}
    ) if d.values else None,
    "invoice total": lambda d, _: (
        values(d, total=d.values.total + 3), "valueDetails.totalInvoiceValue", {"INVOICE_TOTAL_MISMATCH"}
    ) if d.values else None,
    "igst total": lambda d, _: (
        values(d, igst=(d.values.igst or ZERO) + 3), "valueDetails.otherValues[IGST]", {"IGST_TOTAL_MISMATCH"}
    ) if d.values else None,
    "number": lambda d, _: (replace(d, number="/" + d.number[:15]), "supplierInvoiceNumber", {"NUMBER_START"}),
    "date": lambda d, _: (replace(d, day=date(2026, 11, 23)), "ts", {"DATE_FUTURE"}),
    "supplier's GSTIN": lambda d, _: (
        supplier(d, gstin=TN_SELLER[:-1] + ("0" if TN_SELLER[-1] != "0" else "1")), "supplierDetails.gstin",
        {"GSTIN_CHECK_DIGIT"},
    ),
    "supplier's state": lambda d, _: (
        supplier(d, state_code="01"), "supplierDetails.stateCode", {"STATE_NOT_OF_GSTIN"}
    ),
    "buyer's GSTIN": lambda d, _: (
        buyer(d, gstin="33AABCB"), "buyerDetails.gstin", {"GSTIN_FORMAT", "EXPORT_BUYER"}
    ),
    "place": lambda d, _: (
        replace(d, place_of_supply="60"), "buyerDetails.placeOfSupply", {"PLACE_OF_SUPPLY_UNKNOWN", "EXPORT_PLACE"}
    ),
}  # fmt: skip


@given(documents(), st.sampled_from(sorted(MUTATIONS)), st.data())
def test_one_change_to_a_right_document_is_found_at_its_place(
    document: Document, name: str, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(document.items) - 1))
    mutated = MUTATIONS[name](document, at)
    assume(mutated is not None)
    assert mutated is not None
    changed, path, codes = mutated
    assert {(problem.field, problem.code) for problem in strict(changed).errors} & {(path, code) for code in codes}


def test_what_is_an_error_in_an_e_invoice_only() -> None:
    """On the network alone (domain §2, §6, §11): numbers of 17 characters, unlisted rates, heads against the place."""
    document = item(invoice(number="A" * 17), gst_rate=D(28), cgst=ZERO, sgst=ZERO, igst=D(280), total_value=D(1280))
    document = replace(document, values=None, day=date(2026, 11, 30))
    assert not strict(document).ok
    loose = check(document, today=TODAY, strict=False)
    assert loose.errors == ()
    assert {problem.code for problem in loose.warnings} == {
        "NUMBER_OVER_16", "DATE_FUTURE", "RATE_UNLISTED", "TAX_HEADS_CONTRADICT_PLACE", "VALUES_MISSING",
    }  # fmt: skip


def test_totals_of_heads_may_be_left_out_on_the_network() -> None:
    document = values(invoice(), cgst=None, sgst=None)
    assert places(check(document, today=TODAY, strict=False)) == set()
    assert len(strict(document).errors) == 2


@pytest.mark.parametrize(("sgst", "errors"), [(D("90.50"), 0), (D("91.01"), 1)])
def test_halves_a_rupee_apart_are_a_warning_outside_e_invoices(sgst: Decimal, errors: int) -> None:
    problems = check(item(invoice(), sgst=sgst), today=TODAY, strict=False)
    assert [p.code for p in problems.errors].count("TAX_HALVES_DIFFER") == errors
    assert [p.code for p in problems.warnings].count("TAX_HALVES_DIFFER") == 1 - errors


def test_every_mistake_is_counted_and_two_hundred_are_listed() -> None:
    wrong = tuple(goods(at, hsn="1", cgst=D(1), sgst=D(1)) for at in range(1, 801))
    problems = strict(invoice(items=wrong))
    assert len(problems.errors) == LISTED_PROBLEMS == 200
    assert problems.error_count == 800 * 4  # code, both halves and the total of each item
    assert problems.errors[0].field == "itemLists[0].hsnCode"
    assert problems.errors[199].field == "itemLists[49].totalItemValue"


def test_problems_can_be_told_under_other_names() -> None:
    problems = strict(values(NOTE, total=D(1)))
    names = {"valueDetails": "cdNoteValueDetails", "supplierInvoiceNumber": "supplierCDNoteNumber"}
    renamed = problems.renamed(names, root="cdNote")
    assert [p.field for p in renamed.errors] == ["cdNote.cdNoteValueDetails.totalInvoiceValue"]
    assert renamed.error_count == 1
    assert [p.field for p in problems.renamed({}).errors] == ["valueDetails.totalInvoiceValue"]


def test_test_portals_have_made_up_gstins() -> None:
    document = supplier(invoice(), gstin="33AMBPG7773M002")
    assert ("supplierDetails.gstin", "GSTIN_FORMAT") in places(strict(document))
    assert places(strict(document, sandbox=True)) == set()
    # States must be right all the same.
    assert ("supplierDetails.gstin", "GSTIN_STATE") in places(
        strict(supplier(document, gstin="60AMBPG7773M002"), sandbox=True)
    )


@pytest.mark.parametrize(
    ("sent", "computed", "fits"),
    [
        ("2344.00", "2345.04", True), ("2347.00", "2345.04", True), ("2343.99", "2345.04", False),
        ("2347.01", "2345.04", False), ("2344", "2345", True), ("2346", "2345", True), ("2346.01", "2345", False),
        ("0", "0.01", True), ("-1", "0", True),
    ],
)  # fmt: skip
def test_the_tolerance_of_the_portal(sent: str, computed: str, fits: bool) -> None:
    assert within_tolerance(D(sent), D(computed)) is fits


@pytest.mark.parametrize("day", [datetime(2025, 5, 31, tzinfo=UTC), None])
def test_an_irn_from_before_the_capitals_is_still_right(day: datetime | None) -> None:
    document = invoice(number="inv-1", day=date(2025, 5, 30))
    old = irn_of(document, generated_on=date(2025, 5, 31))
    assert places(strict(replace(document, irn=old, irn_at=day))) == set()
    late = replace(document, irn=old, irn_at=datetime(2025, 6, 1, tzinfo=UTC))
    assert places(strict(late)) == {("eInvoiceInfo.irnNumber", "IRN_WRONG")}


anything = st.one_of(
    st.decimals(allow_nan=True, allow_infinity=True), st.sampled_from([D("sNaN"), D("1E-9999"), D("-0")])
)
anyhow = st.text(max_size=20)


amount_names = [name for name in Item.__struct_fields__ if isinstance(getattr(goods(), name), Decimal)]
total_names = [name for name in Values.__struct_fields__ if name != "unread"]
wild_amounts = st.lists(anything, min_size=40, max_size=40)
wild_texts = st.lists(anyhow, min_size=8, max_size=8)


@given(wild_amounts, wild_texts, st.booleans())
def test_no_value_whatever_makes_the_check_fail(amounts: list[Decimal], texts: list[str], strict_: bool) -> None:
    """Only problems come of it, whatever stands in the fields."""
    line = Item(serial=texts[0], hsn=texts[1], unit=texts[2], **dict(zip(amount_names, amounts, strict=False)))
    wild = invoice(
        number=texts[3], items=(line,), values=Values(**dict(zip(total_names, amounts[20:], strict=False))),
        place_of_supply=texts[4], buyer=party(TN_BUYER, "33", texts[5]), irn=texts[6],
        transaction=Transaction(supply_type=texts[7], ecommerce_gstin=texts[7]),
    )  # fmt: skip
    problems = check(wild, today=TODAY, strict=strict_)
    assert problems.error_count >= len(problems.errors)
