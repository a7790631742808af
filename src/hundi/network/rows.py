"""What queries of the network give."""

from datetime import datetime

import msgspec


class ParcelRow(msgspec.Struct, frozen=True, kw_only=True):
    """A parcel that waits (``at``: when it is tried next) or was refused for good (``at``: when)."""

    parcel_id: str
    receiver: str
    state: str
    attempts: int
    problem: str | None
    at: datetime
