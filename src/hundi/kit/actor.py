"""Who is asking: what a verified token says, carried from the edge to the audit row."""

from datetime import datetime

import msgspec

from hundi.kit.ids import SellerId


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """A person or program acting for one seller.

    ``subject`` is the user's id, or the API client's where no user signed in; it is what ``createdBy`` shows.
    ``subjects`` are all names under which the token can be revoked (user, client, token family), ``issued`` when it was
    made. ``home_seller_id`` differs from ``seller_id`` when a partner acts under a grant. ``via`` is the door it came
    through and becomes ``createdVia`` (domain §4).
    """

    seller_id: SellerId
    home_seller_id: SellerId
    subject: str
    client_id: str
    subjects: tuple[str, ...]
    issued: datetime
    roles: frozenset[str]
    permissions: frozenset[str]
    request_id: str
    via: str = "API"

    @property
    def is_partner(self) -> bool:
        """Tell whether this actor comes from another company, under a grant."""
        return self.home_seller_id != self.seller_id
