"""A controller's day over the network: thirty invoices and all that befalls them; at night both sides agree to the paisa."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import network_bodies as bodies
from ledger import findings
from network_books import Trade, line
from network_buying import listed
from network_world import World

D = Decimal
PAISA = D("0.01")
PAY = "/api/v0/network/payable/pay"


class Day:
    """The supplier's controller and the buyer's clerk. ``made`` are our ids, ``object`` theirs, ``gross`` the amounts."""

    def __init__(self, trade: Trade) -> None:
        self.trade = trade
        self.made: list[str] = []
        self.object: dict[str, str] = {}
        self.gross: dict[str, Decimal] = {}
        self.transfers = 0

    async def morning(self, count: int) -> None:
        """Write invoices of odd amounts, some of which expect tax to be deducted, and send them in one call."""
        for at in range(count):
            base = D("1000.10") + D("37.37") * at
            igst = (base * D("0.18")).quantize(PAISA, ROUND_HALF_UP)
            tds = D(20) if at in {8, 9, 28} else D(0)
            one = line(quantity=1, unitPrice=str(base), assessmentAmount=base, igst=igst)
            one["unitPrice"] = base
            made = await self.trade.bill(
                baseAmount=float(base), igst=float(igst), tds=float(tds), partialPaymentAllowed=True,
                dueDate=f"2026-1{1 + at % 2}-30",
                itemLists=[{name: float(value) if isinstance(value, Decimal) else value for name, value in one.items()}],
            )  # fmt: skip
            self.made.append(made)
            self.gross[made] = base + igst
        reply = await self.trade.dispatch(*self.made)
        assert reply["payload"]["errorMessage"].startswith(f"{count} queued"), reply
        for made in self.made:
            await self.learn(made)
        await self.trade.world.match()

    async def learn(self, made: str) -> None:
        self.object[made] = (await self.trade.object_of(made))["objectId"]

    async def answer(self, status: str, *made: str, remarks: str = "as ordered") -> None:
        """Let the buyer's clerk answer by the simplified call."""
        body = {"invoiceIds": [self.object[one] for one in made], "remarks": remarks, "status": status}
        reply = await self.trade.buyer.company.http.post("/api/v0/payout/confirm-invoice", json=body)
        assert reply.status_code == 200, reply.text
        await self.trade.world.carry()

    async def pay(self, *lines: dict[str, Any], expect: int = 200, **more: Any) -> dict[str, Any]:
        """Let the buyer pay; each line says ``made`` and, where that is not all of it, how much, and the splits."""
        self.transfers += 1
        sent = [{"invoiceId": self.object[one.pop("made")]} | one for one in map(dict, lines)]
        body = {"invoices": sent, "type": "OFFPLATFORM", "mode": "NEFT", "utr": f"NEFT{self.transfers:06}"} | more
        reply = await self.trade.buyer.company.http.post(PAY, json=body)
        assert reply.status_code == expect, reply.text
        await self.trade.world.carry()
        found: dict[str, Any] = reply.json()
        if expect != 200:
            return {"code": found["errorResponse"]["apiSubErrors"][0]["code"]}
        payload: dict[str, Any] = found["payload"]
        return payload | {"payment": {"objectId": payload["paymentId"], "type": body["type"], "utr": body["utr"]}}

    async def confirm(self, paid: dict[str, Any], *made: str, response: str = "ACCEPT") -> None:
        reply = await self.trade.confirms(paid, *made, response=response)
        assert reply.status_code == 200, reply.text

    async def settle(self, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
        """Pay and confirm."""
        named = [str(one["made"]) for one in lines]
        paid = await self.pay(*lines, **more)
        await self.confirm(paid, *named)
        return paid

    async def note(self, kind: str, amount: float, number: str) -> None:
        """Let the supplier send a note and the buyer accept it."""
        note = bodies.send_note(self.trade.supplier.b2b_id, self.trade.buyer.b2b_id, amount)
        note["cdNote"] |= {"noteType": kind, "supplierCDNoteNumber": number}
        await self.trade.supplier.call("cd-note/req-send", note)
        answer = bodies.confirm_note(note)
        answer["cdNoteConfirmation"]["noteType"] = kind
        await self.trade.buyer.call("cd-note/req-confirm", answer)
        assert self.trade.buyer.resp["resp"]["result"] == "SUCCESS"

    async def by_hand(self, made: str, amount: float, reference: str, **more: Any) -> str:
        body = {"kind": "RECEIPT", "amount": amount, "reference": reference, "acceptPart": True} | more
        reply = await self.trade.seller.http.post(f"/api/v0/invoice/{made}/entries", json=body)
        assert reply.status_code == 200, reply.text
        found: str = reply.json()["payload"]["entry"]["entryId"]
        return found

    async def cancel(self, made: str, expect: int = 200) -> str | None:
        body = {"invoiceIds": [made], "status": "CANCEL", "remarks": "issued by mistake"}
        reply = await self.trade.seller.http.post("/api/v0/invoice/req-change-status", json=body)
        assert reply.status_code == expect, reply.text
        if expect != 200:
            code: str = reply.json()["errorResponse"]["apiSubErrors"][0]["code"]
            return code
        await self.trade.withdrawn(made)
        return None


async def payments_of_the_day(day: Day) -> None:
    """Whole and part, with tax, twice and too much, by hand and over the platform."""
    made, trade = day.made, day.trade
    await day.answer("ACCEPT", *made[:16], *made[18:29])
    # One transfer for six invoices.
    await day.settle(*({"made": one} for one in made[:6]))
    # Tax deducted: by section where the invoice expects none, as expected, and less than expected.
    await day.settle({"made": made[6], "splits": [{"name": "TDS_INCOME_TAX", "section": "194C"}]})
    await day.settle({"made": made[7], "splits": [{"name": "TDS_GST"}, {"name": "TDS_INCOME_TAX", "section": "194Q"}]})
    await day.settle({"made": made[8], "splits": [{"name": "TDS_INCOME_TAX", "value": 20, "refNo": "194C"}]})
    await day.settle({"made": made[9]})
    # A part with its tax, then the rest.
    splits = [{"name": "TDS_INCOME_TAX", "section": "194C"}]
    await day.settle({"made": made[10], "netPaidAmount": 400.05, "splits": splits})
    await day.settle({"made": made[10]})
    await day.settle({"made": made[11], "netPaidAmount": 0.01})
    # Too much, twice, and twice at once.
    gross = float(day.gross[made[12]])
    assert (await day.pay({"made": made[12], "netPaidAmount": gross + 0.01}, expect=422))["code"] == "OVERPAYMENT"
    first = await day.pay({"made": made[12]})
    assert (await day.pay({"made": made[12]}, expect=422))["code"] == "NOT_PAYABLE"
    await day.confirm(first, made[12])
    assert (await day.pay({"made": made[12]}, expect=422))["code"] == "NOT_PAYABLE"
    # One transfer is no second payment: who used its reference before is known to the centre.
    again = await day.pay({"made": made[13]}, utr=first["payment"]["utr"])
    assert (await trade.buyer.heard("network.payment.resp-pay"))[-1]["data"]["resp"]["errorCd"] == "UTR_USED"
    assert await trade.buyer.status("payment", again["paymentId"]) == "FAILED"
    assert await trade.buyer.status("invoice", day.object[made[13]]) == "ACCEPTED"
    # It never arrived; the second transfer did.
    lost = await day.pay({"made": made[13]})
    await day.confirm(lost, made[13], response="REJECT")
    await day.settle({"made": made[13]})
    # Discounts, rounding, and a word of the buyer's own.
    splits = [
        {"name": "DISCOUNT", "value": 12.34}, {"name": "ROUND_OFF", "value": 0.4}, {"name": "OTHER", "value": 5, "refNo": "freight"},
    ]  # fmt: skip
    await day.settle({"made": made[14], "splits": splits})
    # Over the platform: the money moves by itself.
    moved = await day.pay({"made": made[15]}, type="ONPLATFORM", mode="UPI")
    await day.confirm(moved, made[15])
    # Recorded by hand before it is confirmed, under the same reference.
    told = await day.pay({"made": made[18]})
    await day.by_hand(made[18], float(day.gross[made[18]]), told["payment"]["utr"])
    await day.confirm(told, made[18])
    # Cash of another customer, booked on the wrong invoice, and found out after the transfer came.
    mistaken = await day.by_hand(made[19], 300.33, "cash")
    await day.settle({"made": made[19]})
    await trade.seller.http.post(f"/api/v0/invoice/{made[19]}/entries/{mistaken}/reverse", json={"note": "wrong"})
    assert await trade.reapplied() >= 1


async def corrections_of_the_day(day: Day) -> None:
    """Returned, rejected, cancelled early and late, and what notes do."""
    made, trade = day.made, day.trade
    # Returned: corrected line by line, sent again, and paid.
    await day.answer("RETURN", made[16], remarks="only half of it came")
    half = line(quantity=1, unitPrice=500.25, assessmentAmount=500.25, igst=90.05)
    body = {"baseAmount": 500.25, "igst": 90.05, "itemLists": [half]}
    assert (await trade.seller.http_as(["maker"]).patch(f"/api/v0/invoice/{made[16]}", json=body)).status_code == 200
    await trade.dispatch(made[16], resend=True)
    day.gross[made[16]] = D("590.30")
    await day.answer("ACCEPT", made[16])
    await day.settle({"made": made[16]})
    # Rejected: cancelled in the books, and issued again under a new number.
    await day.answer("REJECT", made[17], remarks="never ordered")
    assert (await trade.state(made[17]))["receivable"] == "DISPUTED"
    await day.cancel(made[17])
    # A credit note after payment, set off against the next invoice; a debit note.
    await day.note("CREDIT", 236, "CN-DAY-1")
    await day.settle({"made": made[20], "splits": [{"name": "CREDIT_NOTE", "refNo": "CN-DAY-1"}]})
    await day.note("DEBIT", 118, "DN-DAY-1")
    # A credit note the controller has recorded in the books himself.
    await day.note("CREDIT", 59, "CN-DAY-2")
    await day.by_hand(made[21], 59, "CN-DAY-2", kind="CREDIT_NOTE")
    await day.settle({"made": made[21], "splits": [{"name": "CREDIT_NOTE", "refNo": "cn-day-2"}]})
    # Cancelled after acceptance; before an answer; and not while it is being paid.
    await day.cancel(made[22])
    await day.cancel(made[29])
    under_way = await day.pay({"made": made[23], "netPaidAmount": 10})
    assert await day.cancel(made[23], expect=422) == "PAYMENT_UNDER_WAY"
    await day.confirm(under_way, made[23], response="REJECT")
    await day.cancel(made[23])
    part = await day.settle({"made": made[24], "netPaidAmount": 100.1})
    assert await day.cancel(made[24], expect=422) == "MOVE_NOT_ALLOWED"
    # A payment in two invoices' name, one of them in part.
    await day.settle({"made": made[24]}, {"made": made[25], "netPaidAmount": 77.77})
    assert part["totalAmount"] == 100.1
    # 26 and 27 are accepted and wait; 28 expects tax and was paid in part.
    await day.settle({"made": made[28], "netPaidAmount": 500})


async def agree(day: Day) -> None:
    """Hold books, both copies, the centre and the reports of both sides against each other."""
    trade = day.trade
    theirs = {row["objectId"]: row for row in (await listed(trade.buyer, limit=200))["data"]}
    assert set(theirs) == set(day.object.values())
    async with trade.world.context.db.unbound() as tx:
        rows = await tx.fetch(
            "SELECT object_id, status, version, revision FROM central.objects WHERE object_id = ANY ($1::text[])",
            list(theirs),
        )
        centre = {row["object_id"]: (row["status"], row["version"], row["revision"]) for row in rows}
    owed, expected_tax = D(0), D(0)
    for at, made in enumerate(day.made):
        ours = await trade.supplier.have("invoice", day.object[made])
        other = await trade.buyer.have("invoice", day.object[made])
        for name in ("status", "objectVersion", "revision", "due", "total"):
            assert ours[name] == other[name], (at, name)
        assert centre[day.object[made]] == (ours["status"], ours["objectVersion"], ours["revision"])
        shown = await trade.shown(made)
        assert shown["networkStatus"] == ours["status"], at
        assert D(str(ours["total"])) == D(str(shown["invoiceValue"])) == day.gross[made], at
        due = D(str(theirs[day.object[made]]["dueAmount"]))
        state = shown["receivableStatus"]["name"]
        if ours["status"] in {"CANCELLED", "REJECTED"}:
            assert (state, due) == ("CANCELLED", 0), at
            continue
        entries = (await trade.seller.http.get(f"/api/v0/invoice/{made}/entries")).json()["payload"]["data"]
        deducted = any(D(str(one.get("certified") or 0)) for one in entries)
        tax = D(0) if deducted else D(str(shown["tds"]))
        assert due == D(str(shown["balanceAmount"])) + tax, at
        assert (state == "PAID") == (ours["status"] == "PAID"), at
        owed, expected_tax = owed + D(str(shown["balanceAmount"])), expected_tax + tax
    ageing = (await trade.seller.http.post("/api/v0/reports/ageing", json={})).json()["payload"]
    items = (await trade.seller.http.post("/api/v0/reports/open-items", json={}, params={"limit": 100})).json()[
        "payload"
    ]
    assert D(str(ageing["totals"]["total"])) == owed == D(str(items["totalBalanceAmount"]))
    assert {one["invoiceId"] for one in items["data"]} == {day.made[at] for at in (11, 25, 26, 27, 28)}
    assert sum(D(str(row["dueAmount"])) for row in theirs.values()) == owed + expected_tax
    proposal = await trade.buyer.company.http.get(
        "/api/v0/network/payable/proposal", params={"supplier": trade.supplier.b2b_id}
    )
    assert D(str(proposal.json()["payload"]["dueAmount"])) == owed + expected_tax
    assert await findings(trade.seller) == await findings(trade.buyer.company) == []


async def money_in(day: Day) -> tuple[Decimal, Decimal]:
    """Give what the network's confirmed payments moved, and what of money stands in the books."""
    moved = D(0)
    for row in await day.trade.seller.rows(
        "SELECT object_id FROM network_objects WHERE seller_id = $1 AND kind = 'PAYMENT' AND status = 'CONFIRMED'"
    ):
        paid = await day.trade.supplier.have("payment", row["object_id"])
        moved += sum((D(str(one["paid"])) for one in paid["facts"]["lines"]), D(0))
    booked: Decimal = await day.trade.seller.value(
        "SELECT sum(amount) FROM invoice_entries WHERE seller_id = $1 AND kind IN ('RECEIPT', 'REVERSAL')"
    )
    return moved, booked


async def test_books_network_and_reports_of_both_sides_agree_at_night(world: World, new_seller: Any) -> None:
    day = Day(await Trade.between(world, new_seller))
    await day.morning(30)
    await payments_of_the_day(day)
    await corrections_of_the_day(day)
    await world.match()
    await day.trade.reapplied()
    await agree(day)
    moved, booked = await money_in(day)
    assert moved == booked
