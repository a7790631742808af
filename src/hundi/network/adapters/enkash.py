"""The EnKash-shaped API as a client: its token flow, its 20 calls, its webhooks (contract ar §1.2, b2b §2, §3).

A Hundi server has this shape too, and its own webhooks, in its own envelope, are understood beside the published ones.
"""

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode

import msgspec

from hundi.db.pool import Transaction
from hundi.http.body import parse
from hundi.http.outgoing import CallFailed, Outgoing, Reply
from hundi.kit.errors import Refusal
from hundi.network.adapters.port import (
    Accepted,
    Answer,
    Brought,
    Heard,
    Link,
    Notice,
    Outcome,
    Prepared,
    Refused,
    Token,
    Unsettled,
    mapping,
)
from hundi.network.errors import NoSuchInbox
from hundi.network.protocol import messages as m
from hundi.network.protocol.catalogue import CALLS, NOTICE
from hundi.network.protocol.decisions import FoundBusiness
from hundi.network.protocol.statuses import Event, Kind
from hundi.network.wire.catalogue import WIRE_CALL_OF, WIRE_CALLS
from hundi.network.wire.meaning import message_of
from hundi.network.wire.reading import read

TOKEN_PATH: Final = "/oauth/token"  # noqa: S105 - a path
MARGIN: Final = timedelta(seconds=60)
"""A token is taken anew so long before its end, so that it does not end on the way."""
_MOST_REPLY: Final = 2 * 1024 * 1024
_LONGEST_ID: Final = 200
_SHORTEST: Final = 120
_LONGEST_TOKEN: Final = 24 * 3600
_MOST_TOLD: Final = 500
_LATER: Final = frozenset({408, 409, 425, 429})
"""Statuses under 500 that ask for another try."""
_JUDGED: Final = frozenset({400, 413, 415, 422})
"""Statuses that judge the message, whatever the body says."""
REQUESTS: Final[Mapping[str, type[m.Call]]] = {
    hook: wire.message for wire in WIRE_CALLS if (hook := CALLS[wire.message].request_hook) is not None
}
"""Which message a request webhook brings."""
RESPONSES: Final[Mapping[str, type[m.Call]]] = {CALLS[wire.message].response_hook: wire.message for wire in WIRE_CALLS}
"""Which message a response webhook answers."""
_JSON: Final = msgspec.json.Decoder(float_hook=Decimal)


class Resp(msgspec.Struct, kw_only=True):
    """The published ``resp`` (contract b2b §2)."""

    reqMsgId: str
    result: str
    errorCd: str | None = None
    errorDtl: str | None = None
    errorField: str | None = None


class Response(msgspec.Struct, kw_only=True):
    """A response webhook: ``resp`` is what counts, the echo says which object it is about."""

    resp: Resp


class NoticeObject(msgspec.Struct, kw_only=True):
    """An object that changed for a reason no published webhook brings."""

    objectId: str
    kind: str
    status: str
    events: list[str] = []


class NoticeBody(msgspec.Struct, kw_only=True):
    """Hundi's own webhook for such changes (docs/decisions/0015)."""

    objects: list[NoticeObject]


class EnKash:
    """A client of the EnKash-shaped API."""

    def check(self, message: m.Call) -> None:
        """Take every message: EnKash has a call for each of the twenty."""

    async def prepare(self, tx: Transaction, message_id: str, message: m.Call) -> Prepared | Refused:
        """Write the call: the published body under the published path."""
        del tx, message_id
        return Prepared(path=CALLS[type(message)].path, body=bytes(message.body))

    async def call(self, outgoing: Outgoing, link: Link, now: datetime, message_id: str, prepared: Prepared) -> Outcome:
        """Make the call; a token that is not taken is renewed once."""
        fresh: Token | None = None
        token = link.token if link.token and link.token_until and link.token_until - MARGIN > now else None
        for _ in range(2):
            if token is None:
                signed_in = await sign_in(outgoing, link, now)
                if isinstance(signed_in, Unsettled):
                    return signed_in
                fresh, token = signed_in, signed_in.text
            headers = {
                "authorization": f"Bearer {token}", "content-type": "application/json", "accept": "application/json",
                "idempotency-key": message_id, "user-agent": "Hundi",
            }  # fmt: skip
            try:
                reply = await outgoing.call(
                    "POST",
                    link.base_url + prepared.path,
                    headers=headers,
                    content=prepared.body,
                    most_bytes=_MOST_REPLY,
                )
            except CallFailed as error:
                return Unsettled(detail=error.detail, unsure=error.sent, token=fresh)
            if reply.status != 401:
                return msgspec.structs.replace(meaning_of(reply), token=fresh)
            token = None
        gone = Token("", now)
        return Unsettled(detail="The provider takes no token of ours: check the credentials.", unsure=False, token=gone)

    async def understand(self, tx: Transaction, hook: str, body: bytes) -> Heard:
        """Say what a webhook means; it is the same whatever is known here."""
        del tx
        if hook in REQUESTS:
            kind = REQUESTS[hook]
            return Brought(message=message_of(read(body, WIRE_CALL_OF[kind].body), kind))
        if hook in RESPONSES:
            return _answer(RESPONSES[hook], body)
        if hook == NOTICE:
            return _notice(read(body, NoticeBody))
        raise NoSuchInbox


async def sign_in(outgoing: Outgoing, link: Link, now: datetime) -> Token | Unsettled:
    """Get a token with the company's credentials (contract ar §1.2)."""
    given = link.credentials
    form = {"grant_type": "client_credentials", "clientId": given.client_id}
    if given.username:
        form |= {"grant_type": "password", "username": given.username, "password": given.password or ""}
    basic = base64.b64encode(f"{given.client_id}:{given.client_secret}".encode()).decode()
    headers = {
        "authorization": f"Basic {basic}",
        "content-type": "application/x-www-form-urlencoded",
        "user-agent": "Hundi",
    }
    try:
        reply = await outgoing.call(
            "POST", link.base_url + TOKEN_PATH, headers=headers, content=urlencode(form).encode()
        )
    except CallFailed as error:
        return Unsettled(detail=f"No token: {error.detail}", unsure=False)
    found = json_of(reply)
    found = {**found, **mapping(found.get("payload"))}
    token = found.get("access_token") or found.get("accessToken")
    if reply.status != 200 or not isinstance(token, str) or not token.isascii() or not token.isprintable():
        why = found.get("error_description") or found.get("response_message") or f"it answered with {reply.status}"
        return Unsettled(detail=f"The provider gave no token: {str(why)[:_MOST_TOLD]}", unsure=False)
    lasts = found.get("expires_in") or found.get("expiresIn")
    seconds = int(lasts) if isinstance(lasts, int | Decimal) and _SHORTEST <= lasts <= _LONGEST_TOKEN else _SHORTEST
    return Token(token, now + timedelta(seconds=seconds))


def json_of(reply: Reply) -> dict[str, Any]:
    """Give the JSON object of a reply; what is none, or holds what cannot be stored, is an empty one."""
    try:
        found = parse(reply.body) if not reply.cut else None
    except Refusal:
        found = None
    return found if isinstance(found, dict) else {}


def meaning_of(reply: Reply) -> Outcome:
    """Say what the answer to a call means (contract b2b §2): ``response_code`` 0 is taken, anything else is refused.

    What is neither, and every 5xx, is no answer: the provider may have the message or not.
    """
    found = json_of(reply)
    code = found.get("response_code")
    has_word = isinstance(code, int) and not isinstance(code, bool)
    if 200 <= reply.status < 300:
        if has_word and code == 0:
            return Accepted(provider_id=str(found.get("payload") or "")[:_LONGEST_ID])
        if has_word:
            return _refused(found, reply.status)
        return Unsettled(detail=f"The provider answered {reply.status} with what is no answer.", unsure=True)
    if 400 <= reply.status < 500 and reply.status not in _LATER:
        if has_word or "errorResponse" in found or reply.status in _JUDGED:
            return _refused(found, reply.status)
        detail = f"The provider answered {reply.status}: check the base address of the connection."
        return Unsettled(detail=detail, unsure=False)
    unsure = reply.status >= 500 or reply.status < 200
    return Unsettled(detail=f"The provider answered {reply.status}.", unsure=unsure)


def _refused(found: Mapping[str, Any], status: int) -> Refused:
    error = mapping(found.get("errorResponse"))
    listed = error.get("apiSubErrors")
    first = mapping(listed[0]) if isinstance(listed, list) and listed else {}
    code = first.get("code") or error.get("errorType") or "PROVIDER_REFUSED"
    said = first.get("message") or error.get("errorMessage") or found.get("response_message")
    sentence = str(said or f"The provider refused the message ({status}).")[:_MOST_TOLD]
    field = first.get("field")
    return Refused(code=str(code)[:100], sentence=sentence, field=str(field)[:200] if field else None)


def _answer(kind: type[m.Call], body: bytes) -> Answer:
    resp = read(body, Response).resp
    whole: dict[str, Any] = _JSON.decode(body)
    return Answer(
        call=kind, request_id=resp.reqMsgId, about=named_in(whole), success=resp.result == "SUCCESS",
        code=_shown(resp.errorCd), detail=_shown(resp.errorDtl), field=_shown(resp.errorField), found=_found(whole),
    )  # fmt: skip


def _shown(text: str | None) -> str | None:
    return None if text is None else text[:_MOST_TOLD]


def named_in(body: Mapping[str, Any]) -> str | None:
    """Give the id of the object a body is about."""
    for block in (body, *(mapping(value) for value in body.values())):
        for name in ("objectId", "financingRequestId"):
            found = block.get(name)
            if isinstance(found, str) and found:
                return found
    return None


def _text(found: Mapping[str, Any], name: str) -> str:
    value = found.get(name)
    return value[:_MOST_TOLD] if isinstance(value, str) else ""


def _found(body: Mapping[str, Any]) -> tuple[FoundBusiness, ...] | None:
    """Give the businesses an onboarding answer lists (contract b2b §4.1, §4.4)."""
    institutes = mapping(body.get("instituteStatus")).get("institutes")
    entities = mapping(body.get("respParams")).get("entityInfo")
    listed = institutes if isinstance(institutes, list) else entities
    if not isinstance(listed, list):
        return None
    found = []
    for one in map(mapping, listed):
        ids = one.get("b2bIds")
        pairs = [
            (each, "")
            if isinstance(each, str)
            else (_text(mapping(each), "value"), _text(mapping(each), "description"))
            for each in (ids if isinstance(ids, list) else [])
        ]
        found.append(
            FoundBusiness(
                name=_text(one, "businessName") or _text(one, "name"), alias=_text(one, "alias"), state=_text(one, "state"),
                pincode=_text(one, "pincode"), active=True, b2b_ids=tuple(pairs),
            )
        )  # fmt: skip
    return tuple(found)


def _notice(body: NoticeBody) -> Notice:
    return Notice(told=tuple((one.objectId, one.status, _order(one)) for one in body.objects))


_STATUS_ALONE: Final = frozenset(
    {(Kind.FINANCING, Event.LAPSE), (Kind.FINANCING, Event.REPAY), (Kind.BID, Event.LAPSE)}
)
"""What the network does that changes an object's status and none of its amounts."""


def _order(told: NoticeObject) -> m.NetworkOrder | Event | None:
    """Give what the network did, where it is of those that a company can follow on its own copies."""
    made: dict[tuple[str, str], m.NetworkOrder] = {
        (Kind.BUSINESS, Event.APPROVE): m.DecideKyc(business_id=told.objectId, approved=True),
        (Kind.BUSINESS, Event.REJECT): m.DecideKyc(business_id=told.objectId, approved=False),
        (Kind.B2B_ID, Event.ACTIVATE): m.SwitchB2bId(b2b_id=told.objectId.removeprefix("@"), active=True),
        (Kind.B2B_ID, Event.DEACTIVATE): m.SwitchB2bId(b2b_id=told.objectId.removeprefix("@"), active=False),
        (Kind.PAYMENT, Event.SETTLE): m.SettlePayment(payment_id=told.objectId, success=True),
        (Kind.PAYMENT, Event.FALL_THROUGH): m.SettlePayment(payment_id=told.objectId, success=False),
        (Kind.INVOICE, Event.CLOSE): m.CloseInvoice(invoice_id=told.objectId),
        (Kind.FINANCING, Event.DISBURSE): m.DisburseFinance(request_id=told.objectId),
        (Kind.FINANCING, Event.EXPIRE): m.ExpireFinancing(request_id=told.objectId),
    }
    for event in told.events:
        order = made.get((told.kind, event))
        if order is not None:
            return order
        if (told.kind, event) in _STATUS_ALONE:
            return Event(event)
    return None
