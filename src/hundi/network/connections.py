"""How a company reaches the network: through the central unit of this installation, or through a provider.

Secrets of a connection are sealed with the company and their column as context (design §4.11) and never shown. What a
provider's webhooks are let in by is shown once; its hash stands in the directory, which says whose webhook it is.
"""

from datetime import datetime
from typing import Final

import msgspec

from hundi.audit.service import emit, record
from hundi.db.pool import Transaction
from hundi.kit import standard_webhooks
from hundi.kit.actor import Actor
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.ids import new_secret
from hundi.kit.keys import Keyring, SealBroken, hash_secret
from hundi.kit.targets import BadTarget, read_target
from hundi.network.adapters.port import Credentials, Link, ProviderKind, Token
from hundi.network.errors import ConnectionInUse, ConnectionNotFound, ConnectionOfOthers, ConnectionUnusable
from hundi.network.protocol.identifiers import is_b2b_id

ABOUT: Final = "network_connection"
ZWITCH_BASE: Final = "https://api.zwitch.io"
INTAKE_PREFIX: Final = "nis_"
_KIND: Final = "SELECT kind, b2b_ids FROM network_connections WHERE seller_id = $1"
_ROW: Final = """
    SELECT c.kind, c.base_url, c.credentials, c.b2b_ids, c.intake_hash, c.signing_secret, c.token, c.token_until,
           c.last_error, c.last_error_at, c.created_at, c.modified_at,
           (SELECT count(*) FROM network_messages m
             WHERE m.seller_id = $1 AND m.progress IN ('QUEUED', 'SENT')) AS under_way,
           (SELECT count(*) FROM network_messages m
             WHERE m.seller_id = $1 AND m.progress = 'IN DOUBT') AS in_doubt,
           (SELECT count(*) FROM network_received r WHERE r.seller_id = $1 AND r.outcome = 'KEPT') AS kept
      FROM network_connections c WHERE c.seller_id = $1"""
_LOCK: Final = "SELECT 1 FROM sellers WHERE seller_id = $1 FOR UPDATE"
_PUT: Final = """
    INSERT INTO network_connections (seller_id, kind, base_url, credentials, b2b_ids, intake_hash, signing_secret,
                                     created_at, modified_at, modified_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8, $9)
    ON CONFLICT ON CONSTRAINT network_connections_pk DO UPDATE
       SET kind = excluded.kind, base_url = excluded.base_url, credentials = excluded.credentials,
           b2b_ids = excluded.b2b_ids, intake_hash = excluded.intake_hash, signing_secret = excluded.signing_secret,
           token = NULL, token_until = NULL, last_error = NULL, last_error_at = NULL,
           modified_at = excluded.modified_at, modified_by = excluded.modified_by"""
_DELETE: Final = "DELETE FROM network_connections WHERE seller_id = $1"
_UNDER_WAY: Final = """
    SELECT EXISTS (SELECT FROM network_awaiting WHERE seller_id = $1)
        OR EXISTS (SELECT FROM network_outbox WHERE seller_id = $1)
        OR EXISTS (SELECT FROM network_messages WHERE seller_id = $1 AND progress <> 'ANSWERED')"""
_TOKEN: Final = "UPDATE network_connections SET token = $2, token_until = $3 WHERE seller_id = $1"  # noqa: S105 - a statement
_TROUBLE: Final = "UPDATE network_connections SET last_error = $2, last_error_at = $3 WHERE seller_id = $1"
_DIRECTORY_PUT: Final = "SELECT directory_put('webhook_intake', $1)"
_DIRECTORY_DROP: Final = "SELECT directory_drop('webhook_intake', $1)"


class Route(msgspec.Struct, frozen=True):
    """The provider a company's messages go through, and the B2B IDs that are its own there."""

    kind: ProviderKind
    b2b_ids: tuple[str, ...]


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """A company's connection as it is stored; secrets are sealed."""

    kind: ProviderKind
    base_url: str
    credentials: bytes
    b2b_ids: list[str]
    intake_hash: bytes
    signing_secret: bytes | None
    token: bytes | None
    token_until: datetime | None
    last_error: str | None
    last_error_at: datetime | None
    created_at: datetime
    modified_at: datetime
    under_way: int
    in_doubt: int
    kept: int


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a connection is to be. Credentials left out stay as they are, as long as the provider does."""

    kind: ProviderKind
    base_url: str | None = None
    credentials: Credentials | None = None
    b2b_ids: tuple[str, ...] = ()
    signing_secret: str | None = None
    new_intake_secret: bool = False


def _context(tx: Transaction, column: str) -> str:
    return f"network_connections.{column} {tx.seller_id}"


async def route(tx: Transaction) -> Route | None:
    """Say which provider the bound company's messages go through; None: the central unit of this installation."""
    row = await tx.fetchrow(_KIND, tx.seller_id)
    return None if row is None else Route(ProviderKind(row["kind"]), tuple(row["b2b_ids"]))


async def find(tx: Transaction) -> Connection | None:
    """Give the bound company's connection; None: it has none of its own."""
    row = await tx.fetchrow(_ROW, tx.seller_id)
    return None if row is None else Connection(**{**dict(row), "kind": ProviderKind(row["kind"])})


def link(tx: Transaction, keyring: Keyring, found: Connection) -> Link:
    """Open a connection for a call. Raises :class:`ConnectionUnusable` where the installation's secret does not open it."""
    try:
        credentials = msgspec.json.decode(
            keyring.open(found.credentials, _context(tx, "credentials")), type=Credentials
        )
        token = keyring.open(found.token, _context(tx, "token")) if found.token is not None else None
    except SealBroken as error:
        raise ConnectionUnusable from error
    return Link(
        kind=found.kind, base_url=found.base_url, credentials=credentials, b2b_ids=tuple(found.b2b_ids), token=token,
        token_until=found.token_until,
    )  # fmt: skip


def client_id(tx: Transaction, keyring: Keyring, found: Connection) -> str | None:
    """Give what the provider knows the company by: the part of the credentials that is no secret."""
    try:
        return link(tx, keyring, found).credentials.client_id
    except ConnectionUnusable:
        return None


def signing_secret(tx: Transaction, keyring: Keyring, found: Connection) -> str | None:
    """Give the secret the provider signs with; None: it signs nothing."""
    if found.signing_secret is None:
        return None
    try:
        return keyring.open(found.signing_secret, _context(tx, "signing_secret"))
    except SealBroken as error:
        raise ConnectionUnusable from error


async def choose(
    tx: Transaction, who: Actor, keyring: Keyring, wanted: Wanted, *, allow: frozenset[tuple[str, int]]
) -> str | None:
    """Set the bound company's connection; gives the intake secret where a new one was made, this once.

    Raises ``Invalid`` (address, credentials, B2B IDs, signing secret), :class:`ConnectionInUse` where another provider is
    chosen while messages wait for their answers, :class:`ConnectionOfOthers` for a partner.
    """
    _own_people(who)
    await tx.fetchval(_LOCK, tx.seller_id)
    before = await find(tx)
    base_url, credentials = _checked(wanted, before, allow)
    if (before is None or before.kind is not wanted.kind or before.base_url != base_url) and await tx.fetchval(
        _UNDER_WAY, tx.seller_id
    ):
        raise ConnectionInUse
    secret = None
    if before is None or wanted.new_intake_secret:
        secret = INTAKE_PREFIX + new_secret(32)
        intake_hash = hash_secret(secret)
        await tx.fetchval(_DIRECTORY_PUT, intake_hash)
        if before is not None:
            await tx.fetchval(_DIRECTORY_DROP, before.intake_hash)
    else:
        intake_hash = before.intake_hash
    sealed = before.credentials if credentials is None and before is not None else None
    if sealed is None:
        sealed = keyring.seal(msgspec.json.encode(credentials).decode(), _context(tx, "credentials"))
    signing = keyring.seal(wanted.signing_secret, _context(tx, "signing_secret")) if wanted.signing_secret else None
    await tx.execute(
        _PUT, tx.seller_id, wanted.kind.value, base_url, sealed, list(wanted.b2b_ids), intake_hash, signing, tx.now,
        who.subject,
    )  # fmt: skip
    facts: dict[str, object] = {
        "kind": wanted.kind.value,
        "baseUrl": base_url,
        "b2bIds": list(wanted.b2b_ids),
        "signed": signing is not None,
    }
    await _tell(tx, who, "network.connection_set", _facts(before), facts)
    return secret


def _checked(
    wanted: Wanted, before: Connection | None, allow: frozenset[tuple[str, int]]
) -> tuple[str, Credentials | None]:
    base_url = (wanted.base_url or (ZWITCH_BASE if wanted.kind is ProviderKind.ZWITCH else "")).strip().rstrip("/")
    problems = _check_address(base_url, allow)
    keeps = before is not None and before.kind is wanted.kind and before.base_url == base_url
    if wanted.credentials is None and not keeps:
        text = "Send the credentials: they are kept only while provider and address stay as they are."
        problems.append(FieldProblem("credentials", "REQUIRED", text))
    if wanted.credentials is not None and (wanted.credentials.username is None) != (
        wanted.credentials.password is None
    ):
        problems.append(FieldProblem("credentials", "INCOMPLETE", "Send user name and password together, or neither."))
    for at, one in enumerate(wanted.b2b_ids):
        if not is_b2b_id(one):
            text = 'Send a B2B ID of 1 to 100 characters without " and \\.'
            problems.append(FieldProblem(f"b2bIds[{at}]", "BAD_FORMAT", text, one[:100]))
    if wanted.signing_secret is not None:
        try:
            standard_webhooks.check_secret(wanted.signing_secret)
        except standard_webhooks.BadSecret as error:
            problems.append(FieldProblem("signingSecret", "BAD_SECRET", str(error)))
    if problems:
        raise Invalid(problems=problems)
    return base_url, wanted.credentials


def _check_address(base_url: str, allow: frozenset[tuple[str, int]]) -> list[FieldProblem]:
    if not base_url:
        text = "Send the provider's address, such as https://api.example.com."
        return [FieldProblem("baseUrl", "REQUIRED", text)]
    if "?" in base_url or "#" in base_url:
        return [FieldProblem("baseUrl", "BAD_URL", "Send the address without a query.", base_url[:200])]
    try:
        read_target(base_url, allow)
    except BadTarget as error:
        return [FieldProblem("baseUrl", error.code, error.detail, base_url[:200])]
    return []


async def leave(tx: Transaction, who: Actor) -> None:
    """Take the connection away: the company trades through the central unit of this installation again.

    Raises :class:`ConnectionNotFound`, :class:`ConnectionInUse`, :class:`ConnectionOfOthers`.
    """
    _own_people(who)
    await tx.fetchval(_LOCK, tx.seller_id)
    before = await find(tx)
    if before is None:
        raise ConnectionNotFound
    if await tx.fetchval(_UNDER_WAY, tx.seller_id):
        raise ConnectionInUse
    await tx.fetchval(_DIRECTORY_DROP, before.intake_hash)
    await tx.execute(_DELETE, tx.seller_id)
    await _tell(tx, who, "network.connection_left", _facts(before), {"kind": "central"})


async def keep_token(tx: Transaction, keyring: Keyring, token: Token) -> None:
    """Keep an access token for the next call; an empty one is forgotten."""
    if token.text:
        await tx.execute(_TOKEN, tx.seller_id, keyring.seal(token.text, _context(tx, "token")), token.until)
    else:
        await tx.execute(_TOKEN, tx.seller_id, None, None)


async def note_trouble(tx: Transaction, detail: str | None) -> None:
    """Note why the last call had no answer; None: it had one."""
    await tx.execute(_TROUBLE, tx.seller_id, detail, tx.now if detail is not None else None)


def _own_people(who: Actor) -> None:
    """Refuse a partner: its secrets would go on bringing in messages after its grant has ended."""
    if who.is_partner:
        raise ConnectionOfOthers


def _facts(found: Connection | None) -> dict[str, object]:
    if found is None:
        return {"kind": "central"}
    return {
        "kind": found.kind.value, "baseUrl": found.base_url, "b2bIds": found.b2b_ids, "signed": found.signing_secret is not None,
    }  # fmt: skip


async def _tell(tx: Transaction, who: Actor, action: str, before: dict[str, object], after: dict[str, object]) -> None:
    await record(tx, who, action, kind=ABOUT, object_id=tx.seller_id, before=before, after=after)
    await emit(tx, "network.connection_changed", kind=ABOUT, object_id=tx.seller_id, data=after)
