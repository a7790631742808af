"""The IRN comes with the invoice or after it (domain §3 and §11): what is added, what stands, what is refused."""

from __future__ import annotations

import asyncio
import json
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pypdfium2
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc import jws
from joserfc.jwk import RSAKey

import make
from hundi import app as hundi_app
from hundi.config import Settings
from hundi.files.store import FileStore
from hundi.gst.document import DocumentKind
from hundi.gst.irn import compute_irn
from hundi.gst.signed import PortalKeys
from hundi.invoices.portal import Reported, irn_problem, qr_problems
from hundi.kit.dates import IST
from hundi.kit.keys import Keyring
from invoice_calls import PATH, refused

DAY = date(2026, 11, 10)
ACK = {"ackNo": "112610000012345", "ackDate": "2026-11-12 10:30:00"}
ITEM = {
    "productDescription": "Valve", "hsnCode": "848180", "quantity": 2, "unit": "NOS", "assessmentAmount": 1000, "gstRate": 18,
}  # fmt: skip
PORTAL = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PEM = PORTAL.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
KEYS = PortalKeys([PEM.decode()])


def irn_of(seller: make.Company, number: str, day: date = DAY) -> str:
    """Compute the IRN that a portal gives an invoice of this company today."""
    assert seller.registration.gstin is not None
    return compute_irn(seller.registration.gstin, day, DocumentKind.INVOICE, number, generated_on=date(2026, 11, 12))


def signed(irn: str, **changes: Any) -> str:
    """Sign a QR as a portal does."""
    data = {
        "DocTyp": "INV",
        "DocDt": "10/11/2026",
        "TotInvVal": 1180.0,
        "ItemCnt": 1,
        "MainHsnCode": "848180",
        "Irn": irn,
    }
    claims = json.dumps({"data": json.dumps(data | changes), "iss": "NIC"})
    registry = jws.JWSRegistry(strict_check_header=False, algorithms=["RS256"])
    return jws.serialize_compact({"alg": "RS256"}, claims, RSAKey.import_key(PORTAL), registry=registry)


async def patch(seller: make.Company, made: dict[str, Any], **body: Any) -> httpx2.Response:
    reply: httpx2.Response = await seller.http.patch(f"{PATH}/{made['invoiceId']}", json=body)
    return reply


async def patched(seller: make.Company, made: dict[str, Any], **body: Any) -> dict[str, Any]:
    reply = await patch(seller, made, **body)
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()["payload"]
    assert (await seller.http.get(f"{PATH}/{made['invoiceId']}")).json()["payload"] == found
    return found


async def printed(client: httpx2.AsyncClient, path: str) -> str:
    """Give the words of the PDF behind a link."""
    pdf = pypdfium2.PdfDocument((await client.get(f"{path}/invoice.pdf")).content)
    return " ".join(" ".join(page.get_textpage().get_text_range() for page in pdf).split())


# ------------------------------------------------------------------ added afterwards


async def test_an_irn_is_added_after_dispatch_and_the_document_becomes_the_e_invoice(
    seller: make.Company, client: httpx2.AsyncClient
) -> None:
    made = await seller.invoice(invoiceNumber="ACM/26-27/7", itemLists=[ITEM])
    await seller.http.post(f"{PATH}/bulk/dispatch", json={"invoiceIds": [made["invoiceId"]]})
    path = (await seller.http.get(f"{PATH}/{made['invoiceId']}")).json()["payload"]["paymentLink"]
    path = path.removeprefix("http://hundi.test")
    before = await printed(client, path)
    assert "ORIGINAL FOR RECIPIENT" in before
    assert "IRN" not in before

    irn = irn_of(seller, "ACM/26-27/7")
    given = {"irn": irn.upper(), "signedQr": "a.signed.qr", "ewayBillNo": "331000123456", **ACK}
    now = await patched(seller, made, **given)
    assert (now["irn"], now["ackNo"], now["ackDate"]) == (irn, ACK["ackNo"], "2026-11-12T10:30:00+05:30")
    assert (now["signedQr"], now["ewayBillNo"]) == ("a.signed.qr", "331000123456")
    assert "TAX INVOICE" in (after := await printed(client, path))
    assert irn in after.replace(" ", "")
    assert ACK["ackNo"] in after
    assert "331000123456" in after
    assert "e-invoice (IRN)" in after
    assert "ORIGINAL FOR RECIPIENT" not in after
    assert irn in (await client.get(path)).text

    trace = await seller.rows("SELECT before, after FROM audit_log WHERE seller_id = $1 AND action = 'invoice.update'")
    assert len(trace) == 1
    assert (json.loads(trace[0]["before"])["irn"], json.loads(trace[0]["after"])["irn"]) == (None, irn)
    event = await seller.value("SELECT data FROM events WHERE seller_id = $1 AND type = 'invoice.updated'")
    assert json.loads(event)["changed"] == ["ack_date", "ack_no", "eway_bill_no", "irn", "signed_qr"]


async def test_what_stands_may_be_said_again_and_not_changed_or_removed(seller: make.Company) -> None:
    made = await seller.invoice()
    irn = irn_of(seller, made["invoiceNumber"])
    given = {"irn": irn, "signedQr": "a.signed.qr", **ACK}
    first = await patched(seller, made, **given)
    assert await patched(seller, made, **given) == first
    assert await patched(seller, made, irn=irn.upper(), description={}) == first
    for name, other in (("irn", "b" * 64), ("ackNo", "9"), ("ackDate", "2026-11-13"), ("signedQr", "x.y.z")):
        for value in (other, None):
            assert refused(await patch(seller, made, **{name: value})) == (422, [(name, "EINVOICE_FIXED")])
    assert refused(await patch(seller, made, ackNo="")) == (422, [("ackNo", "EINVOICE_FIXED")])
    assert refused(await patch(seller, made, baseAmount=1))[1][0] == ("baseAmount", "INVOICE_LOCKED_BY_IRN")
    assert (await seller.http.get(f"{PATH}/{made['invoiceId']}")).json()["payload"] == first


async def test_acknowledgement_and_qr_follow_an_irn_that_came_alone(seller: make.Company) -> None:
    made = await seller.invoice()
    for field, value in (("ackNo", "9"), ("ackDate", "2026-11-12"), ("signedQr", "x.y.z")):
        assert refused(await patch(seller, made, **{field: value})) == (400, [(field, "IRN_MISSING")])
    await patched(seller, made, irn=irn_of(seller, made["invoiceNumber"]))
    await patched(seller, made, **ACK)
    assert (await patched(seller, made, signedQr="x.y.z"))["signedQr"] == "x.y.z"


async def test_an_e_way_bill_is_made_anew_and_needs_no_irn(seller: make.Company) -> None:
    made = await seller.invoice()
    assert (await patched(seller, made, ewayBillNo="331000123456"))["ewayBillNo"] == "331000123456"
    assert (await patched(seller, made, ewayBillNo="331000999999"))["ewayBillNo"] == "331000999999"
    assert "ewayBillNo" not in await patched(seller, made, ewayBillNo=None)


async def test_the_irn_is_of_the_number_and_day_that_the_same_patch_sets(seller: make.Company) -> None:
    made = await seller.invoice()
    irn = irn_of(seller, "B/1", date(2026, 3, 31))
    days = {"invoiceDate": "2026-03-31", "invoiceNumber": "B/1"}
    assert refused(await patch(seller, made, irn=irn)) == (400, [("irn", "IRN_OF_ANOTHER")])
    assert refused(await patch(seller, made, irn=irn, invoiceNumber="B/1")) == (400, [("irn", "IRN_OF_ANOTHER")])
    assert (await patched(seller, made, irn=irn, **days))["irn"] == irn


async def test_a_cancelled_invoice_gets_no_irn(seller: make.Company) -> None:
    made = await seller.invoice()
    irn = irn_of(seller, made["invoiceNumber"])
    both = await patch(seller, made, irn=irn, receivableStatus="CANCELLED")
    assert refused(both) == (422, [("irn", "IRN_OF_CANCELLED")])
    await patched(seller, made, receivableStatus="CANCELLED")
    assert refused(await patch(seller, made, irn=irn)) == (422, [("irn", "IRN_OF_CANCELLED")])
    assert (await patched(seller, made, ewayBillNo=None)) is not None


async def test_of_two_irns_at_once_one_wins(seller: make.Company) -> None:
    """Of the same document in two ways: the portals put its number into capitals since June 2025, and did not before."""
    made = await seller.invoice(invoiceNumber="low/1")
    gstin = seller.registration.gstin or ""
    irns = [
        compute_irn(gstin, DAY, DocumentKind.INVOICE, "low/1", generated_on=day)
        for day in (date(2025, 5, 31), date(2025, 6, 1))
    ]
    assert irns[0] != irns[1]
    replies = await asyncio.gather(*(patch(seller, made, irn=irn) for irn in irns))
    assert sorted(reply.status_code for reply in replies) == [200, 422]
    lost = next(reply for reply in replies if reply.status_code == 422)
    assert refused(lost) == (422, [("irn", "EINVOICE_FIXED")])
    won = next(reply for reply in replies if reply.status_code == 200)
    assert await seller.value("SELECT irn FROM invoices WHERE seller_id = $1") == won.json()["payload"]["irn"]


async def test_a_seller_that_demands_irns_sends_the_invoice_once_it_has_one(seller: make.Company) -> None:
    await seller.run("UPDATE sellers SET e_invoice_from = '2026-04-01' WHERE seller_id = $1")
    customer = await seller.customer(panOrGstin=make.gstin())
    made = await seller.invoice(customer)
    ask = {"invoiceIds": [made["invoiceId"]]}
    refusal = (await seller.http.post(f"{PATH}/bulk/dispatch", json=ask)).json()
    assert [one["code"] for one in refusal["payload"]["apiSubErrors"]] == ["EINVOICE_WITHOUT_IRN"]
    await patched(seller, made, irn=irn_of(seller, made["invoiceNumber"]))
    assert (await seller.http.post(f"{PATH}/bulk/dispatch", json=ask)).json()["response_code"] == 0


# ------------------------------------------------------------------ what is refused


async def test_what_is_no_irn_of_this_invoice_is_refused(seller: make.Company) -> None:
    made = await seller.invoice()
    irn = irn_of(seller, made["invoiceNumber"])

    async def send(**body: Any) -> tuple[int, list[tuple[str, str]]]:
        return refused(await patch(seller, made, **body))

    assert await send(irn="a" * 63) == (400, [("irn", "BAD_FORMAT")])
    assert await send(irn="a" * 64) == (400, [("irn", "IRN_OF_ANOTHER")])
    wrong_year = irn_of(seller, made["invoiceNumber"], date(2026, 3, 31))
    assert await send(irn=wrong_year) == (400, [("irn", "IRN_OF_ANOTHER")])
    assert await send(ackNo="1", ackDate="2026-11-12") == (400, [("ackNo", "IRN_MISSING"), ("ackDate", "IRN_MISSING")])
    for day in ("2026-11-09", str(make.START.astimezone(IST).date() + timedelta(days=1))):
        assert await send(irn=irn, ackDate=day) == (400, [("ackDate", "ACK_DATE_IMPOSSIBLE")])
    await seller.run("UPDATE registrations SET gstin = NULL WHERE seller_id = $1")
    assert await send(irn=irn) == (400, [("irn", "IRN_NEEDS_GSTIN")])


async def test_an_irn_of_another_document_gives_way_to_the_right_one(seller: make.Company) -> None:
    """With the invoice an IRN is taken as it comes, by API and by file alike; it would stand for ever otherwise."""
    made = await seller.invoice(irn="a" * 64, ackNo="1", ackDate="2026-11-11", signedQr="x.y.z")
    irn = irn_of(seller, made["invoiceNumber"])
    assert refused(await patch(seller, made, ackNo="2")) == (422, [("ackNo", "EINVOICE_FIXED")])
    assert refused(await patch(seller, made, irn=None)) == (422, [("irn", "EINVOICE_FIXED")])
    assert refused(await patch(seller, made, irn="b" * 64)) == (400, [("irn", "IRN_OF_ANOTHER")])
    now = await patched(seller, made, irn=irn, signedQr="a.b.c", **ACK)
    assert (now["irn"], now["ackNo"], now["signedQr"]) == (irn, ACK["ackNo"], "a.b.c")
    assert refused(await patch(seller, made, irn="a" * 64)) == (422, [("irn", "EINVOICE_FIXED")])


async def test_a_signed_qr_is_verified(
    seller: make.Company, keyring: Keyring, store: FileStore, tmp_path: Path
) -> None:
    (tmp_path / "portals.pem").write_bytes(PEM)
    app = hundi_app.build(
        settings=Settings(irp_keys=tmp_path / "portals.pem"), db=seller.db, clock=seller.clock, keyring=keyring,
        files=store, base_url="http://hundi.test",
    )  # fmt: skip
    buyer, number = make.gstin(), make.number()
    customer = await seller.customer(panOrGstin=buyer)
    irn = irn_of(seller, number)
    of_this = {"SellerGstin": seller.registration.gstin, "BuyerGstin": buyer, "DocNo": number}
    token, dear = signed(irn, **of_this), signed(irn, **of_this, TotInvVal=1300)
    async with make.http_clients(app) as factory:
        http = factory({"Authorization": f"Bearer {seller.token(['owner'], seller.user_id)}"})
        body = make.invoice_body(customer, invoiceNumber=number, irn=irn)
        path = f"{PATH}/{(await http.post(PATH, json=body)).json()['payload']['invoiceId']}"
        assert refused(await http.patch(path, json={"signedQr": dear})) == (400, [("signedQr", "QR_DIFFERS")])
        forged = await http.patch(path, json={"signedQr": token[:-8] + "AAAAAAAA"})
        assert refused(forged) == (400, [("signedQr", "SIGNATURE_INVALID")])
        assert (await http.patch(path, json={"signedQr": token})).json()["payload"]["signedQr"] == token


async def test_an_invoice_is_born_with_all_that_the_portal_gave(seller: make.Company) -> None:
    number = make.number()
    given = {"irn": irn_of(seller, number), "signedQr": "x.y.z", "ewayBillNo": "331000123456", **ACK}
    made = await seller.invoice(invoiceNumber=number, **given)
    assert {name: made[name] for name in given} == given | {"ackDate": "2026-11-12T10:30:00+05:30"}
    assert await patched(seller, made, **given) == made


# ------------------------------------------------------------------ the hash and the signed QR


def reported(**changes: Any) -> Reported:
    given: dict[str, Any] = {
        "gstin": "27AAPFU0939F1ZV", "buyer_gstin": "29AAGCB7383J1Z4", "kind": DocumentKind.INVOICE, "number": "inv/7",
        "day": DAY, "value": Decimal("1180.00"),
    }  # fmt: skip
    return Reported(**(given | changes))


def test_an_irn_is_made_of_the_number() -> None:
    problem = irn_problem("a" * 64, reported(number=None), acknowledged=None)
    assert problem is not None
    assert (problem.field, problem.code) == ("invoiceNumber", "IRN_NEEDS_NUMBER")


def test_the_day_of_the_acknowledgement_decides_about_capitals() -> None:
    days = (datetime(2025, 5, 31, 12, tzinfo=IST), datetime(2025, 6, 1, 12, tzinfo=IST))
    early = reported(day=date(2025, 5, 20))
    irns = [compute_irn("27AAPFU0939F1ZV", early.day, early.kind, "inv/7", generated_on=at.date()) for at in days]
    for irn in irns:
        assert irn_problem(irn.upper(), early, acknowledged=None) is None
        assert [irn_problem(irn, early, acknowledged=at) is None for at in days] == [irn == one for one in irns]


def test_the_signed_qr_is_verified_where_the_portals_keys_are_known() -> None:
    irn = "ab" * 32
    own = {"SellerGstin": "27AAPFU0939F1ZV", "BuyerGstin": "29AAGCB7383J1Z4", "DocNo": "INV/7"}
    assert qr_problems(signed(irn, **own), irn, reported(), KEYS) == []
    assert [one.code for one in qr_problems("x.y.z", irn, reported(), KEYS)] == ["SIGNED_FORMAT"]
    for change, said in (
        ({"SellerGstin": "29AAGCB7383J1Z4"}, "supplier's GSTIN"), ({"BuyerGstin": "URP"}, "buyer's GSTIN"),
        ({"DocNo": "INV/8"}, "number"), ({"DocDt": "11/11/2026"}, "date"), ({"TotInvVal": 1200}, "total"),
        ({"Irn": "cd" * 32}, "IRN"), ({"DocTyp": "CRN"}, "kind"),
    ):  # fmt: skip
        found = qr_problems(signed(irn, **(own | change)), irn, reported(), KEYS)
        assert [(one.field, one.code) for one in found] == [("signedQr", "QR_DIFFERS")]
        assert f"as its {said}" in found[0].message
    assert qr_problems(signed(irn, **own, TotInvVal=1000), irn, reported(value=None), KEYS) == []
