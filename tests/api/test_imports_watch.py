"""Watching, listing and stopping imports over HTTP, and the limits a company has (design §5 Bulk; decision 0011)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

import make
from hundi.files.store import FileStore
from hundi.imports import limits, stream
from hundi.kit.keys import Keyring
from importing import PATH, Importer, codes, row, text

LIST = "/api/v0/invoice/bulk"
EVENTS = {"Accept": "text/event-stream"}


@pytest.fixture
async def importer(seller: make.Company, store: FileStore, keyring: Keyring) -> Importer:
    await seller.customer(uniqueRefNo="C1", legalName="Konkan Traders")
    return Importer(seller, store, keyring)


async def queued(importer: Importer, content: str | None = None, query: str = "") -> str:
    """Upload a file without waiting; give its import's id."""
    files = {"file": ("bills.csv", content or text([row()]))}
    headers = {"Prefer": "respond-async"}
    reply = await importer.seller.http.post(PATH + query, files=files, headers=headers)
    assert reply.status_code == 202, reply.text
    assert reply.headers["preference-applied"] == "respond-async"
    payload = reply.json()["payload"]
    assert reply.headers["location"] == payload["url"] == f"http://hundi.test{LIST}/{payload['importId']}"
    found: str = payload["importId"]
    return found


async def status(importer: Importer, import_id: str) -> dict[str, Any]:
    reply = await importer.seller.http.get(f"{LIST}/{import_id}")
    assert reply.status_code == 200, reply.text
    found: dict[str, Any] = reply.json()["payload"]
    return found


def events(body: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Give ``(id, event, data)`` of each event as a browser reads them."""
    found = []
    for block in body.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if "data" in fields:
            found.append((fields["id"], fields["event"], json.loads(fields["data"])))
    return found


async def until(holds: Callable[[], Any]) -> None:
    """Wait, five seconds at most, until something holds."""
    for _ in range(500):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError


async def watched(importer: Importer, import_id: str, last_id: str | None = None) -> Any:
    headers = EVENTS | ({"Last-Event-ID": last_id} if last_id else {})
    return await importer.seller.http.get(f"{LIST}/{import_id}", headers=headers)


async def test_the_modes_are_kept_with_the_import_and_shown(importer: Importer) -> None:
    query = "?dryRun=true&atomic=true&dispatch=true&createCustomers=true"
    shown = await status(importer, await queued(importer, query=query))
    assert shown["modes"] == {"dryRun": True, "atomic": True, "dispatch": True, "createCustomers": True}
    assert (shown["kind"], shown["state"], shown["rowsRead"], shown["doneRows"]) == ("invoices", "RECEIVED", 0, 0)
    plain = await status(importer, await queued(importer))
    assert not any(plain["modes"].values())


async def test_a_mode_that_is_no_boolean_is_refused(importer: Importer) -> None:
    reply = await importer.seller.http.post(f"{PATH}?dryRun=maybe", files={"file": ("a.csv", text([row()]))})
    assert reply.status_code == 400
    assert codes(reply)[0][0] == "dryRun"


async def test_the_modes_belong_to_the_key(importer: Importer) -> None:
    files = {"file": ("bills.csv", text([row()]))}
    headers = {"Prefer": "respond-async", "Idempotency-Key": "k"}
    first = await importer.seller.http.post(PATH, files=files, headers=headers)
    again = await importer.seller.http.post(PATH, files=files, headers=headers)
    assert again.json() == first.json()
    assert again.headers["idempotency-replayed"] == "true"
    other = await importer.seller.http.post(f"{PATH}?dryRun=true", files=files, headers=headers)
    assert other.status_code == 422
    assert other.json()["errorResponse"]["errorType"] == "UNPROCESSABLE_REQUEST"


async def test_waiting_for_some_seconds_only(importer: Importer) -> None:
    files = {"file": ("bills.csv", text([row()]))}
    reply = await importer.seller.http.post(PATH, files=files, headers={"Prefer": "respond-async, wait=1"})
    assert reply.status_code == 202
    call = importer.seller.http.post(PATH, files=files, headers={"Prefer": "respond-async, wait=20"})
    reply = await importer.beside(asyncio.create_task(call))
    assert (reply.status_code, reply.json()["payload"]["success_count"]) == (200, 1)


async def test_an_import_is_watched_to_its_end(importer: Importer) -> None:
    rows = [row() for _ in range(5)]
    import_id = await queued(importer, text([*rows, row(baseAmount="x")]))
    reply = await importer.beside(asyncio.create_task(watched(importer, import_id)))
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.headers["cache-control"] == "no-store"
    told = events(reply.text)
    assert [name for _, name, _ in told][-1] == "result"
    assert (told[0][1], told[0][2]["state"]) == ("progress", "RECEIVED")
    ids = [one[0] for one in told]
    assert len(ids) == len(set(ids))
    last = told[-2][2]
    assert (last["state"], last["totalRows"], last["rowsRead"], last["doneRows"]) == ("DONE", 6, 6, 6)
    assert (last["successCount"], last["failureCount"]) == (5, 1)
    again = await importer.seller.http.get(f"{LIST}/{import_id}")
    assert told[-1][2]["payload"] == again.json()["payload"]["result"]
    assert told[-1][2]["response_code"] == 0
    # Who comes back hears only what is new, and after the end nothing at all: at 204 browsers stop asking.
    assert [name for _, name, _ in events((await watched(importer, import_id, ids[-2])).text)] == ["result"]
    assert [name for _, name, _ in events((await watched(importer, import_id, ids[0])).text)] == ["progress", "result"]
    ended = await watched(importer, import_id, ids[-1])
    assert (ended.status_code, ended.content) == (204, b"")


async def test_a_refused_file_ends_the_stream_with_the_refusal(importer: Importer) -> None:
    import_id = await queued(importer, "who,what\n1,2\n")
    reply = await importer.beside(asyncio.create_task(watched(importer, import_id)))
    _, name, data = events(reply.text)[-1]
    assert name == "result"
    assert data["errorResponse"]["errorType"] == "VALIDATION_ERROR"
    assert data["response_code"] == 1


async def test_a_stream_shows_signs_of_life_and_is_counted(importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_BEAT_S", 0.1)
    monkeypatch.setattr(stream, "_LOOK", timedelta(milliseconds=50))
    monkeypatch.setattr(stream, "_LONGEST_S", 0.5)
    monkeypatch.setattr(stream.STREAMS, "most", 1)
    import_id = await queued(importer)
    first = asyncio.create_task(watched(importer, import_id))
    await until(lambda: stream.STREAMS.open)
    second = await watched(importer, import_id)
    assert second.status_code == 429
    assert second.headers["retry-after"] == "5"
    reply = await first
    assert reply.text.count(": still here") >= 2
    assert [name for _, name, _ in events(reply.text)] == ["progress"]
    assert stream.STREAMS.open == 0


async def test_a_revoked_token_ends_the_stream(importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_LOOK", timedelta(milliseconds=50))
    seller = importer.seller
    import_id = await queued(importer)
    watching = asyncio.create_task(watched(importer, import_id))
    await until(lambda: stream.STREAMS.open)
    await seller.run(
        "INSERT INTO token_revocations (seller_id, subject, not_before) VALUES ($1, $2, $3)",
        seller.user_id, seller.clock.now(),
    )  # fmt: skip
    async with asyncio.timeout(5):
        reply = await watching
    assert [name for _, name, _ in events(reply.text)] == ["progress"]


async def test_imports_are_listed_newest_first_by_state_and_kind(importer: Importer, clock: make.MovedClock) -> None:
    made = []
    for _ in range(5):
        made.append(await queued(importer))
        clock.move(seconds=1)
    await importer.run(made[0])
    seller = importer.seller
    page = (await seller.http.get(f"{LIST}?limit=2")).json()["payload"]
    assert ([one["importId"] for one in page["data"]], page["total_count"]) == (made[:2:-1], 5)
    assert all("result" not in one for one in page["data"])
    # What comes in meanwhile neither shifts nor repeats what is left.
    await queued(importer)
    seen = [one["importId"] for one in page["data"]]
    while page.get("next_cursor"):
        page = (await seller.http.get(f"{LIST}?limit=2&cursor={page['next_cursor']}")).json()["payload"]
        seen += [one["importId"] for one in page["data"]]
    assert seen == made[::-1]
    done = (await seller.http.get(f"{LIST}?importState=DONE")).json()["payload"]
    assert ([one["importId"] for one in done["data"]], done["total_count"]) == ([made[0]], 1)
    assert (await seller.http.get(f"{LIST}?kind=customers")).json()["payload"]["data"] == []
    assert (await seller.http.get(f"{LIST}?offset=5&limit=9")).json()["payload"]["data"][0]["importId"] == made[0]
    for query, code in (
        ("cursor=x", "BAD_CURSOR"),
        ("cursor=x&offset=1", "CURSOR_AND_OFFSET"),
    ):
        reply = await seller.http.get(f"{LIST}?{query}")
        assert (reply.status_code, codes(reply)[0][1]) == (400, code)
    assert (await seller.http.get(f"{LIST}?importState=GONE")).status_code == 400


async def test_an_import_that_has_not_begun_is_cancelled_at_once(importer: Importer) -> None:
    import_id = await queued(importer)
    reply = await importer.seller.http.post(f"{LIST}/{import_id}/cancel", headers={"Idempotency-Key": "c"})
    assert reply.json()["payload"]["state"] == "CANCELLED"
    again = await importer.seller.http.post(f"{LIST}/{import_id}/cancel", headers={"Idempotency-Key": "c"})
    assert (again.content, again.headers["idempotency-replayed"]) == (reply.content, "true")
    await importer.run(import_id)
    shown = await status(importer, import_id)
    assert (shown["state"], shown["result"]["total_count"]) == ("CANCELLED", 0)
    assert await importer.count() == 0
    actions = await importer.seller.rows(
        "SELECT action FROM audit_log WHERE seller_id = $1 AND action = 'import.cancel'"
    )
    assert len(actions) == 1


async def test_the_waiting_call_of_a_cancelled_import_is_told_so(importer: Importer) -> None:
    call = asyncio.create_task(importer.seller.http.post(PATH, files={"file": ("a.csv", text([row()]))}))
    waiting: list[str] = []
    for _ in range(500):
        waiting = waiting or await importer.waiting()
        await asyncio.sleep(0.01)
        if waiting:
            break
    await importer.seller.http.post(f"{LIST}/{waiting[0]}/cancel")
    reply = await call
    assert reply.status_code == 200
    assert [one["code"] for one in reply.json()["warnings"]] == ["IMPORT_CANCELLED"]


async def test_one_that_has_ended_is_not_cancelled(importer: Importer) -> None:
    import_id = await queued(importer)
    await importer.run(import_id)
    reply = await importer.seller.http.post(f"{LIST}/{import_id}/cancel")
    assert reply.json()["payload"]["state"] == "DONE"
    assert await importer.count() == 1


async def test_a_company_has_limits_of_its_own_below_the_installations(importer: Importer) -> None:
    seller = importer.seller
    wide = {"importRowLimit": 10**7, "importMbLimit": 1, "importsAtOnce": 5}
    reply = await seller.http.patch("/api/v0/admin/seller", json=wide)
    assert reply.status_code == 200, reply.text
    assert {name: reply.json()["payload"][name] for name in wide} == wide
    async with seller.db.read(seller.seller_id) as tx:
        found = await limits.bounds(tx, importer.settings)
    assert found == limits.Bounds(rows=importer.settings.import_row_limit, megabytes=1, at_once=2)
    large = await seller.http.post(PATH, files={"file": ("a.csv", "x" * 2**20)}, headers={"Prefer": "respond-async"})
    assert (large.status_code, codes(large)) == (413, [("file", "FILE_TOO_LARGE")])
    assert (await seller.http.patch("/api/v0/admin/seller", json={"importsAtOnce": 0})).status_code == 400
    narrow = {"importRowLimit": 2, "importMbLimit": None}
    assert (await seller.http.patch("/api/v0/admin/seller", json=narrow)).status_code == 200
    reply = await importer.send(text([row(), row(), row()]))
    assert (reply.status_code, codes(reply)) == (400, [("file", "TOO_MANY_ROWS")])
    assert (await importer.good(text([row(), row()])))["success_count"] == 2


async def test_a_company_may_have_so_many_files_waiting(importer: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_WAITING", 2)
    waiting = [await queued(importer) for _ in range(2)]
    files = {"file": ("a.csv", text([row()]))}
    reply = await importer.seller.http.post(PATH, files=files, headers={"Prefer": "respond-async"})
    assert (reply.status_code, reply.headers["retry-after"]) == (429, "30")
    await importer.run(waiting[0])
    await queued(importer)


@pytest.mark.parametrize("mode", ["dispatch", "createCustomers"])
async def test_a_mode_needs_the_permission_of_what_it_does(
    importer: Importer, monkeypatch: pytest.MonkeyPatch, mode: str
) -> None:
    from hundi.auth import rules

    monkeypatch.setitem(rules.PERMISSIONS, rules.Role.VIEWER, frozenset({rules.Permission.IMPORT}))  # type: ignore[arg-type]
    rules._permissions_of.cache_clear()
    http = importer.seller.http_as(["viewer"])
    files, headers = {"file": ("a.csv", text([row()]))}, {"Prefer": "respond-async"}
    assert (await http.post(PATH, files=files, headers=headers)).status_code == 202
    reply = await http.post(f"{PATH}?{mode}=true", files=files, headers=headers)
    rules._permissions_of.cache_clear()
    assert (reply.status_code, reply.json()["errorResponse"]["errorType"]) == (403, "INVALID_ACCESS")
