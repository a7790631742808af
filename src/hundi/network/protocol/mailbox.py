"""Sending and taking in, alike at both ends: at least once on the wire, once in effect, in order for each object.

A parcel has a place in the lane of every object it is about. It takes effect when it is next in all of them; what comes
early is kept back (and acknowledged: it is in our books), what comes again is acknowledged again. Lanes cannot block each
other for ever, since a sender numbers its parcels one after another.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from hundi.network.protocol.decisions import Delivery
from hundi.network.protocol.faults import Fault, MessageRefused
from hundi.network.protocol.messages import Call
from hundi.network.protocol.parcels import Parcel, Position, digest, encode
from hundi.network.protocol.store import Mailbox, Outgoing

WIDEST_GAP: Final = 1000
"""How many parcels of a lane may be missing before one that is kept back."""
KEPT: Final = timedelta(days=90)
"""How long it is remembered which parcels were taken over; far longer than a stamp may be off (docs/decisions/0019)."""
_FIRST_RETRY: Final = timedelta(seconds=2)
_LONGEST_RETRY: Final = timedelta(hours=1)
_DOUBLINGS: Final = 11


async def post(
    box: Mailbox,
    parcel_id: str,
    ends: tuple[str, str],
    lanes: Sequence[str],
    content: Call | Delivery,
    at: datetime,
) -> Parcel:
    """Number a message or delivery in its lanes and put it into the outbox. ``ends`` are sender and receiver."""
    numbers = await box.next_numbers(ends[1], lanes)
    parcel = Parcel(
        id=parcel_id, sender=ends[0], receiver=ends[1],
        positions=tuple(Position(lane, numbers[lane]) for lane in lanes),
        message=None if isinstance(content, Delivery) else content,
        delivery=content if isinstance(content, Delivery) else None,
    )  # fmt: skip
    await box.put_outgoing(Outgoing(id=parcel_id, receiver=ends[1], parcel=encode(parcel), due=at))
    return parcel


def retry_at(attempts: int, at: datetime) -> datetime:
    """Say when a parcel that was tried so often is due again: 2 s, doubling to an hour, and then every hour.

    The network gives no message up: a peer that is away for a week gets all of it when it is back.
    """
    doublings: int = min(attempts - 1, _DOUBLINGS)
    return at + min(_FIRST_RETRY * (1 << doublings), _LONGEST_RETRY)


async def take_in(
    box: Mailbox, parcel: Parcel, data: bytes, at: datetime, effect: Callable[[Parcel], Awaitable[None]]
) -> int:
    """Take a parcel over: ``effect`` is called for it and for all it had kept waiting, each when its turn has come.

    Gives how many took effect; 0 for a repetition or one that must wait. Refuses ``MESSAGE_ID_REUSED``,
    ``POSITION_USED``, ``GAP_TOO_WIDE``. ``data`` are the bytes the parcel came in.
    """
    known = await box.seen(parcel.sender, parcel.id)
    told = digest(data)
    if known is not None:
        if known != told:
            raise MessageRefused(Fault.MESSAGE_ID_REUSED, "id", parcel.id)
        return 0
    heights = await box.heights(parcel.sender, [position.lane for position in parcel.positions])
    for position in parcel.positions:
        ahead = position.number - heights.get(position.lane, 0)
        if ahead < 1:
            raise MessageRefused(Fault.POSITION_USED, "positions", f"{position.lane} {position.number}")
        if ahead > WIDEST_GAP:
            raise MessageRefused(Fault.GAP_TOO_WIDE, "positions", f"{position.lane} {position.number}")
    await box.mark_seen(parcel.sender, parcel.id, told, at)
    if any(position.number != heights.get(position.lane, 0) + 1 for position in parcel.positions):
        await box.hold(parcel)
        return 0
    return await _run(box, parcel, effect)


async def _run(box: Mailbox, first: Parcel, effect: Callable[[Parcel], Awaitable[None]]) -> int:
    ready = [first]
    done = 0
    while ready:
        parcel = ready.pop(0)
        await effect(parcel)
        await box.raise_heights(parcel.sender, parcel.positions)
        done += 1
        following = [Position(position.lane, position.number + 1) for position in parcel.positions]
        for waiting in await box.held(parcel.sender, following):
            lanes = [position.lane for position in waiting.positions]
            heights = await box.heights(parcel.sender, lanes)
            if all(position.number == heights.get(position.lane, 0) + 1 for position in waiting.positions):
                await box.let_go(waiting)
                ready.append(waiting)
    return done
