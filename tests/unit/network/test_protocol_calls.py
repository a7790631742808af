"""What comes of each of the 20 calls and of the network's own orders, at the centre and on both sides."""

from __future__ import annotations

from typing import get_args

import msgspec
import pytest
from village import PANS, D, Village

from hundi.network.protocol import messages as m
from hundi.network.protocol.amounts import CREDIT_NOTE
from hundi.network.protocol.catalogue import CALLS, NOTICE, OUR_OWN_HOOKS, webhooks
from hundi.network.protocol.deciding import HANDLERS
from hundi.network.protocol.decisions import FoundBusiness
from hundi.network.protocol.identifiers import Prefix
from hundi.network.protocol.objects import (
    BusinessFacts,
    Identifier,
    InvoiceFacts,
    Line,
    NoteFacts,
    OrderFacts,
    OrderShare,
    facts_of,
)
from hundi.network.protocol.parcels import CENTRE
from hundi.network.protocol.statuses import Event
from hundi.network.simulator import letters

T, V = m.Transition, m.ObjectVersion


@pytest.fixture(autouse=True)
async def all_is_well_at_the_end(village: Village) -> object:
    """Hold every test's village against the invariants."""
    yield
    assert await village.broken() == []


def invoice_facts(village: Village, object_id: str) -> InvoiceFacts:
    return facts_of(village.at(CENTRE, object_id), InvoiceFacts)


def test_the_catalogue_is_the_contracts(village: Village) -> None:
    """20 calls, 33 webhooks (contract B2B §0.4), each call with a handler, no path twice."""
    assert set(CALLS) == set(get_args(m.Call))
    assert set(HANDLERS) == set(get_args(m.Call)) | set(get_args(m.NetworkOrder))
    assert len({call.path for call in CALLS.values()}) == 20
    assert len(set(webhooks())) == len(webhooks()) == 33
    for known in (
        "business-onboarding/respCheckEntity", "payment/req-pay", "payment/resp-pay-confirmation", "cd-note/resp-send",
        "purchase-order/req-confirm", "purchase-order/resp-status-change", "finance/shareBid",
    ):  # fmt: skip
        assert known in webhooks()
    assert not OUR_OWN_HOOKS & set(webhooks())
    assert CALLS[m.SendInvoice].path == "/api/v0/invoice/req-send-invoice"


# ---------------------------------------------------------------- onboarding


async def test_a_business_is_registered_and_trades_once_its_kyc_is_approved(village: Village) -> None:
    village.move_in("new")
    assert await village.say("new", village.registration("new")) is None
    business = village.business_of("new")
    assert (village.status(business), village.status("@NEW")) == ("KYC PENDING", "INACTIVE")
    assert await village.refused("seller", village.invoice_of(buyer="NEW")) == "B2B_ID_INACTIVE"
    await village.order(m.DecideKyc(business_id=business, approved=False))
    assert village.status(business) == "INACTIVE"
    await village.order(m.DecideKyc(business_id=business, approved=True))
    assert (village.status(business), village.status("@NEW")) == ("ACTIVE", "ACTIVE")
    assert await village.say("seller", village.invoice_of(buyer="NEW")) is None
    assert village.hooks("new") == [
        "business-onboarding/respRegEntity", NOTICE, NOTICE, "invoice/req-send-invoice",
    ]  # fmt: skip


async def test_checking_a_pan(village: Village) -> None:
    def asked(pan: str) -> m.CheckEntity:
        return m.CheckEntity(business_id=village.new(Prefix.BUSINESS), pan=pan, entity_type="COMPANY", name="X")

    assert await village.say("other", asked(PANS["seller"].lower())) is None
    known = FoundBusiness(
        name="The seller", alias="", state="KARNATAKA", pincode="560001", active=True, b2b_ids=(("SELLER", ""),)
    )
    assert village.told["other"][-1].found == (known,)
    assert await village.say("other", asked("AAACZ9999Z")) is None
    assert village.told["other"][-1].found == ()


async def test_several_departments_share_a_pan(village: Village) -> None:
    for at, name in enumerate(("north", "south")):
        village.move_in(name)
        message = village.registration(name, pan="AAAGX1234P", entity_type="GOVERNEMNT AGENCY")
        assert await village.say(name, message) is None, at
        await village.order(m.DecideKyc(business_id=village.business_of(name), approved=True))
    asked = m.CheckEntity(
        business_id=village.new(Prefix.BUSINESS), pan="AAAGX1234P", entity_type="GOVERNEMNT AGENCY", name="X"
    )
    assert await village.say("other", asked) is None
    found = village.told["other"][-1].found
    assert found is not None
    assert {one.name for one in found} == {"The north", "The south"}


async def test_further_ids_public_and_private(village: Village) -> None:
    udyam = Identifier("UDYAM", "UDYAM-SELLER")
    ids = (
        m.NewB2bId(value="SELLER-SHOP", public=True, identifier=udyam, description="shop"),
        m.NewB2bId(value="SELLER-HIDDEN", public=False, identifier=udyam),
    )
    business = village.business_of("seller")
    assert await village.say("seller", m.RegisterIds(business_id=business, requestor="SELLER", ids=ids)) is None
    assert facts_of(village.at(CENTRE, business), BusinessFacts).b2b_ids == ("SELLER", "SELLER-SHOP", "SELLER-HIDDEN")
    assert await village.say("seller", village.invoice_of(supplier="SELLER-HIDDEN")) is None
    await village.order(m.SwitchB2bId(b2b_id="seller", active=False))
    for parameter, value in (
        ("PAN", PANS["seller"]), ("GSTIN", "29seller"), ("UDYAM", "UDYAM-SELLER"), ("NAME", "the SELLER"),
        ("EMAIL", "seller@example.com"), ("B2B ID", "seller-shop"),
    ):  # fmt: skip
        search = m.SearchEntity(requestor="OTHER", criteria=(m.Criterion(parameter, "EXACT", value),))
        assert await village.say("other", search) is None
        found = village.told["other"][-1].found
        assert found is not None
        assert [one.b2b_ids for one in found] == [(("SELLER-SHOP", "shop"),)], parameter
    both = (m.Criterion("PAN", "EXACT", PANS["seller"]), m.Criterion("NAME", "EXACT", "The buyer"))
    assert await village.say("other", m.SearchEntity(requestor="OTHER", criteria=both)) == "SEARCH_NOTHING"


async def test_an_id_out_of_use_still_pays_what_it_owes(village: Village) -> None:
    found = await village.accepted()
    await village.order(m.SwitchB2bId(b2b_id="BUYER", active=False))
    await village.confirmed(await village.paid(found, 1000))
    assert village.status(found.id) == "PAID"


# ---------------------------------------------------------------- invoices


async def test_the_supplier_hears_and_the_buyer_is_told(village: Village) -> None:
    message = village.invoice_of(body=letters.body_of(anything="as it was sent"))
    assert await village.say("seller", message) is None
    assert village.status(message.object_id) == "SENT TO BUYER"
    heard, told = village.told["seller"][-1], village.told["buyer"][-1]
    assert (heard.hook, told.hook) == ("invoice/resp-send-invoice", "invoice/req-send-invoice")
    assert heard.resp is not None
    assert heard.resp.request_id == heard.cause == told.cause
    assert told.resp is None
    assert bytes(told.body) == bytes(heard.body) == b'{"anything":"as it was sent"}'
    assert village.dbs["buyer"].tables.documents[message.object_id] == b'{"anything":"as it was sent"}'


async def test_what_is_made_stands_as_created_until_the_answer(village: Village) -> None:
    message = village.invoice_of()
    await village.post("seller", message)
    assert village.at("seller", message.object_id).status == "CREATED"
    assert message.object_id not in village.centre_db.tables.objects
    await village.carry()
    assert village.status(message.object_id) == "SENT TO BUYER"
    refused = village.invoice_of(buyer="NOBODY")
    assert await village.say("seller", refused) == "B2B_ID_UNKNOWN"
    assert village.at("seller", refused.object_id).status == "FAILED"
    assert refused.object_id not in village.centre_db.tables.objects


async def test_returned_edited_accepted(village: Village) -> None:
    found = await village.invoice(1000)
    found = await village.answered(found, "RETURN")
    assert await village.say("seller", letters.edited(found, D(900))) is None
    edited = village.at("buyer", found.id)
    assert (edited.status, edited.version, facts_of(edited, InvoiceFacts).total) == ("SENT TO BUYER", 2, D(900))
    assert village.dbs["buyer"].tables.documents[found.id] == village.centre_db.tables.documents[found.id]
    await village.answered(edited)
    assert [moved.event for moved in village.dbs["seller"].tables.moves[found.id]] == [
        Event.CREATE, Event.DELIVER, Event.RETURN, Event.EDIT, Event.ACCEPT,
    ]  # fmt: skip


async def test_a_rejected_invoice_is_over_and_its_number_is_burnt(village: Village) -> None:
    found = await village.answered(await village.invoice(), "REJECT")
    again = letters.invoice(village.new(Prefix.INVOICE), "BUYER", "SELLER", found.number, D(5))
    assert await village.refused("seller", again) == "DOCUMENT_NUMBER_TAKEN"
    assert await village.refused("seller", letters.change_invoice(found, "CANCEL")) == "ILLEGAL_MOVE"


@pytest.mark.parametrize("response", [None, "ACCEPT", "RETURN"])
async def test_cancelling_before_anything_is_paid(village: Village, response: str | None) -> None:
    found = await village.invoice()
    found = await village.answered(found, response) if response else found
    assert await village.say("seller", letters.change_invoice(found, "CANCEL")) is None
    assert village.status(found.id) == "CANCELLED"
    assert village.hooks("buyer")[-1] == "invoice/req-status-change-invoice"


async def test_an_edition_with_an_irn_may_change_the_text_only(village: Village) -> None:
    found = await village.invoice(irn="a" * 64)
    same = msgspec.structs.replace(letters.edited(found, D(1000)), irn="a" * 64, body=letters.body_of(remarks="new"))
    assert await village.say("seller", same) is None
    assert village.at("buyer", found.id).version == 2


async def test_the_new_status_may_be_left_to_the_network(village: Village) -> None:
    found = await village.invoice()
    message = letters.confirm_invoice(found, "ACCEPT", Event.ACCEPT)
    left_open = msgspec.structs.replace(message, transition=T("SENT TO BUYER", "SENT TO BUYER"))
    assert await village.say("buyer", left_open) is None
    assert village.status(found.id) == "ACCEPTED"


async def test_the_first_of_two_who_act_at_once_wins(village: Village) -> None:
    found = await village.invoice()
    cancel = await village.post("seller", letters.change_invoice(village.at("seller", found.id), "CANCEL"))
    accept = await village.post("buyer", letters.confirm_invoice(found, "ACCEPT", Event.ACCEPT))
    await village.carry()
    assert sorted((village.answer("seller", cancel) or "", village.answer("buyer", accept) or "")) == [
        "", "STALE_STATUS",
    ]  # fmt: skip
    assert village.status(found.id) in {"CANCELLED", "ACCEPTED"}


# ---------------------------------------------------------------- payments


async def test_paid_in_two_parts_with_tax_deducted(village: Village) -> None:
    found = await village.accepted(1000)
    payment = await village.paid(found, 360, m.PaidSplit("TDS_INCOME_TAX", D(40)))
    assert (village.status(payment.id), village.status(found.id)) == ("ACK PENDING", "PAYMENT INITIATED")
    assert invoice_facts(village, found.id).in_flight == D(400)
    await village.confirmed(payment)
    assert (village.status(payment.id), village.status(found.id)) == ("CONFIRMED", "PARTIALLY PAID")
    assert invoice_facts(village, found.id).due == D(600)
    await village.confirmed(await village.paid(found, 600))
    assert village.status(found.id) == "PAID"
    assert await village.say("seller", letters.change_invoice(village.at("seller", found.id), "CLOSE")) is None
    assert village.status(found.id) == "CLOSED"


@pytest.mark.parametrize("first", [None, 400])
async def test_an_off_platform_payment_that_never_came(village: Village, first: int | None) -> None:
    found = await village.accepted(1000)
    if first:
        await village.confirmed(await village.paid(found, first))
    payment = await village.paid(found, 500)
    await village.confirmed(payment, "REJECT")
    assert village.status(payment.id) == "REJECTED"
    assert village.status(found.id) == ("PARTIALLY PAID" if first else "ACCEPTED")
    assert invoice_facts(village, found.id).due == D(1000 - (first or 0))
    # The same transfer may be reported again.
    again = village.payment_of(village.at("buyer", found.id), 500, utr=payment.number)
    assert await village.say("buyer", again) is None


async def test_on_platform_money_waits_for_the_rail(village: Village) -> None:
    found = await village.accepted(1000)
    payment = await village.paid(found, 1000, on_platform=True)
    assert village.status(payment.id) == "INITIATED"
    assert await village.refused("seller", village.confirmation_of(payment)) == "ILLEGAL_MOVE"
    await village.order(m.SettlePayment(payment_id=payment.id, success=True))
    assert (village.status(payment.id), village.status(found.id)) == ("SUCCESS", "PAYMENT INITIATED")
    await village.confirmed(village.at("seller", payment.id))
    assert village.status(found.id) == "PAID"
    await village.order(m.CloseInvoice(invoice_id=found.id))
    assert village.status(found.id) == "CLOSED"
    assert (village.hooks("buyer")[-1], village.hooks("seller")[-1]) == (NOTICE, NOTICE)


async def test_on_platform_money_that_does_not_move(village: Village) -> None:
    found = await village.accepted(1000)
    note = await village.note(found, 100)
    payment = await village.paid(found, 900, m.PaidSplit(CREDIT_NOTE, D(100), note.id), on_platform=True)
    assert village.status(note.id) == "APPLIED"
    await village.order(m.SettlePayment(payment_id=payment.id, success=False))
    assert [village.status(one) for one in (payment.id, found.id, note.id)] == ["FAILED", "ACCEPTED", "ACCEPTED"]
    await village.confirmed(await village.paid(found, 900, m.PaidSplit(CREDIT_NOTE, D(100), note.id)))
    assert (village.status(found.id), village.status(note.id)) == ("PAID", "APPLIED")


async def test_one_payment_for_several_invoices(village: Village) -> None:
    first, second = await village.accepted(1000), await village.accepted(500)
    whole = (m.PaymentAmount(D(1000), D(0), D(1000)), m.PaymentAmount(D(200), D(50), D(250)))
    lines = [(first, whole[0], ()), (second, whole[1], (m.PaidSplit("DISCOUNT", D(50)),))]
    message = letters.payment(village.new(Prefix.PAYMENT), "UTR-X", lines, on_platform=False)
    assert await village.say("buyer", message) is None
    await village.confirmed(village.at("seller", message.object_id))
    assert (village.status(first.id), village.status(second.id)) == ("PAID", "PARTIALLY PAID")
    assert invoice_facts(village, second.id).due == D(250)


async def test_a_payment_over_invoices_moves_none_when_one_is_wrong(village: Village) -> None:
    first, second = await village.accepted(1000), await village.accepted(500)
    lines = [(one, m.PaymentAmount(D(600), D(0), D(600)), ()) for one in (first, second)]
    message = letters.payment(village.new(Prefix.PAYMENT), "UTR-X", lines, on_platform=False)
    assert await village.refused("buyer", message) == "OVERPAYMENT"
    assert (village.status(first.id), village.status(second.id)) == ("ACCEPTED", "ACCEPTED")
    assert invoice_facts(village, first.id).in_flight == 0


# ---------------------------------------------------------------- purchase orders and notes


async def test_from_order_to_invoices_and_back(village: Village) -> None:
    order = await village.purchase_order(1000, 10)
    assert order.version == 0, "the published example counts orders from 0"

    async def invoiced(amount: int, quantity: int) -> str:
        share = OrderShare(order.id, D(amount), (Line("1", D(quantity)),))
        message = village.invoice_of(amount, share)
        assert await village.say("seller", message) is None
        return message.object_id

    first = await invoiced(600, 6)
    assert village.status(order.id) == "PARTIALLY INVOICED"
    second = await invoiced(400, 4)
    assert village.status(order.id) == "FULLY INVOICED"
    await village.answered(village.at("buyer", second), "REJECT")
    assert village.status(order.id) == "PARTIALLY INVOICED"
    edited = letters.edited(village.at("seller", first), D(500))
    assert await village.say("seller", edited) is None
    facts = facts_of(village.at(CENTRE, order.id), OrderFacts)
    assert (facts.invoiced, facts.invoiced_lines) == (D(500), (Line("1", D(6)),))
    assert await village.say("seller", letters.change_invoice(village.at("seller", first), "CANCEL")) is None
    assert village.status(order.id) == "ACCEPTED"
    assert await village.say("buyer", letters.change_order(village.at("buyer", order.id), "CANCEL")) is None
    assert village.status(order.id) == "CANCELLED"


async def test_an_order_without_lines_is_counted_by_amount(village: Village) -> None:
    order = await village.purchase_order(1000, lines=())
    for amount, status in ((400, "PARTIALLY INVOICED"), (600, "FULLY INVOICED")):
        assert await village.say("seller", village.invoice_of(amount, OrderShare(order.id, D(amount)))) is None
        assert village.status(order.id) == status


async def test_an_order_is_returned_edited_closed(village: Village) -> None:
    order = await village.purchase_order(accept=False, version=V(1, 1))
    assert await village.say("seller", letters.confirm_order(order, "RETURN")) is None
    assert await village.say("buyer", letters.edited_order(village.at("buyer", order.id), D(700))) is None
    edited = village.at("seller", order.id)
    assert (edited.status, edited.version) == ("SENT TO SUPPLIER", 2)
    assert await village.say("seller", letters.confirm_order(edited, "ACCEPT")) is None
    share = OrderShare(order.id, D(100), ())
    invoice = village.invoice_of(100, share)
    assert await village.say("seller", invoice) is None
    assert await village.say("buyer", letters.change_order(village.at("buyer", order.id), "CLOSE")) is None
    # A closed order still loses what its invoices no longer take.
    assert (
        await village.say("seller", letters.change_invoice(village.at("seller", invoice.object_id), "CANCEL")) is None
    )
    assert village.status(order.id) == "CLOSED"
    rejected = await village.purchase_order(accept=False)
    assert await village.say("seller", letters.confirm_order(rejected, "REJECT")) is None
    assert village.status(rejected.id) == "REJECTED"


async def test_a_note_is_set_off_in_parts(village: Village) -> None:
    first, second = await village.accepted(1000), await village.accepted(1000)
    note = await village.note(first, 150)
    await village.confirmed(await village.paid(first, 900, m.PaidSplit(CREDIT_NOTE, D(100), note.number)))
    assert (village.status(note.id), facts_of(village.at("buyer", note.id), NoteFacts).left) == ("ACCEPTED", D(50))
    payment = await village.paid(second, 950, m.PaidSplit(CREDIT_NOTE, D(50), note.id))
    assert village.status(note.id) == "APPLIED"
    await village.confirmed(payment, "REJECT")
    assert (village.status(note.id), village.status(second.id)) == ("ACCEPTED", "ACCEPTED")


async def test_notes_are_rejected_or_taken_back(village: Village) -> None:
    found = await village.accepted()
    rejected, taken_back = await village.note(found, 10, accept=False), await village.note(found, 10, accept=False)
    assert await village.say("buyer", letters.confirm_note(rejected, "REJECT")) is None
    assert await village.say("seller", letters.cancel_note(village.at("seller", taken_back.id))) is None
    assert (village.status(rejected.id), village.status(taken_back.id)) == ("REJECTED", "CANCELLED")
    assert {"cd-note/req-send", "cd-note/req-status-change"} <= set(village.hooks("buyer"))
    assert {"cd-note/resp-send", "cd-note/req-confirm"} <= set(village.hooks("seller"))


# ---------------------------------------------------------------- financing


async def test_a_bid_is_taken_paid_out_and_repaid(village: Village) -> None:
    found = await village.accepted(1000)
    request = await village.financing(found, 800, ("BANK", "OTHER"))
    assert village.status(request.id) == "SENT TO FA"
    taken, lapsing = await village.bid(request, 700), await village.bid(request, 600, "OTHER")
    assert village.hooks("seller")[-1] == "finance/shareBid"
    await village.respond(request, taken)
    states = [village.status(one) for one in (request.id, taken, lapsing, found.id)]
    assert states == ["ACCEPTED", "ACCEPTED", "LAPSED", "ACCEPTED"]
    assert invoice_facts(village, found.id).lien is not None
    assert village.hooks("buyer")[-1] == NOTICE, "no published webhook tells the buyer of a lien"
    assert lapsing not in village.dbs["bank"].tables.objects, "a bank does not see the others' bids"
    await village.order(m.DisburseFinance(request_id=request.id))
    await village.confirmed(await village.paid(found, 400))
    assert village.status(request.id) == "DISBURSED"
    await village.confirmed(await village.paid(found, 600))
    assert (village.status(request.id), village.status(found.id)) == ("REPAID", "PAID")
    assert invoice_facts(village, found.id).lien is None


async def test_paid_before_the_bank_paid_out(village: Village) -> None:
    found = await village.accepted(1000)
    request = await village.financing(found)
    await village.respond(request, await village.bid(request))
    await village.confirmed(await village.paid(found, 1000))
    assert village.status(request.id) == "EXPIRED"


async def test_bids_are_refused_until_none_is_left(village: Village) -> None:
    request = await village.financing(await village.accepted(), 500, ("BANK", "OTHER"))
    first, second = await village.bid(request), await village.bid(request)
    await village.respond(request, first, "REJECT")
    assert village.status(request.id) == "BIDS RECEIVED"
    await village.respond(request, second, "REJECT")
    assert village.status(request.id) == "SENT TO FA", "the other aggregator may still bid"
    await village.respond(request, await village.bid(request, fa="OTHER"), "REJECT")
    assert village.status(request.id) == "REJECTED"


async def test_a_request_runs_out(village: Village) -> None:
    request = await village.financing(await village.accepted())
    bid_id = await village.bid(request)
    await village.order(m.ExpireFinancing(request_id=request.id))
    assert (village.status(request.id), village.status(bid_id)) == ("EXPIRED", "LAPSED")


async def test_the_buyer_may_ask_for_finance_too(village: Village) -> None:
    found = await village.accepted(1000)
    message = letters.financing(village.new(Prefix.FINANCING), "BUYER", found, ("BANK",), D(500))
    assert await village.say("buyer", message) is None
    assert message.request_id not in village.dbs["seller"].tables.objects
    bid_id = await village.bid(village.at(CENTRE, message.request_id))
    request = village.at("buyer", message.request_id)
    assert await village.say("buyer", letters.respond_bid(request, bid_id, "ACCEPT")) is None
    # The supplier has no copy of the request, and confirms the payment that ends it all the same.
    await village.confirmed(await village.paid(found, 1000))
    assert village.status(message.request_id) == "EXPIRED"


async def test_one_home_may_speak_for_both_sides(village: Village) -> None:
    second = village.registration(
        "seller", b2b_id="SISTER", pan="AAACT1234P", others=(), primary=Identifier("GSTIN", "29T")
    )
    assert await village.say("seller", second) is None
    await village.order(m.DecideKyc(business_id=second.business_id, approved=True))
    message = village.invoice_of(buyer="SISTER")
    assert await village.say("seller", message) is None
    assert set(village.hooks("seller")[-2:]) == {"invoice/resp-send-invoice", "invoice/req-send-invoice"}
    found = village.at("seller", message.object_id)
    assert await village.say("seller", letters.confirm_invoice(found, "ACCEPT", Event.ACCEPT)) is None
    assert village.status(found.id) == "ACCEPTED"


# ---------------------------------------------------------------- two businesses choose the same id


async def test_a_copy_that_failed_gives_way_to_a_counterpartys_object_of_the_same_id(village: Village) -> None:
    """Ids of orders and notes are free text: what the centre never took must not hide what it has."""
    lost = village.order_of(500, object_id="ORDER-1", buyer="OTHER", supplier="NOBODY")
    assert await village.say("other", lost) == "B2B_ID_UNKNOWN"
    assert village.at("other", "ORDER-1").status == "FAILED"
    assert await village.say("buyer", village.order_of(object_id="ORDER-1", supplier="OTHER")) is None
    assert village.at("other", "ORDER-1") == village.at(CENTRE, "ORDER-1")
    assert village.status("ORDER-1") == "SENT TO SUPPLIER"
    kept = [one for one in village.dbs["other"].tables.objects.values() if one.id.startswith("ORDER-1~")]
    assert [(one.status, one.supplier) for one in kept] == [("FAILED", "NOBODY")]
    moves = village.dbs["other"].tables.moves
    assert [moved.event for moved in moves[kept[0].id]] == [Event.CREATE, Event.REFUSE]
    assert {moved.object_id for moved in moves[kept[0].id]} == {kept[0].id}
    assert [moved.event for moved in moves["ORDER-1"]] == [Event.CREATE, Event.DELIVER]
    assert await village.say("other", letters.confirm_order(village.at("other", "ORDER-1"), "ACCEPT")) is None
    assert village.status("ORDER-1") == "ACCEPTED"


async def test_a_copy_that_is_under_way_gives_way_too_and_fails_on_its_own(village: Village) -> None:
    """Both send at once: the centre takes the first, the second's copy is kept aside until its refusal comes."""
    note = village.note_of(await village.accepted(), 50, object_id="NOTE-1")
    mine = village.order_of(500, object_id="NOTE-1")
    await village.post("seller", note)
    await village.post("buyer", mine)
    await village.carry()
    found = village.at(CENTRE, "NOTE-1")
    winner, loser = ("seller", "buyer") if found.kind == "NOTE" else ("buyer", "seller")
    assert village.at(winner, "NOTE-1") == village.at(loser, "NOTE-1") == found
    kept = [one for one in village.dbs[loser].tables.objects.values() if one.id.startswith("NOTE-1~")]
    assert [(one.status, one.revision) for one in kept] == [("FAILED", 2)]
    assert [one.resp.error_code for one in village.told[loser] if one.resp and not one.resp.success] == [
        "OBJECT_EXISTS"
    ]
