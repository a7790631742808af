"""What a company may upload: the installation's limits, lowered by its own settings (design §4.9; decision 0011)."""

from typing import Final

import msgspec

from hundi.config import Settings
from hundi.db.pool import Transaction
from hundi.kit.errors import ErrorType, Refusal

MOST_WAITING: Final = 200
"""How many imports of one company may be unsettled: what comes after is asked to wait."""

_BOUNDS: Final = "SELECT import_row_limit, import_mb_limit, imports_at_once FROM sellers WHERE seller_id = $1"
_WAITING: Final = "SELECT count(*) FROM imports WHERE seller_id = $1 AND state IN ('RECEIVED', 'RUNNING')"


class TooManyImports(Refusal):
    """Too many files of this company wait for their import: send this one again when some have ended."""

    code, status, error_type = "TOO_MANY_IMPORTS", 429, ErrorType.CLIENT_REQUEST_ERROR


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """The limits that hold for one company: rows and MiB of a file, and imports that run at the same time.

    ``rows`` is None where the company has no limit of its own; the worker's setting then decides.
    """

    rows: int | None
    megabytes: int
    at_once: int


async def bounds(tx: Transaction, settings: Settings) -> Bounds:
    """Give a company's limits: its own where it has some, never above the installation's."""
    found = await tx.fetchrow(_BOUNDS, tx.seller_id)
    rows, megabytes, at_once = found if found is not None else (None, None, None)
    return Bounds(
        rows=None if rows is None else min(settings.import_row_limit, rows),
        megabytes=_lower(settings.upload_limit_mb, megabytes),
        at_once=_lower(settings.imports_at_once, at_once),
    )


async def check_waiting(tx: Transaction) -> None:
    """Refuse another file where :data:`MOST_WAITING` are unsettled."""
    if await tx.fetchval(_WAITING, tx.seller_id) >= MOST_WAITING:
        message = (
            f"{MOST_WAITING} files of this company wait for their import: send this one again when some have ended."
        )
        raise TooManyImports(message, headers={"Retry-After": "30"})


def _lower(installation: int, own: int | None) -> int:
    return installation if own is None else min(installation, own)
