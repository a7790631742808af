"""A central unit, or a server, that is away, slow, broken or lying: parcels wait, are tried again by the clock, and go."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest

import make
from hundi.cli import doctor, networking
from hundi.config import Settings
from hundi.db.embedded import Urls
from hundi.db.pool import open_database
from hundi.kit.clock import SystemClock
from hundi.network import outbox, postman, uplink
from hundi.network.central.delivery import Deliveries
from hundi.network.membership import membership
from hundi.network.outbox import LEASE
from hundi.network.uplink import Uplink
from mailroom import free_port
from network_peers import CENTRE_KEYS, Centre, Server, listening, member_of, taken
from receiver import Answer, Got, Receiver, hang_up, receiving, silent, slow_body, status


def refusing(code: int, problem: str | None) -> Answer:
    """Answer with a refusal in our envelope."""
    problems = (
        [] if problem is None else [{"field": "message", "code": problem, "message": "Make it from the body again."}]
    )
    failure = {"apiSubErrors": problems, "errorMessage": "Refused.", "errorType": "CLIENT_REQUEST_ERROR"}
    return status(code, json.dumps({"errorResponse": failure, "response_code": 1}).encode())


NO_ANSWER: dict[str, tuple[Answer, str]] = {
    "rubbish": (status(200, b"<html>welcome</html>"), "NOT_UNDERSTOOD"),
    "another parcel": (status(200, b'{"payload": "MSG1", "response_code": 0}'), "NOT_UNDERSTOOD"),
    "a list": (status(200, b"[]"), "NOT_UNDERSTOOD"),
    "nothing": (status(200, b""), "NOT_UNDERSTOOD"),
    "deep": (status(200, b"[" * 9000), "NOT_UNDERSTOOD"),
    "a redirect": (status(302, b"", location="http://127.0.0.1:1/"), "NOT_UNDERSTOOD"),
    "a proxy's refusal": (status(403, b"<html>go away</html>"), "NOT_UNDERSTOOD"),
    "a proxy's 400": (status(400, b"<html>bad request</html>"), "NOT_UNDERSTOOD"),
    "a bug": (refusing(500, None), "HTTP_500"),
    "busy": (refusing(503, None), "HTTP_503"),
    "no key": (refusing(401, "SENDER_UNKNOWN"), "SENDER_UNKNOWN"),
    "a wrong clock": (refusing(401, "CLOCK_OUT_OF_WINDOW"), "CLOCK_OUT_OF_WINDOW"),
    "an earlier one is missing": (refusing(400, "GAP_TOO_WIDE"), "GAP_TOO_WIDE"),
    "no such place": (refusing(404, "NETWORK_INBOX_UNKNOWN"), "NETWORK_INBOX_UNKNOWN"),
    "hangs up": (hang_up, "NO_REPLY"),
    "says nothing": (silent, "NO_REPLY"),
    "never ends": (slow_body, "NOT_UNDERSTOOD"),
}


@pytest.mark.parametrize("kind", NO_ANSWER)
async def test_what_is_no_answer_leaves_the_parcel_for_another_try(
    db: Any, clock: Any, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(postman, "CALL_S", 0.3)
    answer, code = NO_ANSWER[kind]
    async with receiving(answer, taken) as centre, member_of(centre, db, clock) as trader:
        message_id = await trader.check()
        await trader.drain()
        [row] = await trader.outbox()
        assert (row["parcel_id"], row["attempts"]) == (message_id, 1)
        assert row["problem"].startswith(f"{code}: "), row["problem"]
        assert row["due"] - clock.now() < timedelta(seconds=3), "the first repetition comes soon"
        [shown] = (await trader.listed("WAITING"))["data"]
        assert (shown["attempts"], shown["problem"]) == (1, row["problem"])
        tried = len(centre.got)
        await trader.drain()
        assert len(centre.got) == tried, "not before it is due"
        clock.move(seconds=3)
        await trader.drain()
        assert await trader.outbox() == []
        assert {got.headers["network-message-id"] for got in centre.got} == {message_id}
        assert len({got.headers["network-signature"] for got in centre.got}) == 2, "stamped and signed anew"
        assert len({got.body for got in centre.got}) == 1, "and otherwise the same"
        assert centre.got[0].path == "/network/inbox/business-onboarding/reg-check-entity"
        assert await trader.heard(message_id) == []


@pytest.mark.parametrize(
    "code", ["UNREADABLE", "MESSAGE_DIFFERS", "WRONG_RECEIVER", "MESSAGE_ID_REUSED", "POSITION_USED"]
)
async def test_what_no_repetition_would_change_is_not_repeated(db: Any, clock: Any, code: str) -> None:
    async with receiving(refusing(400, code), taken) as centre, member_of(centre, db, clock) as trader:
        message_id = await trader.check()
        await trader.drain()
        assert await trader.outbox() == []
        assert [got.path for got in centre.got] == [
            "/network/inbox/business-onboarding/reg-check-entity", "/network/inbox/network/withdrawal",
        ]  # fmt: skip
        positions = [json.loads(got.body)["positions"] for got in centre.got]
        assert positions[0] == positions[1], "it takes the same places"
        assert json.loads(centre.got[1].body)["instead_of"] == message_id
        [answer] = await trader.heard(message_id)
        assert (answer["result"], answer["errorCd"]) == ("FAILURE", code)
        assert answer["errorDtl"] == "Make it from the body again."
        [shown] = (await trader.listed())["data"]
        assert (shown["parcelId"], shown["state"]) == (message_id, "REFUSED")


async def test_a_refused_withdrawal_is_not_withdrawn(db: Any, clock: Any) -> None:
    async with receiving(refusing(400, "UNREADABLE")) as centre, member_of(centre, db, clock) as trader:
        message_id = await trader.check()
        await trader.drain()
        assert len(centre.got) == 2
        assert await trader.outbox() == []
        assert [one["state"] for one in (await trader.listed())["data"]] == ["REFUSED", "REFUSED"]
        assert len(await trader.heard(message_id)) == 1


async def test_a_central_unit_that_is_away_finds_everything_when_it_is_back(db: Any, clock: Any) -> None:
    port = free_port()
    receiver = Receiver(port=port)
    async with member_of(receiver, db, clock) as trader:
        sent = [await trader.check() for _ in range(5)]
        for _ in range(6):
            await trader.drain()
            clock.move(seconds=61)
        rows = await trader.outbox()
        assert [row["parcel_id"] for row in rows] == sent
        assert all(row["problem"].startswith("NO_REPLY") for row in rows)
        assert max(row["due"] for row in rows) > clock.now(), "tried less and less often"
        sent.append(await trader.check())
        server = await asyncio.start_server(Receiver(answers=[taken], got=receiver.got).serve, "127.0.0.1", port)
        clock.move(seconds=11)
        await trader.drain()
        server.close()
        assert await trader.outbox() == [], (
            "one that came through calls up all that waited, whatever they were put off to"
        )
        assert {got.headers["network-message-id"] for got in receiver.got} == set(sent)


async def test_while_it_is_away_it_is_not_asked_for_each_message(db: Any, clock: Any) -> None:
    async with receiving(hang_up) as centre, member_of(centre, db, clock) as trader:
        await trader.check()
        await trader.drain()
        asked = len(centre.got)
        for _ in range(10):
            await trader.check()
            await trader.drain()
        assert len(centre.got) == asked
        assert len(await trader.outbox()) == 11


async def test_what_a_dead_worker_had_claimed_is_sent_by_the_next(db: Any, clock: Any, monkeypatch: Any) -> None:
    async with receiving(taken) as centre, member_of(centre, db, clock) as trader:
        message_id = await trader.check()

        async def dies(*_: Any) -> None:
            raise asyncio.CancelledError

        with monkeypatch.context() as patch:
            patch.setattr(postman.Postman, "carry", dies)
            with pytest.raises(asyncio.CancelledError):
                await trader.drain()
        await trader.server.uplink.look()
        assert message_id not in {got.headers["network-message-id"] for got in centre.got}, "its claim holds"
        clock.move(seconds=LEASE.total_seconds() + 1)
        await trader.server.uplink.look()
        assert [got.headers["network-message-id"] for got in centre.got].count(message_id) == 1
        assert await trader.outbox() == []


def after(seconds: float) -> Answer:
    """Answer as a good peer does, slowly."""

    async def answer(got: Got, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        await taken(got, writer)

    return answer


async def test_two_workers_never_have_the_same_parcel_however_slow_the_other_side(
    database_urls: Urls, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A claim ends long before its parcels would be through, and each is sent once all the same; by the real clock."""
    monkeypatch.setattr(postman, "BEGIN_S", 0.3)
    monkeypatch.setattr(outbox, "LEASE", timedelta(seconds=1.5))
    monkeypatch.setattr(postman, "_IN_FLIGHT", 1)
    clock = SystemClock()
    db = await open_database(database_urls.app, clock, max_size=4)
    try:
        async with receiving(after(0.2)) as centre, member_of(centre, db, clock) as trader:
            async with db.transaction(trader.company.seller_id) as tx:
                about = [*[trader.body()] * 6, *[trader.body() for _ in range(6)]]
                sent = [message_id for body in about for message_id in await trader.submitted(tx, body, 1)]
            server = trader.server
            member = membership(server.settings)
            assert member is not None
            other = Uplink(db, server.keyring, server.settings, member, server.outgoing)

            async def works(worker: Uplink) -> None:
                while await trader.outbox():
                    await worker.drain(trader.company.seller_id)
                    await asyncio.sleep(0.05)

            async with asyncio.timeout(20):
                await asyncio.gather(works(server.uplink), works(other))
            assert sorted(got.headers["network-message-id"] for got in centre.got) == sorted(sent)
    finally:
        await db.close()


async def test_what_is_given_back_untried_is_no_attempt(db: Any, clock: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postman, "BEGIN_S", 0)
    monkeypatch.setattr(uplink, "_BATCHES", 1)
    async with receiving(taken) as centre, member_of(centre, db, clock) as trader:
        async with db.transaction(trader.company.seller_id) as tx:
            sent = await trader.submitted(tx, trader.body(), 3)
        await trader.drain()
        assert [got.headers["network-message-id"] for got in centre.got] == sent[:1], "one is always tried"
        assert [(row["parcel_id"], row["attempts"], row["problem"]) for row in await trader.outbox()] == [
            (sent[1], 0, None), (sent[2], 0, None),
        ]  # fmt: skip
        await trader.drain()
        await trader.drain()
        assert await trader.outbox() == []
        assert [got.headers["network-message-id"] for got in centre.got] == sent


async def test_a_refusal_that_cannot_be_answered_here_holds_up_itself_alone(
    db: Any, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The listener of this company fails: what became of all other parcels stands, and the one is tried again."""
    bad: list[str] = []

    async def refuses_one(got: Got, writer: asyncio.StreamWriter) -> None:
        one = got.headers["network-message-id"] in bad
        await (refusing(400, "MESSAGE_DIFFERS") if one else taken)(got, writer)

    async with receiving(refuses_one) as centre, member_of(centre, db, clock) as trader:
        bad.append(await trader.check())
        good = [await trader.check() for _ in range(3)]
        with monkeypatch.context() as patch:
            patch.setattr(uplink.told, "listener", None)  # calling it fails, whatever it is called with
            await trader.drain()
        [row] = await trader.outbox()
        assert (row["parcel_id"], row["problem"].partition(":")[0]) == (bad[0], "REFUSED_UNANSWERED")
        assert row["due"] > clock.now()
        assert "MESSAGE_DIFFERS" in row["problem"]
        assert (await trader.listed("REFUSED"))["data"] == [], "all of it or nothing"
        assert {got.headers["network-message-id"] for got in centre.got} == {*bad, *good}
        clock.move(seconds=3)
        await trader.drain()
        assert await trader.outbox() == []
        [answer] = await trader.heard(bad[0])
        assert (answer["result"], answer["errorCd"]) == ("FAILURE", "MESSAGE_DIFFERS")


async def test_a_parcel_nobody_can_read_holds_up_no_other(db: Any, clock: Any) -> None:
    """Another version has written it, or the disk has: it stays, is listed, and the rest of the batch goes."""
    async with receiving(taken) as centre, member_of(centre, db, clock) as trader:
        damaged, good = await trader.check(), await trader.check()
        await trader.company.run(
            "UPDATE network_outbox SET parcel = 'none' WHERE seller_id = $1 AND parcel_id = $2", damaged
        )
        await trader.drain()
        [row] = await trader.outbox()
        assert (row["parcel_id"], row["problem"].partition(":")[0]) == (damaged, "NOT_SENT")
        assert [got.headers["network-message-id"] for got in centre.got] == [good]
        clock.move(seconds=3)
        await trader.drain()
        later = await trader.check()
        await trader.drain()
        assert centre.got[-1].headers["network-message-id"] == later, "nobody was found to be away"
        await trader.company.run("DELETE FROM network_outbox WHERE seller_id = $1")


async def test_what_was_made_under_another_name_is_not_sent(db: Any, clock: Any) -> None:
    """An installation that joins a central unit elsewhere does not carry there what it made for its own."""
    async with receiving(taken) as centre, member_of(centre, db, clock) as trader:
        message_id = await trader.check()
        async with db.transaction(trader.company.seller_id) as tx:
            await tx.execute(
                "UPDATE network_outbox SET parcel = $2 WHERE seller_id = $1", trader.company.seller_id,
                (await trader.outbox())[0]["parcel"].replace(trader.home.encode(), trader.company.seller_id.encode()),
            )  # fmt: skip
        await trader.drain()
        assert centre.got == []
        assert [answer["errorCd"] for answer in await trader.heard(message_id)] == ["MADE_ELSEWHERE"]
        assert [one["state"] for one in (await trader.listed())["data"]] == ["REFUSED"]


async def test_one_that_does_not_come_through_holds_up_its_own_lane_alone(db: Any, clock: Any) -> None:
    lost: list[str] = []

    async def forgets_one(got: Got, writer: asyncio.StreamWriter) -> None:
        await (status(500)(got, writer) if got.headers["network-message-id"] in lost else taken(got, writer))

    async with receiving(forgets_one) as centre, member_of(centre, db, clock) as trader:
        async with db.transaction(trader.company.seller_id) as tx:
            about_one = await trader.submitted(tx, trader.body(), 3)
            about_another = await trader.submitted(tx, trader.body(), 3)
        lost.append(about_one[1])
        await trader.drain()
        assert [row["parcel_id"] for row in await trader.outbox()] == about_one[1:]
        assert about_one[2] not in {got.headers["network-message-id"] for got in centre.got}, "it waits its turn"
        assert (await trader.outbox())[1]["problem"].startswith("WAITS_ITS_TURN")
        assert set(about_another) <= {got.headers["network-message-id"] for got in centre.got}


async def test_a_server_that_is_away_holds_up_no_other(db: Any, clock: Any, database_urls: Urls) -> None:
    """Two servers belong to a unit; one is away. The other gets its answers, and the one gets them when it is back."""
    ports = [free_port() for _ in range(3)]
    allow = ",".join(f"127.0.0.1:{port}" for port in ports)
    unit = Centre(db, clock, ports[0], allow)
    servers = [Server(db, clock, make.number("srv").lower(), f"http://127.0.0.1:{ports[0]}", allow) for _ in range(2)]
    try:
        async with listening(Centre.app(db, clock), ports[0]), listening(servers[1].app, ports[2]):
            for server, port in zip(servers, ports[1:], strict=True):
                server.address = f"http://127.0.0.1:{port}"
                await unit.enrol(server)
            away, there = [await server.company() for server in servers]
            sent = [await trader.check() for trader in (away, there)]
            for trader in (away, there):
                await trader.drain()
            await unit.deliver()
            assert len(await there.heard(sent[1])) == 1
            assert await away.heard(sent[0]) == []
            [row] = await unit.waiting(away.home)
            assert row["problem"].startswith("NO_REPLY")
            examined = await doctor.examine(Settings(database_url=database_urls.app, owner_url=database_urls.owner))
            findings = {found.object_id: found.what for found in examined.findings if found.seller_id is None}
            assert findings[servers[0].name].startswith("1 wait, the last try: NO_REPLY")
            assert servers[1].name not in findings
            async with listening(servers[0].app, ports[1]):
                clock.move(seconds=5)
                await unit.deliver()
                assert len(await away.heard(sent[0])) == 1
                assert await unit.waiting(away.home) == []
    finally:
        for server in servers:
            await server.close()
        await unit.outgoing.aclose()


async def test_the_postman_comes_when_he_is_called_and_goes_when_he_is_told(
    db: Any, clock: Any, database_urls: Urls
) -> None:
    """The loop itself: a parcel leaves within its second, the loop ends at once, and nothing of it stays."""
    ports = [free_port() for _ in range(2)]
    allow = ",".join(f"127.0.0.1:{port}" for port in ports)
    unit = Centre(db, clock, ports[0], allow)
    server = Server(db, clock, make.number("srv").lower(), f"http://127.0.0.1:{ports[0]}", allow)
    server.address = f"http://127.0.0.1:{ports[1]}"
    stop = asyncio.Event()
    try:
        async with listening(Centre.app(db, clock), ports[0]), listening(server.app, ports[1]):
            await unit.enrol(server)
            trader = await server.company()
            deliveries = Deliveries(db, CENTRE_KEYS, unit.outgoing)
            running = [
                asyncio.create_task(deliveries.run(stop, database_urls.app)),
                asyncio.create_task(server.uplink.run(stop)),
            ]
            message_id = await trader.check()
            for _ in range(100):
                if await trader.heard(message_id):
                    break
                await asyncio.sleep(0.05)
            assert len(await trader.heard(message_id)) == 1
            stop.set()
            await asyncio.wait_for(asyncio.gather(*running), 5)
    finally:
        await server.close()
        await unit.outgoing.aclose()


async def test_operators_see_what_waits_and_what_was_refused(db: Any, clock: Any, database_urls: Urls) -> None:
    settings = Settings(database_url=database_urls.app, owner_url=database_urls.owner)
    async with receiving(refusing(400, "UNREADABLE"), status(500)) as centre, member_of(centre, db, clock) as trader:
        refused, seller_id = await trader.check(), trader.company.seller_id
        await trader.drain()
        found = await networking.outbox(settings, seller_id)
        assert [(one["parcelId"], one["state"], one["attempts"]) for one in found] == [
            (refused, "REFUSED", 1), (found[1]["parcelId"], "WAITING", 1),
        ]  # fmt: skip
        assert found[0]["problem"].startswith("UNREADABLE")
        assert found[1]["problem"].startswith("NOT_UNDERSTOOD: The other server answered 500")
        for _ in range(5):
            clock.move(minutes=2)
            await trader.drain()
        findings = {f.check: f for f in (await doctor.examine(settings)).findings if f.seller_id == seller_id}
        assert findings["a message is not tried again and again"].what.startswith(
            "6 attempts, the last: NOT_UNDERSTOOD"
        )
        recent = await trader.company.value(doctor.CHECKS["no message was refused for good in a week"], clock.now())
        assert recent == refused
        page = await trader.listed(limit=1)
        assert (page["total_count"], len(page["data"])) == (2, 1)
        following = await trader.listed(limit=1, cursor=page["next_cursor"])
        assert [one["parcelId"] for one in page["data"] + following["data"]] == [one["parcelId"] for one in found]
        assert following["next_cursor"] is None
