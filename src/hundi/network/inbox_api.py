"""Where the network delivers: signed parcels under the published paths, authenticated by signature and never by bearer.

The published paths collide with our own calls, so what comes from outside arrives under ``/network/inbox/`` (design §5). A
parcel for the central unit comes under the path of a call, one for a company under the path of a webhook. Its headers:
``Network-Sender``, ``Network-Receiver``, ``Network-Message-Id``, ``Network-Stamp`` (RFC 3339) and ``Network-Signature``, the
ed25519 signature in base64 over ``sender.id.stamp.`` and the body's bytes. A company of a server that belongs to a central
unit elsewhere is ``<server>/<company id>`` there, and believes that unit alone (docs/decisions/0019).
"""

from datetime import datetime
from typing import Any, Final

import msgspec
import structlog
from litestar import Request, post
from litestar.datastructures import State

from hundi.auth.guard import PUBLIC
from hundi.http.docs import statuses
from hundi.http.envelope import SUCCESS, Reply
from hundi.kit.dates import NotADate, ist_date, parse_instant
from hundi.kit.errors import FieldProblem, Refusal
from hundi.kit.ids import SellerId
from hundi.network.arrivals import take_all
from hundi.network.central import unit
from hundi.network.central.waking import wake
from hundi.network.ends import party_of, verifier_of
from hundi.network.errors import NoCentreHere, NoSuchInbox, ObjectBusy, ParcelRefused, ParcelUnsigned
from hundi.network.membership import membership
from hundi.network.paths import PATHS, path_of
from hundi.network.protocol.deciding import subjects
from hundi.network.protocol.faults import Fault, MessageRefused
from hundi.network.protocol.messages import Call
from hundi.network.protocol.parcels import CENTRE, Envelope, Parcel, unseal
from hundi.network.protocol.store import ConcurrentChange
from hundi.network.schemas import NetworkReply
from hundi.network.scrutiny import Scrutiny
from hundi.network.wire.meaning import message_of

log = structlog.get_logger("hundi.network")

_COMPANY: Final = "SELECT true FROM sellers WHERE seller_id = $1"
_UNSIGNED: Final = frozenset({Fault.SENDER_UNKNOWN, Fault.BAD_SIGNATURE, Fault.CLOCK_OUT_OF_WINDOW})
_HEADERS: Final = ("Network-Sender", "Network-Receiver", "Network-Message-Id", "Network-Stamp", "Network-Signature")
_LONGEST: Final = 200
_MOST_SHOWN: Final = 20
_PARCEL: Final = msgspec.json.Decoder(Parcel)


@post(
    "/network/inbox/{path:path}",
    operation_id="deliverToNetworkInbox",
    tags=["network-inbox"],
    opt=PUBLIC,
    status_code=200,
    responses=statuses(),
    security=[],
)
async def deliver_to_network_inbox(path: str, request: Request[Any, Any, Any], state: State) -> Reply[NetworkReply]:
    """Take a signed parcel over; one that was taken over before is acknowledged again and has no effect.

    The reply's payload is the parcel's id. A parcel that is refused stays with its sender, who may send it again.
    """
    where = path.strip("/")
    if where not in PATHS:
        raise NoSuchInbox
    envelope, receiver = _envelope(request, await request.body())
    parcel = _check_path(where, receiver, envelope.parcel)
    try:
        if receiver == CENTRE:
            await _to_the_centre(state, envelope, parcel)
        else:
            await _to_a_company(state, receiver, envelope)
    except MessageRefused as refused:
        unsigned = refused.fault in _UNSIGNED
        if unsigned:
            # Nobody else here would ever see that the servers' keys or clocks differ: what is not believed leaves no trace.
            log.warning("a parcel was not believed", sender=envelope.sender, receiver=receiver, why=str(refused))
        kind = ParcelUnsigned if unsigned else ParcelRefused
        problem = FieldProblem(refused.field or "body", refused.fault.value, refused.sentence())
        raise kind(problems=[problem]) from refused
    except ConcurrentChange as error:
        raise ObjectBusy from error
    return Reply(NetworkReply(payload=envelope.id, response_code=SUCCESS, response_message="SUCCESS"))


def _envelope(request: Request[Any, Any, Any], body: bytes) -> tuple[Envelope, str]:
    found = {name: request.headers.get(name, "") for name in _HEADERS}
    problems = [
        FieldProblem(name, "REQUIRED", f"Send the header {name}, of at most {_LONGEST} characters.")
        for name, value in found.items()
        if not 1 <= len(value) <= _LONGEST
    ]
    stamp: datetime | None = None
    try:
        stamp = parse_instant(found["Network-Stamp"])
    except NotADate as error:
        problems.append(FieldProblem("Network-Stamp", error.code, str(error)))
    if problems or stamp is None:
        raise ParcelUnsigned(problems=problems)
    sender, receiver, message_id, _, signature = found.values()
    return Envelope(id=message_id, sender=sender, stamp=stamp, parcel=body, signature=signature), receiver


def _check_path(where: str, receiver: str, body: bytes) -> Parcel:
    """Give the parcel; refuse one that stands under another path than its own, or under one of the other direction."""
    try:
        parcel = _PARCEL.decode(body)
    except (msgspec.DecodeError, RecursionError):
        raise ParcelRefused(
            problems=[FieldProblem("body", Fault.UNREADABLE.value, "Send the parcel as it was made.")]
        ) from None
    own = path_of(parcel, to_centre=receiver == CENTRE)
    if own != where:
        message = "The parcel belongs under another path: send each message under its own."
        raise ParcelRefused(problems=[FieldProblem("path", "WRONG_PATH", message, where)])
    return parcel


def _check_message(parcel: Parcel, message: Call, scrutiny: Scrutiny) -> None:
    """Refuse a message that is not what its own body says, or that stands in other lanes than those of its objects.

    Another server's word is worth no more than a caller's: amounts, texts and ids are held to the published body's rules,
    and what the rules decide by is what the other side is shown.
    """
    try:
        meant = message_of(scrutiny.body_of(message), type(message))
    except Refusal as refused:
        problems = [
            FieldProblem(f"message.body.{one.field}", one.code, one.message) for one in refused.problems[:_MOST_SHOWN]
        ] or [FieldProblem("message.body", refused.code, refused.message)]
        raise ParcelRefused(problems=problems) from refused
    if msgspec.structs.replace(message, body=meant.body) != meant:
        text = "The parcel's values are not those of the body it carries: make it from the body again."
        raise ParcelRefused(problems=[FieldProblem("message", "MESSAGE_DIFFERS", text)])
    if tuple(position.lane for position in parcel.positions) != subjects(message):
        text = "A message has a place in the lane of each object it is about, in their order, and in no other."
        raise ParcelRefused(problems=[FieldProblem("positions", "LANES_DIFFER", text)])


async def _to_the_centre(state: State, envelope: Envelope, parcel: Parcel) -> None:
    if membership(state.settings) is not None:
        raise NoCentreHere
    sandbox = state.settings.network_sandbox
    async with state.db.unbound() as tx:
        await unit.check(tx, state.keyring, envelope)
        scrutiny = Scrutiny(today=ist_date(tx.now), keys=state.portal_keys, sandbox=sandbox)
        if parcel.message is not None:
            _check_message(parcel, parcel.message, scrutiny)
        receivers = await unit.receive(tx, state.keyring, envelope, sandbox=sandbox, scrutiny=scrutiny)
        await wake(tx, receivers)


async def _to_a_company(state: State, receiver: str, envelope: Envelope) -> None:
    member = membership(state.settings)
    server, slash, name = receiver.rpartition("/")
    seller_id = SellerId(name)
    async with state.db.transaction(seller_id) as tx:
        # The signature first: who may not deliver here learns nothing of which companies there are.
        unseal(envelope, receiver, tx.now, verifier_of(state.keyring, state.settings))
        ours = not slash if member is None else server == member.server
        if not ours or not await tx.fetchval(_COMPANY, seller_id):
            raise MessageRefused(Fault.WRONG_RECEIVER, "Network-Receiver", receiver[:_LONGEST])
        party = party_of(tx, state.keyring, state.settings)
        await take_all(tx, party, [(party.unseal(envelope), envelope.parcel)])


ROUTES: Final[list[Any]] = [deliver_to_network_inbox]
