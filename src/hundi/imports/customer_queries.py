"""Which customers rows of customers speak of."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from hundi.db.pool import Transaction
from hundi.imports.queries import plan_for_these_values

_KNOWN: Final = """
    SELECT customer_id, unique_ref_no, gstin, content_hash, deleted_at, legal_name, trade_name, pan, treatment, address,
           state_code, pin_code, shipping_address, shipping_state, shipping_pin_code, contact_number, terms_days, tan,
           udyam_number, udyam_class, ifsc, account_hash, assigned_agent, status
      FROM customers WHERE seller_id = $1 AND """
_BY_REF: Final = _KNOWN + "deleted_at IS NULL AND unique_ref_no = ANY ($2::text[])"
_BY_GSTIN: Final = _KNOWN + "deleted_at IS NULL AND gstin = ANY ($2::text[]) ORDER BY customer_id"
_BY_ID: Final = _KNOWN + "customer_id = ANY ($2::text[])"


class Known(msgspec.Struct, frozen=True):
    """Customers by what they were found by; several may have one GSTIN."""

    by_id: dict[str, Any]
    by_ref: dict[str, Any]
    by_gstin: dict[str, list[Any]]

    def of(self, customer_id: str, ref: str | None, gstin: str | None) -> list[Any]:
        """Give the customers that a new one would repeat: by its own id, by its reference, or, without one, its GSTIN."""
        found = [self.by_id[customer_id]] if customer_id in self.by_id else []
        if ref is not None:
            return found + ([self.by_ref[ref]] if ref in self.by_ref else [])
        return found + (self.by_gstin.get(gstin, []) if gstin is not None else [])


async def known(tx: Transaction, *, refs: Sequence[str], gstins: Sequence[str], ids: Sequence[str]) -> Known:
    """Look customers up by reference and GSTIN, and by id, deleted ones too."""
    await plan_for_these_values(tx)
    by_gstin: dict[str, list[Any]] = {}
    for row in await _found(tx, _BY_GSTIN, gstins):
        by_gstin.setdefault(row["gstin"], []).append(row)
    return Known(
        by_id={row["customer_id"]: row for row in await _found(tx, _BY_ID, ids)},
        by_ref={row["unique_ref_no"]: row for row in await _found(tx, _BY_REF, refs)},
        by_gstin=by_gstin,
    )


async def _found(tx: Transaction, statement: str, keys: Sequence[str]) -> list[Any]:
    return list(await tx.fetch(statement, tx.seller_id, list(set(keys)))) if keys else []
