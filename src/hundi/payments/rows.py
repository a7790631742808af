"""What queries on entries give."""

from datetime import date, datetime
from decimal import Decimal

import msgspec


class EntryRow(msgspec.Struct, frozen=True, kw_only=True):
    """One entry as stored; ``amount`` is what it took off the balance, ``reversed_by`` the entry that took it back."""

    entry_id: str
    kind: str
    amount: Decimal
    certified: Decimal | None
    reference: str | None
    received_on: date | None
    tds_section: str | None
    tan: str | None
    certificate_no: str | None
    note: str | None
    reverses: str | None
    reversed_by: str | None
    created_at: datetime
    created_by: str
