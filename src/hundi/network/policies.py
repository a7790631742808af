"""How far received invoices may differ from their orders, and what is accepted of itself: a company's own settings."""

from decimal import Decimal
from enum import StrEnum
from typing import Any, Final

import msgspec

from hundi.audit import service as audit
from hundi.db.pool import Transaction
from hundi.kit.actor import Actor
from hundi.network.verdicts import GOOD, Tolerances, Verdict


class AutoAccept(StrEnum):
    """Which received invoices are accepted without anybody's word."""

    NOTHING = "NOTHING"
    MATCHED = "MATCHED"
    WITHIN_TOLERANCE = "WITHIN_TOLERANCE"


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """A company's settings. Percentages are of the ordered figure; ``quantity_units`` and rupees are absolute."""

    price_percent: Decimal = Decimal(0)
    quantity_percent: Decimal = Decimal(0)
    quantity_units: Decimal = Decimal(0)
    amount_rupees: Decimal = Decimal("1.00")
    tax_rupees: Decimal = Decimal("1.00")
    auto_accept: AutoAccept = AutoAccept.NOTHING

    def tolerances(self) -> Tolerances:
        """Give what a match allows."""
        return Tolerances(
            price_percent=self.price_percent, quantity_percent=self.quantity_percent, quantity_units=self.quantity_units,
            amount_rupees=self.amount_rupees, tax_rupees=self.tax_rupees,
        )  # fmt: skip

    def accepts(self, verdict: Verdict) -> bool:
        """Tell whether an invoice with this verdict is accepted of itself."""
        if self.auto_accept is AutoAccept.MATCHED:
            return verdict is Verdict.MATCHED
        return self.auto_accept is AutoAccept.WITHIN_TOLERANCE and verdict in GOOD


_COLUMNS: Final = "price_percent, quantity_percent, quantity_units, amount_rupees, tax_rupees, auto_accept"
_READ: Final = f"SELECT {_COLUMNS} FROM payable_policies WHERE seller_id = $1"
_LOCK: Final = f"{_READ} FOR UPDATE"
_BEGIN: Final = f"""
    INSERT INTO payable_policies (seller_id, {_COLUMNS}, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT ON CONSTRAINT payable_policies_pk DO NOTHING"""
_CHANGE: Final = """
    UPDATE payable_policies
       SET price_percent = $2, quantity_percent = $3, quantity_units = $4, amount_rupees = $5, tax_rupees = $6,
           auto_accept = $7, changed_at = $8
     WHERE seller_id = $1"""


async def read(tx: Transaction) -> Policy:
    """Give the company's settings; the defaults where it has set nothing."""
    row = await tx.fetchrow(_READ, tx.seller_id)
    return Policy() if row is None else _policy(row)


async def hold(tx: Transaction) -> Policy:
    """Give the company's settings and keep others from matching or changing them until the commit."""
    row = await tx.fetchrow(_LOCK, tx.seller_id)
    if row is None:
        await tx.execute(_BEGIN, tx.seller_id, *_values(Policy()), tx.now)
        row = await tx.fetchrow(_LOCK, tx.seller_id)
    return Policy() if row is None else _policy(row)


async def change(tx: Transaction, who: Actor, changes: dict[str, Any]) -> Policy:
    """Change settings by name; gives them as they are then."""
    before = await hold(tx)
    after = msgspec.structs.replace(before, **changes)
    if after != before:
        await tx.execute(_CHANGE, tx.seller_id, *_values(after), tx.now)
        was, now = msgspec.structs.asdict(before), msgspec.structs.asdict(after)
        changed = [name for name in now if was[name] != now[name]]
        told = {name: now[name] for name in changed}
        await audit.record(
            tx, who, "payable.policy", kind="payable_policy", object_id=tx.seller_id,
            before={name: was[name] for name in changed}, after=told,
        )  # fmt: skip
        await audit.emit(tx, "payable.policy_changed", kind="payable_policy", object_id=tx.seller_id, data=told)
    return after


def _policy(row: Any) -> Policy:
    return Policy(**dict(row) | {"auto_accept": AutoAccept(row["auto_accept"])})


def _values(policy: Policy) -> tuple[Any, ...]:
    return tuple(getattr(policy, name) for name in _COLUMNS.split(", "))
