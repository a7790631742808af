"""Signed QRs and invoices: only a configured portal's key counts, and what the QR says is held against the document."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from joserfc import jws
from joserfc.jwk import RSAKey
from msgspec.structs import replace

from gst_documents import DAY, D, everything, goods, invoice, party
from hundi.gst.document import DocumentKind
from hundi.gst.inv01 import to_inv01
from hundi.gst.irn import irn_of
from hundi.gst.signed import (
    LONGEST_QR,
    NotAPortalKey,
    NotSigned,
    PortalKeys,
    QrClaims,
    main_hsn,
    qr_differences,
    read_signed_invoice,
    read_signed_qr,
)

PORTAL = rsa.generate_private_key(public_exponent=65537, key_size=2048)
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem(key: Any) -> str:
    kinds = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, *kinds).decode()


def public_pem(key: Any) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


def certificate(key: Any) -> str:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Portal of the tests")])
    since = datetime(2024, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7)
        .not_valid_before(since).not_valid_after(since + timedelta(days=365)).sign(key, hashes.SHA256())
    )  # fmt: skip
    return made.public_bytes(serialization.Encoding.PEM).decode()


KEYS = PortalKeys([public_pem(PORTAL)])
DOCUMENT = invoice(count=2)
IRN = irn_of(DOCUMENT, generated_on=DAY)
DATA: dict[str, Any] = {
    "SellerGstin": DOCUMENT.supplier.gstin, "BuyerGstin": DOCUMENT.buyer.gstin, "DocNo": DOCUMENT.number, "DocTyp": "INV",
    "DocDt": "16/11/2026", "TotInvVal": 2360.0, "ItemCnt": 2, "MainHsnCode": "73181500", "Irn": IRN,
    "IrnDt": "2026-11-16 18:05:00",
}  # fmt: skip


def signed(data: Any, *, key: Any = PORTAL, issuer: str = "NIC", **header: Any) -> str:
    """Sign as a portal does: its data as a text inside the claims, its key named by thumbprints that nobody else has."""
    text = data if isinstance(data, str) else msgspec.json.Encoder(decimal_format="number").encode(data).decode()
    claims = json.dumps({"data": text, "iss": issuer})
    names = {
        "alg": "RS256",
        "kid": "EDC57DE1358B300BA9F79340A6696831F3C85047",
        "typ": "JWT",
        "x5t": "7cV94TWLMAup95NApmloMfPIUEc",
    }
    registry = jws.JWSRegistry(strict_check_header=False, algorithms=[header.get("alg", "RS256")])
    registry.max_payload_length = 10**7
    return jws.serialize_compact(names | header, claims, RSAKey.import_key(private_pem(key)), registry=registry)


def refusal(token: str, keys: PortalKeys = KEYS) -> str:
    with pytest.raises(NotSigned) as refused:
        read_signed_qr(token, keys)
    assert str(refused.value).endswith(".")
    return refused.value.code


@pytest.mark.parametrize("pem", [public_pem(PORTAL), certificate(PORTAL)], ids=["public key", "certificate"])
def test_a_signed_qr_says_what_was_signed(pem: str) -> None:
    claims = read_signed_qr(signed(DATA) + "\n", PortalKeys([public_pem(STRANGER), pem], issuers=["NIC"]))
    assert claims.irn == IRN
    assert claims.day == date(2026, 11, 16)
    assert claims.total == D("2360.0")
    assert claims.irn_at is not None
    assert claims.irn_at.astimezone(UTC) == datetime(2026, 11, 16, 12, 35, tzinfo=UTC)
    assert qr_differences(claims, DOCUMENT) == []


def test_a_stranger_s_signature_is_refused() -> None:
    assert refusal(signed(DATA, key=STRANGER)) == "SIGNATURE_INVALID"


@pytest.mark.parametrize("part", [1, 2])
def test_a_changed_token_is_refused(part: int) -> None:
    pieces = signed(DATA).split(".")
    at = len(pieces[part]) // 2
    pieces[part] = pieces[part][:at] + ("A" if pieces[part][at] != "A" else "B") + pieces[part][at + 1 :]
    assert refusal(".".join(pieces)) == "SIGNATURE_INVALID"


def test_no_other_algorithm_counts() -> None:
    """Neither none, nor HS256 keyed with the public key, nor a longer hash than the portals use."""
    header, payload, _ = signed(DATA).split(".")
    unsigned = "eyJhbGciOiJub25lIn0." + payload + "."
    assert refusal(unsigned) == "SIGNED_FORMAT"
    keyed = urlsafe_b64encode(b'{"alg":"HS256"}').decode().rstrip("=") + "." + payload
    mac = hmac.digest(public_pem(PORTAL).encode(), keyed.encode(), "sha256")
    assert refusal(f"{keyed}.{urlsafe_b64encode(mac).decode().rstrip('=')}") == "SIGNED_FORMAT"
    assert refusal(signed(DATA, alg="RS512")) == "SIGNED_FORMAT"
    assert refusal(f"{header}.{payload}.") == "SIGNATURE_INVALID"


def test_a_key_inside_the_token_is_never_believed() -> None:
    own = RSAKey.import_key(public_pem(STRANGER)).as_dict()
    assert refusal(signed(DATA, key=STRANGER, jwk=own)) == "SIGNATURE_INVALID"


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "ä.b.c", "....", "x" * (LONGEST_QR + 1), "e30.e30.e30"])
def test_what_is_no_token(token: str) -> None:
    assert refusal(token) == "SIGNED_FORMAT"


def test_without_keys_nothing_is_believed() -> None:
    assert refusal(signed(DATA), PortalKeys([])) == "SIGNATURE_KEYS_MISSING"
    assert not PortalKeys([])
    assert KEYS


def test_only_the_expected_issuers_count() -> None:
    assert refusal(signed(DATA, issuer="ELSE"), PortalKeys([public_pem(PORTAL)], issuers=["NIC"])) == "SIGNED_ISSUER"


@pytest.mark.parametrize(
    "data",
    [
        "no json", "[]", "[" * 3000, "{}", DATA | {"TotInvVal": "x"}, DATA | {"TotInvVal": "NaN"}, DATA | {"ItemCnt": "1E+999"},
        DATA | {"DocDt": "2026-11-16"}, DATA | {"DocDt": "31/02/2026"}, DATA | {"Irn": 7}, DATA | {"IrnDt": 7},
        DATA | {"IrnDt": "yesterday"}, {name: value for name, value in DATA.items() if name != "DocNo"},
    ],
    ids=lambda data: str(data)[:12],
)  # fmt: skip
def test_signed_but_no_e_invoice(data: Any) -> None:
    assert refusal(signed(data)) == "SIGNED_DATA"


@pytest.mark.parametrize(
    "pem",
    [
        "", "no key", private_pem(PORTAL), public_pem(ec.generate_private_key(ec.SECP256R1())),
        public_pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)),
        certificate(PORTAL).replace("MII", "AAA", 1), certificate(ec.generate_private_key(ec.SECP256R1())),
    ],
    ids=["empty", "text", "private", "elliptic", "short", "spoilt certificate", "elliptic certificate"],
)  # fmt: skip
def test_what_is_no_key_of_a_portal(pem: str) -> None:
    with pytest.raises(NotAPortalKey, match="2048"):
        PortalKeys([pem])


def qr(**changes: Any) -> QrClaims:
    return replace(read_signed_qr(signed(DATA), KEYS), **changes)


@pytest.mark.parametrize(
    ("claims", "found"),
    [
        (qr(supplier_gstin=DOCUMENT.buyer.gstin), {("supplierDetails.gstin", "QR_DIFFERS")}),
        (qr(buyer_gstin="URP"), {("buyerDetails.gstin", "QR_DIFFERS")}),
        (qr(number="INV/26-27/0043"),
         {("supplierInvoiceNumber", "QR_DIFFERS"), ("eInvoiceInfo.irnNumber", "QR_IRN_WRONG")}),
        (qr(number=DOCUMENT.number.lower()), set()),
        (qr(kind="CRN"), {("kind", "QR_DIFFERS")}),
        (qr(day=date(2026, 11, 17)), {("ts", "QR_DIFFERS")}),
        (qr(total=D("2358.99")), {("valueDetails.totalInvoiceValue", "QR_DIFFERS")}),
        (qr(total=D("2361.00")), set()),
        (qr(item_count=3), {("itemLists", "QR_DIFFERS")}),
        (qr(main_hsn="7318"), {("itemLists", "QR_DIFFERS")}),
        (qr(irn="0" * 64), {("eInvoiceInfo.irnNumber", "QR_IRN_WRONG")}),
    ],
)  # fmt: skip
def test_each_difference_is_named(claims: QrClaims, found: set[tuple[str, str]]) -> None:
    assert {(problem.field, problem.code) for problem in qr_differences(claims, DOCUMENT)} == found


def test_another_document_s_qr_is_found_out() -> None:
    other = replace(invoice(inter=True), irn="1" * 64, supplier=party(DOCUMENT.buyer.gstin, "33"))
    fields = [problem.field for problem in qr_differences(qr(), other)]
    assert fields == [
        "supplierDetails.gstin", "buyerDetails.gstin", "itemLists", "valueDetails.totalInvoiceValue",
        "eInvoiceInfo.irnNumber", "eInvoiceInfo.irnNumber",
    ]  # fmt: skip
    note = replace(DOCUMENT, kind=DocumentKind.CREDIT_NOTE)
    assert "noteType" in {problem.field for problem in qr_differences(qr(), note)}


def test_the_main_hsn_is_that_of_the_largest_item() -> None:
    small, large = goods(1, hsn="8481"), goods(2, hsn="9403", assessable=D("1000.01"))
    assert main_hsn(invoice(items=(small, large))) == {"9403"}
    assert main_hsn(invoice(items=(small, goods(2, hsn="9403")))) == {"8481", "9403"}
    assert main_hsn(invoice(items=())) == set()
    assert main_hsn(invoice(items=(goods(assessable=D("NaN")),))) == set()


def test_a_signed_invoice_gives_the_document_and_its_acknowledgement() -> None:
    document = everything()
    irn = irn_of(document, generated_on=DAY)
    form = to_inv01(document) | {"AckNo": 112010036563310, "AckDt": "2026-11-16 18:05:00", "Irn": irn}
    reading = read_signed_invoice(signed(form), KEYS)
    assert reading.ack_number == "112010036563310"
    assert reading.document == replace(document, irn=irn, irn_at=reading.acknowledged_at)
    assert reading.problems == ()


def test_a_signed_invoice_of_a_thousand_items_is_read() -> None:
    reading = read_signed_invoice(signed(to_inv01(invoice(count=1000))), KEYS)
    assert reading.document is not None
    assert len(reading.document.items) == 1000


def test_a_signed_text_that_is_no_invoice() -> None:
    with pytest.raises(NotSigned, match="no data of an e-invoice"):
        read_signed_invoice(signed({"Version": "1.1"}), KEYS)
