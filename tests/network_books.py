"""A supplier with books and the buyer it sells to over the network; the buyer speaks through the published calls."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx2

import make
import network_bodies as bodies
from hundi.network import jobs
from network_world import Trader, World

D = Decimal


def line(**changes: Any) -> dict[str, Any]:
    """Give a line of ₹1,000 at 18% between states."""
    return {
        "productDescription": "Gate valve 50 mm", "hsnCode": "848180", "isService": "NO", "quantity": 10, "unit": "NOS",
        "unitPrice": 100, "assessmentAmount": 1000, "gstRate": 18, "igst": 180,
    } | changes  # fmt: skip


async def join(world: World, company: make.Company) -> Trader:
    """Register a company on the network under the GSTIN of its own registration."""
    world.companies.append(company)
    gstin = str(company.registration.gstin)
    trader = Trader(world, company, f"B2B-{company.seller_id}", gstin[2:12])
    await trader.call("business-onboarding/reg-entity", bodies.register_entity(trader.b2b_id, trader.pan, gstin))
    assert trader.resp["resp"]["result"] == "SUCCESS", trader.resp
    return trader


class Trade:
    """A supplier (Maharashtra), its customer, who is the buyer (Karnataka), and what happens between the two."""

    def __init__(self, world: World, supplier: Trader, buyer: Trader, customer: str) -> None:
        self.world = world
        self.supplier = supplier
        self.buyer = buyer
        self.customer = customer
        self.seller = supplier.company

    @classmethod
    async def between(cls, world: World, new_seller: Any, *, known: bool = True) -> Trade:
        """Set both up; ``known``: the supplier has set the customer's B2B ID."""
        supplier = await join(world, await new_seller())
        buyer = await join(world, await new_seller(state_code="29", legal_name="Deccan Retail Private Limited"))
        customer = await supplier.company.customer(
            legalName="Deccan Retail Private Limited", panOrGstin=buyer.company.registration.gstin,
            address="12 Residency Road, Bengaluru", state="Karnataka", pinCode="560025",
        )  # fmt: skip
        found = cls(world, supplier, buyer, customer)
        if known:
            await found.know()
        return found

    async def know(self, b2b_id: str | None = None) -> httpx2.Response:
        return await self.seller.http.put(
            f"/api/v0/network/counterparty/{self.customer}", json={"b2bId": b2b_id or self.buyer.b2b_id}
        )

    async def bill(self, **changes: Any) -> str:
        """Create an invoice of ₹1,180 for the customer."""
        given = {"cgst": 0, "sgst": 0, "igst": 180, "itemLists": [line()]} | changes
        found: str = (await self.seller.invoice(self.customer, **given))["invoiceId"]
        return found

    async def dispatch(self, *invoice_ids: str, carry: bool = True, **more: Any) -> dict[str, Any]:
        """Dispatch over the network; gives the whole reply."""
        body = {"invoiceIds": list(invoice_ids), "channel": "BHARAT_CONNECT"} | more
        reply = await self.seller.http.post("/api/v0/invoice/bulk/dispatch", json=body)
        assert reply.status_code == 200, reply.text
        if carry:
            await self.world.carry()
        found: dict[str, Any] = reply.json()
        return found

    async def sent(self, **changes: Any) -> str:
        """Create an invoice and have it delivered."""
        invoice_id = await self.bill(**changes)
        reply = await self.dispatch(invoice_id)
        assert reply["response_code"] == 0, reply
        return invoice_id

    async def shown(self, invoice_id: str) -> dict[str, Any]:
        reply = await self.seller.http.get(f"/api/v0/invoice/{invoice_id}")
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()["payload"]
        return found

    async def state(self, invoice_id: str) -> dict[str, str]:
        """Give what an invoice's statuses are, by axis."""
        found = await self.shown(invoice_id)
        return {
            "dispatch": found["dispatchStatus"]["name"], "receivable": found["receivableStatus"]["name"],
            "payout": found["payoutStatus"]["name"], "network": found.get("networkStatus", ""),
            "buyer": found.get("buyerResponse", ""), "via": found.get("via", ""),
        }  # fmt: skip

    async def object_of(self, invoice_id: str) -> dict[str, Any]:
        """Give the supplier's copy of what an invoice is on the network."""
        object_id = await self.seller.value(
            "SELECT object_id FROM network_invoices WHERE seller_id = $1 AND invoice_id = $2 ORDER BY round DESC LIMIT 1",
            invoice_id,
        )
        return await self.supplier.have("invoice", object_id)

    async def body_of(self, invoice_id: str) -> dict[str, Any]:
        """Give the published body the buyer has."""
        found: dict[str, Any] = (await self.object_of(invoice_id))["document"]
        return found

    async def answers(self, invoice_id: str, response: str, remarks: str = "seen") -> None:
        """Let the buyer answer."""
        sent = await self.body_of(invoice_id)
        await self.buyer.call(
            "invoice/req-confirm-invoice", bodies.confirm_invoice(sent, response, buyerRemarks=remarks)
        )
        assert self.buyer.resp["resp"]["result"] == "SUCCESS", self.buyer.resp

    async def pays(
        self, invoice_id: str, paid: float, splits: list[dict[str, Any]] | None = None, kind: str = "OFFPLATFORM"
    ) -> dict[str, Any]:
        """Let the buyer pay; gives the body of the payment."""
        found = await self.object_of(invoice_id)
        body = bodies.pay(found["document"], paid, splits, due=found["due"], status=found["status"], kind=kind)
        await self.buyer.call("payment/req-pay", body)
        assert self.buyer.resp["resp"]["result"] == "SUCCESS", self.buyer.resp
        return body

    async def confirms(
        self, payment: dict[str, Any], *invoice_ids: str, carry: bool = True, **more: Any
    ) -> httpx2.Response:
        """Let the supplier answer a payment by the simplified call."""
        made = payment["payment"]
        body = {
            "invoiceIds": list(invoice_ids), "paymentId": made["objectId"], "remarks": "received", "response": "ACCEPT",
            "type": made["type"],
        } | more  # fmt: skip
        reply = await self.seller.http.post("/api/v0/invoice/payment-confirmation", json=body)
        if carry and reply.status_code == 200:
            await self.world.carry()
        return reply

    async def withdrawn(self, invoice_id: str) -> None:
        """Run the job that a cancellation has put into the queue, and carry what it sends."""
        await jobs.withdraw(self.world.context, {"seller_id": self.seller.seller_id, "invoice_id": invoice_id})
        await self.world.carry()

    async def reapplied(self) -> int:
        """Run the jobs that a balance that rose has put into the queue; gives how many there were."""
        async with self.seller.db.unbound() as tx:
            rows = await tx.fetch(
                "DELETE FROM pgqueuer WHERE entrypoint = 'network.reapply' AND convert_from(payload, 'UTF8')::jsonb"
                " ->> 'seller_id' = $1 RETURNING payload", self.seller.seller_id
            )  # fmt: skip
        for row in rows:
            await jobs.reapply(self.world.context, bodies.json_of(row["payload"]))
        return len(rows)

    async def entries(self, invoice_id: str) -> list[tuple[str, Decimal, str | None]]:
        """Give kind, amount and reference of an invoice's entries, by kind."""
        rows = await self.seller.rows(
            "SELECT kind, amount, reference FROM invoice_entries WHERE seller_id = $1 AND invoice_id = $2"
            " ORDER BY kind, amount",
            invoice_id,
        )
        return [(row["kind"], row["amount"], row["reference"]) for row in rows]

    async def events(self, *types: str) -> list[dict[str, Any]]:
        rows = await self.seller.rows(
            "SELECT type, object_id, data::text AS data FROM events WHERE seller_id = $1 AND type = ANY ($2::text[])"
            " ORDER BY at, event_id",
            list(types),
        )
        return [row | {"data": bodies.json_of(row["data"])} for row in rows]
