"""``objectVersion`` and ``statusTransition``: compare-and-set (contract B2B §12.11, ours to decide).

Create is 1 to 1 (purchase orders and notes also 0 to 0, as their published examples have it; they then count from 0). A
change of content is n to n+1, a change of status n to n. A sender whose current version or status is not the object's is
refused: he decided on something that no longer holds. The new status may repeat the current one, as the published create
does; the network then says in its answer what came of it.
"""

from hundi.network.protocol.faults import Fault, MessageRefused
from hundi.network.protocol.messages import ObjectVersion, Transition
from hundi.network.protocol.statuses import Kind

_FROM_ZERO = frozenset({Kind.ORDER, Kind.NOTE})


def check_first_version(kind: Kind, sent: ObjectVersion, field: str = "objectVersion") -> int:
    """Give the version of a new object, or refuse (``VERSION_STEP``)."""
    allowed = (0, 1) if kind in _FROM_ZERO else (1,)
    if sent.current != sent.new or sent.new not in allowed:
        raise MessageRefused(Fault.VERSION_STEP, f"{field}.newVersion", f"{sent.current} to {sent.new}")
    return sent.new


def check_version(version: int, sent: ObjectVersion, *, content: bool, field: str = "objectVersion") -> int:
    """Give the version that follows, or refuse: ``STALE_VERSION``, ``VERSION_STEP``."""
    if sent.current != version:
        raise MessageRefused(Fault.STALE_VERSION, f"{field}.currentVersion", f"it is {version}, not {sent.current}")
    following = version + 1 if content else version
    if sent.new != following:
        raise MessageRefused(Fault.VERSION_STEP, f"{field}.newVersion", f"send {following}, not {sent.new}")
    return following


def check_current_status(status: str, sent: Transition, field: str = "statusTransition") -> None:
    """Refuse a sender who believes the object in another status (``STALE_STATUS``)."""
    if sent.current != status:
        raise MessageRefused(Fault.STALE_STATUS, f"{field}.currentStatus", f"it is {status}, not {sent.current}")


def check_new_status(end: str, sent: Transition, field: str = "statusTransition") -> None:
    """Refuse a new status that is neither what this leads to nor the current one again (``NEXT_STATUS_DIFFERS``)."""
    if sent.new not in {end, sent.current}:
        raise MessageRefused(Fault.NEXT_STATUS_DIFFERS, f"{field}.newStatus", f"it leads to {end}, not {sent.new}")
