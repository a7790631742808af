"""Endpoints: registered, changed, rotated, disabled (by hand, by 410, by days of failure), deleted."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import msgspec

from hundi.audit.service import emit, record
from hundi.db.pool import Transaction
from hundi.dispatch.trail import Change, Origin, record_all
from hundi.kit import standard_webhooks
from hundi.kit.actor import Actor
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.ids import new_id
from hundi.kit.keys import Keyring
from hundi.kit.targets import BadTarget, read_target
from hundi.webhooks import outbox, queries
from hundi.webhooks.errors import EndpointDisabled, OwnEndpointsOnly, TooManyEndpoints
from hundi.webhooks.outbox import ABOUT_ENDPOINT, Message
from hundi.webhooks.rows import DeliveryRow, EndpointRow
from hundi.webhooks.rules import MAX_ENDPOINTS, ROTATION_OVERLAP, TEST_EVENT, EndpointStatus, is_pattern

_INSERT: Final = """
    INSERT INTO webhook_endpoints (seller_id, endpoint_id, url, description, event_types, status, secret, signing_key,
                                   public_key, created_at, created_by, modified_at, modified_by)
    VALUES ($1, $2, $3, $4, $5, 'ENABLED', $6, $7, $8, $9, $10, $9, $10)"""
# Events from before the first endpoint are nobody's.
_CURSOR: Final = """
    INSERT INTO webhook_cursors (seller_id, quick_id, settled_id, settled_at) VALUES ($1, $2, $2, $3)
        ON CONFLICT DO NOTHING"""
_LOCK_SELLER: Final = "SELECT 1 FROM sellers WHERE seller_id = $1 FOR UPDATE"
_CHANGE: Final = """
    UPDATE webhook_endpoints
       SET url = $3, description = $4, event_types = $5, status = $6, disabled_reason = $7, failing_since = $8,
           modified_at = $9, modified_by = $10
     WHERE seller_id = $1 AND endpoint_id = $2"""
_ROTATE: Final = """
    UPDATE webhook_endpoints
       SET old_secret = secret, old_signing_key = signing_key, old_until = $6, secret = $3, signing_key = $4,
           public_key = $5, modified_at = $7, modified_by = $8
     WHERE seller_id = $1 AND endpoint_id = $2"""
_DELETE: Final = """
    UPDATE webhook_endpoints
       SET deleted_at = $3, status = 'DISABLED', disabled_reason = 'Deleted.', modified_at = $3, modified_by = $4
     WHERE seller_id = $1 AND endpoint_id = $2"""
_FAILING: Final = """
    UPDATE webhook_endpoints SET failing_since = $3 WHERE seller_id = $1 AND endpoint_id = $2 AND failing_since IS NULL"""
_WELL: Final = """
    UPDATE webhook_endpoints SET failing_since = NULL
     WHERE seller_id = $1 AND endpoint_id = $2 AND failing_since IS NOT NULL"""
_DISABLE: Final = """
    UPDATE webhook_endpoints SET status = 'DISABLED', disabled_reason = $3, modified_at = $4, modified_by = 'system'
     WHERE seller_id = $1 AND endpoint_id = $2 AND status = 'ENABLED' AND deleted_at IS NULL"""


class Keys(msgspec.Struct, frozen=True, kw_only=True):
    """What an endpoint's messages are signed with, in the clear: shown in the one reply that made it."""

    secret: str
    signing_key: str

    @property
    def public_key(self) -> str:
        """Give the half of the key that the receiver may know."""
        return standard_webhooks.public_key_of(self.signing_key)


def seal_context(seller_id: str, endpoint_id: str) -> str:
    """Name the place a sealed secret belongs to; it opens nowhere else."""
    return f"webhook_endpoints {seller_id} {endpoint_id}"


def new_keys(secret: str | None = None) -> Keys:
    """Make new keys; the shared secret may be the caller's own."""
    return Keys(secret=secret or standard_webhooks.new_secret(), signing_key=standard_webhooks.new_signing_key())


async def add(
    tx: Transaction,
    who: Actor,
    keyring: Keyring,
    *,
    url: str,
    event_types: Sequence[str],
    description: str | None,
    secret: str | None,
    allow: frozenset[tuple[str, int]],
) -> tuple[EndpointRow, Keys]:
    """Register an endpoint; gives it and its keys, this once.

    Raises ``Invalid`` (the URL's form or address, the event types, the secret), ``TooManyEndpoints``,
    ``OwnEndpointsOnly``.
    """
    _own_people(who)
    problems = [*check_url(url, allow), *check_types(event_types), *_check_secret(secret)]
    if problems:
        raise Invalid(problems=problems)
    await tx.fetchval(_LOCK_SELLER, tx.seller_id)
    if len(await queries.endpoints(tx)) >= MAX_ENDPOINTS:
        raise TooManyEndpoints
    keys = new_keys(secret)
    endpoint_id = new_id("whe", tx.now)
    context = seal_context(tx.seller_id, endpoint_id)
    await tx.execute(
        _INSERT, tx.seller_id, endpoint_id, url, description, list(event_types), keyring.seal(keys.secret, context),
        keyring.seal(keys.signing_key, context), keys.public_key, tx.now, who.subject,
    )  # fmt: skip
    await tx.execute(_CURSOR, tx.seller_id, new_id("evt", tx.now), tx.now)
    row = await queries.endpoint(tx, endpoint_id)
    await record(tx, who, "webhook.create", kind=ABOUT_ENDPOINT, object_id=endpoint_id, after=audited(row))
    await emit(tx, "webhook.created", kind=ABOUT_ENDPOINT, object_id=endpoint_id, data=audited(row))
    return row, keys


async def change(
    tx: Transaction, who: Actor, endpoint_id: str, changes: Mapping[str, Any], *, allow: frozenset[tuple[str, int]]
) -> EndpointRow:
    """Change ``url``, ``description``, ``event_types`` or ``status``; ENABLED begins with a clean sheet.

    Raises ``EndpointNotFound``, ``Invalid``, ``OwnEndpointsOnly``.
    """
    _own_people(who)
    problems = check_url(changes["url"], allow) if "url" in changes else []
    if "event_types" in changes:
        problems += check_types(changes["event_types"])
    if problems:
        raise Invalid(problems=problems)
    before = await queries.endpoint(tx, endpoint_id, lock=True)
    after = msgspec.structs.replace(before, **changes)
    if after.status != before.status:
        is_off = after.status == EndpointStatus.DISABLED
        after = msgspec.structs.replace(
            after, disabled_reason="Disabled by hand." if is_off else None, failing_since=None
        )
    was, now = audited(before), audited(after)
    changed = [name for name in now if was[name] != now[name]]
    if not changed:
        return before
    await tx.execute(
        _CHANGE, tx.seller_id, endpoint_id, after.url, after.description, after.event_types, after.status,
        after.disabled_reason, after.failing_since, tx.now, who.subject,
    )  # fmt: skip
    was, now = {name: was[name] for name in changed}, {name: now[name] for name in changed}
    await record(tx, who, "webhook.update", kind=ABOUT_ENDPOINT, object_id=endpoint_id, before=was, after=now)
    await emit(tx, "webhook.updated", kind=ABOUT_ENDPOINT, object_id=endpoint_id, data=now)
    return await queries.endpoint(tx, endpoint_id)


async def rotate(tx: Transaction, who: Actor, keyring: Keyring, endpoint_id: str) -> tuple[EndpointRow, Keys]:
    """Give an endpoint new keys, shown this once; for 24 hours the old ones sign beside them.

    A second rotation within that time ends the first old ones. Raises ``EndpointNotFound``, ``OwnEndpointsOnly``.
    """
    _own_people(who)
    await queries.endpoint(tx, endpoint_id, lock=True)
    keys = new_keys()
    context = seal_context(tx.seller_id, endpoint_id)
    until = tx.now + ROTATION_OVERLAP
    await tx.execute(
        _ROTATE, tx.seller_id, endpoint_id, keyring.seal(keys.secret, context),
        keyring.seal(keys.signing_key, context), keys.public_key, until, tx.now, who.subject,
    )  # fmt: skip
    facts = {"publicKey": keys.public_key, "oldSecretUntil": until}
    await record(tx, who, "webhook.rotate", kind=ABOUT_ENDPOINT, object_id=endpoint_id, after=facts)
    await emit(tx, "webhook.rotated", kind=ABOUT_ENDPOINT, object_id=endpoint_id, data=facts)
    return await queries.endpoint(tx, endpoint_id), keys


async def remove(tx: Transaction, who: Actor, endpoint_id: str) -> EndpointRow:
    """Delete an endpoint: nothing goes there any more; its log stays for its time.

    Raises ``EndpointNotFound``, ``OwnEndpointsOnly``.
    """
    _own_people(who)
    row = await queries.endpoint(tx, endpoint_id, lock=True)
    await tx.execute(_DELETE, tx.seller_id, endpoint_id, tx.now, who.subject)
    await record(tx, who, "webhook.delete", kind=ABOUT_ENDPOINT, object_id=endpoint_id, before=audited(row))
    await emit(tx, "webhook.deleted", kind=ABOUT_ENDPOINT, object_id=endpoint_id, data=audited(row))
    return row


async def ping(tx: Transaction, who: Actor, endpoint_id: str) -> str:
    """Queue a ``webhook.test`` message for one endpoint, whatever types it wants; gives the delivery's id.

    Raises ``EndpointNotFound``, ``EndpointDisabled``, ``OwnEndpointsOnly``.
    """
    _own_people(who)
    row = await enabled(tx, endpoint_id)
    message = Message(
        type=TEST_EVENT, object_kind="webhook_test", object_id=endpoint_id,
        data={"endpointId": endpoint_id, "requestedBy": who.subject},
    )  # fmt: skip
    (delivery_id,) = await outbox.enqueue_deliveries(tx, [message], only=row)
    facts = {"deliveryId": delivery_id}
    await record(tx, who, "webhook.ping", kind=ABOUT_ENDPOINT, object_id=endpoint_id, after=facts)
    await emit(tx, "webhook.pinged", kind=ABOUT_ENDPOINT, object_id=endpoint_id, data=facts)
    return delivery_id


async def enabled(tx: Transaction, endpoint_id: str) -> EndpointRow:
    """Give an endpoint that is told things; raises ``EndpointNotFound``, ``EndpointDisabled``."""
    row = await queries.endpoint(tx, endpoint_id)
    if row.status != EndpointStatus.ENABLED:
        raise EndpointDisabled
    return row


# ---------------------------------------------------------------- what deliveries do to their endpoint


async def note_success(tx: Transaction, endpoint_id: str) -> None:
    """End the row of failures, if there was one."""
    await tx.execute(_WELL, tx.seller_id, endpoint_id)


async def note_failure(tx: Transaction, endpoint_id: str, *, disable_after: timedelta) -> None:
    """Begin the row of failures, or disable the endpoint where it has lasted too long."""
    await tx.execute(_FAILING, tx.seller_id, endpoint_id, tx.now)
    rows = {row.endpoint_id: row for row in await queries.endpoints(tx)}
    row = rows.get(endpoint_id)
    if row is not None and row.failing_since is not None and tx.now - row.failing_since >= disable_after:
        await disable_itself(tx, endpoint_id, f"Every delivery failed for {disable_after.days} days.")


async def disable_itself(tx: Transaction, endpoint_id: str, reason: str) -> None:
    """Disable an endpoint that nobody asked to disable, with an event for those who watch; a second time does nothing."""
    if await tx.execute(_DISABLE, tx.seller_id, endpoint_id, reason, tx.now) != "UPDATE 1":
        return
    change = Change(
        object_id=endpoint_id,
        before={"status": EndpointStatus.ENABLED.value},
        after={"status": EndpointStatus.DISABLED.value, "disabledReason": reason},
    )
    await record_all(tx, Origin(), "webhook.disable", "webhook.disabled", kind=ABOUT_ENDPOINT, changes=[change])


async def tell_of_failure(tx: Transaction, delivery: DeliveryRow, detail: str) -> None:
    """Write the event of a delivery that was given up; its own endpoint is not told."""
    facts = {
        "deliveryId": delivery.delivery_id, "messageId": delivery.message_id, "type": delivery.type,
        "objectKind": delivery.object_kind, "objectId": delivery.object_id, "detail": detail,
    }  # fmt: skip
    await emit(tx, "webhook.delivery_failed", kind=ABOUT_ENDPOINT, object_id=delivery.endpoint_id, data=facts)


# ---------------------------------------------------------------- checks


def audited(row: EndpointRow) -> dict[str, Any]:
    """Give what the trail says of an endpoint; never its secrets."""
    return {
        "url": row.url, "description": row.description, "eventTypes": list(row.event_types), "status": row.status,
        "disabledReason": row.disabled_reason,
    }  # fmt: skip


def check_url(url: str, allow: frozenset[tuple[str, int]]) -> list[FieldProblem]:
    """Say what is wrong with a URL as far as its text tells; where its name leads is asked at every call."""
    try:
        read_target(url, allow)
    except BadTarget as error:
        return [FieldProblem("url", error.code, error.detail, url[:200])]
    return []


def check_types(types: Sequence[str]) -> list[FieldProblem]:
    """Say which of these are no event types or patterns of them."""
    message = "Write an event type such as invoice.dispatched, invoice.* for all of a kind, or * for all."
    return [
        FieldProblem(f"eventTypes[{at}]", "BAD_EVENT_TYPE", message, text[:200])
        for at, text in enumerate(types)
        if not is_pattern(text)
    ]


def _check_secret(secret: str | None) -> list[FieldProblem]:
    try:
        if secret is not None:
            standard_webhooks.check_secret(secret)
    except standard_webhooks.BadSecret as error:
        return [FieldProblem("secret", "BAD_SECRET", str(error))]
    return []


def _own_people(who: Actor) -> None:
    # A partner could otherwise go on listening after its grant has ended.
    if who.is_partner:
        raise OwnEndpointsOnly
