"""Who may reach what: every route of the application called as nobody, as a stranger, without the role and with it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from typing import Any

import asyncpg
import httpx2
import pytest

import admin_calls
import connection_calls
import make
import network_calls
import webhook_calls
from hundi.auth.rules import PERMISSIONS, Permission, Role
from hundi.db.embedded import Urls
from hundi.db.pool import Database
from hundi.kit.keys import Keyring
from hundi.sellers.service import grant_partner

TIER = os.environ.get("TEST_TIER", "default")

UPLOAD = {"files": {"file": ("a.csv", b"baseAmount\n1\n", "text/csv")}, "headers": {"Prefer": "respond-async"}}
Request = Callable[[dict[str, str]], tuple[str, str, dict[str, Any]]]

# What each operation needs to be called with; ``at`` holds ids of the company whose objects are asked for.
CALLS: dict[str, Request] = {
    "createCustomer": lambda at: ("POST", "/api/v0/customer", {"json": make.customer_body()}),
    "getCustomer": lambda at: ("GET", f"/api/v0/customer/{at['customer']}", {}),
    "searchCustomer": lambda at: ("POST", "/api/v0/customer/search", {"json": {"customerIds": [at["customer"]]}}),
    "updateCustomer": lambda at: ("PATCH", f"/api/v0/customer/{at['customer']}", {"json": {"address": "seen"}}),
    "activateCustomer": lambda at: ("PUT", f"/api/v0/customer/activate/{at['customer']}", {}),
    "deactivateCustomer": lambda at: ("PUT", f"/api/v0/customer/deactivate/{at['customer']}", {}),
    "deleteCustomerByCustomerId": lambda at: ("DELETE", f"/api/v0/customer/{at['idle']}", {}),
    "getCustomerContactDetails": lambda at: ("GET", f"/api/v0/customer/{at['customer']}/contacts", {}),
    "createCustomerReminder": lambda at: ("POST", f"/api/v0/customer/{at['idle']}/reminder", {"json": {}}),
    "getCustomerReminders": lambda at: ("GET", f"/api/v0/customer/{at['idle']}/reminder", {}),
    "getCustomerReminder": lambda at: ("GET", f"/api/v0/customer/{at['idle']}/reminder/{at['reminder']}", {}),
    "updateCustomerReminder": lambda at: (
        "PATCH", f"/api/v0/customer/{at['idle']}/reminder/{at['reminder']}", {"json": {"stage": "seen"}}
    ),
    "deleteReminder": lambda at: ("DELETE", f"/api/v0/customer/{at['idle']}/reminder/{at['reminder']}", {}),
    "createInvoice": lambda at: ("POST", "/api/v0/invoice", {"json": make.invoice_body(at["customer"])}),
    "getInvoice": lambda at: ("GET", f"/api/v0/invoice/{at['invoice']}", {}),
    "updateInvoice": lambda at: ("PATCH", f"/api/v0/invoice/{at['invoice']}", {"json": {"description": "seen"}}),
    "searchCollectionInvoices": lambda at: ("POST", "/api/v0/invoice/search", {"json": {"invoiceIds": [at["invoice"]]}}),
    "dispatchInvoiceCollection": lambda at: (
        "POST", "/api/v0/invoice/bulk/dispatch", {"json": {"invoiceIds": [at["invoice"]]}}
    ),
    "getDispatch": lambda at: ("GET", f"/api/v0/invoice/bulk/dispatch/{at['dispatch']}", {}),
    "invoiceBulkUpload": lambda at: ("POST", "/api/v0/invoice/bulk/create", UPLOAD),
    "getBulkImports": lambda at: ("GET", "/api/v0/invoice/bulk", {}),
    "cancelBulkImport": lambda at: ("POST", f"/api/v0/invoice/bulk/{at['import']}/cancel", {}),
    "uploadInvoicePdfs": lambda at: ("POST", "/api/v0/invoice/bulk/attachments", UPLOAD),
    "createBulkCustomer": lambda at: ("POST", "/api/v0/customer/bulk", UPLOAD),
    "bulkUpdate": lambda at: ("POST", "/api/v0/customer/bulk/update", UPLOAD),
    "getBulkCustomerTemplate": lambda at: ("GET", "/api/v0/customer/bulk/template", {}),
    "getBulkImport": lambda at: ("GET", f"/api/v0/invoice/bulk/{at['import']}", {}),
    "openItemsReport": lambda at: ("POST", "/api/v0/reports/open-items", {"json": {}}),
    "ageingReport": lambda at: ("POST", "/api/v0/reports/ageing", {"json": {}}),
    "getBulkTemplate": lambda at: ("GET", "/api/v0/invoice/bulk/template", {}),
    "approveInvoice": lambda at: ("POST", f"/api/v0/invoice/{at['waiting']}/approve", {"json": {}}),
    "rejectInvoice": lambda at: ("POST", f"/api/v0/invoice/{at['waiting']}/reject", {"json": {"remarks": "seen"}}),
    "approveInvoiceCollection": lambda at: (
        "POST", "/api/v0/invoice/bulk/approve", {"json": {"invoiceIds": [at["waiting"]]}}
    ),
    "deleteInvoiceCollection": lambda at: (
        "POST", "/api/v0/invoice/bulk/delete", {"json": {"invoiceIds": [at["waiting"]]}}
    ),
    "getInvoiceDeliveries": lambda at: ("GET", f"/api/v0/invoice/{at['invoice']}/deliveries", {}),
    "getInvoiceDocuments": lambda at: ("GET", f"/api/v0/invoice/{at['invoice']}/documents", {}),
    "getInvoiceDocument": lambda at: ("GET", f"/api/v0/invoice/{at['invoice']}/documents/0", {}),
    "getInvoiceApprovals": lambda at: ("GET", f"/api/v0/invoice/{at['invoice']}/approvals", {}),
    "getInvoicesWaitingForMe": lambda at: ("GET", "/api/v0/approval/waiting", {}),
    "getApprovalPolicies": lambda at: ("GET", "/api/v0/approval/policies", {}),
    "createApprovalPolicy": lambda at: ("POST", "/api/v0/approval/policies", {"json": policy_body()}),
    "updateApprovalPolicy": lambda at: ("PATCH", f"/api/v0/approval/policies/{at['policy']}", {"json": {"name": "seen"}}),
    "createInvoiceEntry": lambda at: (
        "POST", f"/api/v0/invoice/{at['paid']}/entries", {"json": {"kind": "DISCOUNT", "amount": 1}}
    ),
    "getInvoiceEntries": lambda at: ("GET", f"/api/v0/invoice/{at['paid']}/entries", {}),
    "reverseInvoiceEntry": lambda at: ("POST", f"/api/v0/invoice/{at['paid']}/entries/{at['entry']}/reverse", {"json": {}}),
    "writeOffInvoice": lambda at: ("POST", f"/api/v0/invoice/{at['invoice']}/write-off", {"json": {"reason": "seen"}}),
    "disputeInvoice": lambda at: ("POST", f"/api/v0/invoice/{at['invoice']}/dispute", {"json": {"reason": "seen"}}),
    "cancelInvoice": lambda at: ("POST", f"/api/v0/invoice/{at['invoice']}/cancel", {"json": {"reason": "seen"}}),
    "reinstateInvoice": lambda at: ("POST", f"/api/v0/invoice/{at['invoice']}/reinstate", {"json": {}}),
    "paymentConfirmation": lambda at: (
        "POST", "/api/v0/invoice/payment-confirmation",
        {"json": {"invoiceIds": [at["invoice"]], "paymentId": "PMT1", "remarks": "seen", "response": "ACCEPT",
                  "type": "OFFPLATFORM"}},
    ),
    "changeInvoiceStatus": lambda at: (
        "POST", "/api/v0/invoice/req-change-status",
        {"json": {"invoiceIds": [at["invoice"]], "status": "CLOSE", "remarks": "seen"}},
    ),
    "listCounterparties": lambda at: ("GET", "/api/v0/network/counterparty", {}),
    "getCounterparty": lambda at: ("GET", f"/api/v0/network/counterparty/{at['customer']}", {}),
    "putCounterparty": lambda at: ("PUT", f"/api/v0/network/counterparty/{at['customer']}", {"json": {"b2bId": "B2B-1"}}),
    "deleteCounterparty": lambda at: ("DELETE", f"/api/v0/network/counterparty/{at['named']}", {}),
    "createSeries": lambda at: ("POST", "/api/v0/series", {"json": {"pattern": make.number("S") + "/{n:4}"}}),
    "getSeries": lambda at: ("GET", "/api/v0/series", {}),
    "makeSeriesDefault": lambda at: ("POST", f"/api/v0/series/{at['series']}/default", {}),
    "previewSeries": lambda at: ("GET", f"/api/v0/series/{at['series']}/preview", {}),
    "sampleSeries": lambda at: ("POST", "/api/v0/series/preview", {"json": {"pattern": "A/{n:4}"}}),
    "getVoidedNumbers": lambda at: ("GET", "/api/v0/series/voided", {}),
}  # fmt: skip
# Those that name an object of a company by an id in the path or body: a stranger gets 404.
NAMED = {
    "getCustomer", "createInvoice", "getInvoice", "updateInvoice", "getBulkImport", "cancelBulkImport", "updateCustomer", "activateCustomer",
    "deactivateCustomer", "deleteCustomerByCustomerId", "getCustomerContactDetails", "createCustomerReminder",
    "getCustomerReminders", "getCustomerReminder", "updateCustomerReminder", "deleteReminder", "approveInvoice",
    "rejectInvoice", "getInvoiceApprovals", "getInvoiceDeliveries", "getInvoiceDocuments", "getInvoiceDocument", "updateApprovalPolicy", "createInvoiceEntry", "getInvoiceEntries",
    "reverseInvoiceEntry", "writeOffInvoice", "disputeInvoice", "cancelInvoice", "reinstateInvoice", "paymentConfirmation",
    "changeInvoiceStatus", "getDispatch", "makeSeriesDefault", "previewSeries", "getCounterparty", "putCounterparty",
    "deleteCounterparty",
}  # fmt: skip
# Those that use their object up: each call needs another one.
ONCE = {"deleteCustomerByCustomerId", "deleteReminder", "deleteCounterparty"}
PUBLIC = {
    "/healthz", "/readyz", "/metrics", "/oauth/token", "/files/{token:str}", "/i/{token:str}",
    "/i/{token:str}/invoice.pdf", "/i/{token:str}/upi.svg", "/i/{token:str}/logo", "/static/{file_path:path}",
    "/network/inbox/{path:path}", "/network/inbox/enkash/{path:path}", "/network/inbox/zwitch/{path:path}",
}  # fmt: skip
CALLS |= admin_calls.CALLS | webhook_calls.CALLS
NAMED |= admin_calls.NAMED | webhook_calls.NAMED
ONCE |= admin_calls.ONCE | webhook_calls.ONCE
OWN_PEOPLE = admin_calls.OWN_PEOPLE | webhook_calls.OWN_PEOPLE
CALLS |= connection_calls.CALLS
NAMED |= connection_calls.NAMED
ONCE |= connection_calls.ONCE
OWN_PEOPLE |= connection_calls.OWN_PEOPLE
OPERATIONS = sorted(CALLS)
# The gate reads the three names of the company to act for before it knows the operation: by default each operation is
# called by one of them in turn, and two operations by all three.
NAMES = ("sellerId", "parentCompanyId", "companyId")
NAMING = [
    (operation, name)
    for at, operation in enumerate(OPERATIONS)
    for turn, name in enumerate(NAMES)
    if TIER != "default" or operation in {"createInvoice", "getSeller"} or turn == at % len(NAMES)
]


def handlers(app: Any) -> list[tuple[str, Any]]:
    """Give (path, handler) of every route but the API document and the framework's own answers to OPTIONS."""
    return [
        (route.path, handler)
        for route in app.app.routes
        for handler in route.route_handlers
        if handler.http_methods != {"OPTIONS"} and not route.path.startswith("/schema")
    ]


def permission_of(app: Any, operation: str) -> Permission:
    found = [handler for _, handler in handlers(app) if handler.operation_id == operation]
    assert len(found) == 1, operation
    needed: Permission = next(guard.permission for guard in found[0].resolve_guards())
    return needed


def policy_body() -> dict[str, Any]:
    """Give an approval policy for amounts nobody invoices, beside those of every other."""
    lowest = 10**12 + 10 * int(make.number("")[1:])
    return {"name": "Huge", "steps": ["APPROVER"], "fromAmount": lowest, "toAmount": lowest + 10}


async def money_objects(company: make.Company, customer: str) -> dict[str, str]:
    """Make an invoice that waits for its approver, one with an entry, a policy, and name the series."""
    waiting = (await company.invoice(customer))["invoiceId"]
    await company.run(
        "UPDATE invoices SET approval_status = 'APPROVER_APPROVAL_PENDING' WHERE seller_id = $1 AND invoice_id = $2",
        waiting,
    )
    paid = (await company.invoice(customer))["invoiceId"]
    entry = await company.http.post(f"/api/v0/invoice/{paid}/entries", json={"kind": "DISCOUNT", "amount": 1})
    policy = await company.http.post("/api/v0/approval/policies", json=policy_body())
    return {
        "waiting": waiting, "paid": paid, "entry": entry.json()["payload"]["entry"]["entryId"],
        "policy": policy.json()["payload"]["policyId"],
        "series": await company.value("SELECT series_id FROM number_series WHERE seller_id = $1"),
    }  # fmt: skip


async def objects(company: make.Company) -> dict[str, str]:
    """Make one object of each kind."""
    made = await company.invoice()
    upload = await company.http.post("/api/v0/invoice/bulk/create", **UPLOAD)
    assert upload.status_code == 202, upload.text
    import_id = await company.value("SELECT import_id FROM imports WHERE seller_id = $1")
    idle = await company.customer()
    for each in (made["customerId"], named := await company.customer()):
        assert (
            await company.http.put(f"/api/v0/network/counterparty/{each}", json={"b2bId": "B2B-1"})
        ).status_code == 200
    reminder = await company.http.post(f"/api/v0/customer/{idle}/reminder", json={"reminderType": "ONCE"})
    dispatch = await company.http.post(
        "/api/v0/invoice/bulk/dispatch", json={"invoiceIds": ["inv_x"]}, headers={"Prefer": "respond-async"}
    )
    return {
        "dispatch": dispatch.json()["payload"]["dispatchId"],
        "customer": made["customerId"], "invoice": made["invoiceId"], "import": import_id, "idle": idle,
        "named": named,
        "reminder": reminder.json()["payload"]["customerReminderId"],
        **await money_objects(company, made["customerId"]),
        **await admin_calls.objects(company, made["invoiceId"]),
        **await webhook_calls.objects(company),
        **await connection_calls.objects(company),
    }  # fmt: skip


async def call(http: httpx2.AsyncClient, operation: str, at: dict[str, str], query: str = "") -> httpx2.Response:
    method, path, more = CALLS[operation](at)
    return await http.request(method, path + query, **more)


def error_of(reply: httpx2.Response) -> tuple[int, str]:
    return reply.status_code, reply.json()["errorResponse"]["errorType"]


def test_every_route_is_guarded_or_named_public(session_app: Any) -> None:
    for path, handler in handlers(session_app):
        permissions = [getattr(guard, "permission", None) for guard in handler.resolve_guards()]
        if path in PUBLIC:
            assert handler.opt.get("public") is True, path
            assert permissions == [], path
        else:
            assert len(permissions) == 1, path
            assert isinstance(permissions[0], Permission), path
            # Those of the network are called in tests/api/test_network_tenancy.py, whose companies trade with each other.
            known = handler.operation_id in {*CALLS, *network_calls.OPERATIONS, *connection_calls.ELSEWHERE}
            assert known, f"say in CALLS how {handler.operation_id} is called"


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_nobody(session_app: Any, client: httpx2.AsyncClient, operation: str) -> None:
    at = {"customer": "KC0123456789ABCD", "invoice": "inv_x", "import": "imp_x"}
    at |= {
        "idle": "KC0123456789ABCD",
        "named": "KC0123456789ABCD",
        "reminder": "rem_x",
        "waiting": "inv_x",
        "paid": "inv_x",
        "entry": "ent_x",
        "dispatch": "dsp_x",
    }
    at |= {"policy": "pol_x", "series": "ser_x"}
    at |= admin_calls.NOBODYS | webhook_calls.NOBODYS | connection_calls.NOBODYS
    permission_of(session_app, operation)
    reply = await call(client, operation, at)
    assert error_of(reply) == (401, "UNAUTHORIZED")
    assert reply.headers["www-authenticate"] == "Bearer"


@pytest.fixture(scope="module")
async def furnished(
    session_app: Any, session_db: Database, keyring: Keyring, session_clock: make.MovedClock
) -> AsyncIterator[tuple[make.Company, dict[str, str]]]:
    """Give a company with one object of each kind, for tests that change nothing of it."""
    session_clock.reset()
    async with make.http_clients(session_app) as factory:
        company = await make.company(session_db, keyring, session_clock, factory)
        yield company, await objects(company)
        async with company.db.transaction(company.seller_id) as tx:
            # All it was told of would be told to it by the next test's worker.
            await tx.execute("UPDATE webhook_endpoints SET status = 'DISABLED' WHERE seller_id = $1", company.seller_id)
        await company.no_jobs()


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_right_and_wrong_roles(
    session_app: Any, new_seller: Any, furnished: tuple[make.Company, dict[str, str]], operation: str
) -> None:
    needed = permission_of(session_app, operation)
    seller, at = furnished
    if CALLS[operation](at)[0] != "GET":
        seller = await new_seller()
        at = await objects(seller)
    used_up = False
    for role in Role:
        if used_up and needed in PERMISSIONS[role]:
            at = await objects(seller)
        reply = await call(seller.http_as([role.value]), operation, at)
        if needed in PERMISSIONS[role]:
            assert reply.status_code in {200, 202}, (role, reply.text)
            used_up = operation in ONCE
        else:
            assert error_of(reply) == (403, "INVALID_ACCESS"), role
    for roles in ([], ["unknown"]):
        assert error_of(await call(seller.http_as(roles), operation, at)) == (403, "INVALID_ACCESS")


@pytest.mark.parametrize("operation", OPERATIONS)
async def test_a_stranger_finds_nothing(
    furnished: tuple[make.Company, dict[str, str]], new_seller: Any, operation: str
) -> None:
    stranger = await new_seller()
    seller, at = furnished
    trace = await seller.value("SELECT count(*) FROM audit_log WHERE seller_id = $1")
    reply = await call(stranger.http, operation, at)
    if operation in NAMED:
        assert error_of(reply) == (404, "RECORD_NOT_FOUND")
    else:
        assert reply.status_code in {200, 202}, reply.text
        assert at["invoice"] not in reply.text or operation == "dispatchInvoiceCollection"
        assert seller.seller_id not in reply.text
    if operation == "searchCollectionInvoices":
        assert reply.json()["payload"]["total_count"] == 0
    if operation == "dispatchInvoiceCollection":
        assert reply.json()["response_code"] == 1
    assert await seller.value("SELECT count(*) FROM audit_log WHERE seller_id = $1") == trace
    assert await seller.value("SELECT dispatch_status FROM invoices WHERE seller_id = $1") == "NOT_DISPATCHED"


async def test_another_companys_customer_cannot_be_put_on_an_invoice(seller: make.Company, new_seller: Any) -> None:
    stranger = await new_seller()
    theirs = await seller.customer()
    made = await stranger.invoice()
    reply = await stranger.http.patch(f"/api/v0/invoice/{made['invoiceId']}", json={"customerId": theirs})
    assert error_of(reply) == (404, "RECORD_NOT_FOUND")
    assert reply.json()["errorResponse"]["apiSubErrors"][0]["field"] == "customerId"


# ------------------------------------------------------------------ partners


async def granted(seller: make.Company, partner: make.Company, roles: list[str]) -> None:
    async with seller.db.transaction(seller.seller_id) as tx:
        await grant_partner(tx, partner=partner.seller_id, roles=roles, granted_by=seller.user_id)


@pytest.mark.parametrize(("operation", "parameter"), NAMING)
async def test_a_partner_acts_under_a_grant_only(
    session_app: Any, seller: make.Company, new_seller: Any, operation: str, parameter: str
) -> None:
    partner = await new_seller()
    needed = permission_of(session_app, operation)
    at = await objects(seller)
    query = f"?{parameter}={seller.seller_id}"
    assert error_of(await call(partner.http, operation, at, query)) == (403, "INVALID_ACCESS")
    await granted(seller, partner, ["viewer"])
    reply = await call(partner.http, operation, at, query)
    if needed in PERMISSIONS[Role.VIEWER]:
        assert reply.status_code in {200, 202}, reply.text
    else:
        assert error_of(reply) == (403, "INVALID_ACCESS")
    await granted(seller, partner, ["admin"])
    reply = await call(partner.http, operation, at, query)
    if operation in OWN_PEOPLE:
        assert error_of(reply) == (403, "INVALID_ACCESS")
    else:
        assert reply.status_code in {200, 202}, reply.text
    # What a person may not do at home they may not do for another company.
    weak = await call(partner.http_as(["viewer"]), operation, at, query)
    assert (weak.status_code == 403) == (needed not in PERMISSIONS[Role.VIEWER])
    await seller.run("UPDATE partner_grants SET revoked_at = now() WHERE seller_id = $1")
    assert error_of(await call(partner.http, operation, at, query)) == (403, "INVALID_ACCESS")


async def test_a_partner_leaves_its_own_name(seller: make.Company, new_seller: Any) -> None:
    partner = await new_seller()
    await granted(seller, partner, ["maker"])
    reply = await partner.http.post(f"/api/v0/customer?parentCompanyId={seller.seller_id}", json=make.customer_body())
    assert reply.json()["payload"]["sellerId"] == seller.seller_id
    assert reply.json()["payload"]["createdBy"] == partner.user_id
    actor = await seller.value("SELECT actor FROM audit_log WHERE seller_id = $1 AND action = 'customer.create'")
    assert actor == partner.user_id


async def test_a_company_that_does_not_exist_looks_like_one_without_a_grant(seller: make.Company) -> None:
    reply = await seller.http.post("/api/v0/invoice/search?sellerId=CEK0000000", json={})
    assert error_of(reply) == (403, "INVALID_ACCESS")


async def test_ones_own_id_needs_no_grant(seller: make.Company) -> None:
    reply = await seller.http.post(f"/api/v0/invoice/search?sellerId={seller.seller_id}", json={})
    assert reply.status_code == 200


async def test_a_partners_revoked_token_is_refused(seller: make.Company, new_seller: Any) -> None:
    partner = await new_seller()
    await granted(seller, partner, ["admin"])
    http = partner.http
    await partner.run(
        "INSERT INTO token_revocations (seller_id, subject, not_before) VALUES ($1, $2, $3)",
        partner.user_id, partner.clock.now(),
    )  # fmt: skip
    reply = await http.post(f"/api/v0/invoice/search?sellerId={seller.seller_id}", json={})
    assert error_of(reply) == (401, "UNAUTHORIZED")


async def test_the_body_cannot_name_another_company(seller: make.Company, new_seller: Any) -> None:
    partner = await new_seller()
    await granted(seller, partner, ["admin"])
    body = make.invoice_body(await partner.customer(), sellerId=seller.seller_id)
    reply = await partner.http.post("/api/v0/invoice", json=body)
    assert error_of(reply) == (400, "VALIDATION_ERROR")
    own = make.invoice_body(await partner.customer(), sellerId=partner.seller_id)
    assert (await partner.http.post("/api/v0/invoice", json=own)).status_code == 200


# ------------------------------------------------------------------ the net below: row-level security


@pytest.fixture
async def as_app(database_urls: Urls) -> Any:
    connection = await asyncpg.connect(database_urls.app)
    yield connection
    await connection.close()


async def tenant_tables(connection: asyncpg.Connection) -> list[str]:
    found = await connection.fetch(
        "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'seller_id'"
        " AND table_name <> 'directory' ORDER BY 1"
    )
    return [row["table_name"] for row in found]


async def test_the_app_role_sees_nothing_unbound_and_its_own_rows_bound(
    as_app: asyncpg.Connection, database_urls: Urls, seller: make.Company, new_seller: Any
) -> None:
    stranger = await new_seller()
    await objects(stranger)
    await objects(seller)
    owner = await asyncpg.connect(database_urls.owner)
    tables = await tenant_tables(owner)
    filled = {
        t for t in tables if await owner.fetchval(f"SELECT count(*) FROM {t} WHERE seller_id = $1", seller.seller_id)
    }
    await owner.close()
    assert {
        "sellers",
        "users",
        "customers",
        "customer_contacts",
        "invoices",
        "events",
        "audit_log",
        "imports",
    } <= filled
    for table in tables:
        assert await as_app.fetchval(f"SELECT count(*) FROM {table}") == 0, table
    async with as_app.transaction():
        await as_app.execute("SELECT bind_seller($1)", stranger.seller_id)
        for table in tables:
            assert (
                await as_app.fetchval(f"SELECT count(*) FROM {table} WHERE seller_id <> $1", stranger.seller_id) == 0
            ), table
        assert await as_app.fetchval("SELECT count(*) FROM invoices") == 3
    # The binding ended with its transaction.
    assert await as_app.fetchval("SELECT count(*) FROM invoices") == 0


async def test_the_app_role_cannot_write_for_another_company(
    as_app: asyncpg.Connection, seller: make.Company, new_seller: Any
) -> None:
    stranger = await new_seller()
    await seller.customer()
    async with as_app.transaction():
        await as_app.execute("SELECT bind_seller($1)", stranger.seller_id)
        assert (
            await as_app.execute("UPDATE customers SET legal_name = 'X' WHERE seller_id = $1", seller.seller_id)
            == "UPDATE 0"
        )
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            async with as_app.transaction():
                await as_app.execute(
                    "INSERT INTO token_revocations (seller_id, subject, not_before) VALUES ($1, 'x', now())",
                    seller.seller_id,
                )


@pytest.mark.parametrize(
    "sql",
    ["UPDATE audit_log SET actor = 'x'", "DELETE FROM audit_log", "DELETE FROM events", "UPDATE invoice_entries SET amount = 1",
     "DELETE FROM invoice_entries", "DELETE FROM invoices", "TRUNCATE invoices", "SELECT * FROM directory",
     "ALTER TABLE invoices DISABLE ROW LEVEL SECURITY", "SET ROLE hundi_owner", "DROP TABLE invoices",
     "INSERT INTO directory VALUES ('login', 'x', 'CEK0000000')"],
)  # fmt: skip
async def test_what_the_app_role_may_not_do(as_app: asyncpg.Connection, sql: str) -> None:
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await as_app.execute(sql)


async def test_a_directory_row_always_names_the_bound_company(as_app: asyncpg.Connection, seller: make.Company) -> None:
    async with as_app.transaction():
        await as_app.execute("SELECT bind_seller($1)", seller.seller_id)
        assert await as_app.fetchval("SELECT directory_put('login', 'test tenancy')")
        assert await as_app.fetchval("SELECT directory_find('login', 'test tenancy')") == seller.seller_id
        assert not await as_app.fetchval("SELECT directory_put('login', 'test tenancy')")
