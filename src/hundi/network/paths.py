"""Under which path a parcel travels between servers: that of its call to the central unit, that of its webhook to a company."""

from typing import Final

from hundi.network.protocol.catalogue import CALLS, NOTICE
from hundi.network.protocol.parcels import Parcel

INBOX: Final = "/network/inbox/"
WITHDRAWAL: Final = "network/withdrawal"
"""Our own: a parcel that takes the places of one its receiver refused for good, and has no effect."""
_PREFIX: Final = "/api/v0/"
CALL_PATHS: Final = frozenset(call.path.removeprefix(_PREFIX) for call in CALLS.values())
HOOK_PATHS: Final = frozenset(
    {hook for call in CALLS.values() for hook in (call.request_hook, call.response_hook) if hook is not None} | {NOTICE}
)
PATHS: Final = CALL_PATHS | HOOK_PATHS | {WITHDRAWAL}
"""All there are, after :data:`INBOX`."""


def path_of(parcel: Parcel, *, to_centre: bool) -> str | None:
    """Give the path of a parcel; None where it is not one that may go this way."""
    if parcel.instead_of is not None:
        return WITHDRAWAL
    if to_centre:
        return None if parcel.message is None else CALLS[type(parcel.message)].path.removeprefix(_PREFIX)
    return None if parcel.delivery is None else parcel.delivery.hook
