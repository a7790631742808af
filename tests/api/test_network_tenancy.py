"""Who may call the network's operations: nobody, without the role, a stranger, a partner; and what each of them learns."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

import make
import network_bodies as bodies
import network_calls
from hundi.auth.rules import PERMISSIONS, Permission, Role
from hundi.sellers.service import grant_partner
from network_world import World


def error_of(reply: httpx2.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["errorResponse"]["errorType"]


def permission_of(app: Any, operation: str) -> Permission:
    found = [
        handler for route in app.app.routes for handler in route.route_handlers if handler.operation_id == operation
    ]  # fmt: skip
    assert len(found) == 1, operation
    needed: Permission = next(guard.permission for guard in found[0].resolve_guards())
    return needed


async def call(http: httpx2.AsyncClient, operation: str, query: str = "", **more: str) -> httpx2.Response:
    method, path, arguments = network_calls.request(operation, **more)
    return await http.request(method, path + (query.replace("?", "&") if "?" in path else query), **arguments)


async def test_nobody(client: httpx2.AsyncClient) -> None:
    for operation in network_calls.OPERATIONS:
        reply = await call(client, operation)
        assert error_of(reply) == (401, "UNAUTHORIZED"), operation
        assert reply.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("role", Role)
async def test_roles(session_app: Any, seller: make.Company, role: Role) -> None:
    """With the role a company that trades nothing hears that nothing is its own; without it, that it may not ask."""
    http = seller.http_as([role.value])
    for operation in network_calls.OPERATIONS:
        reply = await call(http, operation)
        if permission_of(session_app, operation) not in PERMISSIONS[role]:
            assert error_of(reply) == (403, "INVALID_ACCESS"), operation
        elif operation in network_calls.POSTS and operation not in network_calls.ANYBODYS:
            assert error_of(reply) == (404, "RECORD_NOT_FOUND"), (operation, reply.text)
        elif operation in network_calls.NAMED | set(network_calls.SIMPLE):
            assert error_of(reply) == (404, "RECORD_NOT_FOUND"), operation
        else:
            assert reply.status_code == 200, (operation, reply.text)
    for roles in ([], ["unknown"]):
        assert error_of(await call(seller.http_as(roles), "listNetworkInbox")) == (403, "INVALID_ACCESS")


async def test_a_stranger_finds_nothing(db: Any, keyring: Any, clock: Any, new_seller: Any) -> None:
    world = World(db, keyring, clock)
    supplier, buyer, stranger = [await world.join(await new_seller()) for _ in range(3)]
    sent = bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)
    await supplier.call("invoice/req-send-invoice", sent)
    invoice_id = sent["invoice"]["objectId"]
    traces = await supplier.company.value("SELECT count(*) FROM network_events WHERE seller_id = $1")
    for operation in network_calls.NAMED:
        assert error_of(await call(stranger.company.http, operation, invoice_id=invoice_id)) == (
            404,
            "RECORD_NOT_FOUND",
        )
    for operation in set(network_calls.GETS) - network_calls.NAMED:
        reply = await call(stranger.company.http, operation)
        assert (reply.json()["payload"]["data"], reply.json()["payload"]["total_count"]) == ([], 0), operation
    # Acting with another's B2B ID, or on another's object, is asking for what is not there.
    forged = [
        ("invoice/req-send-invoice", bodies.send_invoice(supplier.b2b_id, buyer.b2b_id)),
        ("invoice/req-edit-invoice", bodies.edit_invoice(sent, 1)),
        ("invoice/req-confirm-invoice", bodies.confirm_invoice(sent)),
        ("invoice/req-status-change-invoice", bodies.change_invoice_status(sent, status="SENT TO BUYER")),
        ("purchase-order/req-send", bodies.send_order(supplier.b2b_id, buyer.b2b_id)),
        ("cd-note/req-send", bodies.send_note(supplier.b2b_id, buyer.b2b_id)),
        ("payment/req-pay", bodies.pay(sent, 1180)),
        ("finance/req-financing", bodies.request_financing(sent)),
        ("business-onboarding/reg-id", bodies.register_ids(supplier.registered)),
        ("business-onboarding/reg-search-entity", bodies.search_entity(supplier.b2b_id)),
    ]
    for path, body in forged:
        reply = await stranger.post(path, body)
        assert error_of(reply) == (404, "RECORD_NOT_FOUND"), (path, reply.text)
    await world.carry()
    assert await supplier.company.value("SELECT count(*) FROM network_events WHERE seller_id = $1") == traces


async def test_nobody_uses_up_the_document_numbers_of_another_business(
    db: Any, keyring: Any, clock: Any, new_seller: Any
) -> None:
    world = World(db, keyring, clock)
    victim, buyer, other = [await world.join(await new_seller()) for _ in range(3)]
    gstin = victim.registered["institute"]["primaryBusinessIdentifier"]["value"]
    cases = [
        ("invoice/req-send-invoice", bodies.send_invoice, "invoice", "supplierDetails", (other, buyer)),
        ("cd-note/req-send", bodies.send_note, "cdNote", "supplierDetails", (other, buyer)),
        ("purchase-order/req-send", bodies.send_order, "purchaseOrder", "buyerDetails", (buyer, other)),
    ]
    for path, make_body, block, issuer, (supplier, customer) in cases:
        forged = make_body(supplier.b2b_id, customer.b2b_id)
        forged[block][issuer] = forged[block][issuer] | {"gstin": gstin}
        await other.call(path, forged)
        said = other.resp["resp"]
        assert (said["result"], said["errorCd"], said["errorField"]) == (
            "FAILURE", "IDENTIFIER_OF_OTHERS", f"{block}.{issuer}.gstin",
        )  # fmt: skip
        pair = (buyer, victim) if issuer == "buyerDetails" else (victim, buyer)
        own = make_body(pair[0].b2b_id, pair[1].b2b_id)
        number = next(name for name in own[block] if name.endswith("Number"))
        own[block] |= {number: forged[block][number], issuer: own[block][issuer] | {"gstin": gstin}}
        await victim.call(path, own)
        assert victim.resp["resp"]["result"] == "SUCCESS", victim.resp


async def test_a_partner_acts_under_a_grant_only(seller: make.Company, new_seller: Any, session_app: Any) -> None:
    partner = await new_seller()
    query = f"?sellerId={seller.seller_id}"
    for operation in network_calls.OPERATIONS:
        assert error_of(await call(partner.http, operation, query)) == (403, "INVALID_ACCESS")
    async with seller.db.transaction(seller.seller_id) as tx:
        await grant_partner(tx, partner=partner.seller_id, roles=["viewer"], granted_by=seller.user_id)
    for operation in network_calls.OPERATIONS:
        reply = await call(partner.http, operation, query)
        allowed = permission_of(session_app, operation) in PERMISSIONS[Role.VIEWER]
        assert (reply.status_code != 403) == allowed, operation


async def test_the_central_unit_is_no_tenants(
    database_urls: Any, db: Any, keyring: Any, clock: Any, new_seller: Any
) -> None:
    """Row-level security cannot guard what belongs to several; nothing but its own module may name its schema."""
    world = World(db, keyring, clock)
    await world.join(await new_seller())
    async with db.unbound() as tx:
        assert await tx.fetchval("SELECT count(*) FROM network_objects") == 0
        assert await tx.fetchval("SELECT count(*) FROM central.objects") >= 2
