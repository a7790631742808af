"""Zwitch's simplified API as a client: its calls, its events (contract b2b §4.6, §5.6, §6.2).

Zwitch answers a call at once and names objects in its own way; it carries neither versions nor purchase orders, notes and
financing. What an event says is put into the network's words with what our own copy knows, and then decided on like anything
else: a move that our copy does not allow is kept and reported.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

import msgspec

from hundi.db.pool import Transaction
from hundi.http.outgoing import CallFailed, Outgoing, Reply
from hundi.kit.dates import format_instant
from hundi.network.adapters import zwitch_mapping as z
from hundi.network.adapters.enkash import json_of
from hundi.network.adapters.port import (
    Accepted,
    Brought,
    Echo,
    Heard,
    Link,
    Notice,
    NotYet,
    Outcome,
    Prepared,
    Refused,
    Unsettled,
    Unsupported,
    mapping,
)
from hundi.network.errors import NoSuchInbox
from hundi.network.protocol import messages as m
from hundi.network.protocol.decisions import FoundBusiness
from hundi.network.protocol.identifiers import Prefix
from hundi.network.protocol.statuses import InvoiceStatus
from hundi.network.wire.catalogue import WIRE_CALL_OF
from hundi.network.wire.meaning import message_of
from hundi.network.wire.reading import read

_ROOT: Final = "/v1/bharat-connect"
_ALIAS_OF: Final = """
    SELECT alias FROM network_aliases WHERE seller_id = $1 AND object_id = $2 AND source = 'zwitch' ORDER BY alias LIMIT 1"""
_KNOWN: Final = """
    SELECT o.object_id, o.number, o.role, o.supplier, o.buyer, o.status, o.version, o.total, o.due
      FROM network_aliases a JOIN network_objects o ON o.seller_id = $1 AND o.object_id = a.object_id
     WHERE a.seller_id = $1 AND a.source = 'zwitch' AND a.alias = $2"""
_OWN: Final = """
    SELECT object_id, number, role, supplier, buyer, status, version, total, due FROM network_objects
     WHERE seller_id = $1 AND object_id = $2"""
_UNDER_WAY: Final = """
    SELECT object_id FROM network_objects
     WHERE seller_id = $1 AND kind = 'PAYMENT' AND status IN ('ACK PENDING', 'SUCCESS')
       AND document @> $2::jsonb ORDER BY created_at DESC LIMIT 1"""
_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")
_EXACT: Final = msgspec.json.Decoder(float_hook=Decimal)
_FAILED: Final = frozenset({"FAILED", "FAILURE", "ERROR", "REJECTED"})
_LATER: Final = frozenset({401, 403, 404, 408, 409, 425, 429})
"""Statuses under 500 that say nothing about the message: credentials, address, haste."""
_MOST_TOLD: Final = 500
_LONGEST_ID: Final = 200
EVENTS: Final = frozenset(
    f"bharat_connect.{name}"
    for name in (
        "invoice.create",
        "invoice.confirm",
        "invoice.change_status",
        "payment.initiate",
        "payment.acknowledge",
    )
)
"""The events that are taken in (contract b2b §5.6)."""


class _Call(NamedTuple):
    path: str
    about_invoice: bool


CALLS: Final[Mapping[type[m.Call], _Call]] = {
    m.CheckEntity: _Call("onboarding/business/search", False),
    m.RegisterEntity: _Call("onboarding/business/register", False),
    m.SearchEntity: _Call("onboarding/business/b2b-ids/search", False),
    m.SendInvoice: _Call("invoice", False),
    m.EditInvoice: _Call("invoice/edit", True),
    m.ConfirmInvoice: _Call("invoice/confirm", True),
    m.Pay: _Call("payment", True),
    m.ConfirmPayment: _Call("payment/acknowledge", True),
}
"""The calls Zwitch has, by the message each carries; ``invoice/confirm`` is not printed and follows its event's name."""
_WRITERS: Final = {
    m.CheckEntity: z.checked, m.RegisterEntity: z.registered, m.SearchEntity: z.searched, m.SendInvoice: z.invoice,
}  # fmt: skip


class Event(msgspec.Struct, kw_only=True):
    """The envelope of an event."""

    id: str
    name: str
    data: dict[str, Any]
    object: str = "event"
    is_sandbox: bool = False


class Zwitch:
    """A client of Zwitch's API."""

    def check(self, message: m.Call) -> None:
        """Refuse what Zwitch has no call for."""
        if type(message) not in CALLS:
            text = "Zwitch carries invoices, their payments and the search for businesses: take another connection for this."
            raise Unsupported("ZWITCH_HAS_NO_CALL", "body", text)
        if isinstance(message, m.Pay):
            if message.on_platform:
                text = "Zwitch takes word of payments made beside the platform: send OFFPLATFORM."
                raise Unsupported("ZWITCH_OFF_PLATFORM_ONLY", "payment.type", text)
            if len(message.invoices) != 1:
                text = "Zwitch takes one invoice a payment: send a payment for each."
                raise Unsupported("ZWITCH_ONE_INVOICE", "payment.invoicesPayInfos", text)

    async def prepare(self, tx: Transaction, message_id: str, message: m.Call) -> Prepared | Refused:
        """Write the call in Zwitch's words; one about an invoice names it by Zwitch's own id."""
        del message_id
        call = CALLS[type(message)]
        body: dict[str, Any] = _EXACT.decode(bytes(message.body))
        if not call.about_invoice:
            return _prepared(call.path, _WRITERS[type(message)](body))
        invoice_id = (
            message.invoices[0].invoice_id if isinstance(message, m.Pay | m.ConfirmPayment) else _id_of(message)
        )
        alias = await tx.fetchval(_ALIAS_OF, tx.seller_id, invoice_id)
        if alias is None:
            text = "Zwitch does not know this invoice: it came or went another way."
            return Refused(code="ZWITCH_ID_UNKNOWN", sentence=text, field="objectId")
        return _prepared(call.path, z.WRITERS[call.path](body, alias))

    async def call(self, outgoing: Outgoing, link: Link, now: Any, message_id: str, prepared: Prepared) -> Outcome:
        """Make the call with the company's key pair."""
        del now
        headers = {
            "authorization": f"Bearer {link.credentials.client_id}:{link.credentials.client_secret}",
            "content-type": "application/json", "accept": "application/json", "idempotency-key": message_id,
            "user-agent": "Hundi",
        }  # fmt: skip
        try:
            reply = await outgoing.call("POST", link.base_url + prepared.path, headers=headers, content=prepared.body)
        except CallFailed as error:
            return Unsettled(detail=error.detail, unsure=error.sent)
        return meaning_of(reply)

    async def understand(self, tx: Transaction, hook: str, body: bytes) -> Heard:
        """Say what an event means, with what our own copy of its invoice knows."""
        if hook not in EVENTS:
            raise NoSuchInbox
        data = read(body, Event).data
        verb = hook.removeprefix("bharat_connect.")
        found = data if verb.startswith("invoice.") else mapping(data.get("invoice"))
        provider_id = str(found.get("id") or "")
        row = await tx.fetchrow(_KNOWN, tx.seller_id, provider_id)
        known: dict[str, Any] | None = None if row is None else dict(row)
        if verb == "invoice.create":
            return await _created(tx, data, provider_id, known)
        if known is None:
            text = f"No invoice of ours is known to Zwitch as {provider_id[:100]}."
            raise NotYet((provider_id,), "ZWITCH_ID_UNKNOWN", text)
        return await _of_known(tx, verb, data, known)


async def _of_known(tx: Transaction, verb: str, data: dict[str, Any], known: dict[str, Any]) -> Heard:
    """Say what an event about an invoice means of which there is a copy; what we did ourselves is no news."""
    is_ours = known["role"] == "SUPPLIER"
    ts = format_instant(tx.now)
    echo = Echo(object_id=known["object_id"])
    match verb, is_ours:
        case "invoice.confirm", True:
            return _brought(z.confirmation(data, known, z.answer_in(data)), m.ConfirmInvoice)
        case "invoice.change_status", _:
            return _changed(data, known, is_ours=is_ours, ts=ts)
        case "payment.initiate", True:
            payment_id = str(data.get("id") or "")
            object_id = z.derived(Prefix.PAYMENT, payment_id or f"{known['object_id']} {data.get('initiated_at')}")
            return _brought(z.payment(data, known, object_id, ts), m.Pay, payment_id or None)
        case "payment.acknowledge", False:
            return await _acknowledged(tx, data, known, ts)
        case _:
            return echo


async def _created(tx: Transaction, data: dict[str, Any], provider_id: str, known: Mapping[str, Any] | None) -> Heard:
    if known is not None:
        return Echo(object_id=known["object_id"])
    if str(data.get("type")).upper() != "INCOMING":
        # Our own invoice, told of before the reply that names it: our id came along.
        own_id = str(mapping(data.get("metadata")).get(z.OBJECT_ID) or "")
        row = await tx.fetchrow(_OWN, tx.seller_id, own_id)
        if row is None:
            raise NotYet(
                (provider_id,), "ZWITCH_ID_UNKNOWN", f"Zwitch tells of an invoice of ours, {provider_id[:100]}."
            )
        return Echo(object_id=own_id, alias=provider_id)
    object_id = z.derived(Prefix.INVOICE, provider_id)
    body = z.sent_invoice(data, object_id, (1, 1), InvoiceStatus.CREATED, format_instant(tx.now))
    return _brought(body, m.SendInvoice, provider_id)


def _changed(data: dict[str, Any], known: dict[str, Any], *, is_ours: bool, ts: str) -> Heard:
    """Say what a change of status means: the supplier cancelled, closed or edited, or the network says what is known."""
    status = str(data.get("status") or "").upper()
    told = Notice(told=((known["object_id"], status, None),))
    if status == InvoiceStatus.CLOSED:
        order = m.CloseInvoice(invoice_id=known["object_id"])
        return Notice(told=((known["object_id"], status, order),))
    if is_ours or status == known["status"] != InvoiceStatus.SENT:
        return told
    if status == InvoiceStatus.CANCELLED:
        return _brought(z.status_change(data, known, "CANCEL"), m.ChangeInvoiceStatus)
    if status == InvoiceStatus.SENT and data.get("items_details"):
        step = (known["version"], known["version"] + 1)
        return _brought(z.sent_invoice(data, known["object_id"], step, known["status"], ts), m.EditInvoice)
    return told


async def _acknowledged(tx: Transaction, data: dict[str, Any], known: dict[str, Any], ts: str) -> Heard:
    named = _ENCODER.encode({"payment": {"invoicesPayInfos": [{"objectId": known["object_id"]}]}}).decode()
    payment_id = await tx.fetchval(_UNDER_WAY, tx.seller_id, named)
    if payment_id is None:
        text = f"No payment of {known['object_id']} waits for the supplier's word."
        raise NotYet((known["object_id"],), "PAYMENT_UNKNOWN", text)
    return _brought(z.acknowledgement(data, known, payment_id, ts), m.ConfirmPayment)


def _brought(body: dict[str, Any], kind: type[m.Call], alias: str | None = None) -> Brought:
    return Brought(message=message_of(read(_ENCODER.encode(body), WIRE_CALL_OF[kind].body), kind), alias=alias)


def _id_of(message: m.Call) -> str:
    return message.object_id if isinstance(message, m.About) else ""


def _prepared(path: str, body: dict[str, Any]) -> Prepared:
    return Prepared(path=f"{_ROOT}/{path}", body=_ENCODER.encode(body))


def meaning_of(reply: Reply) -> Outcome:
    """Say what the answer to a call means; what is no JSON object, and every 5xx, is no answer."""
    found = json_of(reply)
    if 200 <= reply.status < 300 and found:
        response = mapping(found.get("response"))
        if str(response.get("status") or found.get("status") or "").upper() in _FAILED:
            return Refused(
                code="ZWITCH_FAILED", sentence=str(response.get("message") or "Zwitch says it failed.")[:_MOST_TOLD]
            )
        name = str(found.get("id") or "")[:_LONGEST_ID]
        return Accepted(provider_id=name, alias=name or None, answered=True, found=_businesses(found))
    if 400 <= reply.status < 500 and reply.status not in _LATER:
        error = mapping(found.get("error"))
        said = error.get("message") or found.get("message") or f"Zwitch refused the message ({reply.status})."
        code = error.get("code") or found.get("code") or "ZWITCH_REFUSED"
        field = error.get("field") or found.get("field")
        return Refused(code=str(code)[:100], sentence=str(said)[:_MOST_TOLD], field=str(field)[:200] if field else None)
    unsure = not 300 <= reply.status < 500
    return Unsettled(detail=f"Zwitch answered {reply.status} with what is no answer.", unsure=unsure)


def _businesses(found: Mapping[str, Any]) -> tuple[FoundBusiness, ...] | None:
    """Give the businesses a search found (contract b2b §4.1, §4.6); None where the reply is of another kind."""
    listed = found.get("data")
    if not str(found.get("object") or "").startswith("bharat_connect.business") and not isinstance(listed, list):
        return None
    entries = [mapping(one) for one in listed] if isinstance(listed, list) else [found]
    businesses = []
    for one in entries:
        ids = one.get("b2b_id_details") or one.get("b2b_ids") or []
        pairs = [
            (str(mapping(each).get("b2b_id") or "") if isinstance(each, dict) else str(each), "")
            for each in (ids if isinstance(ids, list) else [])
        ]
        if str(one.get("status") or "").upper() != "NEW":
            businesses.append(
                FoundBusiness(
                    name=str(one.get("name") or ""), alias="", state="", pincode="", active=True,
                    b2b_ids=tuple(pair for pair in pairs if pair[0]),
                )
            )  # fmt: skip
    return tuple(businesses)
