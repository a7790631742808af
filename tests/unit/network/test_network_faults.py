"""Every error code of the network is reached by a message, changes nothing, and says what to do."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
import pytest
from village import PANS, D, Village

from hundi.network.protocol import messages as m
from hundi.network.protocol.amounts import CREDIT_NOTE
from hundi.network.protocol.faults import MEANINGS, Fault, MessageRefused
from hundi.network.protocol.identifiers import Prefix
from hundi.network.protocol.objects import BidShare, Identifier, Line, OrderShare
from hundi.network.protocol.statuses import Event
from hundi.network.simulator import letters

Case = Callable[[Village], Awaitable[str | None]]
CASES: Final[dict[str, tuple[Fault, Case]]] = {}
# The codes of the wire itself are reached in test_network_mailbox.py, that of a business's own try here below.
OF_THE_WIRE = {
    Fault.UNREADABLE, Fault.SENDER_UNKNOWN, Fault.BAD_SIGNATURE, Fault.WRONG_RECEIVER, Fault.CLOCK_OUT_OF_WINDOW,
    Fault.MESSAGE_ID_REUSED, Fault.POSITION_USED, Fault.GAP_TOO_WIDE,
}  # fmt: skip
V, T = m.ObjectVersion, m.Transition


def case(fault: Fault) -> Callable[[Case], Case]:
    def kept(function: Case) -> Case:
        CASES[function.__name__.strip("_")] = (fault, function)
        return function

    return kept


def changed(message: Any, **changes: Any) -> Any:
    return msgspec.structs.replace(message, **changes)


# ---------------------------------------------------------------- any object


@case(Fault.OBJECT_ID_FORMAT)
async def an_id_of_another_kind(v: Village) -> str | None:
    return await v.refused("seller", v.invoice_of(object_id=v.new(Prefix.PAYMENT)))


@case(Fault.OBJECT_ID_FORMAT)
async def a_debit_note_with_a_text_nobody_may_use(v: Village) -> str | None:
    found = await v.accepted()
    return await v.refused("seller", v.note_of(found, 5, credit=False, object_id='DBN"1'))


@case(Fault.OBJECT_EXISTS)
async def an_id_that_is_taken(v: Village) -> str | None:
    return await v.refused("seller", v.invoice_of(object_id=(await v.invoice()).id))


@case(Fault.OBJECT_EXISTS)
async def an_id_that_another_pair_has(v: Village) -> str | None:
    taken = (await v.invoice()).id
    message = letters.invoice(taken, "SELLER", "OTHER", "X1", D(5))
    code = await v.say("other", message)
    assert v.at("other", taken).status == "FAILED"
    assert v.status(taken) == "SENT TO BUYER"
    return code


@case(Fault.OBJECT_UNKNOWN)
async def what_never_was(v: Village) -> str | None:
    found = changed(await v.invoice(), id=v.new(Prefix.INVOICE))
    return await v.refused("buyer", letters.confirm_invoice(found, "ACCEPT", Event.ACCEPT))


@case(Fault.OBJECT_UNKNOWN)
async def what_belongs_to_others(v: Village) -> str | None:
    return await v.refused("other", letters.confirm_invoice(await v.invoice(), "ACCEPT", Event.ACCEPT))


@case(Fault.OBJECT_UNKNOWN)
async def an_order_where_an_invoice_is_meant(v: Village) -> str | None:
    order = await v.purchase_order()
    found = await v.invoice()
    return await v.refused("buyer", letters.confirm_invoice(changed(found, id=order.id), "ACCEPT", Event.ACCEPT))


@case(Fault.OBJECT_UNKNOWN)
async def a_bid_of_another_request(v: Village) -> str | None:
    first = await v.financing(await v.accepted())
    second = await v.financing(await v.accepted())
    await v.bid(first)
    strange = await v.bid(second)
    return await v.refused("seller", letters.respond_bid(v.at("seller", first.id), strange, "ACCEPT"))


@case(Fault.PAIR_DIFFERS)
async def another_buyer(v: Village) -> str | None:
    found = changed(await v.invoice(), buyer="OTHER")
    return await v.refused("buyer", letters.confirm_invoice(found, "ACCEPT", Event.ACCEPT))


@case(Fault.NUMBER_DIFFERS)
async def another_number(v: Village) -> str | None:
    found = changed(await v.invoice(), number="INV9")
    return await v.refused("buyer", letters.confirm_invoice(found, "ACCEPT", Event.ACCEPT))


@case(Fault.NUMBER_DIFFERS)
async def another_number_in_a_payment(v: Village) -> str | None:
    return await v.refused("buyer", v.payment_of(changed(await v.accepted(), number="INV9"), 5))


@case(Fault.NUMBER_DIFFERS)
async def another_number_in_a_confirmation(v: Village) -> str | None:
    confirmation = v.confirmation_of(await v.paid(await v.accepted(), 5))
    infos = (changed(confirmation.invoices[0], number="INV9"),)
    return await v.refused("seller", changed(confirmation, invoices=infos))


@case(Fault.STALE_VERSION)
async def an_answer_to_the_version_before(v: Village) -> str | None:
    before = await v.invoice()
    assert await v.say("seller", letters.edited(v.at("seller", before.id), D(900))) is None
    return await v.refused("buyer", letters.confirm_invoice(before, "ACCEPT", Event.ACCEPT))


@case(Fault.VERSION_STEP)
async def an_edition_without_a_new_version(v: Village) -> str | None:
    return await v.refused("seller", changed(letters.edited(await v.invoice(), D(900)), version=V(1, 1)))


@case(Fault.VERSION_STEP)
async def a_first_version_two(v: Village) -> str | None:
    return await v.refused("seller", v.invoice_of(version=V(2, 2)))


@case(Fault.STALE_STATUS)
async def an_answer_to_what_was_answered(v: Village) -> str | None:
    before = await v.invoice()
    await v.answered(before)
    return await v.refused("buyer", letters.confirm_invoice(before, "ACCEPT", Event.ACCEPT))


@case(Fault.NEXT_STATUS_DIFFERS)
async def an_acceptance_that_says_rejected(v: Village) -> str | None:
    message = letters.confirm_invoice(await v.invoice(), "ACCEPT", Event.ACCEPT)
    return await v.refused("buyer", changed(message, transition=T("SENT TO BUYER", "REJECTED")))


@case(Fault.ILLEGAL_MOVE)
async def accepting_what_is_accepted(v: Village) -> str | None:
    message = letters.confirm_invoice(await v.invoice(), "ACCEPT", Event.ACCEPT)
    assert await v.say("buyer", message) is None
    return await v.refused("buyer", changed(message, transition=T("ACCEPTED", "ACCEPTED")))


@case(Fault.ILLEGAL_MOVE)
async def invoicing_an_order_that_is_not_accepted(v: Village) -> str | None:
    order = await v.purchase_order(accept=False)
    return await v.refused("seller", v.invoice_of(100, OrderShare(order.id, D(100))))


@case(Fault.ILLEGAL_MOVE)
async def paying_what_is_not_accepted(v: Village) -> str | None:
    return await v.refused("buyer", v.payment_of(await v.invoice(), 1000))


@case(Fault.ILLEGAL_MOVE)
async def a_second_payment_under_way(v: Village) -> str | None:
    found = await v.accepted()
    await v.paid(found, 400)
    return await v.refused("buyer", v.payment_of(v.at("buyer", found.id), 400))


@case(Fault.WRONG_ACTOR)
async def the_supplier_accepts(v: Village) -> str | None:
    return await v.refused("seller", letters.confirm_invoice(await v.invoice(), "ACCEPT", Event.ACCEPT))


@case(Fault.WRONG_ACTOR)
async def the_buyer_edits(v: Village) -> str | None:
    return await v.refused("buyer", letters.edited(await v.invoice(), D(1)))


@case(Fault.WRONG_ACTOR)
async def the_buyer_confirms_his_own_payment(v: Village) -> str | None:
    return await v.refused("buyer", v.confirmation_of(await v.paid(await v.accepted(), 5)))


@case(Fault.WRONG_ACTOR)
async def the_bank_takes_its_own_bid(v: Village) -> str | None:
    request = await v.financing(await v.accepted())
    bid_id = await v.bid(request)
    return await v.refused("bank", letters.respond_bid(v.at("bank", request.id), bid_id, "ACCEPT"))


@case(Fault.ANSWER_PENDING)
async def two_messages_at_once(v: Village) -> str | None:
    message = letters.confirm_invoice(await v.invoice(), "ACCEPT", Event.ACCEPT)
    await v.post("buyer", message)
    return await v.at_once("buyer", message)


@case(Fault.AMOUNT_NOT_POSITIVE)
async def an_invoice_over_nothing(v: Village) -> str | None:
    return await v.refused("seller", v.invoice_of(0))


@case(Fault.AMOUNT_NOT_POSITIVE)
async def an_order_over_nothing(v: Village) -> str | None:
    return await v.refused("buyer", v.order_of(-1))


@case(Fault.AMOUNT_NOT_POSITIVE)
async def an_edition_down_to_nothing(v: Village) -> str | None:
    return await v.refused("seller", letters.edited(await v.invoice(), D(0)))


@case(Fault.AMOUNT_NOT_POSITIVE)
async def a_note_over_nothing(v: Village) -> str | None:
    return await v.refused("seller", v.note_of(await v.accepted(), 0))


@case(Fault.AMOUNT_NOT_POSITIVE)
async def a_payment_of_nothing(v: Village) -> str | None:
    return await v.refused("buyer", v.payment_of(await v.accepted(), 0))


@case(Fault.AMOUNT_NOT_POSITIVE)
async def a_request_for_nothing(v: Village) -> str | None:
    found = await v.accepted()
    return await v.refused("seller", letters.financing(v.new(Prefix.FINANCING), "SELLER", found, ("BANK",), D(0)))


@case(Fault.AMOUNT_NOT_POSITIVE)
async def a_bid_of_nothing(v: Village) -> str | None:
    return await v.refused("bank", letters.bid(await v.financing(await v.accepted()), "BANK", v.new(Prefix.BID), D(0)))


# ---------------------------------------------------------------- businesses and B2B IDs


async def newcomer(v: Village, **changes: Any) -> str | None:
    v.move_in("new")
    return await v.refused("new", v.registration("new", **changes))


@case(Fault.PAN_FORMAT)
async def a_pan_that_is_none(v: Village) -> str | None:
    return await newcomer(v, pan="AAACX12345")


@case(Fault.PAN_FORMAT)
async def checking_a_pan_that_is_none(v: Village) -> str | None:
    message = m.CheckEntity(business_id=v.new(Prefix.BUSINESS), pan="1", entity_type="COMPANY", name="X")
    return await v.refused("other", message)


@case(Fault.PAN_TYPE_DIFFERS)
async def a_firm_with_a_companys_pan(v: Village) -> str | None:
    return await newcomer(v, entity_type="PARTNERSHIP FIRM")


@case(Fault.PAN_TYPE_DIFFERS)
async def a_type_that_is_none(v: Village) -> str | None:
    return await newcomer(v, entity_type="CLUB")


@case(Fault.PAN_TAKEN)
async def a_second_company_on_one_pan(v: Village) -> str | None:
    return await newcomer(v, pan=PANS["seller"])


@case(Fault.B2B_ID_FORMAT)
async def a_b2b_id_with_a_quote(v: Village) -> str | None:
    return await newcomer(v, b2b_id='NEW"ID')


@case(Fault.B2B_ID_TAKEN)
async def a_b2b_id_that_differs_in_case_only(v: Village) -> str | None:
    return await newcomer(v, b2b_id="seller")


@case(Fault.IDENTIFIER_TAKEN)
async def anothers_gstin(v: Village) -> str | None:
    return await newcomer(v, primary=Identifier("GSTIN", "29seller"))


def further_id(v: Village, **changes: Any) -> m.RegisterIds:
    new = m.NewB2bId(value="SELLER2", public=True, identifier=Identifier("UDYAM", "UDYAM-SELLER"))
    return m.RegisterIds(business_id=v.business_of("seller"), requestor="SELLER", ids=(changed(new, **changes),))


@case(Fault.IDENTIFIER_OF_OTHERS)
async def a_b2b_id_for_anothers_gstin(v: Village) -> str | None:
    return await v.refused("seller", further_id(v, identifier=Identifier("GSTIN", "29BUYER")))


@case(Fault.B2B_ID_TAKEN)
async def a_further_b2b_id_that_is_taken(v: Village) -> str | None:
    return await v.refused("seller", further_id(v, value="BUYER"))


@case(Fault.B2B_ID_UNKNOWN)
async def an_invoice_to_nobody(v: Village) -> str | None:
    return await v.refused("seller", v.invoice_of(buyer="NOBODY"))


@case(Fault.B2B_ID_INACTIVE)
async def an_invoice_to_an_id_out_of_use(v: Village) -> str | None:
    await v.order(m.SwitchB2bId(b2b_id="buyer", active=False))
    return await v.refused("seller", v.invoice_of())


@case(Fault.B2B_ID_INACTIVE)
async def an_invoice_from_an_id_out_of_use(v: Village) -> str | None:
    await v.order(m.SwitchB2bId(b2b_id="SELLER", active=False))
    assert await v.at_once("seller", v.invoice_of()) == "B2B_ID_INACTIVE"
    return await v.refused("seller", v.invoice_of())


@case(Fault.B2B_ID_NOT_YOURS)
async def an_invoice_in_anothers_name(v: Village) -> str | None:
    return await v.refused("other", v.invoice_of())


@case(Fault.B2B_ID_NOT_YOURS)
async def searching_in_anothers_name(v: Village) -> str | None:
    return await v.refused("other", m.SearchEntity(requestor="SELLER", criteria=(m.Criterion("NAME", "EXACT", "X"),)))


@case(Fault.B2B_ID_NOT_YOURS)
async def further_ids_for_anothers_business(v: Village) -> str | None:
    return await v.refused("seller", changed(further_id(v), business_id=v.business_of("buyer")))


@case(Fault.B2B_ID_NOT_YOURS)
async def asking_for_finance_in_anothers_name(v: Village) -> str | None:
    found = await v.accepted()
    return await v.refused("seller", letters.financing(v.new(Prefix.FINANCING), "BUYER", found, ("BANK",), D(5)))


@case(Fault.BUSINESS_INACTIVE)
async def switching_an_id_of_an_inactive_business_on(v: Village) -> str | None:
    await v.order(m.DecideKyc(business_id=v.business_of("seller"), approved=False))
    assert {v.status("@SELLER"), v.status(v.business_of("seller"))} == {"INACTIVE"}
    with pytest.raises(MessageRefused) as refused:
        await v.order(m.SwitchB2bId(b2b_id="SELLER", active=True))
    return refused.value.fault


@case(Fault.SAME_BUSINESS)
async def an_invoice_to_oneself(v: Village) -> str | None:
    assert await v.say("seller", further_id(v)) is None
    assert await v.at_once("seller", v.invoice_of(buyer="SELLER2")) == "SAME_BUSINESS"
    return await v.refused("seller", v.invoice_of(buyer="SELLER2"))


@case(Fault.SUPPLIER_NOT_ALLOWED)
async def an_invoice_from_one_who_only_buys(v: Village) -> str | None:
    v.move_in("new")
    assert await v.say("new", v.registration("new", primary=Identifier("FSSAI", "12345"))) is None
    await v.order(m.DecideKyc(business_id=v.business_of("new"), approved=True))
    return await v.refused("new", v.invoice_of(supplier="NEW"))


@case(Fault.SEARCH_PARAMETER)
async def searching_by_colour(v: Village) -> str | None:
    return await v.refused(
        "other", m.SearchEntity(requestor="OTHER", criteria=(m.Criterion("COLOUR", "EXACT", "red"),))
    )


@case(Fault.SEARCH_PARAMETER)
async def searching_for_something_alike(v: Village) -> str | None:
    return await v.refused("other", m.SearchEntity(requestor="OTHER", criteria=(m.Criterion("PAN", "LIKE", "AAACS"),)))


@case(Fault.SEARCH_PARAMETER)
async def searching_for_anything(v: Village) -> str | None:
    return await v.refused("other", m.SearchEntity(requestor="OTHER", criteria=()))


@case(Fault.SEARCH_PRIVATE)
async def asking_for_a_private_id(v: Village) -> str | None:
    assert await v.say("seller", further_id(v, public=False)) is None
    search = m.SearchEntity(requestor="OTHER", criteria=(m.Criterion("B2B ID", "EXACT", "seller2"),))
    return await v.refused("other", search)


@case(Fault.SEARCH_NOTHING)
async def searching_for_nobody(v: Village) -> str | None:
    search = m.SearchEntity(requestor="OTHER", criteria=(m.Criterion("GSTIN", "EXACT", "29NOBODY"),))
    return await v.refused("other", search)


# ---------------------------------------------------------------- invoices, orders and notes


@case(Fault.DOCUMENT_NUMBER_TAKEN)
async def an_invoice_number_twice(v: Village) -> str | None:
    found = await v.invoice()
    twice = letters.invoice(v.new(Prefix.INVOICE), "BUYER", "SELLER", found.number.lower(), D(7))
    return await v.refused("seller", twice)


@case(Fault.DOCUMENT_NUMBER_TAKEN)
async def editing_an_invoice_to_a_taken_number(v: Village) -> str | None:
    first, second = await v.invoice(), await v.invoice()
    key = m.document_key("INV", "SELLER", letters.YEAR, first.number)
    return await v.refused("seller", changed(letters.edited(second, D(7)), number=first.number, document_key=key))


@case(Fault.DOCUMENT_NUMBER_TAKEN)
async def an_order_number_twice(v: Village) -> str | None:
    found = await v.purchase_order()
    twice = letters.order(v.new(Prefix.ORDER), "BUYER", "SELLER", found.number, D(7), ())
    return await v.refused("buyer", twice)


@case(Fault.DOCUMENT_NUMBER_TAKEN)
async def editing_an_order_to_a_taken_number(v: Village) -> str | None:
    first, second = await v.purchase_order(accept=False), await v.purchase_order(accept=False)
    key = m.document_key("PUR", "BUYER", letters.YEAR, first.number)
    return await v.refused("buyer", changed(letters.edited_order(second, D(7)), number=first.number, document_key=key))


@case(Fault.DOCUMENT_NUMBER_TAKEN)
async def a_note_number_twice(v: Village) -> str | None:
    found = await v.accepted()
    note = await v.note(found, 10)
    return await v.refused("seller", letters.note(v.new(Prefix.CREDIT_NOTE), found, note.number, D(5), credit=True))


@case(Fault.IRN_FIXED)
async def editing_the_value_under_an_irn(v: Village) -> str | None:
    found = await v.invoice(irn="a" * 64)
    return await v.refused("seller", changed(letters.edited(found, D(900)), irn="a" * 64))


@case(Fault.IRN_FIXED)
async def dropping_an_irn(v: Village) -> str | None:
    found = await v.invoice(irn="a" * 64)
    return await v.refused("seller", letters.edited(found, D(1000)))


@case(Fault.PAID_IN_PART)
async def cancelling_what_is_paid_in_part(v: Village) -> str | None:
    found = await v.accepted()
    await v.confirmed(await v.paid(found, 400))
    return await v.refused("seller", letters.change_invoice(v.at("seller", found.id), "CANCEL"))


@case(Fault.UNDER_LIEN)
async def cancelling_what_is_financed(v: Village) -> str | None:
    found = await v.accepted()
    request = await v.financing(found)
    await v.respond(request, await v.bid(request))
    return await v.refused("seller", letters.change_invoice(v.at("seller", found.id), "CANCEL"))


@case(Fault.UNDER_LIEN)
async def taking_a_second_bid_on_an_invoice(v: Village) -> str | None:
    found = await v.accepted()
    first, second = await v.financing(found), await v.financing(found)
    bids = [await v.bid(first), await v.bid(second)]
    await v.respond(first, bids[0])
    return await v.refused("seller", letters.respond_bid(v.at("seller", second.id), bids[1], "ACCEPT"))


@case(Fault.ORDER_OF_OTHERS)
async def an_invoice_for_an_order_to_another_address(v: Village) -> str | None:
    assert await v.say("seller", further_id(v)) is None
    order = await v.purchase_order()
    return await v.refused("seller", v.invoice_of(100, OrderShare(order.id, D(100)), supplier="SELLER2"))


@case(Fault.ORDER_EXCEEDED)
async def invoicing_more_than_the_order_is_worth(v: Village) -> str | None:
    order = await v.purchase_order(1000)
    return await v.refused("seller", v.invoice_of(1001, OrderShare(order.id, D(1001))))


@case(Fault.ORDER_EXCEEDED)
async def invoicing_more_pieces_than_were_ordered(v: Village) -> str | None:
    order = await v.purchase_order(1000, 10)
    assert await v.say("seller", v.invoice_of(100, OrderShare(order.id, D(100), (Line("1", D(6)),)))) is None
    return await v.refused("seller", v.invoice_of(100, OrderShare(order.id, D(100), (Line("1", D(5)),))))


@case(Fault.ORDER_EXCEEDED)
async def invoicing_what_was_not_ordered(v: Village) -> str | None:
    order = await v.purchase_order(1000, 10)
    return await v.refused("seller", v.invoice_of(100, OrderShare(order.id, D(100), (Line("2", D(1)),))))


@case(Fault.ORDER_INVOICED)
async def cancelling_an_order_that_was_invoiced(v: Village) -> str | None:
    order = await v.purchase_order(1000)
    assert await v.say("seller", v.invoice_of(100, OrderShare(order.id, D(100)))) is None
    return await v.refused("buyer", letters.change_order(v.at("buyer", order.id), "CANCEL"))


# ---------------------------------------------------------------- payments


@case(Fault.INVOICE_LISTED_TWICE)
async def an_invoice_twice_in_a_payment(v: Village) -> str | None:
    message = v.payment_of(await v.accepted(), 400)
    amount = m.PaymentAmount(D(800), D(0), D(800))
    return await v.refused("buyer", changed(message, invoices=message.invoices * 2, amount=amount))


@case(Fault.LINE_SUM)
async def a_payment_whose_total_is_wrong(v: Village) -> str | None:
    message = v.payment_of(await v.accepted(), 400)
    return await v.refused("buyer", changed(message, amount=m.PaymentAmount(D(400), D(0), D(399))))


@case(Fault.LINE_SUM)
async def a_line_with_a_negative_amount(v: Village) -> str | None:
    message = v.payment_of(await v.accepted(), 400)
    line = changed(message.invoices[0], amount=m.PaymentAmount(D(500), D(-100), D(400)))
    amount = m.PaymentAmount(D(500), D(-100), D(400))
    assert await v.refused("buyer", changed(message, invoices=(line,))) == "PAYMENT_SUM"
    return await v.refused("buyer", changed(message, invoices=(line,), amount=amount))


@case(Fault.LINE_SUM)
async def a_line_whose_total_is_wrong(v: Village) -> str | None:
    message = v.payment_of(await v.accepted(), 400)
    line = changed(message.invoices[0], amount=m.PaymentAmount(D(400), D(0), D(300)))
    return await v.refused("buyer", changed(message, invoices=(line,)))


@case(Fault.SPLIT_SUM)
async def splits_that_do_not_explain_the_adjustment(v: Village) -> str | None:
    message = v.payment_of(await v.accepted(), 400, m.PaidSplit("DISCOUNT", D(50)))
    line = changed(message.invoices[0], splits=(m.PaidSplit("DISCOUNT", D(40)),))
    return await v.refused("buyer", changed(message, invoices=(line,)))


@case(Fault.SPLIT_SUM)
async def splits_that_cancel_out(v: Village) -> str | None:
    splits = (m.PaidSplit("DISCOUNT", D(60)), m.PaidSplit("OTHER", D(-10)))
    return await v.refused("buyer", v.payment_of(await v.accepted(), 400, *splits))


@case(Fault.PAYMENT_SUM)
async def a_header_that_is_not_the_sum_of_its_lines(v: Village) -> str | None:
    message = v.payment_of(await v.accepted(), 400)
    return await v.refused("buyer", changed(message, amount=m.PaymentAmount(D(300), D(100), D(400))))


@case(Fault.DUE_DIFFERS)
async def a_due_amount_of_yesterday(v: Village) -> str | None:
    found = await v.accepted()
    await v.confirmed(await v.paid(found, 400))
    message = v.payment_of(v.at("buyer", found.id), 600)
    return await v.refused("buyer", changed(message, invoices=(changed(message.invoices[0], due=D(1000)),)))


@case(Fault.OVERPAYMENT)
async def a_paisa_too_much(v: Village) -> str | None:
    found = await v.accepted()
    await v.confirmed(await v.paid(found, 400))
    message = v.payment_of(v.at("buyer", found.id), D("600.01"))
    assert await v.at_once("buyer", message) == "OVERPAYMENT"
    return await v.refused("buyer", message)


@case(Fault.OVERPAYMENT)
async def too_much_with_the_adjustments(v: Village) -> str | None:
    return await v.refused("buyer", v.payment_of(await v.accepted(), 950, m.PaidSplit("TDS_INCOME_TAX", D(51))))


@case(Fault.UTR_USED)
async def one_transfer_twice(v: Village) -> str | None:
    payment = await v.paid(await v.accepted(), 1000)
    return await v.refused("buyer", v.payment_of(await v.accepted(), 1000, utr=payment.number.lower()))


@case(Fault.NOTE_UNKNOWN)
async def setting_off_no_note(v: Village) -> str | None:
    return await v.refused("buyer", v.payment_of(await v.accepted(), 900, m.PaidSplit(CREDIT_NOTE, D(10), "CN9")))


@case(Fault.NOTE_UNKNOWN)
async def setting_off_a_note_of_another_address(v: Village) -> str | None:
    assert await v.say("seller", further_id(v)) is None
    found = await v.invoice(supplier="SELLER2")
    found = await v.answered(found)
    note = await v.note(found, 100)
    return await v.refused("buyer", v.payment_of(await v.accepted(), 900, m.PaidSplit(CREDIT_NOTE, D(10), note.id)))


@case(Fault.NOTE_NOT_APPLICABLE)
async def setting_off_a_note_that_is_not_accepted(v: Village) -> str | None:
    found = await v.accepted()
    note = await v.note(found, 100, accept=False)
    return await v.refused("buyer", v.payment_of(found, 900, m.PaidSplit(CREDIT_NOTE, D(100), note.id)))


@case(Fault.NOTE_NOT_APPLICABLE)
async def setting_off_a_debit_note(v: Village) -> str | None:
    found = await v.accepted()
    note = await v.note(found, 100, credit=False)
    return await v.refused("buyer", v.payment_of(found, 900, m.PaidSplit(CREDIT_NOTE, D(100), note.id)))


@case(Fault.NOTE_EXCEEDED)
async def setting_off_more_than_a_note_has(v: Village) -> str | None:
    found = await v.accepted()
    note = await v.note(found, 100)
    return await v.refused("buyer", v.payment_of(found, 800, m.PaidSplit(CREDIT_NOTE, D(101), note.number)))


@case(Fault.NOTE_EXCEEDED)
async def setting_a_note_off_twice_in_one_payment(v: Village) -> str | None:
    found = await v.accepted()
    note = await v.note(found, 100)
    twice = (m.PaidSplit(CREDIT_NOTE, D(60), note.number), m.PaidSplit(CREDIT_NOTE, D(60), note.id))
    return await v.refused("buyer", v.payment_of(found, 800, *twice))


@case(Fault.PAYMENT_TYPE_DIFFERS)
async def confirming_as_on_platform_what_was_not(v: Village) -> str | None:
    confirmation = v.confirmation_of(await v.paid(await v.accepted(), 5))
    return await v.refused("seller", changed(confirmation, on_platform=True))


@case(Fault.INVOICES_DIFFER)
async def confirming_other_invoices(v: Village) -> str | None:
    confirmation = v.confirmation_of(await v.paid(await v.accepted(), 5))
    return await v.refused("seller", changed(confirmation, invoices=confirmation.invoices * 2))


@case(Fault.ON_PLATFORM_FINAL)
async def rejecting_on_platform_money(v: Village) -> str | None:
    payment = await v.paid(await v.accepted(), 1000, on_platform=True)
    await v.order(m.SettlePayment(payment_id=payment.id, success=True))
    return await v.refused("seller", v.confirmation_of(v.at("seller", payment.id), "REJECT"))


# ---------------------------------------------------------------- financing


@case(Fault.FA_UNKNOWN)
async def asking_nobody_for_finance(v: Village) -> str | None:
    found = await v.accepted()
    return await v.refused("seller", letters.financing(v.new(Prefix.FINANCING), "SELLER", found, ("NOBODY",), D(5)))


@case(Fault.FA_UNKNOWN)
async def asking_no_one_for_finance(v: Village) -> str | None:
    found = await v.accepted()
    return await v.refused("seller", letters.financing(v.new(Prefix.FINANCING), "SELLER", found, (), D(5)))


@case(Fault.NOT_FINANCEABLE)
async def financing_what_is_not_accepted(v: Village) -> str | None:
    found = await v.invoice()
    return await v.refused("seller", letters.financing(v.new(Prefix.FINANCING), "SELLER", found, ("BANK",), D(5)))


@case(Fault.FINANCE_EXCEEDS_DUE)
async def financing_more_than_is_due(v: Village) -> str | None:
    found = await v.accepted(1000)
    return await v.refused("seller", letters.financing(v.new(Prefix.FINANCING), "SELLER", found, ("BANK",), D(1001)))


@case(Fault.FINANCE_EXCEEDS_DUE)
async def bidding_more_than_was_asked(v: Village) -> str | None:
    request = await v.financing(await v.accepted(), 500)
    return await v.refused("bank", letters.bid(request, "BANK", v.new(Prefix.BID), D(501)))


@case(Fault.FINANCE_EXCEEDS_DUE)
async def taking_a_bid_on_what_was_paid_meanwhile(v: Village) -> str | None:
    found = await v.accepted(1000)
    request = await v.financing(found, 500)
    bid_id = await v.bid(request, 400)
    await v.confirmed(await v.paid(found, 700))
    return await v.refused("seller", letters.respond_bid(v.at("seller", request.id), bid_id, "ACCEPT"))


@case(Fault.INITIATOR_NOT_OF_PAIR)
async def a_third_party_asks_for_finance(v: Village) -> str | None:
    found = await v.accepted()
    return await v.refused("other", letters.financing(v.new(Prefix.FINANCING), "OTHER", found, ("BANK",), D(5)))


@case(Fault.BID_NOT_ASKED)
async def bidding_in_anothers_name(v: Village) -> str | None:
    request = await v.financing(await v.accepted())
    return await v.refused("bank", letters.bid(request, "OTHER", v.new(Prefix.BID), D(5)))


@case(Fault.BID_SUM)
async def a_bid_on_anothers_invoice(v: Village) -> str | None:
    request = await v.financing(await v.accepted())
    message = letters.bid(request, "BANK", v.new(Prefix.BID), D(5))
    offer = changed(message.bids[0], invoices=(BidShare(v.new(Prefix.INVOICE), D(5)),))
    return await v.refused("bank", changed(message, bids=(offer,)))


@case(Fault.BID_SUM)
async def a_bid_that_does_not_add_up(v: Village) -> str | None:
    request = await v.financing(await v.accepted())
    message = letters.bid(request, "BANK", v.new(Prefix.BID), D(5))
    return await v.refused("bank", changed(message, bids=(changed(message.bids[0], approved=D(6)),)))


@pytest.mark.parametrize("name", CASES)
async def test_it_is_refused(village: Village, name: str) -> None:
    fault, told = CASES[name]
    assert await told(village) == fault


def test_every_code_is_reached() -> None:
    assert {fault for fault, _ in CASES.values()} | OF_THE_WIRE == set(Fault)


@pytest.mark.parametrize("fault", Fault)
def test_every_code_says_what_to_do(fault: Fault) -> None:
    meaning = MEANINGS[fault]
    assert re.fullmatch(r"[A-Z].{15,}\.", meaning.sentence)
    assert meaning.published is None or re.fullmatch(r"(INP|GEN|TXN|ONB)[0-9]{4}", meaning.published)
    assert fault == fault.name
    assert set(MEANINGS) == set(Fault)
