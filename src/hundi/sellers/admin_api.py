"""The company's settings, logo and registrations over HTTP."""

from dataclasses import dataclass
from typing import Any, Final

from litestar import Request, delete, get, patch, post
from litestar.datastructures import State
from litestar.openapi.spec import OpenAPIFormat, OpenAPIMediaType, OpenAPIResponse, OpenAPIType, Operation, Schema
from litestar.response import Stream

from hundi.auth.guard import SellerParameter, may, who
from hundi.auth.rules import Permission
from hundi.db.pool import Transaction
from hundi.files.api import disposition
from hundi.files.store import FileStore
from hundi.files.upload import take
from hundi.files.upload_docs import multipart
from hundi.http.body import JsonBody, PatchBody
from hundi.http.docs import statuses
from hundi.http.envelope import Envelope, Reply, ok
from hundi.http.idempotency import Call, fingerprint, key_of, once
from hundi.http.listing import Listed, listed
from hundi.kit.actor import Actor
from hundi.kit.errors import Refusal
from hundi.kit.ids import new_id
from hundi.kit.keys import Keyring
from hundi.sellers import logo, places, queries, settings
from hundi.sellers.admin_schemas import (
    RegistrationCreate,
    RegistrationOut,
    RegistrationPatch,
    SellerOut,
    SellerPatch,
    columns,
)
from hundi.sellers.errors import LogoNotFound
from hundi.sellers.rows import RegistrationRow
from hundi.sellers.schemas import NewRegistration

TAGS: Final = ["admin"]


def _shown(row: RegistrationRow, keyring: Keyring) -> RegistrationOut:
    return RegistrationOut.of(row, places.masked_account(row, keyring))


@get("/api/v0/admin/seller", operation_id="getSeller", tags=TAGS, guards=[may(Permission.ADMIN)], responses=statuses())
async def get_seller(who: Actor, state: State, sellerId: SellerParameter = None) -> Reply[Envelope[SellerOut]]:
    """Show the company and its settings."""
    async with state.db.read(who) as tx:
        row = await queries.seller(tx)
    return Reply(ok(SellerOut.of(row, state.base_url)))


@patch(
    "/api/v0/admin/seller",
    operation_id="updateSeller",
    tags=TAGS,
    guards=[may(Permission.ADMIN)],
    dto=PatchBody[SellerPatch],
    status_code=200,
    responses=statuses(),
)
async def update_seller(
    data: SellerPatch, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[SellerOut]]:
    """Change the company's settings."""

    async def work(tx: Transaction) -> Envelope[SellerOut]:
        return ok(SellerOut.of(await settings.change(tx, call.actor, columns(data)), state.base_url))

    return await once(state.db, call, work)


@post(
    "/api/v0/admin/seller/logo",
    operation_id="uploadLogo",
    operation_class=multipart("PNG or JPEG, at most 512 KiB"),
    tags=TAGS,
    guards=[may(Permission.ADMIN)],
    status_code=200,
    responses=statuses(),
)
async def upload_logo(
    request: Request[Any, Any, State], state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[SellerOut]]:
    """Set the company's logo."""
    actor, files = who(request), state.files
    async with files.spool(logo.MAX_LOGO) as spool:
        await take(request.headers.get("content-type", ""), request.stream(), spool, nameless="logo")
        file, digest = await spool.finish()
        picture = logo.look_at(file.read())
        scope = request.scope
        print_ = fingerprint(scope["method"], scope["path"], scope["query_string"], digest)
        kept = await files.keep(f"logos/{new_id('lgo', state.clock.now())}", spool)
    is_used = False

    async def work(tx: Transaction) -> Envelope[SellerOut]:
        nonlocal is_used
        row = await settings.set_logo(tx, actor, kept, picture.content_type, picture.name)
        is_used = True
        return ok(SellerOut.of(row, state.base_url))

    try:
        reply = await once(state.db, Call(actor=actor, key=key_of(request), fingerprint=print_), work)
    except Refusal:
        await files.delete(kept.key)
        raise
    if not is_used:
        await files.delete(kept.key)
    return reply


@dataclass
class LogoOperation(Operation):
    """Shows in the OpenAPI document that the reply is the picture, as what it was looked at to be."""

    def __post_init__(self) -> None:
        """Give the successful reply the content types of the pictures that are taken."""
        reply = (self.responses or {}).get("200")
        if isinstance(reply, OpenAPIResponse):
            picture = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
            reply.content = {kind: OpenAPIMediaType(schema=picture) for kind in logo.CONTENT_TYPES}


@get(
    "/api/v0/admin/seller/logo",
    operation_id="getLogo",
    operation_class=LogoOperation,
    tags=TAGS,
    guards=[may(Permission.ADMIN)],
    responses=statuses(),
)
async def get_logo(who: Actor, state: State, sellerId: SellerParameter = None) -> Stream:
    """Fetch the company's logo."""
    async with state.db.read(who) as tx:
        row = await queries.logo(tx)
    files: FileStore = state.files
    if not await files.exists(row.file_key):
        raise LogoNotFound
    headers = {
        "Content-Disposition": disposition(row.name),
        "Content-Length": str(row.size),
        "Cache-Control": "private, no-store",
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return Stream(files.stream(row.file_key), media_type=row.content_type, headers=headers)


@delete(
    "/api/v0/admin/seller/logo",
    operation_id="deleteLogo",
    tags=TAGS,
    guards=[may(Permission.ADMIN)],
    status_code=200,
    responses=statuses(),
)
async def delete_logo(call: Call, state: State, sellerId: SellerParameter = None) -> Reply[Envelope[SellerOut]]:
    """Take the company's logo away."""

    async def work(tx: Transaction) -> Envelope[SellerOut]:
        return ok(SellerOut.of(await settings.drop_logo(tx, call.actor), state.base_url))

    return await once(state.db, call, work)


@get(
    "/api/v0/admin/registration",
    operation_id="getRegistrations",
    tags=TAGS,
    guards=[may(Permission.ADMIN)],
    responses=statuses(),
)
async def list_registrations(
    who: Actor, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[Listed[RegistrationOut]]]:
    """List the company's registrations, the default first."""
    async with state.db.read(who) as tx:
        rows = await queries.registrations(tx)
    return Reply(ok(listed([_shown(row, state.keyring) for row in rows])))


@post(
    "/api/v0/admin/registration",
    operation_id="createRegistration",
    tags=TAGS,
    guards=[may(Permission.ADMIN)],
    dto=JsonBody[RegistrationCreate],
    status_code=200,
    responses=statuses(),
)
async def create_registration(
    data: RegistrationCreate, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[RegistrationOut]]:
    """Add a place of business with a number series of its own."""
    given = {name: value for name, value in columns(data).items() if value is not None}
    is_default = given.pop("is_default")

    async def work(tx: Transaction) -> Envelope[RegistrationOut]:
        new = NewRegistration(**given)
        row = await places.add(tx, call.actor, state.keyring, new, is_default=is_default)
        return ok(_shown(row, state.keyring))

    return await once(state.db, call, work)


@patch(
    "/api/v0/admin/registration/{registrationId:str}",
    operation_id="updateRegistration",
    tags=TAGS,
    guards=[may(Permission.ADMIN)],
    dto=PatchBody[RegistrationPatch],
    status_code=200,
    responses=statuses(),
)
async def update_registration(
    registrationId: str, data: RegistrationPatch, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[RegistrationOut]]:
    """Change a registration's particulars, bank or UPI id, or make it the default."""

    async def work(tx: Transaction) -> Envelope[RegistrationOut]:
        row = await places.change(tx, call.actor, state.keyring, registrationId, columns(data))
        return ok(_shown(row, state.keyring))

    return await once(state.db, call, work)


ROUTES: Final[list[Any]] = [
    get_seller, update_seller, upload_logo, get_logo, delete_logo, list_registrations, create_registration,
    update_registration,
]  # fmt: skip
