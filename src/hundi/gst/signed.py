"""What a portal has signed: the QR of an e-invoice and the signed invoice itself (contract b2b §9.4).

Both are JWTs signed with RS256; the claim ``data`` holds JSON as a text. Keys are those an operator has configured
(the portals publish theirs as PEM certificates); a key inside the token is never believed.
"""

import json
import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from hundi.gst.document import Document
from hundi.gst.inv01_reading import FormReading, exact, read_inv01
from hundi.gst.irn import irn_of, is_irn
from hundi.gst.numbers import number_key
from hundi.gst.tolerance import within_tolerance
from hundi.kit.dates import IST, ist_date
from hundi.kit.errors import FieldProblem
from hundi.kit.money import shown

LONGEST_QR: Final = 8 * 1024
LONGEST_SIGNED_INVOICE: Final = 4 * 1024 * 1024
FEWEST_KEY_BITS: Final = 2048

_CERTIFICATE: Final = "-----BEGIN CERTIFICATE-----"
_DAY: Final = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})")


class _PortalTokens(jws.JWSRegistry):
    """The one algorithm of the portals; an invoice of a thousand items is larger than the library's usual limit."""

    max_header_length = 4096
    max_payload_length = LONGEST_SIGNED_INVOICE


_TOKENS: Final = _PortalTokens(algorithms=["RS256"], strict_check_header=False)


class NotSigned(ValueError):
    """The token cannot be believed; ``code`` is stable, ``str()`` says why.

    Codes: ``SIGNATURE_KEYS_MISSING`` (no key is configured), ``SIGNED_FORMAT`` (no JWT with RS256, or too long),
    ``SIGNATURE_INVALID`` (no configured key has made it), ``SIGNED_ISSUER`` (another issuer than expected),
    ``SIGNED_DATA`` (signed, but not the data of an e-invoice).
    """

    def __init__(self, code: str, message: str) -> None:
        """Keep the code beside the sentence."""
        self.code = code
        super().__init__(message)


class NotAPortalKey(ValueError):
    """The text is no public RSA key of 2048 bits or more: configure the portal's certificate or public key as PEM."""


class PortalKeys:
    """The public keys of the portals that are trusted, and the issuers whose tokens they sign (any, when empty)."""

    def __init__(self, pems: Sequence[str], *, issuers: Sequence[str] = ()) -> None:
        """Read PEM certificates or public keys. Raises :class:`NotAPortalKey`."""
        self._keys = tuple(_key(pem) for pem in pems)
        self._issuers = frozenset(issuers)

    def __bool__(self) -> bool:
        """Say whether there is any key."""
        return bool(self._keys)

    def verified_data(self, token: str, *, longest: int) -> str:
        """Give the text that a trusted portal has signed. Raises :class:`NotSigned`."""
        if not self._keys:
            raise NotSigned("SIGNATURE_KEYS_MISSING", "Configure the public key of the invoice registration portal.")
        token = token.strip()
        if len(token) > longest or token.count(".") != 2 or not token.isascii():
            raise NotSigned("SIGNED_FORMAT", "This is no signed text of an invoice registration portal.")
        claims = _claims(self._payload(token))
        if self._issuers and claims.get("iss") not in self._issuers:
            raise NotSigned("SIGNED_ISSUER", f"The portal {shown(claims.get('iss'))} is not among those expected.")
        data = claims.get("data")
        if not isinstance(data, str):
            raise NotSigned("SIGNED_DATA", "The signed text holds no data of an e-invoice.")
        return data

    def _payload(self, token: str) -> bytes:
        """Try the keys one by one: portals name theirs by thumbprints that differ from tool to tool."""
        refusal: JoseError | ValueError | None = None
        for key in self._keys:
            try:
                return jws.deserialize_compact(token, key, registry=_TOKENS).payload or b""
            except (JoseError, ValueError) as error:
                refusal = error
        if isinstance(refusal, JoseError) and refusal.error == "bad_signature":
            raise NotSigned("SIGNATURE_INVALID", "No key of a known portal has signed this.") from refusal
        raise NotSigned("SIGNED_FORMAT", "This is no signed text of an invoice registration portal.") from refusal


def _key(pem: str) -> RSAKey:
    try:
        if _CERTIFICATE in pem:
            public: object = x509.load_pem_x509_certificate(pem.encode()).public_key()
        else:
            public = load_pem_public_key(pem.encode())
    except (ValueError, UnsupportedAlgorithm) as error:
        raise NotAPortalKey(NotAPortalKey.__doc__) from error
    if not isinstance(public, RSAPublicKey) or public.key_size < FEWEST_KEY_BITS:
        raise NotAPortalKey(NotAPortalKey.__doc__)
    return RSAKey.import_key(public)


def _claims(payload: bytes) -> dict[str, Any]:
    try:
        claims = json.loads(payload, parse_float=exact, parse_int=exact)
    except (ValueError, RecursionError):
        claims = None
    if not isinstance(claims, dict):
        raise NotSigned("SIGNED_DATA", "The signed text holds no data of an e-invoice.")
    return claims


class QrClaims(msgspec.Struct, frozen=True, kw_only=True):
    """What the QR of an e-invoice says. ``main_hsn`` is that of the item with the largest assessable amount."""

    supplier_gstin: str
    buyer_gstin: str
    number: str
    kind: str
    day: date
    total: Decimal
    item_count: int
    main_hsn: str
    irn: str
    irn_at: datetime | None = None


def read_signed_qr(token: str, keys: PortalKeys) -> QrClaims:
    """Verify the QR of an e-invoice and give what it says. Raises :class:`NotSigned`."""
    data = keys.verified_data(token, longest=LONGEST_QR)
    claims = _claims(data.encode(errors="replace"))
    try:
        return QrClaims(
            supplier_gstin=_text(claims, "SellerGstin"),
            buyer_gstin=_text(claims, "BuyerGstin"),
            number=_text(claims, "DocNo"),
            kind=_text(claims, "DocTyp"),
            day=_day(_text(claims, "DocDt")),
            total=_number(claims["TotInvVal"]),
            item_count=int(_number(claims["ItemCnt"])),
            main_hsn=_text(claims, "MainHsnCode"),
            irn=_text(claims, "Irn"),
            irn_at=_stamp(claims.get("IrnDt")),
        )
    except (KeyError, ValueError) as error:
        raise NotSigned("SIGNED_DATA", "The signed text holds no data of an e-invoice.") from error


def read_signed_invoice(token: str, keys: PortalKeys) -> FormReading:
    """Verify a signed invoice and give the document inside, with the acknowledgement. Raises :class:`NotSigned`."""
    reading = read_inv01(keys.verified_data(token, longest=LONGEST_SIGNED_INVOICE))
    if reading.document is None:
        raise NotSigned("SIGNED_DATA", "The signed text holds no data of an e-invoice.")
    return reading


def qr_differences(claims: QrClaims, document: Document) -> list[FieldProblem]:
    """List what the QR says otherwise than the document, at the document's fields; empty: it is this document's.

    The code is ``QR_DIFFERS`` for a field, ``QR_IRN_WRONG`` for an IRN that is not the hash of what the QR itself says.
    Numbers are compared in capitals, the total within the portal's tolerance.
    """
    pairs: tuple[tuple[str, object, object], ...] = (
        ("supplierDetails.gstin", claims.supplier_gstin.upper(), document.supplier.gstin.upper()),
        ("buyerDetails.gstin", claims.buyer_gstin.upper(), document.buyer.gstin.upper()),
        ("supplierInvoiceNumber", number_key(claims.number), number_key(document.number)),
        ("noteType" if document.is_note else "kind", claims.kind, document.kind.value),
        ("ts", claims.day, document.day),
        ("itemLists", claims.item_count, len(document.items)),
    )
    found = [_differs(path, signed, ours) for path, signed, ours in pairs if signed != ours]
    if document.values is not None and not _agree(claims.total, document.values.total):
        found.append(_differs("valueDetails.totalInvoiceValue", claims.total, document.values.total))
    main = main_hsn(document)
    if main and claims.main_hsn not in main:
        found.append(_differs("itemLists", claims.main_hsn, " or ".join(sorted(main))))
    if document.irn and document.irn != claims.irn:
        found.append(_differs("eInvoiceInfo.irnNumber", claims.irn, document.irn))
    found.extend(_irn_problem(claims, document))
    return found


def main_hsn(document: Document) -> frozenset[str]:
    """Give the HSN of the item with the largest assessable amount; several where items tie."""
    amounts = [item.assessable for item in document.items if item.assessable.is_finite()]
    largest = max(amounts, default=None)
    return frozenset(item.hsn for item in document.items if largest is not None and item.assessable == largest)


def _irn_problem(claims: QrClaims, document: Document) -> list[FieldProblem]:
    """Hold the signed IRN against the hash of the document, once nothing that goes into it differs."""
    generated_on = document.day if claims.irn_at is None else ist_date(claims.irn_at)
    same = msgspec.structs.replace(document, number=claims.number, day=claims.day)
    if is_irn(claims.irn) and irn_of(same, generated_on=generated_on) == claims.irn:
        return []
    message = "The signed IRN is not that of this supplier's GSTIN, year, kind and number."
    return [FieldProblem("eInvoiceInfo.irnNumber", "QR_IRN_WRONG", message, shown(claims.irn))]


def _agree(signed: Decimal, ours: Decimal) -> bool:
    return ours.is_finite() and within_tolerance(signed, ours)


def _differs(path: str, signed: object, ours: object) -> FieldProblem:
    message = f"The signed QR says {shown(signed)}: it belongs to another document, or this one was changed."
    return FieldProblem(path, "QR_DIFFERS", message, shown(ours))


def _text(claims: dict[str, Any], name: str) -> str:
    value = claims[name]
    if not isinstance(value, str):
        message = f"{name} is no text"
        raise ValueError(message)  # noqa: TRY004 - one kind of refusal for all that a stranger's JSON may hold
    return value


def _number(value: Any) -> Decimal:
    try:
        number = Decimal(value)
    except (InvalidOperation, TypeError, ValueError) as error:
        message = "this is no number"
        raise ValueError(message) from error
    if not number.is_finite() or abs(number.adjusted()) > 40:  # int() of a longer one would never end
        message = "this is no number"
        raise ValueError(message)
    return number


def _day(text: str) -> date:
    found = _DAY.fullmatch(text)
    if found is None:
        message = "this is no day"
        raise ValueError(message)
    return date(int(found[3]), int(found[2]), int(found[1]))


def _stamp(value: Any) -> datetime | None:
    if value is None:
        return None
    if not isinstance(value, str):
        message = "this is no time"
        raise ValueError(message)  # noqa: TRY004 - as above
    stamp = datetime.fromisoformat(value)
    return stamp if stamp.tzinfo else stamp.replace(tzinfo=IST)
