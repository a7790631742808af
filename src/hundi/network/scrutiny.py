"""Invoices and notes held against the rules of GST before they go out (domain §2, §11; docs/reference/gst-rules.md).

One with an IRN is an e-invoice: what a portal would refuse is refused here, its IRN is computed again, and what a portal has
signed is verified where its key is configured. In one without an IRN only figures that contradict each other and numbers that
cannot be true are refused; all else is a warning in the reply.

The same rules hold wherever a document comes from: the published calls, the books, and another server, whose word the central
unit does not take for it (:class:`Scrutiny`, docs/decisions/0019).
"""

import re
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import msgspec

from hundi.config import BadSetting, Settings
from hundi.gst.document import Document
from hundi.gst.einvoice import check
from hundi.gst.findings import Problems
from hundi.gst.rulebook import RULES
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
from hundi.kit.errors import FieldProblem, Invalid, Refusal
from hundi.kit.gstin import NotAGstin, read_gstin
from hundi.network.protocol.decisions import Objection
from hundi.network.protocol.messages import Call
from hundi.network.wire.catalogue import WIRE_CALL_OF
from hundi.network.wire.einvoice import NOTE_NAMES, document_of
from hundi.network.wire.invoice import SendInvoice
from hundi.network.wire.notes import SendNote
from hundi.network.wire.reading import MOST_PROBLEMS, read

_PEM: Final = re.compile(r"-----BEGIN [A-Z ]+-----.*?-----END [A-Z ]+-----", re.DOTALL)
_ORDER: Final = re.compile(r"contractReferenceDetails\[(\d+)\]\.buyerPoId")
_OF_THE_ACCOUNT: Final = re.compile(r"advancePaymentDetails\.(maskedAccountNumber|ifsc)")
_SIGNED: Final = "einvoiceResponse"


def scrutinised(
    data: SendInvoice | SendNote, *, today: date, keys: PortalKeys | None, sandbox: bool
) -> Sequence[FieldProblem]:
    """Give what is doubtful about an invoice or note, at its JSON paths; raise :class:`Invalid` for what is wrong.

    ``sandbox``: GSTINs that only look like some, as test portals have them, are a warning (contract b2b §9.1).
    """
    found = data.invoice if isinstance(data, SendInvoice) else data.cdNote
    strict = found.eInvoiceInfo is not None and found.eInvoiceInfo.irnNumber is not None
    document = document_of(found, whole=strict)
    problems = check(document, today=today, strict=strict, sandbox=sandbox, extract=True, listed=MOST_PROBLEMS)
    signed: list[FieldProblem] = []
    if keys is not None and isinstance(data, SendInvoice) and data.invoice.einvoiceResponse is not None:
        signed = _signed_problems(data.invoice.einvoiceResponse, document, keys)
    of_a_test = _made_up(document) if sandbox else []
    if not problems.error_count and not problems.warning_count and not signed and not of_a_test:
        return ()
    shown = _at_their_places(problems, data)
    root = _root(data)
    errors = [*shown.errors, *(_under(root, one) for one in signed)]
    if errors:
        count = problems.error_count + len(signed)
        message = f"{count} figures are wrong; the first {len(errors)} are listed." if count > len(errors) else None
        raise Invalid(message, problems=errors)
    return (*shown.warnings, *(_under(root, one) for one in of_a_test))


def portal_keys(path: Path | None) -> PortalKeys | None:
    """Read the keys of the portals; None where no file is named. Raises :class:`hundi.config.BadSetting`."""
    if path is None:
        return None
    try:
        pems = _PEM.findall(path.read_text(encoding="ascii"))
        keys = PortalKeys(pems)
    except (OSError, UnicodeDecodeError, NotAPortalKey) as error:
        message = f"HUNDI_IRP_KEYS: {error}"
        raise BadSetting(message) from error
    if not keys:
        message = f"HUNDI_IRP_KEYS: {path} holds no certificate and no public key in PEM."
        raise BadSetting(message)
    return keys


@lru_cache(maxsize=4)
def _kept(path: Path | None) -> PortalKeys | None:
    return portal_keys(path)


def keys_of(settings: Settings) -> PortalKeys | None:
    """Give the keys of the portals as :func:`portal_keys` does; the file is read once in a process."""
    return _kept(settings.irp_keys)


class Scrutiny:
    """What the central unit does for those whose server is not its own: it reads their messages and holds them to the rules.

    One for each parcel that comes from outside. A message's body is read once, however often it is asked about.
    """

    def __init__(self, *, today: date, keys: PortalKeys | None, sandbox: bool) -> None:
        """Keep what :func:`scrutinised` asks for; ``sandbox`` and keys are the unit's own, not the sender's."""
        self._today = today
        self._keys = keys
        self._sandbox = sandbox
        self._read: dict[tuple[type[Any], bytes], Any] = {}

    def body_of(self, message: Call) -> Any:
        """Read the published body a message carries. Raises what :func:`hundi.network.wire.reading.read` does."""
        model, data = WIRE_CALL_OF[type(message)].body, bytes(message.body)
        if (model, data) not in self._read:
            self._read[model, data] = read(data, model)
        return self._read[model, data]

    def __call__(self, message: Call) -> Objection | None:
        """Give the first thing that is wrong with a message's document, with how many more there are; None: nothing is."""
        try:
            body = self.body_of(message)
            if isinstance(body, SendInvoice | SendNote):
                scrutinised(body, today=self._today, keys=self._keys, sandbox=self._sandbox)
        except Refusal as refused:
            if not refused.problems:
                return Objection(code=refused.code, detail=refused.message, field="")
            first, more = refused.problems[0], len(refused.problems) - 1
            detail = f"{first.message} And {more} more." if more else first.message
            return Objection(code=first.code, detail=detail, field=first.field)
        return None


def _root(data: SendInvoice | SendNote) -> str:
    return "invoice" if isinstance(data, SendInvoice) else "cdNote"


def _under(root: str, problem: FieldProblem) -> FieldProblem:
    return msgspec.structs.replace(problem, field=f"{root}.{problem.field}")


def _at_their_places(problems: Problems, data: SendInvoice | SendNote) -> Problems:
    """Give the problems at the paths of the message: some blocks of form INV-01 are spread over two of the network's."""
    contracts = (data.invoice if isinstance(data, SendInvoice) else data.cdNote).contractReferenceDetails or ()

    def moved(path: str) -> str:
        path = _ORDER.sub(lambda at: f"poDetails[{int(at[1]) - len(contracts)}].buyerPoId", path)
        return _OF_THE_ACCOUNT.sub(r"supplierBankAccountDetails.\1", path)

    placed = msgspec.structs.replace(
        problems,
        errors=tuple(msgspec.structs.replace(one, field=moved(one.field)) for one in problems.errors),
        warnings=tuple(msgspec.structs.replace(one, field=moved(one.field)) for one in problems.warnings),
    )
    return placed.renamed(NOTE_NAMES if isinstance(data, SendNote) else {}, root=_root(data))


def _made_up(document: Document) -> list[FieldProblem]:
    """Name the GSTINs that pass in a sandbox alone."""
    found = []
    for path, gstin in (
        ("supplierDetails.gstin", document.supplier.gstin),
        ("buyerDetails.gstin", document.buyer.gstin),
    ):
        if not gstin or gstin == "URP":
            continue
        try:
            read_gstin(gstin)
        except NotAGstin as refusal:
            found.append(FieldProblem(path, refusal.code, str(refusal), gstin, RULES[refusal.code].nic))
    return found


def _signed_problems(text: str, document: Document, keys: PortalKeys) -> list[FieldProblem]:
    """Verify what the portal has signed, and name what it says otherwise than the message."""
    try:
        claims = _claims(text.strip(), keys)
    except NotSigned as refusal:
        return [FieldProblem(_SIGNED, refusal.code, str(refusal))]
    return qr_differences(claims, document)


def _claims(text: str, keys: PortalKeys) -> QrClaims:
    """Read the portal's answer: the signed QR or the signed invoice by itself, or the JSON they came in."""
    if text.startswith("{"):
        try:
            answer = msgspec.json.decode(text, type=dict[str, object])
        except (msgspec.DecodeError, RecursionError) as error:
            raise NotSigned("SIGNED_FORMAT", "Send the portal's answer as it came, or the signed QR alone.") from error
        token = answer.get("SignedQRCode") or answer.get("SignedInvoice")
        text = token if isinstance(token, str) else ""
    if len(text) <= LONGEST_QR:
        try:
            return read_signed_qr(text, keys)
        except NotSigned as refusal:
            if refusal.code != "SIGNED_DATA":
                raise
    return _claims_of_form(text, keys)


def _claims_of_form(text: str, keys: PortalKeys) -> QrClaims:
    """Give what the QR of a signed invoice would say."""
    form = read_signed_invoice(text, keys).document
    if form is None or form.values is None:
        raise NotSigned("SIGNED_DATA", "The signed text holds no data of an e-invoice.")
    return QrClaims(
        supplier_gstin=form.supplier.gstin,
        buyer_gstin=form.buyer.gstin,
        number=form.number,
        kind=form.kind.value,
        day=form.day,
        total=form.values.total,
        item_count=len(form.items),
        main_hsn=min(main_hsn(form), default=""),
        irn=form.irn,
        irn_at=form.irn_at,
    )
