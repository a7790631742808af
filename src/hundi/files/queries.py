"""Reading stored files."""

from typing import Final

import msgspec

from hundi.db.pool import Transaction
from hundi.kit.ids import SellerId

_OWNER: Final = "SELECT directory_find('file_link', $1)"
_BY_LINK: Final = """
    SELECT f.file_key, f.name, f.content_type, f.size
      FROM file_links l JOIN stored_files f ON f.seller_id = $1 AND f.file_id = l.file_id
     WHERE l.seller_id = $1 AND l.link_hash = $2 AND l.expires_at > $3"""


class StoredFile(msgspec.Struct, frozen=True):
    """A file as its row describes it."""

    file_key: str
    name: str
    content_type: str
    size: int


async def by_link(tx: Transaction, link_hash: bytes) -> StoredFile | None:
    """Find what a link opens at ``tx.now``, in an unbound transaction, which is bound to the file's seller by it."""
    owner = await tx.fetchval(_OWNER, link_hash)
    if owner is None:
        return None
    await tx.bind(SellerId(owner))
    found = await tx.fetchrow(_BY_LINK, tx.seller_id, link_hash, tx.now)
    return None if found is None else StoredFile(**dict(found))
