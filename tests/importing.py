"""Uploads in tests: a file over HTTP, its job run beside it as the worker would, its result files read back."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import httpx2

import make
from hundi.config import Settings
from hundi.files.store import FileStore
from hundi.http.idempotency import Call
from hundi.imports import jobs, service
from hundi.jobs.context import JobContext
from hundi.kit.actor import Actor

PATH = "/api/v0/invoice/bulk/create"
HEADER = (
    "invoiceNumber",
    "customerRef",
    "invoiceDate",
    "dueDate",
    "baseAmount",
    "cgst",
    "sgst",
    "externalId",
    "description",
)


def row(**changes: Any) -> dict[str, str]:
    """Give a good row for customer C1."""
    given = {
        "invoiceNumber": make.number("F"), "customerRef": "C1", "invoiceDate": "2026-11-01", "dueDate": "2026-12-01",
        "baseAmount": "1000.00", "cgst": "90.00", "sgst": "90.00", "externalId": "", "description": "Bolts, M8",
    }  # fmt: skip
    return given | {name: str(value) for name, value in changes.items()}


def text(rows: Iterable[dict[str, str]], header: Iterable[str] = HEADER) -> str:
    """Write rows as CSV."""
    out = io.StringIO()
    writer = csv.DictWriter(out, list(header), restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


class Importer:
    """Sends files for a company and runs their jobs."""

    def __init__(self, seller: make.Company, files: FileStore, keyring: Any, **settings: Any) -> None:
        self.seller = seller
        self.settings = Settings(**settings)
        self.context = JobContext(
            db=seller.db, clock=seller.clock, keyring=keyring, settings=self.settings, files=files, mailer=None
        )

    async def send(self, content: str | bytes, *, name: str = "bills.csv", **headers: str) -> httpx2.Response:
        """Upload a file and wait for the reply; the jobs of the company run meanwhile."""
        sent = {key.replace("_", "-"): value for key, value in headers.items()}
        call = asyncio.create_task(self.seller.http.post(PATH, files={"file": (name, content)}, headers=sent))
        return await self.beside(call)

    async def beside(self, call: asyncio.Task[httpx2.Response]) -> httpx2.Response:
        """Run the company's imports until the call has its answer."""
        while not call.done():
            for import_id in await self.waiting():
                await self.run(import_id)
            await asyncio.sleep(0.02)
        return call.result()

    async def waiting(self) -> list[str]:
        """Give the imports nobody has begun."""
        found = await self.seller.rows("SELECT import_id FROM imports WHERE seller_id = $1 AND state = 'RECEIVED'")
        return [one["import_id"] for one in found]

    async def run(self, import_id: str) -> None:
        """Run an import's job once."""
        await jobs.run(self.context, {"seller_id": self.seller.seller_id, "import_id": import_id})

    async def good(self, content: str | bytes, **more: Any) -> dict[str, Any]:
        """Upload a file that is taken; give the BulkResponse."""
        reply = await self.send(content, **more)
        assert reply.status_code == 200, reply.text
        found: dict[str, Any] = reply.json()["payload"]
        return found

    async def results(self, payload: dict[str, Any]) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
        """Read the success and the failure file."""
        return await self.file(payload["success_file_url"]), await self.file(payload["failure_file_url"])

    async def file(self, url: str) -> list[dict[str, str]]:
        """Read a result file; where a heading stands twice the first column counts."""
        reply = await self.seller.http_factory().get(url)
        assert reply.status_code == 200, reply.text
        assert reply.content.startswith(b"\xef\xbb\xbf")
        lines = list(csv.reader(io.StringIO(reply.content.decode("utf-8-sig"))))
        return [dict(reversed(list(zip(lines[0], line, strict=True)))) for line in lines[1:]]

    async def count(self, table: str = "invoices") -> int:
        """Count the company's rows of a table."""
        return int(await self.seller.value(f"SELECT count(*) FROM {table} WHERE seller_id = $1"))


def codes(reply: httpx2.Response) -> list[tuple[str, str]]:
    """Give ``(field, code)`` of each sub-error."""
    return [(one["field"], one["code"]) for one in reply.json()["errorResponse"]["apiSubErrors"]]


async def received(importer: Importer, content: str | bytes, *, kind: str = "invoices", **options: Any) -> str:
    """Write a file down as received, as an upload would, without running it; give the import's id."""
    db, files, clock = importer.seller.db, importer.context.files, importer.seller.clock
    now = clock.now()
    actor = Actor(
        seller_id=importer.seller.seller_id, home_seller_id=importer.seller.seller_id, subject=importer.seller.user_id,
        client_id=importer.seller.credentials.clientId, subjects=(), issued=now, roles=frozenset({"owner"}),
        permissions=frozenset(), request_id="req_test",
    )  # fmt: skip
    import_id = service.new_import_id(now)
    async with files.spool(2**30) as spool:
        await spool.write(content.encode() if isinstance(content, str) else content)
        await spool.finish()
        kept = await files.keep(f"imports/{import_id}/upload", spool)
    wished = service.Options(**{"chunk_rows": 100, "base_url": "http://hundi.test", **options})
    call = Call(actor=actor, key=None, fingerprint=b"")
    async with db.transaction(importer.seller.seller_id) as tx:
        await service.receive(tx, call, import_id=import_id, kept=kept, name="a.csv", options=wished, kind=kind)
    return import_id


async def imported(importer: Importer, content: str | bytes, **more: Any) -> dict[str, Any]:
    """Import a file by its job alone; give the BulkResponse, its amounts as Decimal."""
    import_id = await received(importer, content, **more)
    await importer.run(import_id)
    return await outcome(importer, import_id)


async def outcome(importer: Importer, import_id: str) -> dict[str, Any]:
    """Give the BulkResponse of a settled import, with its state."""
    rows = await importer.seller.rows(
        "SELECT state, result->>'payload' AS payload, refusal FROM imports WHERE seller_id = $1 AND import_id = $2",
        import_id,
    )
    assert rows[0]["payload"], rows[0]
    found: dict[str, Any] = json.loads(rows[0]["payload"], parse_float=Decimal)
    return found | {"state": rows[0]["state"], "importId": import_id}


async def bytes_of(importer: Importer, payload: dict[str, Any]) -> tuple[bytes, bytes]:
    """Read the two result files as they are."""
    http = importer.seller.http_factory()
    found = [
        await http.get(payload[f"{kind}_file_url"].replace("http://hundi.test", "")) for kind in ("success", "failure")
    ]
    assert [one.status_code for one in found] == [200, 200]
    return found[0].content, found[1].content
