"""Files with a name and a link: the row beside what the store holds, and tokens that open it for some days."""

from datetime import timedelta
from typing import Final

from hundi.db.pool import Transaction
from hundi.kit.ids import new_id, new_secret
from hundi.kit.keys import hash_secret

_KEEP: Final = """
    INSERT INTO stored_files (seller_id, file_id, file_key, name, content_type, size, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)"""
_LINK: Final = "INSERT INTO file_links (seller_id, link_hash, file_id, expires_at) VALUES ($1, $2, $3, $4)"
_DIRECTORY: Final = "SELECT directory_put('file_link', $1)"
_LONGEST_NAME: Final = 200


async def keep(tx: Transaction, *, key: str, name: str, content_type: str, size: int) -> str:
    """Write the row of a file that the store already has under ``key``; give its id."""
    file_id = new_id("fil", tx.now)
    await tx.execute(_KEEP, tx.seller_id, file_id, key, name[:_LONGEST_NAME], content_type, size, tx.now)
    return file_id


async def link(tx: Transaction, file_id: str, *, days: int) -> str:
    """Make a token that opens the file without signing in, for ``days`` days; only its hash is stored (design §4.7)."""
    token = new_secret()
    hashed = hash_secret(token)
    await tx.execute(_LINK, tx.seller_id, hashed, file_id, tx.now + timedelta(days=days))
    await tx.fetchval(_DIRECTORY, hashed)
    return token


def address(base_url: str, token: str) -> str:
    """Give the address under which a token is answered."""
    return f"{base_url.rstrip('/')}/files/{token}"
