"""Factories: companies, bodies of requests and the odd number with its right check digit. Nothing here asserts."""

from __future__ import annotations

import itertools
import struct
import zlib
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2

from hundi.auth.tokens import TokenSigner
from hundi.config import Settings
from hundi.db.embedded import Urls
from hundi.db.pool import Database
from hundi.kit.gstin import check_character
from hundi.kit.ids import SellerId
from hundi.kit.keys import Keyring
from hundi.sellers import service as sellers
from hundi.sellers.schemas import Credentials, NewRegistration

START = datetime(2026, 11, 16, 4, 30, tzinfo=UTC)
"""When the tests' clock begins: 16 November 2026, 10:00 in India."""

_count = itertools.count(1)

SECRET = "a secret key of the tests, long enough"


COMMANDS_SECRET = "a secret key of the commands and nobody else"


def command_settings(urls: Urls, folder: Path, **more: Any) -> Settings:
    """Give the settings of a command that works beside a server; its keys are not those of the application."""
    return Settings(
        database_url=urls.app, owner_url=urls.owner, secret_key=COMMANDS_SECRET, data_dir=folder,
        base_url="http://hundi.test", **more,
    )  # fmt: skip


class MovedClock:
    """The tests' clock: begins at :data:`START`, goes on by a millisecond a question, and moves when it is told to."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def now(self) -> datetime:
        self.at += timedelta(milliseconds=1)
        return self.at

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)

    def reset(self, at: datetime = START) -> None:
        self.at = at


def number(prefix: str = "T") -> str:
    """Give an invoice number no test has used."""
    return f"{prefix}-{next(_count):06d}"


def gstin(state: str = "27", pan: str | None = None, entity: str = "1") -> str:
    """Make a GSTIN of a state with its right check digit; nobody's."""
    serial = next(_count)
    letters = "".join(chr(65 + serial // 26**at % 26) for at in range(4))
    first = f"{state}{pan or f'Z{letters[:2]}C{letters[2]}{serial % 10_000:04d}Q'}{entity}Z"
    return first + check_character(first)


def registration(**changes: Any) -> NewRegistration:
    """Describe a place of business in Maharashtra."""
    given = {
        "legal_name": "Sahyadri Valves Private Limited", "address_line1": "14 Bhandup Works", "city": "Mumbai",
        "pin_code": "400078", "state_code": "27", "email": "accounts@example.com", "phone": "9820000000",
        "bank_holder": "Sahyadri Valves", "bank_account": "000111222333", "bank_ifsc": "HDFC0000001",
        "bank_name": "Bank of Examples", "upi_vpa": "sahyadri@example",
    }  # fmt: skip
    if "gstin" not in changes:
        given["gstin"] = gstin(str(changes.get("state_code", "27")))
    return NewRegistration(**(given | changes))


@dataclass
class Company:
    """A seller with an HTTP client for its owner, and more clients for other roles."""

    db: Database
    signer: TokenSigner
    clock: Any
    http_factory: Any
    credentials: Credentials
    user_id: str
    registration: NewRegistration
    clients: list[httpx2.AsyncClient] = field(default_factory=list)

    @property
    def seller_id(self) -> SellerId:
        return self.credentials.sellerId

    @property
    def http(self) -> httpx2.AsyncClient:
        """Give the owner's HTTP client."""
        if not self.clients:
            self.clients.append(self.http_as(["owner"], subject=self.user_id))
        return self.clients[0]

    def token(self, roles: Iterable[str], subject: str | None = None, family: str = "fam_test") -> str:
        """Make an access token with these roles, as sign-in would."""
        return self.signer.issue(
            subject=subject or self.credentials.clientId, client_id=self.credentials.clientId,
            seller_id=self.seller_id, roles=list(roles), family=family, now=self.clock.now(),
        )  # fmt: skip

    def http_as(self, roles: Iterable[str], subject: str | None = None) -> httpx2.AsyncClient:
        """Give an HTTP client whose token has these roles."""
        return self.http_factory({"Authorization": f"Bearer {self.token(roles, subject)}"})

    async def customer(self, **changes: Any) -> str:
        """Create a customer over HTTP and give its id."""
        reply = await self.http.post("/api/v0/customer", json=customer_body(**changes))
        assert reply.status_code == 200, reply.text
        found: str = reply.json()["payload"]["customerId"]
        return found

    async def invoice(self, customer_id: str | None = None, **changes: Any) -> dict[str, Any]:
        """Create an invoice over HTTP and give its payload."""
        customer = customer_id or await self.customer()
        reply = await self.http.post("/api/v0/invoice", json=invoice_body(customer, **changes))
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()["payload"]
        return found

    async def rows(self, sql: str, *args: Any) -> list[dict[str, Any]]:
        """Read as the app, bound to this company; ``$1`` is the seller."""
        async with self.db.read(self.seller_id) as tx:
            return [dict(row) for row in await tx.fetch(sql, self.seller_id, *args)]

    async def value(self, sql: str, *args: Any) -> Any:
        """Read one value as the app, bound to this company; ``$1`` is the seller."""
        async with self.db.read(self.seller_id) as tx:
            return await tx.fetchval(sql, self.seller_id, *args)

    async def run(self, sql: str, *args: Any) -> None:
        """Change something as the app, bound to this company; ``$1`` is the seller."""
        async with self.db.transaction(self.seller_id) as tx:
            await tx.execute(sql, self.seller_id, *args)

    async def no_jobs(self) -> None:
        """Take this company's jobs from the queue, so that no worker of another test finds them."""
        await self.run("DELETE FROM pgqueuer WHERE convert_from(payload, 'UTF8') LIKE '%' || $1 || '%'")


async def company(
    db: Database, keyring: Keyring, clock: Any, http_factory: Any, *, password: str | None = None, **changes: Any
) -> Company:
    """Create a seller that nothing else uses."""
    place = registration(**changes)
    async with db.unbound() as tx:
        made = await sellers.create_seller(
            tx, keyring, name=place.legal_name, registration=place, display_name="Asha Owner",
            username=f"asha{next(_count)}-{id(db)}-{clock.now():%f}@example.com", password=password,
        )  # fmt: skip
        user_id = await tx.fetchval(
            "SELECT user_id FROM users WHERE seller_id = $1 AND username = $2", made.sellerId, made.username
        )
    return Company(db, TokenSigner(keyring), clock, http_factory, made, user_id, place)


def customer_body(**changes: Any) -> dict[str, Any]:
    """Give a body of createCustomer: a registered buyer in Maharashtra with one key contact."""
    body: dict[str, Any] = {
        "legalName": "Konkan Traders", "address": "7 Mill Road, Pune", "state": "Maharashtra", "pinCode": "411001",
        "customerKeyContacts": [contact_body()],
    }  # fmt: skip
    return body | changes


def contact_body(**changes: Any) -> dict[str, Any]:
    """Give a key contact."""
    body: dict[str, Any] = {
        "deleted": False, "legalName": "Ravi Kulkarni", "name": "Ravi", "mobile": "9820012345",
        "email": "ravi@example.com", "mail_enabled": True,
    }  # fmt: skip
    return body | changes


def invoice_body(customer_id: str, **changes: Any) -> dict[str, Any]:
    """Give a body of createInvoice: ₹1,000 and 18% within the state, due in a month. None leaves a field out."""
    body: dict[str, Any] = {
        "customerId": customer_id, "baseAmount": 1000, "cgst": 90, "sgst": 90, "invoiceNumber": number(),
        "invoiceDate": "2026-11-10", "dueDate": "2026-12-10",
    }  # fmt: skip
    return {name: value for name, value in (body | changes).items() if value is not None}


def png(width: int = 8, height: int = 4, colour: bytes = b"\xc8\x1e\x1e") -> bytes:
    """Make a PNG of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\x00" + colour * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@asynccontextmanager
async def http_clients(app: Any) -> AsyncIterator[Callable[..., httpx2.AsyncClient]]:
    """Give a function that makes HTTP clients of an application, with these headers and from there; they end with it."""
    made: list[httpx2.AsyncClient] = []

    def factory(headers: dict[str, str] | None = None, peer: str = "127.0.0.1") -> httpx2.AsyncClient:
        transport = httpx2.ASGITransport(app, client=(peer, 4000))
        made.append(httpx2.AsyncClient(transport=transport, base_url="http://hundi.test", headers=headers))
        return made[-1]

    try:
        yield factory
    finally:
        for client in made:
            await client.aclose()
