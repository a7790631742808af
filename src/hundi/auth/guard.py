"""The gate of every endpoint: ``guards=[may(Permission.X)]`` or ``opt=PUBLIC``; a test finds a route with neither."""

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final
from urllib.parse import parse_qs

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.handlers import BaseRouteHandler
from litestar.params import QueryParameter

from hundi.auth import queries
from hundi.auth.errors import NoGrant, RoleMissing
from hundi.auth.rules import Permission, permissions_of
from hundi.auth.tokens import Claims, issued_at
from hundi.db.pool import Database
from hundi.http.idempotency import Call, fingerprint, key_of
from hundi.http.limits import DEFAULT, Limit, Limits, TooManyRequests
from hundi.kit.actor import Actor
from hundi.kit.errors import FieldProblem, Invalid, Unauthenticated
from hundi.kit.ids import SELLER_PATTERN, SellerId

PUBLIC: Final = {"public": True}


def acting_for(name: str) -> QueryParameter:
    """Describe the parameter that names the company to act for; the gate reads it, handlers have it for OpenAPI only."""
    return QueryParameter(
        name=name,
        required=False,
        schema_extra={"pattern": SELLER_PATTERN, "type": "string", "one_of": None},
        description="Company to act for",
    )


SellerParameter = Annotated[str | None, acting_for("sellerId")]
_SELLER: Final = re.compile(SELLER_PATTERN)
# The documented names of "the company to act for" (contract §3.4, §4.1).
_SELLER_PARAMETERS: Final = ("sellerId", "parentCompanyId", "companyId")

Guard = Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], Awaitable[None]]


def may(permission: Permission, *also: Permission) -> Guard:
    """Let through only a signed-in actor whose role has ``permission`` in the company it acts for.

    With ``also`` any one of them lets through; the handler then sees to it that without the first, only the part of the
    work is done that the others are for (a checker may PATCH an approval and nothing else).
    """
    enough = {permission.value, *(other.value for other in also)}

    async def guard(connection: ASGIConnection[Any, Any, Any, Any], _: BaseRouteHandler) -> None:
        actor = await _actor(connection)
        if enough.isdisjoint(actor.permissions):
            raise RoleMissing
        connection.scope["state"]["actor"] = actor

    guard.permission = permission  # type: ignore[attr-defined]  # the generated tenancy test reads it
    return guard


async def _actor(connection: ASGIConnection[Any, Any, Any, Any]) -> Actor:
    state = connection.app.state
    header = connection.headers.get("authorization", "")
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "bearer" or not token:
        message = "Send 'Authorization: Bearer <access token>'; get one from POST /oauth/token."
        raise Unauthenticated(message, headers={"WWW-Authenticate": "Bearer"})
    claims: Claims = state.tokens.read(token.strip(), state.clock.now())
    await _count(connection, claims)
    wanted = _seller_wanted(connection.scope["query_string"])
    home = SellerId(claims.sel)
    actor = Actor(
        seller_id=home,
        home_seller_id=home,
        subject=claims.sub,
        client_id=claims.cid,
        subjects=(claims.sub, claims.cid, claims.fam),
        issued=issued_at(claims),
        roles=frozenset(claims.roles),
        permissions=permissions_of(claims.roles),
        request_id=str(connection.scope["state"].get("request_id", "-")),
    )
    if wanted is None or wanted == home:
        return actor
    return await _as_partner(state.db, actor, wanted)


async def _count(connection: ASGIConnection[Any, Any, Any, Any], claims: Claims) -> None:
    """Count the request against its API client's limit, after the signature: a stranger cannot use it up."""
    limits: Limits = connection.app.state.limits
    limit = limits.rate(claims.cid)
    if limit is None:
        async with connection.app.state.db.read(SellerId(claims.sel)) as tx:
            found = await queries.client_limit(tx, SellerId(claims.sel), claims.cid)
        limit = Limit(*found) if found else DEFAULT
        limits.remember(claims.cid, limit)
    verdict = limits.client(claims.cid, limit)
    if not verdict.allowed:
        raise TooManyRequests(verdict)
    connection.scope["state"]["rate_headers"] = [
        (name.lower().encode(), value.encode()) for name, value in verdict.headers().items()
    ]


def _seller_wanted(query: bytes) -> SellerId | None:
    if not query:
        return None
    found = parse_qs(query.decode("latin-1"), keep_blank_values=True)
    named = [(name, value) for name in _SELLER_PARAMETERS for value in found.get(name, ())]
    for name, value in named:
        if not _SELLER.fullmatch(value):
            message = "Send a company id: CEK and 7 of A-Z and 0-9."
            raise Invalid(problems=[FieldProblem(name, "BAD_FORMAT", message, value[:100])])
    if len({value for _, value in named}) > 1:
        message = "Name one company, once."
        raise Invalid(problems=[FieldProblem(name, "AMBIGUOUS", message, value) for name, value in named])
    return SellerId(named[0][1]) if named else None


async def _as_partner(db: Database, actor: Actor, wanted: SellerId) -> Actor:
    async with db.read(actor):
        pass  # binding checks the token against its own company's revocations
    async with db.read(wanted) as tx:
        granted = await queries.partner_roles(tx, wanted, actor.home_seller_id)
    if granted is None:
        raise NoGrant
    # A partner's person can do there what the grant allows and what they may do at home, never more.
    return Actor(
        seller_id=wanted,
        home_seller_id=actor.home_seller_id,
        subject=actor.subject,
        client_id=actor.client_id,
        subjects=actor.subjects,
        issued=actor.issued,
        roles=frozenset(granted),
        permissions=permissions_of(granted) & actor.permissions,
        request_id=actor.request_id,
    )


def who(request: Request[Any, Any, Any]) -> Actor:
    """Dependency: the actor the guard let through."""
    actor: Actor = request.scope["state"]["actor"]
    return actor


async def call(request: Request[Any, Any, Any]) -> Call:
    """Dependency: the actor, the idempotency key and the fingerprint of a request with a small (JSON) body."""
    key = key_of(request)
    print_ = b""
    if key is not None:
        scope = request.scope
        print_ = fingerprint(scope["method"], scope["path"], scope["query_string"], await request.body())
    return Call(actor=who(request), key=key, fingerprint=print_)
