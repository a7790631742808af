"""Every rule that :mod:`hundi.gst.einvoice` holds a document against: code, sentence, severity, the portal's number.

``nic`` is the error number that the National Informatics Centre's portal answers with where it has a rule of the same
meaning, after public re-prints of its list; numbers that could not be found there are left out rather than guessed. One
rule of ours may meet several numbers (tax heads: 2172, 2174, 2180, 2237); then the finding carries the fitting one.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

import msgspec

from hundi.kit.errors import FieldProblem


class Weight(StrEnum):
    """How a rule counts: always an error, an error in an e-invoice and a warning elsewhere, or a warning always."""

    ERROR = "error"
    STRICT = "error in an e-invoice"
    WARNING = "warning"


class Rule(msgspec.Struct, frozen=True):
    """One rule: its stable code, what to do (a format string), its weight and the portal's error number."""

    code: str
    sentence: str
    weight: Weight
    nic: str | None = None


class RuleProblem(FieldProblem, frozen=True):
    """A problem that a rule of this book has found."""


def _rule(code: str, weight: Weight, nic: str | None, sentence: str) -> Rule:
    return Rule(code, sentence, weight, nic)


_E, _S, _W = Weight.ERROR, Weight.STRICT, Weight.WARNING

_DOCUMENT: Final = (
    _rule("TAX_SCHEME", _S, None, "The tax scheme is GST: send that."),
    _rule("SUPPLY_TYPE_UNKNOWN", _E, None, "Send B2B, SEZWP, SEZWOP, EXPWP, EXPWOP or DEXP."),
    _rule("REVERSE_CHARGE_NOT_ALLOWED", _S, "2162", "Reverse charge goes with B2B and SEZ supplies only."),
    _rule("IGST_ON_INTRA", _S, "2262",
          "IGST on a supply inside one state needs a place of supply in the supplier's state."),
    _rule("ECOMMERCE_GSTIN_KIND", _S, "2195", "The e-commerce operator is named by its GSTIN as collector of tax (TCS)."),
    _rule("NUMBER_LENGTH", _E, None, "The number must have 1 to 50 characters."),
    _rule("NUMBER_OVER_16", _S, None, "Rule 46(b) allows 16 characters."),
    _rule("NUMBER_CHARACTERS", _S, None, "Rule 46(b) allows letters, digits, '/' and '-' only."),
    _rule("NUMBER_START", _S, None, "The number may not start with 0, '/' or '-'."),
    _rule("NUMBER_CONTROL_CHARACTERS", _E, None, "Take line breaks and the like out of it."),
    _rule("NUMBER_INVISIBLE_CHARACTERS", _E, None, "Take spaces at its ends and invisible characters out of it."),
    _rule("DATE_FUTURE", _S, "2218", "The date may not lie after today, {today}."),
    _rule("DATE_TOO_EARLY", _S, None, "E-invoices began on 2020-10-01: an earlier document has none."),
    _rule("PERIOD_REVERSED", _S, "2219", "The period must start on or before the day it ends."),
    _rule("PRECEDING_AFTER_DOCUMENT", _S, None, "The earlier document may not be dated after this one, {day}."),
    _rule("NOTE_WITHOUT_INVOICE", _W, "2191", "Name the invoice that this note corrects (rule 53(1A) CGST Rules)."),
    _rule("IRN_WRONG", _S, None, "This is not the IRN of the document: GSTIN, year, kind and number give {expected}."),
)  # fmt: skip

_PARTIES: Final = (
    _rule("GSTIN_MISSING", _S, "2155", "Give the GSTIN."),
    _rule("GSTIN_FORMAT", _E, None, "A GSTIN has 15 characters: state (2 digits), PAN (10), then 3 more."),
    _rule("GSTIN_STATE", _E, None, "The first two digits are no state code of the GST."),
    _rule("GSTIN_CHECK_DIGIT", _E, None, "The last character does not fit the others: a character is mistyped."),
    _rule("SUPPLIER_UNREGISTERED", _S, "2213", "The supplier needs a GSTIN: URP may not stand here."),
    _rule("BUYER_UNREGISTERED", _S, "2212", "URP stands for a buyer abroad only: give the GSTIN for a {supply} supply."),
    _rule("EXPORT_BUYER", _S, "2248", "The buyer of an export has no GSTIN: send URP."),
    _rule("EXPORT_STATE", _S, "2261", "The buyer of an export is in other country: send state code 96."),
    _rule("EXPORT_PLACE", _S, "2232", "The place of supply of an export is other country: send 96."),
    _rule("EXPORT_PIN", _S, None, "The buyer of an export has PIN 999999."),
    _rule("SAME_PARTY", _E, "2211", "Supplier and buyer may not be the same registration."),
    _rule("STATE_UNKNOWN", _S, "2260", "This is no state code of the GST."),
    _rule("STATE_NOT_OF_GSTIN", _S, "2265", "The state code must be the first two digits of the GSTIN, {expected}."),
    _rule("PLACE_OF_SUPPLY_UNKNOWN", _S, "2243", "Give the place of supply as a state code."),
    _rule("PLACE_OF_SUPPLY_ABROAD", _S, "2242", "Other country (96) is the place of supply of exports only."),
    _rule("TEXT_MISSING", _S, None, "Give it: an e-invoice needs it."),
    _rule("TEXT_LENGTH", _S, None, "It must have {least} to {most} characters."),
    _rule("TEXT_CHARACTERS", _S, None, "It may hold neither backslash nor double quote."),
    _rule("TEXT_FORM", _S, None, "Write it as {form}."),
    _rule("PIN_FORMAT", _S, None, "A PIN code has six digits, the first not zero."),
    _rule("PIN_NOT_IN_STATE", _W, "2178", "PIN codes of {state} do not start with {digit}: check both."),
    _rule("SHIPPING_TO_BUYER", _W, "2323", "Leave the shipping details out where the buyer takes delivery itself."),
)  # fmt: skip

_ITEMS: Final = (
    _rule("ITEMS_EMPTY", _E, "2228", "Give at least one item."),
    _rule("ITEMS_TOO_MANY", _E, "2173", "A document has at most {most} items."),
    _rule("SERIAL_FORMAT", _S, None, "Number the items with 1 to 6 digits."),
    _rule("SERIAL_DUPLICATE", _E, "2233", "Give every item a number of its own; item {first} has this one too."),
    _rule("HSN_FORMAT", _S, "2176", "Give an HSN or SAC of 4, 6 or 8 digits."),
    _rule("HSN_CHAPTER_UNKNOWN", _S, "2176", "Goods have chapters 01 to 98, without 77."),
    _rule("HSN_NOT_A_SERVICE", _S, None, "A service has a SAC, which starts with 99."),
    _rule("HSN_NOT_GOODS", _S, None, "Codes that start with 99 are services."),
    _rule("SAC_HEADING_UNKNOWN", _W, "2176", "This is no heading of services: look the SAC up."),
    _rule("QUANTITY_MISSING", _S, "2238", "Goods need a quantity."),
    _rule("UNIT_MISSING", _S, "2239", "Goods need a unit."),
    _rule("UNIT_UNKNOWN", _S, "2177", "This is no unit quantity code (UQC): use one of the 45, such as NOS or KGS."),
    _rule("AMOUNT_NOT_A_NUMBER", _E, None, "This must be a number."),
    _rule("AMOUNT_NEGATIVE", _E, None, "This may not be negative: a credit note takes back."),
    _rule("AMOUNT_TOO_LARGE", _E, None, "This may be {most} at most."),
    _rule("AMOUNT_TOO_PRECISE", _S, None, "Give at most {places} decimals."),
    _rule("TOTAL_NOT_QUANTITY_TIMES_PRICE", _W, "2192", "Quantity times unit price is {expected}."),
    _rule("ASSESSABLE_MISMATCH", _E, "2193", "Total amount less discount is {expected}: send that (₹1 either way)."),
    _rule("DISCOUNT_UNNAMED", _S, "2193",
          "This is {short} less than the total amount: name that as DISCOUNT, or send the total amount less it."),
    _rule("RATE_UNLISTED", _S, "2240", "This rate is not in force on the day of the document."),
    _rule("TAX_HEADS_MIXED", _E, None, "Charge either CGST and SGST or IGST, never both."),
    _rule("TAX_HEADS_CONTRADICT_PLACE", _S, "2172", "{due}"),
    _rule("TAX_HALVES_DIFFER", _E, "2227", "CGST and SGST are the two halves of one rate: make them equal."),
    _rule("VALUE_TYPE_UNKNOWN", _S, None,
          "Name this amount as docs/reference/gst-rules.md has it; what it belongs to cannot be checked as it is."),
    _rule("TAX_MISSING", _S, "2241", "Inside one state CGST and SGST are due: {expected} each."),
    _rule("CGST_SGST_MISMATCH", _S, "2234", "Half of {rate}% of the assessable amount is {expected}."),
    _rule("IGST_MISMATCH", _S, "2235", "{rate}% of the assessable amount is {expected}."),
    _rule("CESS_MISMATCH", _S, "2266", "{rate}% of the assessable amount is {expected}."),
    _rule("STATE_CESS_MISMATCH", _S, "2267", "{rate}% of the assessable amount is {expected}."),
    _rule("ITEM_TOTAL_MISMATCH", _E, "2194", "The item comes to {expected} with its taxes and charges."),
)  # fmt: skip

_VALUES: Final = (
    _rule("VALUES_MISSING", _S, None, "Give the totals of the document."),
    _rule("ASSESSABLE_TOTAL_MISMATCH", _E, "2182", "The assessable amounts of the items add up to {expected}."),
    _rule("CGST_TOTAL_MISMATCH", _E, "2184", "The CGST of the items adds up to {expected}."),
    _rule("SGST_TOTAL_MISMATCH", _E, "2183", "The SGST of the items adds up to {expected}."),
    _rule("IGST_TOTAL_MISMATCH", _E, "2185", "The IGST of the items adds up to {expected}."),
    _rule("CESS_TOTAL_MISMATCH", _E, "2186", "The cess of the items adds up to {expected}."),
    _rule("STATE_CESS_TOTAL_MISMATCH", _E, "2187", "The state cess of the items adds up to {expected}."),
    _rule("INVOICE_TOTAL_MISMATCH", _E, "2189",
          "Items less discount with charges and round-off come to {expected}: send that (₹1 either way)."),
    _rule("DISCOUNT_EXCEEDS_TOTAL", _S, "2220", "The discount must be less than the total of the document."),
    _rule("CREDIT_DAYS", _S, None, "The days of credit lie between 0 and 9999."),
    _rule("ROUND_OFF_TOO_LARGE", _E, None, "The round-off lies between -99.99 and 99.99."),
)  # fmt: skip

_TRAVEL: Final = (
    _rule("EWAY_ON_NOTE", _S, "2252", "Leave the e-way bill out: notes have none."),
    _rule("EWAY_WITHOUT_GOODS", _S, "2251", "Leave the e-way bill out: every item is a service."),
    _rule("EWAY_TRANSPORTER_MISSING", _S, "4027", "Give the transporter's id, or how the goods travel."),
    _rule("EWAY_TRANSPORTER_FORM", _S, "4018", "The transporter is named by GSTIN or TRANSIN, 15 characters."),
    _rule("EWAY_MODE", _S, "4028", "Send the mode of transport: 1 road, 2 rail, 3 air, 4 ship."),
    _rule("EWAY_VEHICLE_MISSING", _S, "2253", "By road the vehicle's number and type are needed."),
    _rule("EWAY_VEHICLE_FORM", _S, "4014", "A vehicle number has 4 to 20 letters and digits."),
    _rule("EWAY_VEHICLE_TYPE", _S, "4020", "The vehicle type is R (regular) or O (over-dimensional)."),
    _rule("EWAY_VEHICLE_TYPE_OFF_ROAD", _S, "4024", "Over-dimensional cargo (O) travels by road."),
    _rule("EWAY_DOCUMENT_MISSING", _S, "2254",
          "By rail, air and ship the transport document's number and date are needed."),
    _rule("EWAY_DOCUMENT_BEFORE_INVOICE", _S, "4021", "The transport document may not be older than the invoice, {day}."),
    _rule("EWAY_DOCUMENT_FUTURE", _S, "4016", "The transport document may not be dated after today, {today}."),
    _rule("EWAY_DISTANCE", _S, None, "The distance lies between 0 and 4000 km; 0 lets the portal work it out."),
)  # fmt: skip

RULES: Final[Mapping[str, Rule]] = {rule.code: rule for rule in (*_DOCUMENT, *_PARTIES, *_ITEMS, *_VALUES, *_TRAVEL)}
"""Every rule by its code."""
