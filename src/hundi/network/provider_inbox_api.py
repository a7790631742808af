"""Where providers bring their webhooks: let in by the connection's intake secret, never by bearer.

EnKash publishes no signature, so the secret is ours: in the header ``Network-Intake-Secret``, or, for a provider that can send
no header of ours, as the first part of the path. A connection with a signing secret asks for the signature of the Standard
Webhooks specification besides.
"""

from typing import Any, Final

import msgspec
from litestar import Request, post
from litestar.datastructures import State

from hundi.auth import queries as directory
from hundi.auth.guard import PUBLIC
from hundi.db.pool import Transaction
from hundi.http.body import parse
from hundi.http.docs import statuses
from hundi.http.envelope import SUCCESS, Reply
from hundi.kit import standard_webhooks
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.keys import Keyring, hash_secret
from hundi.network import connections
from hundi.network.adapters.intake import Intake
from hundi.network.adapters.port import ProviderKind
from hundi.network.adapters.zwitch import EVENTS
from hundi.network.connections import INTAKE_PREFIX, Connection, Route
from hundi.network.errors import IntakeRefused, NoSuchInbox
from hundi.network.paths import HOOK_PATHS
from hundi.network.schemas import NetworkReply
from hundi.network.told import event_type
from hundi.network.wire.reading import MAX_BYTES, MessageTooLarge

SECRET_HEADER: Final = "network-intake-secret"  # noqa: S105 - a header's name
_HOOK_OF: Final = {event_type(hook): hook for hook in HOOK_PATHS}
"""Which webhook an event of a Hundi server is, whose own envelope is understood too."""
_EVENTS: Final = "events"
"""Stands for no published path: the body says what it is."""
_PASSED_OVER: Final = "PASSED_OVER"


class _Envelope(msgspec.Struct):
    type: str
    data: msgspec.Raw = msgspec.Raw(b"{}")


_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)


def _parted(path: str, request: Request[Any, Any, Any]) -> tuple[str, str]:
    """Give the secret and the rest of the path."""
    first, _, rest = path.strip("/").partition("/")
    secret = first if first.startswith(INTAKE_PREFIX) else request.headers.get(SECRET_HEADER, "")
    where = rest if first.startswith(INTAKE_PREFIX) else path.strip("/")
    return secret, "" if where == _EVENTS else where


async def _let_in(
    tx: Transaction, keyring: Keyring, kind: ProviderKind, secret: str, request: Request[Any, Any, Any]
) -> Connection:
    """Bind the company whose secret this is and give its connection, or refuse (``IntakeRefused``)."""
    seller_id = await directory.seller_of(tx, "webhook_intake", hash_secret(secret)) if secret else None
    if seller_id is None:
        raise IntakeRefused
    await tx.bind(seller_id)
    found = await connections.find(tx)
    if found is None or found.kind is not kind:
        raise IntakeRefused
    signed_with = connections.signing_secret(tx, keyring, found)
    if signed_with is not None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            standard_webhooks.verify(headers, await request.body(), now=tx.now, secrets_=[signed_with])
        except standard_webhooks.NotVerified as error:
            raise IntakeRefused(f"The webhook's signature is refused: {error}") from error
    return found


async def _take(request: Request[Any, Any, Any], state: State, kind: ProviderKind, path: str) -> Reply[NetworkReply]:
    secret, where = _parted(path, request)
    body = await request.body()
    if len(body) > MAX_BYTES:
        raise MessageTooLarge
    async with state.db.unbound() as tx:
        found = await _let_in(tx, state.keyring, kind, secret, request)
        hook, said, mark = _read(kind, where, body)
        received_id = _PASSED_OVER
        if hook is not None:
            intake = Intake(tx, state.keyring, Route(kind, tuple(found.b2b_ids)))
            received_id = await intake.take(hook, said, mark)
    return Reply(NetworkReply(payload=received_id, response_code=SUCCESS, response_message="SUCCESS"))


def _read(kind: ProviderKind, where: str, body: bytes) -> tuple[str | None, bytes, str | None]:
    """Give which webhook it is, its body, and the provider's own id of it; no webhook: nothing of the network's."""
    raw = parse(body)
    if not isinstance(raw, dict):
        raise Invalid(problems=[FieldProblem("body", "WRONG_TYPE", "Send a JSON object.")])
    if kind is ProviderKind.ZWITCH:
        name, event_id = raw.get("name"), raw.get("id")
        if where or not isinstance(name, str) or not isinstance(event_id, str):
            raise NoSuchInbox
        return (name, body, event_id[:200]) if name in EVENTS else (None, body, None)
    if where:
        if where not in HOOK_PATHS:
            raise NoSuchInbox
        return where, body, None
    try:
        envelope = _ENVELOPE.decode(body)
    except msgspec.ValidationError as error:
        raise NoSuchInbox from error
    return _HOOK_OF.get(envelope.type), bytes(envelope.data), None


@post(
    "/network/inbox/enkash/{path:path}",
    operation_id="deliverFromEnKash",
    tags=["network-inbox"],
    opt=PUBLIC,
    status_code=200,
    responses=statuses(),
    security=[],
)
async def deliver_from_enkash(request: Request[Any, Any, Any], state: State, path: str) -> Reply[NetworkReply]:
    """Take a webhook of an EnKash-shaped provider in, under its published path; one that came before has no effect.

    Under ``events``, or with nothing behind the secret, the body is the envelope of a Hundi server's own webhooks.
    """
    return await _take(request, state, ProviderKind.ENKASH, path)


@post(
    "/network/inbox/zwitch/{path:path}",
    operation_id="deliverFromZwitch",
    tags=["network-inbox"],
    opt=PUBLIC,
    status_code=200,
    responses=statuses(),
    security=[],
)
async def deliver_from_zwitch(request: Request[Any, Any, Any], state: State, path: str) -> Reply[NetworkReply]:
    """Take an event of Zwitch's in, under ``events``; one that came before, by its id, has no effect."""
    return await _take(request, state, ProviderKind.ZWITCH, path)


ROUTES: Final[list[Any]] = [deliver_from_enkash, deliver_from_zwitch]
