"""Taking an upload in, whatever kind it is: streamed to the store and hashed on the way, then written down once."""

from typing import Any, Final

import msgspec
from litestar import Request
from litestar.datastructures import State

from hundi.auth.errors import RoleMissing
from hundi.auth.guard import who
from hundi.auth.rules import Permission
from hundi.files.store import FileStore
from hundi.files.upload import take
from hundi.http.idempotency import Call, fingerprint, key_of
from hundi.imports import limits, service
from hundi.imports.service import Options
from hundi.kit.errors import Refusal

# What a multipart body has besides the file; the limit on whole bodies is enforced before the application.
_AROUND: Final = 64 * 1024
_MEBIBYTE: Final = 1024 * 1024


class Modes(msgspec.Struct, frozen=True, kw_only=True):
    """How a caller wants the rows to be treated (issue "Modes"): each is off unless asked for."""

    dry_run: bool = False
    atomic: bool = False
    dispatch: bool = False
    create_customers: bool = False


class Received(msgspec.Struct, frozen=True):
    """An upload that is written down: its import, and whether its key was known already."""

    call: Call
    import_id: str
    replayed: bool


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """What a route takes: the kind of the import, what a caller is told who sent no file, a nameless file's name."""

    kind: str
    hint: str
    nameless: str


async def received(request: Request[Any, Any, State], state: State, form: Form, modes: Modes) -> Received:
    """Stream the file in and write down that it came.

    Raises ``UploadTooLarge`` over the company's or the installation's limit, ``TooManyImports`` where the company has
    too many that wait, ``RoleMissing`` where a mode needs more than the import permission, and what ``take`` raises.
    """
    actor = who(request)
    _allowed(actor.permissions, modes)
    key = key_of(request)
    files: FileStore = state.files
    async with state.db.read(actor) as tx:
        bounds = await limits.bounds(tx, state.settings)
    async with files.spool(bounds.megabytes * _MEBIBYTE - _AROUND) as spool:
        content_type = request.headers.get("content-type", "")
        upload = await take(content_type, request.stream(), spool, hint=form.hint, nameless=form.nameless)
        _, digest = await spool.finish()
        scope = request.scope
        print_ = fingerprint(scope["method"], scope["path"], scope["query_string"], digest)
        call = Call(actor=actor, key=key, fingerprint=print_)
        if key is not None:
            async with state.db.read(actor) as tx:
                earlier = await service.joined(tx, call)
            if earlier is not None:
                return Received(call, earlier, replayed=True)
        import_id = service.new_import_id(state.clock.now())
        kept = await files.keep(f"imports/{import_id}/upload", spool)
        store = await files.named()
    options = Options(
        chunk_rows=service.chunk_rows_for(kept.size, state.settings.chunk_rows), base_url=state.base_url,
        dry_run=modes.dry_run, atomic=modes.atomic, dispatch=modes.dispatch,
        create_customers=modes.create_customers, row_limit=bounds.rows, store=store,
    )  # fmt: skip
    try:
        async with state.db.transaction(actor) as tx:
            await limits.check_waiting(tx)
            found = await service.receive(
                tx, call, import_id=import_id, kept=kept, name=upload.name, options=options, kind=form.kind
            )
    except Refusal:
        # Only what was certainly not written down: after a lost connection the import may well be there.
        await files.delete(kept.key)
        raise
    if found != import_id:
        await files.delete(kept.key)
    return Received(call, found, replayed=found != import_id)


def _allowed(permissions: frozenset[str], modes: Modes) -> None:
    """Refuse a mode that does what the caller may not do otherwise."""
    needed = {Permission.INVOICE_DISPATCH.value} if modes.dispatch else set()
    if modes.create_customers:
        needed.add(Permission.CUSTOMER_WRITE.value)
    if not needed <= permissions:
        raise RoleMissing
