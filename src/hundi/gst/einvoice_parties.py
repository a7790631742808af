"""The rules about who sells, who buys and where: GSTINs, states, place of supply, addresses (contract b2b §9.3)."""

import re
from typing import Final

from hundi.gst.document import UNREGISTERED, Document, Party
from hundi.gst.findings import Findings
from hundi.gst.shapes import Text, check_texts
from hundi.gst.supply import EXPORTS, SupplyType
from hundi.kit.gstin import NotAGstin, TaxIdKind, read_gstin
from hundi.kit.states import OUTSIDE_INDIA, STATES

EXPORT_PIN: Final = "999999"
_PIN: Final = re.compile(r"[1-9][0-9]{5}")

_NAMES: Final = (Text("legal_name", "legalName", 3, 100, required=True), Text("trade_name", "tradeName", 3, 100))
_SHIPPING_NAMES: Final = (Text("legal_name", "lglNm", 3, 100, required=True), Text("trade_name", "trdNm", 3, 100))
_CONTACTS: Final = (
    Text("phone", "contactNumber.phoneNumber", 6, 12, r"[0-9]+", "6 to 12 digits"),
    Text("email", "email", 6, 100, r"[A-Za-z0-9+_.-]+@[A-Za-z0-9.-]+", "a plain address such as name@example.com"),
)
_ADDRESS: Final = (
    Text("line1", "addressLine1", 1, 100, required=True),
    Text("line2", "addressLine2", 3, 100),
    Text("city", "city", 3, 50, required=True),
)
_BUYER_ADDRESS: Final = (*_ADDRESS[:2], Text("city", "city", 3, 100, required=True))

# The first digit of a PIN is the postal zone. Puducherry lies in two: Yanam is surrounded by Andhra Pradesh.
_ZONES: Final = {
    "1": "01 02 03 04 06 07 38", "2": "05 09", "3": "08 24 25 26", "4": "22 23 27 30", "5": "28 29 34 36 37",
    "6": "31 32 33 34", "7": "11 12 13 14 15 16 17 18 19 21 35", "8": "10 20",
}  # fmt: skip
_POSTAL_STATES: Final = {code: digit for digit, codes in _ZONES.items() for code in codes.split()}


def state_key(code: str) -> str:
    """Give a state code in two digits: form INV-01 allows ``1`` for ``01``."""
    return code.zfill(2) if code.isascii() and code.isdigit() else code


def check_parties(document: Document, found: Findings, *, sandbox: bool) -> None:
    """Check supplier, buyer, place of supply and the two further addresses."""
    exports = document.transaction.supply_type in EXPORTS
    seller, buyer = document.supplier, document.buyer
    _check_supplier(seller, found, sandbox=sandbox)
    _check_buyer(document, found, exports=exports, sandbox=sandbox)
    if seller.gstin and seller.gstin.strip().upper() == buyer.gstin.strip().upper() != UNREGISTERED:
        found.add("buyerDetails.gstin", "SAME_PARTY", buyer.gstin)
    _check_place(document, found, exports=exports)
    _check_ecommerce(document.transaction.ecommerce_gstin, found, sandbox=sandbox)
    if document.dispatch is not None:
        _check_where(document.dispatch, "dispatchDetails", found)
    if document.shipping is not None:
        _check_shipping(document, document.shipping, found, sandbox=sandbox)


def _check_supplier(seller: Party, found: Findings, *, sandbox: bool) -> None:
    if seller.gstin.strip().upper() == UNREGISTERED:
        found.add("supplierDetails.gstin", "SUPPLIER_UNREGISTERED", seller.gstin)
        _check_state(seller.state_code, "supplierDetails", found, nic="2259")
    else:
        _check_registration(seller, "supplierDetails", found, wrong_state="2258", unknown="2259", sandbox=sandbox)
    check_texts(seller, _NAMES, "supplierDetails", found)
    check_texts(seller, _CONTACTS, "supplierDetails", found)
    check_texts(seller.address, _ADDRESS, "supplierDetails.address", found)
    _check_pin(seller, "supplierDetails", found, required=True)


def _check_buyer(document: Document, found: Findings, *, exports: bool, sandbox: bool) -> None:
    buyer = document.buyer
    unregistered = buyer.gstin.strip().upper() == UNREGISTERED
    if exports:
        if not unregistered:
            found.add("buyerDetails.gstin", "EXPORT_BUYER", buyer.gstin)
        if state_key(buyer.state_code) != OUTSIDE_INDIA:
            found.add("buyerDetails.stateCode", "EXPORT_STATE", buyer.state_code)
        if buyer.address.pincode and buyer.address.pincode != EXPORT_PIN:
            found.add("buyerDetails.address.pincode", "EXPORT_PIN", buyer.address.pincode)
    elif unregistered:
        supply = document.transaction.supply_type
        nic = "2171" if supply == SupplyType.DEXP else None
        found.add("buyerDetails.gstin", "BUYER_UNREGISTERED", buyer.gstin, nic=nic, supply=supply)
        _check_state(buyer.state_code, "buyerDetails", found, nic=None)
    else:
        _check_registration(buyer, "buyerDetails", found, wrong_state="2265", unknown="2260", sandbox=sandbox)
    check_texts(buyer, _NAMES, "buyerDetails", found)
    check_texts(buyer, _CONTACTS, "buyerDetails", found)
    check_texts(buyer.address, _BUYER_ADDRESS, "buyerDetails.address", found)
    if not exports:
        _check_pin(buyer, "buyerDetails", found, required=False)


def _check_registration(
    party: Party, path: str, found: Findings, *, wrong_state: str, unknown: str, sandbox: bool
) -> None:
    """Check a GSTIN and that the state beside it is the GSTIN's."""
    gstin_state = _check_gstin(party.gstin, f"{path}.gstin", found, sandbox=sandbox)
    state = state_key(party.state_code)
    if not _check_state(party.state_code, path, found, nic=unknown) or gstin_state is None:
        return
    if state != gstin_state:
        found.add(f"{path}.stateCode", "STATE_NOT_OF_GSTIN", party.state_code, nic=wrong_state, expected=gstin_state)


def _check_gstin(gstin: str, path: str, found: Findings, *, sandbox: bool) -> str | None:
    """Check a GSTIN and give its state, or None when it has none that can be trusted."""
    if not gstin.strip():
        found.add(path, "GSTIN_MISSING", nic=None if path.startswith("supplier") else "2214")
        return None
    try:
        return read_gstin(gstin, sandbox=sandbox).state_code
    except NotAGstin as refusal:
        found.add(path, refusal.code, gstin)
        return None


def _check_state(code: str, path: str, found: Findings, *, nic: str | None) -> bool:
    if state_key(code) in STATES:
        return True
    if not code and found.extract:
        return False
    found.add(f"{path}.stateCode", "STATE_UNKNOWN", code, nic=nic)
    return False


def _check_place(document: Document, found: Findings, *, exports: bool) -> None:
    place = state_key(document.place_of_supply)
    path = "buyerDetails.placeOfSupply"
    if exports:
        if place != OUTSIDE_INDIA:
            found.add(path, "EXPORT_PLACE", document.place_of_supply)
    elif place == OUTSIDE_INDIA:
        found.add(path, "PLACE_OF_SUPPLY_ABROAD", document.place_of_supply)
    elif place not in STATES:
        found.add(path, "PLACE_OF_SUPPLY_UNKNOWN", document.place_of_supply)


def _check_ecommerce(gstin: str, found: Findings, *, sandbox: bool) -> None:
    if not gstin:
        return
    path = "transactionDetails.ecommerceGstin"
    try:
        kind = read_gstin(gstin, sandbox=sandbox).kind
    except NotAGstin as refusal:
        found.add(path, refusal.code, gstin)
        return
    if kind not in {TaxIdKind.TCS, TaxIdKind.SANDBOX}:
        found.add(path, "ECOMMERCE_GSTIN_KIND", gstin)


def _check_shipping(document: Document, shipping: Party, found: Findings, *, sandbox: bool) -> None:
    _check_where(shipping, "shippingDetails", found)
    gstin = shipping.gstin.strip().upper()
    if not gstin or gstin == UNREGISTERED:
        return
    state = _check_gstin(gstin, "shippingDetails.gstin", found, sandbox=sandbox)
    if state is not None and state_key(shipping.state_code) != state:
        found.add("shippingDetails.stateCode", "STATE_NOT_OF_GSTIN", shipping.state_code, nic="2325", expected=state)
    if document.eway_bill is not None and gstin == document.buyer.gstin.strip().upper():
        found.add("shippingDetails.gstin", "SHIPPING_TO_BUYER", shipping.gstin)


def _check_where(party: Party, path: str, found: Findings) -> None:
    """Check an address from which goods leave or to which they go."""
    check_texts(party, _SHIPPING_NAMES if path == "shippingDetails" else _NAMES, path, found)
    check_texts(party.address, _ADDRESS, f"{path}.address", found)
    _check_state(party.state_code, path, found, nic="2200")
    _check_pin(party, path, found, required=True)


def _check_pin(party: Party, path: str, found: Findings, *, required: bool) -> None:
    if not found.shapes:
        return
    pin = party.address.pincode
    path = f"{path}.address.pincode"
    if not pin:
        if required:
            found.add(path, "TEXT_MISSING")
        return
    if _PIN.fullmatch(pin) is None:
        found.add(path, "PIN_FORMAT", pin)
        return
    code = state_key(party.state_code)
    if code in _POSTAL_STATES and pin[0] != "9" and code not in _ZONES[pin[0]]:
        found.add(path, "PIN_NOT_IN_STATE", pin, state=STATES[code].name, digit=pin[0])
