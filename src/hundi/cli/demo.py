"""`hundi up --demo`: fill an empty installation once, in one transaction, and write DIR/demo.json (design §7)."""

import csv
import io
import os
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from hundi.auth.rules import permissions_of
from hundi.cli import demo_network
from hundi.cli.demo_data import CUSTOMERS, SAMPLE_COLUMNS, SELLER_STATE, demo_invoices, sample_rows
from hundi.cli.names import DEMO_BUYER, DEMO_SELLER
from hundi.cli.output import Refused
from hundi.cli.parts import Parts, opened
from hundi.config import Settings
from hundi.customers import service as customers
from hundi.customers.schemas import CustomerCreate
from hundi.db.pool import Transaction
from hundi.dispatch import service as dispatch
from hundi.http.idempotency import Call
from hundi.http.wire import dec_hook
from hundi.invoices import birth
from hundi.invoices import service as invoices
from hundi.invoices.rules import CreatedVia
from hundi.invoices.schemas import InvoiceCreate, InvoicePatch
from hundi.kit.actor import Actor
from hundi.kit.dates import ist_date
from hundi.kit.gstin import gstin_with_check
from hundi.kit.ids import new_id
from hundi.kit.keys import hash_secret
from hundi.network.membership import membership
from hundi.sellers import service as sellers
from hundi.sellers.schemas import Credentials, NewRegistration

log = structlog.get_logger("hundi.demo")

_SUPPLIER_GSTIN: Final = gstin_with_check("27ZZZCS0001A1Z")
_BUYER_GSTIN: Final = CUSTOMERS[0].gstin or ""
_SUPPLIER_B2B_ID: Final = "DEMO001"
_BUYER_B2B_ID: Final = "DEMO002"
_OWNER: Final = "SELECT user_id FROM memberships WHERE seller_id = $1 LIMIT 1"
_DISPATCHED: Final = 8
_BUYER: Final = CUSTOMERS[0].ref
"""The demo's other company, as a customer of the first."""


async def seed(settings: Settings) -> None:
    """Create the demo unless it is there. A second start changes nothing; a crash in between is made good.

    demo.json is written beside its final name before the commit and renamed after it, so that the passwords of a
    committed demo are never lost.
    """
    folder = settings.data_dir
    final, fresh = folder / "demo.json", folder / "demo.json.new"
    async with opened(settings) as parts:
        async with parts.db.unbound() as tx:
            exists = await tx.fetchval("SELECT directory_find('seller', $1)", hash_secret(DEMO_SELLER)) is not None
        if exists:
            if not final.exists() and fresh.exists():
                fresh.rename(final)
            if not final.exists():
                message = (
                    f"The database has the demo already, but {final} is gone. Use another data folder or database."
                )
                raise Refused(message)
            _refresh_address(final, parts.base_url)
            return
        async with parts.db.unbound() as tx:
            document = await _fill(tx, parts)
            _write(fresh, msgspec.json.format(msgspec.json.encode(document), indent=2))
        today = ist_date(parts.clock.now())
    _write(folder / "sample-invoices.csv", _sample(today))
    fresh.rename(final)


def _refresh_address(path: Path, base_url: str) -> None:
    """Keep demo.json true when the server comes back on another port."""
    document = msgspec.json.decode(path.read_bytes())
    if document["baseUrl"] != base_url:
        document["baseUrl"] = document["buyer"]["baseUrl"] = base_url
        fresh = path.with_suffix(".json.new")
        _write(fresh, msgspec.json.format(msgspec.json.encode(document), indent=2))
        fresh.rename(path)


def _write(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sample(today: Any) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, SAMPLE_COLUMNS, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(sample_rows(today))
    return text.getvalue().encode("utf-8")


async def _fill(tx: Transaction, parts: Parts) -> dict[str, Any]:
    base = parts.base_url
    buyer = await sellers.create_seller(
        tx, parts.keyring, name="Deccan Retail Ventures Private Limited", seller_id=DEMO_BUYER,
        registration=_buyer_registration(), username="demo-buyer@example.com", display_name="Meera Rao",
    )  # fmt: skip
    supplier = await sellers.create_seller(
        tx, parts.keyring, name="Sahyadri Industrial Supplies Private Limited", seller_id=DEMO_SELLER,
        registration=_supplier_registration(), username="demo@example.com", display_name="Asha Deshpande",
    )  # fmt: skip
    user = await tx.fetchval(_OWNER, DEMO_SELLER)
    who = Actor(
        seller_id=DEMO_SELLER, home_seller_id=DEMO_SELLER, subject=user, client_id=supplier.clientId, subjects=(user,),
        issued=tx.now, roles=frozenset({"owner"}),
        permissions=permissions_of(["owner"]), request_id=new_id("req", tx.now), via="CLI",
    )  # fmt: skip
    ids = await _customers(tx, parts, who)
    over_network = await _invoices(tx, parts, who, ids)
    document = _credentials(base, supplier, _SUPPLIER_B2B_ID, _SUPPLIER_GSTIN, _supplier_registration())
    document["buyer"] = _credentials(base, buyer, _BUYER_B2B_ID, _BUYER_GSTIN, _buyer_registration())
    if membership(parts.settings) is not None:
        # The central unit elsewhere is other people's: nothing invented is registered or sent there.
        log.info("the demo's companies stay off the network: its central unit runs elsewhere")
        return document
    await demo_network.join(tx, parts, DEMO_SELLER, _SUPPLIER_B2B_ID, _supplier_registration())
    await demo_network.join(tx, parts, DEMO_BUYER, _BUYER_B2B_ID, _buyer_registration())
    await demo_network.carry(tx, parts, [DEMO_SELLER, DEMO_BUYER])
    await demo_network.trade(tx, parts, who, ids[_BUYER], _BUYER_B2B_ID, over_network, DEMO_BUYER)
    return document


def _credentials(
    base_url: str, made: Credentials, b2b_id: str, gstin: str, registration: NewRegistration
) -> dict[str, Any]:
    return {
        "baseUrl": base_url, "clientId": made.clientId, "clientSecret": made.clientSecret, "username": made.username,
        "password": made.password, "sellerId": made.sellerId, "b2bId": b2b_id, "gstin": gstin,
        "legalName": registration.legal_name, "stateCode": registration.state_code,
    }  # fmt: skip


def _supplier_registration() -> NewRegistration:
    return NewRegistration(
        legal_name="Sahyadri Industrial Supplies Private Limited", trade_name="Sahyadri Supplies",
        address_line1="Plot 14, MIDC Bhosari", address_line2="Near Telco Road", city="Pune", pin_code="411026",
        state_code=SELLER_STATE, gstin=_SUPPLIER_GSTIN, email="accounts.sahyadri@example.com", phone="9800000001",
        bank_holder="Sahyadri Industrial Supplies Private Limited", bank_account="00012345678901",
        bank_ifsc="DEMO0000001", bank_name="Demonstration Bank, Bhosari", upi_vpa="sahyadri.demo@example",
        upi_max_amount=Decimal("100000.00"), signatory_name="Asha Deshpande", udyam_number="UDYAM-MH-26-0000001",
    )  # fmt: skip


def _buyer_registration() -> NewRegistration:
    return NewRegistration(
        legal_name="Deccan Retail Ventures Private Limited", trade_name="Deccan Retail",
        address_line1="12 Residency Road", city="Bengaluru", pin_code="560025", state_code="29", gstin=_BUYER_GSTIN,
        email="accounts.deccan@example.com", phone="9800000002",
        bank_holder="Deccan Retail Ventures Private Limited", bank_account="00098765432109", bank_ifsc="DEMO0000002",
        bank_name="Demonstration Bank, Residency Road", upi_vpa="deccan.demo@example", signatory_name="Meera Rao",
    )  # fmt: skip


async def _customers(tx: Transaction, parts: Parts, who: Actor) -> dict[str, str]:
    ids = {}
    for at, one in enumerate(CUSTOMERS, start=1):
        local = one.trade_name.lower().replace(" ", ".")
        body = {
            "legalName": one.legal_name, "tradeName": one.trade_name, "panOrGstin": one.gstin or "", "state": one.state,
            "address": f"{one.street}, {one.city}", "pinCode": one.pin_code, "uniqueRefNo": one.ref,
            "paymentTermsDays": one.terms, "contactNumber": f"98{at:08d}",
            "customerKeyContacts": [
                {
                    "deleted": False, "legalName": one.legal_name, "name": one.person, "mobile": f"98{at:08d}",
                    "email": f"{local}@example.com", "mail_enabled": True,
                }
            ],
        }  # fmt: skip
        row = await customers.create(tx, who, parts.keyring, msgspec.convert(body, CustomerCreate))
        ids[one.ref] = row.customer_id
    return ids


async def _invoices(tx: Transaction, parts: Parts, who: Actor, ids: dict[str, str]) -> str:
    """Write 200 invoices and bring them into mixed states: paid, part-paid, disputed, cancelled, some sent.

    Gives the newest one of the demo's other company that is open and not sent: it goes over the network.
    """
    call = Call(actor=who, key=None, fingerprint=b"")
    made: list[str] = []
    buyers: list[str] = []
    for customer, body in demo_invoices(ist_date(tx.now)):
        data = msgspec.convert({**body, "customerId": ids[customer.ref]}, InvoiceCreate, dec_hook=dec_hook)
        draft = birth.draft(data, seller_id=DEMO_SELLER, subject=who.subject, now=tx.now, via=CreatedVia.CLI)
        made.append((await birth.write(tx.connection, call, data, draft)).invoice_id)
        buyers.append(customer.ref)
    for at, invoice_id in enumerate(made):
        change = _change(at)
        if change:
            patch = msgspec.convert(change, InvoicePatch, dec_hook=dec_hook)
            await invoices.update(tx, who, invoice_id, patch)
    await _send(tx, parts, who, made[-_DISPATCHED:])
    return next(
        made[at] for at in reversed(range(len(made) - _DISPATCHED)) if buyers[at] == _BUYER and _change(at) is None
    )


def _change(at: int) -> dict[str, Any] | None:
    if at % 50 == 7:
        return {"receivableStatus": "DISPUTED"}
    if at % 70 == 9:
        return {"receivableStatus": "CANCELLED"}
    if at < 110 and at % 3 == 0:
        return {"receivableStatus": "PAID"}
    if at % 11 == 0:
        return {"totalReceived": Decimal("35.00")}
    return None


async def _send(tx: Transaction, parts: Parts, who: Actor, invoice_ids: Sequence[str]) -> None:
    await dispatch.queue(tx, who, parts.keyring, parts.settings.mail_from, list(invoice_ids))
