"""Reading what a company sent that is on its way, and what was refused for good."""

from typing import Any, Final

from hundi.db.pool import Transaction
from hundi.kit.paging import MOST_COUNTED
from hundi.network.rows import ParcelRow

_BOTH: Final = """
    SELECT parcel_id, receiver, 'WAITING' AS state, attempts, problem, due AS at FROM network_outbox
     WHERE seller_id = $1{0}
    UNION ALL
    SELECT parcel_id, receiver, 'REFUSED' AS state, attempts, code || ': ' || detail AS problem, refused_at AS at
      FROM network_refused WHERE seller_id = $1{0}"""


def _sql(where: str) -> str:
    return f"SELECT parcel_id, receiver, state, attempts, problem, at FROM ({_BOTH.format(where)}) AS parcels"


async def page(
    tx: Transaction, seller_id: str, state: str | None, *, after: str | None, limit: int, offset: int = 0
) -> list[ParcelRow]:
    """Give parcels, the oldest first, of one state where it is named, those after an id where one is given."""
    sql = (
        f"{_sql(' AND ($2::text IS NULL OR parcel_id > $2)')} WHERE $3::text IS NULL OR state = $3"
        " ORDER BY parcel_id LIMIT $4 OFFSET $5"
    )
    rows = await tx.fetch(sql, seller_id, after, state, limit, offset)
    return [ParcelRow(**dict(row)) for row in rows]


async def count(tx: Transaction, seller_id: str, state: str | None) -> int:
    """Count them, at most one more than :data:`MOST_COUNTED`."""
    sql = f"SELECT count(*) FROM ({_sql('')} WHERE $2::text IS NULL OR state = $2 LIMIT $3) AS counted"
    found: Any = await tx.fetchval(sql, seller_id, state, MOST_COUNTED + 1)
    return int(found)
