"""Carrying parcels to another server: one signed POST for each, many lanes at a time, in order within a lane.

What the other server says decides (docs/decisions/0019): *taken* is a 200 that names the parcel; *refused* is a refusal of
the parcel itself in our own envelope, which no repetition would change; everything else (no reply, a 5xx, a redirect, a
200 that says something else, a signature or stamp that is not believed) leaves it unknown, and the parcel is sent again.
"""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import timedelta
from enum import StrEnum
from typing import Any, Final

import msgspec
import structlog

from hundi.http.outgoing import CallFailed, Reply, TargetRefused
from hundi.http.outgoing import Outgoing as Caller
from hundi.kit.clock import Clock
from hundi.network.paths import INBOX, path_of
from hundi.network.protocol.faults import Fault
from hundi.network.protocol.parcels import CENTRE, Parcel, Signer, seal
from hundi.network.protocol.store import Outgoing

log = structlog.get_logger("hundi.network")

CALL_S: Final = 8
"""How long the other server may take over one parcel."""
BEGIN_S: Final = 2
"""So long after a claim new attempts are begun; a slow server's later parcels are given back instead."""
LEASE: Final = timedelta(seconds=CALL_S + BEGIN_S)
"""So long a claimed parcel is left to whoever claimed it; if that worker dies, another one takes it after this."""
MADE_ELSEWHERE: Final = "MADE_ELSEWHERE"
"""The code of a parcel that was made under a name this server does not speak for."""
_IN_FLIGHT: Final = 16
_MOST_BYTES: Final = 16 * 1024
_LONGEST: Final = 500
_SUCCESS: Final = 0
_FINAL: Final = frozenset({400, 413})
_WORTH_ANOTHER_TRY: Final = frozenset({Fault.GAP_TOO_WIDE.value})
_PARCEL: Final = msgspec.json.Decoder(Parcel)


class Verdict(StrEnum):
    """What became of one attempt."""

    TAKEN = "TAKEN"
    REFUSED = "REFUSED"
    UNKNOWN = "UNKNOWN"
    LEFT = "LEFT"
    """It was not tried: the claim would have run out on the way, and two workers would have carried the same parcel."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt. ``code``, ``detail`` and ``field`` say why the parcel was not taken.

    ``reached``: somebody answered; None: nobody was asked.
    """

    outgoing: Outgoing
    verdict: Verdict
    code: str = ""
    detail: str = ""
    field: str = ""
    reached: bool | None = True

    @property
    def problem(self) -> str:
        """Say in a line why the parcel was not taken."""
        return f"{self.code}: {self.detail}"[:_LONGEST]


class _Problem(msgspec.Struct):
    field: str = ""
    code: str = ""
    message: str = ""


class _Failure(msgspec.Struct):
    errorMessage: str = ""
    apiSubErrors: list[_Problem] = []


class _Answer(msgspec.Struct):
    payload: Any = None
    response_code: Any = None
    errorResponse: _Failure | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)


class Turn:
    """How long attempts of one batch are begun: :data:`BEGIN_S` from when this is made, which is before the claim.

    The first attempt is begun in any case, so that something is tried however long the claim took.
    """

    def __init__(self) -> None:
        self._until = asyncio.get_running_loop().time() + BEGIN_S
        self._tried = False

    def may_begin(self) -> bool:
        """Tell whether another attempt may be begun."""
        may = not self._tried or asyncio.get_running_loop().time() < self._until
        self._tried = True
        return may


class Postman:
    """Carries to one address, as one signer, for senders whose names begin with ``speaks_for``."""

    def __init__(self, caller: Caller, clock: Clock, signer: Signer, address: str, speaks_for: str) -> None:
        self._speaks_for = speaks_for
        self._caller = caller
        self._clock = clock
        self._signer = signer
        self._address = address
        self._free = asyncio.Semaphore(_IN_FLIGHT)

    async def carry(self, batch: Sequence[Outgoing], turn: Turn) -> list[Outcome]:
        """Try each parcel once; those of a lane one after the other, and none behind one that did not come through.

        What has not been begun when the turn ends is left.
        """
        letters, done = [], []
        for outgoing in batch:
            try:
                letters.append((outgoing, _PARCEL.decode(outgoing.parcel)))
            except (msgspec.DecodeError, RecursionError):
                done.append(_unreadable(outgoing))
        rounds = await asyncio.gather(*(self._one_after_the_other(group, turn) for group in by_lane(letters)))
        return [*done, *(outcome for outcomes in rounds for outcome in outcomes)]

    async def _one_after_the_other(self, letters: Sequence[tuple[Outgoing, Parcel]], turn: Turn) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for at, (outgoing, parcel) in enumerate(letters):
            async with self._free:
                if not turn.may_begin():
                    outcomes += [_left(one) for one, _ in letters[at:]]
                    break
                outcomes.append(await self._attempt(outgoing, parcel))
            if outcomes[-1].verdict is Verdict.UNKNOWN:
                outcomes += [_behind(one, outcomes[-1]) for one, _ in letters[at + 1 :]]
                break
        return outcomes

    async def _attempt(self, outgoing: Outgoing, parcel: Parcel) -> Outcome:
        if not parcel.sender.startswith(self._speaks_for):
            detail = (
                "It was made under another name, before this server belonged to the central unit it belongs to now."
            )
            return Outcome(
                outgoing=outgoing, verdict=Verdict.REFUSED, code=MADE_ELSEWHERE, detail=detail, reached=None
            )  # fmt: skip
        path = path_of(parcel, to_centre=parcel.receiver == CENTRE)
        if path is None:
            return Outcome(
                outgoing=outgoing, verdict=Verdict.REFUSED, code=Fault.UNREADABLE.value, detail="It belongs nowhere.",
                reached=None,
            )  # fmt: skip
        try:
            return judge(outgoing, await self._post(outgoing, parcel, path))
        except CallFailed as failed:
            code = failed.code if isinstance(failed, TargetRefused) else "NO_REPLY"
            return Outcome(
                outgoing=outgoing, verdict=Verdict.UNKNOWN, code=code, detail=failed.detail, reached=False
            )  # fmt: skip
        except Exception as error:
            # One parcel that cannot be sent must not hold up the others of its batch.
            log.exception("a parcel could not be sent", parcel=outgoing.id)
            return Outcome(
                outgoing=outgoing, verdict=Verdict.UNKNOWN, code="NOT_SENT", detail=type(error).__name__, reached=False
            )  # fmt: skip

    async def _post(self, outgoing: Outgoing, parcel: Parcel, path: str) -> Reply:
        envelope = seal(outgoing.id, parcel.sender, outgoing.parcel, self._clock.now(), self._signer)
        headers = {
            "Network-Sender": envelope.sender, "Network-Receiver": parcel.receiver, "Network-Message-Id": envelope.id,
            "Network-Stamp": envelope.stamp.isoformat(), "Network-Signature": envelope.signature,
            "Content-Type": "application/json", "User-Agent": "hundi",
        }  # fmt: skip
        return await self._caller.call(
            "POST", f"{self._address}{INBOX}{path}", headers=headers, content=outgoing.parcel, timeout_s=CALL_S,
            most_bytes=_MOST_BYTES,
        )  # fmt: skip


def judge(outgoing: Outgoing, reply: Reply) -> Outcome:
    """Say what a reply means for the parcel."""
    try:
        answer = _ANSWER.decode(reply.body)
    except (msgspec.DecodeError, RecursionError):
        answer = _Answer()
    if reply.status == 200 and answer.payload == outgoing.id and answer.response_code == _SUCCESS:
        return Outcome(outgoing=outgoing, verdict=Verdict.TAKEN)
    failure = answer.errorResponse
    if failure is None:
        detail = f"The other server answered {reply.status} with something that is no answer to a parcel."
        return Outcome(outgoing=outgoing, verdict=Verdict.UNKNOWN, code="NOT_UNDERSTOOD", detail=detail)
    problem = failure.apiSubErrors[0] if failure.apiSubErrors else _Problem(code=f"HTTP_{reply.status}")
    final = reply.status in _FINAL and problem.code not in _WORTH_ANOTHER_TRY
    return Outcome(
        outgoing=outgoing,
        verdict=Verdict.REFUSED if final else Verdict.UNKNOWN,
        code=problem.code[:_LONGEST],
        detail=(problem.message or failure.errorMessage)[:_LONGEST],
        field=problem.field[:_LONGEST],
    )


def _left(outgoing: Outgoing) -> Outcome:
    """Give the outcome of one that is given back untried, to be claimed anew."""
    return Outcome(outgoing=outgoing, verdict=Verdict.LEFT, reached=None)


def _unreadable(outgoing: Outgoing) -> Outcome:
    """Give the outcome of one that another version has written, or that was damaged: it stays, and holds up no other."""
    log.error("a parcel of ours cannot be read", parcel=outgoing.id)
    detail = "It cannot be read by this version: it stays here until one is installed that can."
    return Outcome(outgoing=outgoing, verdict=Verdict.UNKNOWN, code="NOT_SENT", detail=detail, reached=None)


def _behind(outgoing: Outgoing, first: Outcome) -> Outcome:
    """Give the outcome of one that was not sent, because the one before it in its lane did not come through."""
    detail = f"It waits for {first.outgoing.id}, which comes before it."
    return Outcome(
        outgoing=outgoing, verdict=Verdict.UNKNOWN, code="WAITS_ITS_TURN", detail=detail, reached=first.reached
    )


def by_lane(letters: Iterable[tuple[Outgoing, Parcel]]) -> list[list[tuple[Outgoing, Parcel]]]:
    """Put together what shares a lane, in the order it was made; what shares none may go at the same time.

    Two lanes of one company to one receiver may be joined by a parcel about both objects; so may their groups.
    """
    group_of: dict[tuple[str, str, str], list[tuple[Outgoing, Parcel]]] = {}
    groups: list[list[tuple[Outgoing, Parcel]]] = []
    for letter in sorted(letters, key=lambda one: one[0].id):
        _, parcel = letter
        lanes = [(parcel.sender, parcel.receiver, position.lane) for position in parcel.positions]
        known = {id(found): found for lane in lanes if (found := group_of.get(lane)) is not None}
        group: list[tuple[Outgoing, Parcel]] = []
        for found in known.values():
            group += found
        groups = [one for one in groups if id(one) not in known]
        group.sort(key=lambda one: one[0].id)
        group.append(letter)
        groups.append(group)
        for _, member in group:
            group_of.update({(member.sender, member.receiver, one.lane): group for one in member.positions})
    return groups
