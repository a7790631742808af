"""The wire: once in effect, in order for each object, and nothing believed that is not genuine, fresh and ours."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from village import D, Village

from hundi.kit.clock import FrozenClock
from hundi.network.protocol import messages as m
from hundi.network.protocol.centre import Centre
from hundi.network.protocol.decisions import Change, Delivery
from hundi.network.protocol.faults import Fault, MessageRefused
from hundi.network.protocol.identifiers import Prefix
from hundi.network.protocol.mailbox import WIDEST_GAP, retry_at
from hundi.network.protocol.parcels import CENTRE, REPLAY_WINDOW, Envelope, Parcel, Position, encode, seal
from hundi.network.protocol.store import ConcurrentChange
from hundi.network.simulator import letters
from hundi.network.simulator.links import EndSigner


async def sealed(village: Village, name: str, message: m.Call) -> Envelope:
    """Give the envelope of a message as its sender would send it now; it stays in the outbox."""
    message_id = await village.post(name, message, rehearse=False)
    return next(envelope for _, envelope in await village.envelopes(name) if envelope.id == message_id)


def enveloped(village: Village, parcel: Parcel | bytes, name: str = "seller", parcel_id: str | None = None) -> Envelope:
    data = parcel if isinstance(parcel, bytes) else encode(parcel)
    if parcel_id is None:
        parcel_id = parcel.id if isinstance(parcel, Parcel) else village.new(Prefix.MESSAGE)
    return seal(parcel_id, name, data, village.clock.now(), EndSigner(village.keys, name))


async def refusal(village: Village, envelope: Envelope, receiver: str = CENTRE) -> Fault:
    """Give the fault an envelope is refused with; nothing may have changed."""
    before = await village.database(receiver).copies()
    with pytest.raises(MessageRefused) as refused:
        await village.hand_over(receiver, envelope)
    assert await village.database(receiver).copies() == before
    return refused.value.fault


async def test_a_repetition_has_no_second_effect(village: Village) -> None:
    envelope = await sealed(village, "seller", village.invoice_of())
    assert await village.hand_over(CENTRE, envelope) == 1
    waiting = len(await village.envelopes(CENTRE))
    for _ in range(3):
        assert await village.hand_over(CENTRE, envelope) == 0, "taken over before: acknowledged again"
    village.clock.at += timedelta(hours=1)
    again = seal(envelope.id, "seller", envelope.parcel, village.clock.now(), EndSigner(village.keys, "seller"))
    assert await village.hand_over(CENTRE, again) == 0, "a new attempt has a new stamp and the same parcel"
    assert len(await village.envelopes(CENTRE)) == waiting


async def test_what_comes_early_waits_for_its_turn(village: Village) -> None:
    invoice = village.invoice_of()
    first = await sealed(village, "seller", invoice)
    cancel = m.ChangeInvoiceStatus(
        buyer="BUYER", supplier="SELLER", object_id=invoice.object_id, number=invoice.number, version=m.ObjectVersion(1, 1),
        transition=m.Transition("SENT TO BUYER", "CANCELLED"), action="CANCEL",
    )  # fmt: skip
    second = await sealed(village, "seller", cancel)
    assert await village.hand_over(CENTRE, second) == 0, "kept back, and acknowledged"
    assert await village.hand_over(CENTRE, second) == 0
    assert invoice.object_id not in village.centre_db.tables.objects
    assert await village.hand_over(CENTRE, first) == 2
    assert village.at(CENTRE, invoice.object_id).status == "CANCELLED"
    assert village.centre_db.tables.held == {}


async def test_a_message_about_two_objects_waits_for_both_lanes(village: Village) -> None:
    one, two = await village.accepted(100), await village.accepted(100)
    note = letters.note(village.new(Prefix.CREDIT_NOTE), one, "N1", D(5), credit=True)
    # The buyer answers about each invoice with something that is refused, and then pays both.
    answers = [
        await sealed(village, "buyer", msgspec.structs.replace(_answer(found), version=m.ObjectVersion(9, 9)))
        for found in (one, two)
    ]
    lines = [(found, m.PaymentAmount(D(100), D(0), D(100)), ()) for found in (one, two)]
    pay = await sealed(village, "buyer", letters.payment(village.new(Prefix.PAYMENT), "U", lines, on_platform=False))
    other = await sealed(village, "seller", note)
    assert await village.hand_over(CENTRE, pay) == 0
    assert await village.hand_over(CENTRE, answers[1]) == 1
    assert await village.hand_over(CENTRE, other) == 1, "another's lanes are no concern of theirs"
    assert village.at(CENTRE, one.id).status == "ACCEPTED"
    assert await village.hand_over(CENTRE, answers[0]) == 2
    assert village.at(CENTRE, one.id).status == village.at(CENTRE, two.id).status == "PAYMENT INITIATED"


def _answer(found: Any) -> m.ConfirmInvoice:
    return m.ConfirmInvoice(
        buyer="BUYER", supplier="SELLER", object_id=found.id, number=found.number, version=m.ObjectVersion(1, 1),
        transition=m.Transition(found.status, found.status), response="ACCEPT",
    )  # fmt: skip


async def test_deliveries_to_a_party_keep_their_order_too(village: Village) -> None:
    found = await village.invoice()
    await village.post("buyer", letters.confirm_invoice(found, "RETURN", letters.Event.RETURN))
    for _, envelope in await village.envelopes("buyer"):
        await village.hand_over(CENTRE, envelope)
    returned = village.at(CENTRE, found.id)
    await village.hand_over(CENTRE, await sealed(village, "seller", letters.edited(returned, D(900))))
    mine = [envelope for receiver, envelope in await village.envelopes(CENTRE) if receiver == "buyer"]
    parcels = [msgspec.json.decode(one.parcel, type=Parcel) for one in mine]
    late_first = [one for _, one in sorted(zip(parcels, mine, strict=True), key=lambda p: -p[0].positions[0].number)]
    assert [await village.hand_over("buyer", one) for one in late_first] == [0, 2]
    assert (village.at("buyer", found.id).status, village.at("buyer", found.id).version) == ("SENT TO BUYER", 2)
    assert village.hooks("buyer")[-2:] == ["invoice/resp-confirm-invoice", "invoice/req-edit-invoice"]


async def test_a_machine_that_stops_before_its_commit_has_done_nothing(village: Village) -> None:
    envelope = await sealed(village, "seller", village.invoice_of())
    before = await village.centre_db.copies()
    store = await village.centre_db.begin()
    assert await village.centre.receive(store, envelope) == 1
    del store  # the crash
    assert await village.centre_db.copies() == before
    assert await village.hand_over(CENTRE, envelope) == 1


async def test_altered_unsigned_and_re_dated(village: Village) -> None:
    envelope = await sealed(village, "seller", village.invoice_of())
    altered = envelope.parcel.replace(b'"1000"', b'"9000"')
    assert altered != envelope.parcel
    for wrong in (
        msgspec.structs.replace(envelope, parcel=altered),
        msgspec.structs.replace(envelope, signature=""),
        msgspec.structs.replace(envelope, stamp=envelope.stamp + timedelta(seconds=1)),
        msgspec.structs.replace(envelope, sender="buyer"),
        msgspec.structs.replace(envelope, id=village.new(Prefix.MESSAGE)),
    ):
        assert await refusal(village, wrong) is Fault.BAD_SIGNATURE
    assert await village.hand_over(CENTRE, envelope) == 1, "the genuine one is still good"


@pytest.mark.parametrize("late", [REPLAY_WINDOW + timedelta(seconds=1), -REPLAY_WINDOW - timedelta(seconds=1)])
async def test_a_stamp_outside_the_window(village: Village, late: timedelta) -> None:
    envelope = await sealed(village, "seller", village.invoice_of())
    village.clock.at += late
    assert await refusal(village, envelope) is Fault.CLOCK_OUT_OF_WINDOW


async def test_a_stamp_at_the_edge_of_the_window(village: Village) -> None:
    envelope = await sealed(village, "seller", village.invoice_of())
    village.clock.at += REPLAY_WINDOW
    assert await village.hand_over(CENTRE, envelope) == 1


async def test_a_sender_without_a_key(village: Village) -> None:
    class NoKeys:
        def verify(self, sender: str, text: bytes, signature: str) -> bool | None:
            return None

    envelope = await sealed(village, "seller", village.invoice_of())
    village.centre = Centre(FrozenClock(village.clock.at), village.ids, NoKeys())
    assert await refusal(village, envelope) is Fault.SENDER_UNKNOWN


async def test_what_is_for_another_or_from_another(village: Village) -> None:
    own = await sealed(village, "seller", village.invoice_of())
    assert await refusal(village, own, "buyer") is Fault.WRONG_RECEIVER
    message = village.invoice_of()
    for_seller = Parcel(id="M1", sender="buyer", receiver="seller", positions=(), message=message)
    assert await refusal(village, enveloped(village, for_seller, "buyer"), "seller") is Fault.WRONG_RECEIVER
    # Who signs is who speaks: a parcel that names another sender, or another id, than its envelope is not believed.
    for parcel, parcel_id in (
        (Parcel(id="M2", sender="buyer", receiver=CENTRE, positions=(), message=message), "M2"),
        (Parcel(id="M3", sender="seller", receiver=CENTRE, positions=(), message=message), "M4"),
    ):
        assert await refusal(village, enveloped(village, parcel, "seller", parcel_id)) is Fault.WRONG_RECEIVER


async def test_what_cannot_be_read(village: Village) -> None:
    both = Parcel(
        id="M1", sender="seller", receiver=CENTRE, positions=(), message=village.invoice_of(),
        delivery=Delivery(hook="x", cause="y"),
    )  # fmt: skip
    neither = Parcel(id="M1", sender="seller", receiver=CENTRE, positions=())
    deep = b'{"id":"M1","sender":"seller","receiver":"CENTRE","positions":[],"delivery":' + b"[" * 100_000
    order = msgspec.json.encode(m.DecideKyc(business_id=village.business_of("seller"), approved=True))
    smuggled = b'{"id":"M1","sender":"seller","receiver":"CENTRE","positions":[],"message":' + order + b"}"
    for wrong in (both, neither, b"", b"\xff", b"{}", b"[]", deep, smuggled):
        envelope = enveloped(village, wrong, parcel_id="M1")
        assert await refusal(village, envelope) is Fault.UNREADABLE, wrong


async def test_an_id_for_something_else(village: Village) -> None:
    envelope = await sealed(village, "seller", village.invoice_of())
    await village.hand_over(CENTRE, envelope)
    parcel = msgspec.json.decode(envelope.parcel, type=Parcel)
    other = msgspec.structs.replace(parcel, message=village.invoice_of())
    assert await refusal(village, enveloped(village, other)) is Fault.MESSAGE_ID_REUSED


async def test_a_place_that_is_taken_and_one_that_is_too_far(village: Village) -> None:
    envelope = await sealed(village, "seller", village.invoice_of())
    await village.hand_over(CENTRE, envelope)
    parcel = msgspec.json.decode(envelope.parcel, type=Parcel)
    lane = parcel.positions[0].lane
    for number, fault in ((1, Fault.POSITION_USED), (0, Fault.POSITION_USED), (WIDEST_GAP + 2, Fault.GAP_TOO_WIDE)):
        wrong = msgspec.structs.replace(parcel, id=village.new(Prefix.MESSAGE), positions=(Position(lane, number),))
        assert await refusal(village, enveloped(village, wrong)) is fault
    last = msgspec.structs.replace(parcel, id=village.new(Prefix.MESSAGE), positions=(Position(lane, WIDEST_GAP + 1),))
    assert await village.hand_over(CENTRE, enveloped(village, last)) == 0


async def test_a_delivery_at_the_centre_does_nothing(village: Village) -> None:
    before = await village.centre_db.copies()
    change = Change(village.at(CENTRE, "@BUYER"), ())
    parcel = Parcel(
        id="M1",
        sender="seller",
        receiver=CENTRE,
        positions=(),
        delivery=Delivery(hook="x", cause="y", changes=(change,)),
    )
    await village.hand_over(CENTRE, enveloped(village, parcel))
    assert await village.centre_db.copies() == before


async def test_the_outbox(village: Village) -> None:
    envelope = await sealed(village, "seller", village.invoice_of())
    now = village.clock.now()
    store = await village.dbs["seller"].begin()
    assert await store.next_due() == now
    await store.postpone(envelope.id, 1, retry_at(1, now))
    await store.commit()
    store = await village.dbs["seller"].begin()
    assert await store.next_due() == now + timedelta(seconds=2)
    assert await store.due(now, 10) == []
    assert [one.attempts for one in await store.due(now + timedelta(seconds=2), 10)] == [1]
    assert await village.acknowledge("seller", envelope.id)
    assert not await village.acknowledge("seller", envelope.id)
    store = await village.dbs["seller"].begin()
    await store.postpone(envelope.id, 2, now)
    await store.commit()
    assert await (await village.dbs["seller"].begin()).next_due() is None, "what is acknowledged stays gone"


def test_retries_wait_longer_up_to_an_hour(village: Village) -> None:
    now = village.clock.now()
    waits = [(retry_at(attempts, now) - now).total_seconds() for attempts in range(1, 15)]
    assert waits[:4] == [2, 4, 8, 16]
    assert waits == sorted(waits)
    assert waits[11:] == [3600, 3600, 3600]
    assert retry_at(10**6, now) == now + timedelta(hours=1)


async def test_a_change_on_an_old_copy_begins_again(village: Village) -> None:
    found = await village.invoice()
    copy = next(copy for copy in await village.centre_db.copies() if copy.object.id == found.id)
    store = await village.centre_db.begin()
    with pytest.raises(ConcurrentChange):
        await store.put(Change(copy.object, copy.moves[-1:]), m.NO_BODY)
    await store.claim("a key", "one")
    await store.claim("a key", "one")
    with pytest.raises(ConcurrentChange):
        await store.claim("a key", "another")
