"""Who may act for the company, over HTTP: users, API clients, partner grants, and what the roles may do."""

from typing import Annotated, Any, Final

from litestar import delete, get, patch, post, put
from litestar.datastructures import State
from litestar.params import PathParameter

from hundi.auth.guard import SellerParameter, may
from hundi.auth.rules import PERMISSIONS, Permission
from hundi.db.pool import Transaction
from hundi.http.body import JsonBody, PatchBody
from hundi.http.docs import statuses
from hundi.http.envelope import Envelope, Reply, ok
from hundi.http.idempotency import Call, once
from hundi.http.listing import Listed, listed
from hundi.kit.actor import Actor
from hundi.kit.ids import SELLER_PATTERN
from hundi.sellers import clients, grants, people, queries
from hundi.sellers.admin_api import TAGS
from hundi.sellers.admin_schemas import (
    ClientCreate,
    ClientOut,
    ClientPatch,
    ClientRotate,
    GrantOut,
    GrantPut,
    PasswordReset,
    RoleOut,
    UserCreate,
    UserOut,
    UserPatch,
    columns,
)

Partner = Annotated[str, PathParameter(schema_extra={"pattern": SELLER_PATTERN, "type": "string"})]


@get("/api/v0/admin/role", operation_id="getRoles", tags=TAGS, guards=[may(Permission.ADMIN)], responses=statuses())
async def list_roles(who: Actor, sellerId: SellerParameter = None) -> Reply[Envelope[Listed[RoleOut]]]:
    """List the roles and what each may do."""
    found = [
        RoleOut(role=role.value, permissions=sorted(one.value for one in allowed))
        for role, allowed in PERMISSIONS.items()
    ]
    return Reply(ok(listed(found)))


@get("/api/v0/admin/user", operation_id="getUsers", tags=TAGS, guards=[may(Permission.ADMIN)], responses=statuses())
async def list_users(who: Actor, state: State, sellerId: SellerParameter = None) -> Reply[Envelope[Listed[UserOut]]]:
    """List the company's people, those who have left too."""
    async with state.db.read(who) as tx:
        rows = await queries.users(tx)
    return Reply(ok(listed([UserOut.of(row) for row in rows])))


@post(
    "/api/v0/admin/user",
    operation_id="createUser",
    tags=TAGS,
    guards=[may(Permission.ADMIN)],
    dto=JsonBody[UserCreate],
    status_code=200,
    responses=statuses(),
)
async def create_user(
    data: UserCreate, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[UserOut]]:
    """Add a person. Without a password one is made and shown in this reply only."""

    async def work(tx: Transaction) -> Envelope[UserOut]:
        row, password = await people.add(
            tx, call.actor, username=data.username, display_name=data.displayName or data.username, roles=data.roles,
            email=data.email, mobile=data.mobile, password=data.password,
        )  # fmt: skip
        return ok(UserOut.of(row, password))

    return await once(state.db, call, work, sealed=state.keyring)


@patch(
    "/api/v0/admin/user/{userId:str}",
    operation_id="updateUser",
    tags=TAGS,
    guards=[may(Permission.ADMIN)],
    dto=PatchBody[UserPatch],
    status_code=200,
    responses=statuses(),
)
async def update_user(
    userId: str, data: UserPatch, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[UserOut]]:
    """Change a person's name, reach, roles or status. Lost roles and INACTIVE hold at once: tokens are void."""

    async def work(tx: Transaction) -> Envelope[UserOut]:
        return ok(UserOut.of(await people.change(tx, call.actor, userId, columns(data))))

    return await once(state.db, call, work)


@post(
    "/api/v0/admin/user/{userId:str}/reset-password",
    operation_id="resetUserPassword",
    tags=TAGS,
    guards=[may(Permission.ADMIN)],
    dto=JsonBody[PasswordReset],
    status_code=200,
    responses=statuses(),
)
async def reset_password(
    userId: str, data: PasswordReset, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[UserOut]]:
    """Give a person a new password, end a lock-out and void all their tokens."""

    async def work(tx: Transaction) -> Envelope[UserOut]:
        row, password = await people.reset_password(tx, call.actor, userId, data.password)
        return ok(UserOut.of(row, password))

    return await once(state.db, call, work, sealed=state.keyring)


@get(
    "/api/v0/admin/client",
    operation_id="getApiClients",
    tags=TAGS,
    guards=[may(Permission.ADMIN)],
    responses=statuses(),
)
async def list_clients(
    who: Actor, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[Listed[ClientOut]]]:
    """List the company's API clients, revoked ones too."""
    async with state.db.read(who) as tx:
        rows = await queries.clients(tx)
    return Reply(ok(listed([ClientOut.of(row) for row in rows])))


@post(
    "/api/v0/admin/client",
    operation_id="createApiClient",
    tags=TAGS,
    guards=[may(Permission.ADMIN)],
    dto=JsonBody[ClientCreate],
    status_code=200,
    responses=statuses(),
)
async def create_client(
    data: ClientCreate, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[ClientOut]]:
    """Create an API client; its secret is shown in this reply only."""

    async def work(tx: Transaction) -> Envelope[ClientOut]:
        row, secret = await clients.add(
            tx, call.actor, name=data.name, roles=data.roles, per_minute=data.ratePerMinute, burst=data.burst
        )
        return ok(ClientOut.of(row, secret))

    return await once(state.db, call, work, sealed=state.keyring)


@patch(
    "/api/v0/admin/client/{clientId:str}",
    operation_id="updateApiClient",
    tags=TAGS,
    guards=[may(Permission.ADMIN)],
    dto=PatchBody[ClientPatch],
    status_code=200,
    responses=statuses(),
)
async def update_client(
    clientId: str, data: ClientPatch, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[ClientOut]]:
    """Change an API client's name, roles or limits. Other processes follow a changed limit within a minute."""

    async def work(tx: Transaction) -> Envelope[ClientOut]:
        return ok(ClientOut.of(await clients.change(tx, call.actor, clientId, columns(data))))

    reply = await once(state.db, call, work)
    state.limits.forget(clientId)
    return reply


@post(
    "/api/v0/admin/client/{clientId:str}/rotate",
    operation_id="rotateApiClientSecret",
    tags=TAGS,
    guards=[may(Permission.ADMIN)],
    dto=JsonBody[ClientRotate],
    status_code=200,
    responses=statuses(),
)
async def rotate_client(
    clientId: str, data: ClientRotate, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[ClientOut]]:
    """Give an API client a new secret, shown in this reply only; the old one may stay good for a while."""

    async def work(tx: Transaction) -> Envelope[ClientOut]:
        row, secret = await clients.rotate(tx, call.actor, clientId, overlap_minutes=data.overlapMinutes)
        return ok(ClientOut.of(row, secret))

    return await once(state.db, call, work, sealed=state.keyring)


@delete(
    "/api/v0/admin/client/{clientId:str}",
    operation_id="revokeApiClient",
    tags=TAGS,
    guards=[may(Permission.ADMIN)],
    status_code=200,
    responses=statuses(),
)
async def revoke_client(
    clientId: str, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[ClientOut]]:
    """Revoke an API client: its secrets and all tokens got through it are void at once."""

    async def work(tx: Transaction) -> Envelope[ClientOut]:
        return ok(ClientOut.of(await clients.end(tx, call.actor, clientId)))

    return await once(state.db, call, work)


@get(
    "/api/v0/admin/grant",
    operation_id="getPartnerGrants",
    tags=TAGS,
    guards=[may(Permission.ADMIN)],
    responses=statuses(),
)
async def list_grants(who: Actor, state: State, sellerId: SellerParameter = None) -> Reply[Envelope[Listed[GrantOut]]]:
    """List which companies may act for this one, those whose grant has ended too."""
    async with state.db.read(who) as tx:
        rows = await queries.grants(tx)
    return Reply(ok(listed([GrantOut.of(row) for row in rows])))


@put(
    "/api/v0/admin/grant/{partnerSellerId:str}",
    operation_id="givePartnerGrant",
    tags=TAGS,
    guards=[may(Permission.ADMIN)],
    dto=JsonBody[GrantPut],
    status_code=200,
    responses=statuses(),
)
async def give_grant(
    partnerSellerId: Partner, data: GrantPut, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[GrantOut]]:
    """Let another company of this installation act for this one; a grant there was is replaced."""

    async def work(tx: Transaction) -> Envelope[GrantOut]:
        return ok(GrantOut.of(await grants.give(tx, call.actor, partnerSellerId, data.roles)))

    return await once(state.db, call, work)


@delete(
    "/api/v0/admin/grant/{partnerSellerId:str}",
    operation_id="revokePartnerGrant",
    tags=TAGS,
    guards=[may(Permission.ADMIN)],
    status_code=200,
    responses=statuses(),
)
async def revoke_grant(
    partnerSellerId: Partner, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[GrantOut]]:
    """End another company's access; its next request is refused."""

    async def work(tx: Transaction) -> Envelope[GrantOut]:
        return ok(GrantOut.of(await grants.end(tx, call.actor, partnerSellerId)))

    return await once(state.db, call, work)


ROUTES: Final[list[Any]] = [
    list_roles, list_users, create_user, update_user, reset_password, list_clients, create_client, update_client,
    rotate_client, revoke_client, list_grants, give_grant, revoke_grant,
]  # fmt: skip
