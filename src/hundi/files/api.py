"""GET /files/{token}: result files behind links that expire."""

from typing import Any, Final
from urllib.parse import quote

from litestar import get
from litestar.datastructures import State
from litestar.response import Stream

from hundi.auth.guard import PUBLIC
from hundi.files import queries
from hundi.files.errors import LinkUnknown
from hundi.files.store import FileStore
from hundi.http.docs import statuses
from hundi.kit.keys import hash_secret

_LONGEST_TOKEN: Final = 200


@get(
    "/files/{token:str}",
    operation_id="getStoredFile",
    tags=["files"],
    summary="Fetch a result file",
    opt=PUBLIC,
    responses=statuses(400, 404, 429, 500, 503),
    media_type="application/octet-stream",
)
async def get_file(token: str, state: State) -> Stream:
    """Give the file a link opens, as an attachment; 404 for links that are unknown or have expired."""
    if len(token) > _LONGEST_TOKEN:
        raise LinkUnknown
    async with state.db.unbound() as tx:
        found = await queries.by_link(tx, hash_secret(token))
    store: FileStore = state.files
    if found is None or not await store.exists(found.file_key):
        raise LinkUnknown
    headers: dict[str, Any] = {
        # As a header: the route's own media type, which the API document shows, would otherwise go out.
        "Content-Type": found.content_type,
        "Content-Disposition": disposition(found.name),
        "Content-Length": str(found.size),
        "Cache-Control": "private, no-store",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex",
    }
    return Stream(store.stream(found.file_key), headers=headers)


def disposition(name: str) -> str:
    """Write a Content-Disposition that no name can break out of (RFC 6266): plain ASCII, and the whole name encoded."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "-_. ") else "_" for c in name).strip() or "file"
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
