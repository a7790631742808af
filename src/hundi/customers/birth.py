"""How a new customer's particulars become its row: one place for calls and for files; no I/O."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from hundi.customers import accounts, merging
from hundi.customers.merging import Merged
from hundi.customers.rows import ContactRow
from hundi.customers.rules import TaxIdentity
from hundi.customers.schemas import CustomerCreate
from hundi.kit.keys import Keyring
from hundi.kit.states import find_state

COLUMNS: Final = (
    "unique_ref_no", "legal_name", "trade_name", "gstin", "pan", "treatment", "address", "state_code", "pin_code",
    "shipping_address", "shipping_state", "shipping_pin_code", "contact_number", "account_number", "ifsc",
    "customer_company_id", "external_source", "terms_days", "tan", "udyam_number", "udyam_class", "assigned_agent",
    "branch_codes", "has_key_contacts", "account_hash",
)  # fmt: skip
"""The columns a birth settles, in the order in which createCustomer writes them."""


def columns_of(
    keyring: Keyring, seller_id: str, customer_id: str, data: CustomerCreate, identity: TaxIdentity
) -> Mapping[str, Any]:
    """Give the row of a checked customer, a value for each of :data:`COLUMNS`; its account number is sealed."""
    account = account_hash = None
    if data.accountNumber:
        account = accounts.sealed(keyring, seller_id, customer_id, data.accountNumber)
        account_hash = accounts.lookup_hash(keyring, seller_id, data.accountNumber)
    shipping = find_state(data.shippingState) if data.shippingState else None
    mailable = any(mails(c.email, c.mail_enabled) for c in data.customerKeyContacts if not c.deleted)
    return {
        "unique_ref_no": data.uniqueRefNo or None, "legal_name": data.legalName.strip(), "trade_name": data.tradeName,
        "gstin": identity.gstin, "pan": identity.pan, "treatment": identity.treatment, "address": data.address,
        "state_code": identity.state_code, "pin_code": data.pinCode or None, "shipping_address": data.shippingAddress,
        "shipping_state": shipping.code if shipping else None, "shipping_pin_code": data.shippingPinCode or None,
        "contact_number": data.contactNumber or None, "account_number": account, "ifsc": (data.ifsc or "").upper() or None,
        "customer_company_id": data.customerCompanyId, "external_source": bool(data.externalSource),
        "terms_days": data.paymentTermsDays, "tan": (data.tan or "").upper() or None,
        "udyam_number": (data.udyamNumber or "").upper() or None, "udyam_class": data.udyamClass or None,
        "assigned_agent": data.assignedAgent, "branch_codes": data.branchCodes or [], "has_key_contacts": mailable,
        "account_hash": account_hash,
    }  # fmt: skip


def mails(email: str | None, mail_enabled: bool | None) -> bool:
    """Tell whether mail goes to a new contact: an address that is given is meant to be written to, unless told otherwise."""
    return bool(email) and (mail_enabled is None or mail_enabled)


def contacts_of(data: CustomerCreate, make_id: Callable[[], str]) -> Merged[ContactRow]:
    """Give the key contacts of a new customer in their order."""
    rows = [
        ContactRow(
            contact_id=make_id(), position=at, legal_name=c.legalName, name=c.name, email=c.email or None,
            mobile=c.mobile, mail_enabled=mails(c.email, c.mail_enabled), sms_enabled=bool(c.sms_enabled),
            whatsapp_enabled=bool(c.whatsapp_enabled), via=c.via, deleted=False,
        )
        for at, c in enumerate((c for c in data.customerKeyContacts if not c.deleted), start=1)
    ]  # fmt: skip
    return merging.Merged(added=rows, left=rows)
