"""From an exception to the envelope: every kind of failure, with its request id and nothing of the inside (design §4.8)."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx2
import pytest

import make
from hundi import app as hundi_app
from hundi.auth import errors as auth_errors
from hundi.config import Settings
from hundi.customers import errors as customer_errors
from hundi.db.embedded import Urls
from hundi.db.pool import Database, open_database
from hundi.http import body as body_errors
from hundi.http import idempotency
from hundi.invoices import errors as invoice_errors
from hundi.kit import errors as kit
from hundi.kit.errors import ErrorType, Refusal
from hundi.kit.keys import Keyring
from hundi.payments import errors as payment_errors
from hundi.sellers import errors as seller_errors

MODULES = (kit, auth_errors, customer_errors, invoice_errors, seller_errors, payment_errors, body_errors, idempotency)
REFUSALS = sorted(
    {
        kind
        for module in MODULES
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, Refusal)
    },
    key=lambda kind: kind.__name__,
)
TYPES = {
    400: {ErrorType.VALIDATION_ERROR, ErrorType.CLIENT_REQUEST_ERROR}, 401: {ErrorType.UNAUTHORIZED},
    403: {ErrorType.INVALID_ACCESS}, 404: {ErrorType.RECORD_NOT_FOUND}, 409: {ErrorType.UNPROCESSABLE_REQUEST},
    412: {ErrorType.UNPROCESSABLE_REQUEST}, 413: {ErrorType.CLIENT_REQUEST_ERROR}, 415: {ErrorType.CLIENT_REQUEST_ERROR},
    422: {ErrorType.UNPROCESSABLE_REQUEST},
    429: {ErrorType.CLIENT_REQUEST_ERROR},
}  # fmt: skip


@pytest.mark.parametrize("kind", REFUSALS)
def test_each_refusal_has_a_code_a_status_and_a_sentence(kind: type[Refusal]) -> None:
    assert re.fullmatch(r"[A-Z][A-Z0-9_]+", kind.code)
    assert kind.error_type in TYPES[kind.status], kind
    message = kind().message
    assert message[0].isupper()
    assert message.endswith(".")


def test_codes_are_used_once() -> None:
    codes = [kind.code for kind in REFUSALS if "code" in vars(kind)]
    assert sorted(codes) == sorted(set(codes))


@pytest.mark.parametrize("sent", ["12345678", "abc.DEF-1_2:3", "x" * 100])
async def test_a_request_id_is_echoed(seller: make.Company, sent: str) -> None:
    for path in ("/api/v0/invoice/nothing", "/nowhere", "/healthz"):
        reply = await seller.http.get(path, headers={"X-Request-Id": sent})
        assert reply.headers["x-request-id"] == sent
        if path != "/healthz":
            assert reply.json()["errorResponse"]["requestId"] == sent


@pytest.mark.parametrize(
    "sent", ["short", "x" * 101, "has space", "quote\"''''", "é" * 10, "<script>alert(1)</script>", ""]
)
async def test_a_request_id_that_could_do_harm_is_replaced(client: httpx2.AsyncClient, sent: str) -> None:
    reply = await client.get("/nowhere", headers=[(b"X-Request-Id", sent.encode())])
    assert re.fullmatch(r"req_[0-9a-f]{32}", reply.headers["x-request-id"])
    assert reply.json()["errorResponse"]["requestId"] == reply.headers["x-request-id"]


async def test_the_timestamp_is_in_india(client: httpx2.AsyncClient) -> None:
    reply = await client.get("/nowhere")
    assert reply.json()["errorResponse"]["timestamp"] == "2026-11-16 10:00:00"


async def test_one_problem_is_the_message_and_more_are_counted(seller: make.Company) -> None:
    one = await seller.http.post("/api/v0/invoice", json=make.invoice_body("KC0123456789ABCD", cgst=-1))
    assert one.json()["response_message"].startswith("cgst: ")
    more = await seller.http.post("/api/v0/invoice", json=make.invoice_body("x", cgst=-1))
    assert more.json()["response_message"].endswith("(2 problems)")


async def test_a_hundred_problems_are_enough(seller: make.Company) -> None:
    body = make.customer_body(customerKeyContacts=[{"name": at} for at in range(50)])
    reply = await seller.http.post("/api/v0/customer", json=body)
    assert len(reply.json()["errorResponse"]["apiSubErrors"]) == 100
    assert len(reply.content) < 50_000


async def test_a_rejected_value_is_shown_short(seller: make.Company) -> None:
    reply = await seller.http.post("/api/v0/invoice", json=make.invoice_body("K" * 100_000))
    assert len(reply.content) < 1000


@pytest.fixture
async def unreachable(database_urls: Urls, clock: make.MovedClock, keyring: Keyring, store: Any) -> Any:
    """Give an application whose database connections have all been cut, at an address where nothing answers."""
    parts = urlsplit(database_urls.app)
    db: Database = await open_database(urlunsplit(parts), clock, min_size=1, max_size=2)
    app = hundi_app.build(
        settings=Settings(), db=db, clock=clock, keyring=keyring, files=store, base_url="http://hundi.test"
    )
    await db.close()
    return app


async def test_without_a_database_every_answer_is_503(unreachable: Any, seller: make.Company) -> None:
    headers = {"Authorization": f"Bearer {seller.token(['owner'])}"}
    transport = httpx2.ASGITransport(unreachable)
    async with httpx2.AsyncClient(transport=transport, base_url="http://hundi.test", headers=headers) as http:
        for reply in (
            await http.get("/readyz"), await http.get("/api/v0/invoice/x"),
            await http.post("/api/v0/invoice", json=make.invoice_body("KC0123456789ABCD")),
            await http.post("/api/v0/customer", json=make.customer_body()),
        ):  # fmt: skip
            assert reply.status_code == 503, reply.text
            assert int(reply.headers["retry-after"]) > 0
            assert reply.json()["errorResponse"]["errorType"] == "SYSTEM_ERROR"
        assert (await http.get("/healthz")).text == "ok\n"


async def test_metrics_count_by_method_and_status(client: httpx2.AsyncClient) -> None:
    await client.get("/nowhere")
    text = (await client.get("/metrics")).text
    assert re.search(r'hundi_http_requests_total\{method="GET",status="404"\} [1-9]', text)


async def test_head_is_answered_as_get_without_its_body(client: httpx2.AsyncClient) -> None:
    for path, status in (("/healthz", 200), ("/nowhere", 404), ("/static/%00", 404)):
        head, get = await client.head(path), await client.get(path)
        assert (head.status_code, head.content) == (status, b"")
        assert get.status_code == status
        assert head.headers["content-type"] == get.headers["content-type"]
