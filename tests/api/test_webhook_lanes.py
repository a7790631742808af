"""Deliveries beside others: in order within a lane, never twice, whoever dies or is slow; what a call under way outlives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

import hooks
import make
from hundi.jobs.context import JobContext
from hundi.jobs.later import RunLater
from hundi.webhooks import delivery, jobs
from receiver import Got, Receiver, status


@pytest.fixture
async def context(seller: make.Company, receiver: Receiver) -> AsyncIterator[JobContext]:
    async with hooks.sender(seller, receiver) as found:
        yield found


async def test_messages_of_one_object_stay_in_order_and_others_do_not_wait(
    seller: make.Company, context: JobContext, receiver: Receiver
) -> None:
    await hooks.register(seller, context, receiver)
    for n in range(1, 4):
        await hooks.tell(seller, "inv_a", data={"n": n})
    await hooks.tell(seller, "inv_b", data={"n": 1})
    receiver.answers = [status(500), status(200)]
    await hooks.work(seller, context)
    assert [(got.json["object"]["id"], got.json["sequence"]) for got in receiver.got] == [("inv_a", 1), ("inv_b", 1)]
    context.clock.move(seconds=6)
    await hooks.work(seller, context)
    assert [(got.json["object"]["id"], got.json["sequence"]) for got in receiver.got[2:]] == [
        ("inv_a", 1), ("inv_a", 2), ("inv_a", 3)
    ]  # fmt: skip


async def test_transactions_at_once_about_one_object_number_it_without_gaps(
    seller: make.Company, context: JobContext, receiver: Receiver
) -> None:
    await hooks.register(seller, context, receiver)
    await asyncio.gather(*(hooks.tell(seller, "inv_a", data={"n": n}) for n in range(12)))
    await hooks.work(seller, context)
    assert [got.json["sequence"] for got in receiver.got] == list(range(1, 13))
    assert {got.json["data"]["n"] for got in receiver.got} == set(range(12))


async def test_two_workers_at_once_send_it_once(seller: make.Company, context: JobContext, receiver: Receiver) -> None:
    await hooks.register(seller, context, receiver)
    for n in range(1, 6):
        await hooks.tell(seller, "inv_a", data={"n": n})
    (payload,) = await hooks.lanes(seller)
    ends = await asyncio.gather(*(jobs.drain(context, payload) for _ in range(6)), return_exceptions=True)
    assert all(end is None or isinstance(end, RunLater) for end in ends), ends
    assert [got.json["sequence"] for got in receiver.got] == [1, 2, 3, 4, 5]
    assert set(await hooks.states(seller)) == {"DELIVERED"}


async def test_a_worker_killed_between_call_and_record_leads_to_the_same_message_again(
    seller: make.Company, context: JobContext, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hooks.register(seller, context, receiver)
    await hooks.tell(seller)

    async def die(*_: Any, **__: Any) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(delivery, "record", die)
        patch.setattr(delivery, "record_taken", die)
        with pytest.raises(KeyboardInterrupt):
            await hooks.work(seller, context)
    assert await hooks.states(seller) == ["SENDING"]
    with pytest.raises(RunLater):
        await hooks.work(seller, context)
    assert len(receiver.got) == 1, "while the attempt may be under way nobody repeats it"
    context.clock.move(seconds=delivery.LEASE.total_seconds() + 1)
    await hooks.work(seller, context)
    one, two = receiver.got
    assert one.headers["webhook-id"] == two.headers["webhook-id"]
    assert one.body == two.body
    assert int(two.headers["webhook-timestamp"]) > int(one.headers["webhook-timestamp"]), "signed anew"
    assert [row["outcome"] for row in await seller.rows(hooks.ATTEMPTS)] == ["LOST", "TAKEN"]
    assert await hooks.states(seller) == ["DELIVERED"]


async def test_an_answer_that_comes_after_the_lease_still_counts(
    seller: make.Company, context: JobContext, receiver: Receiver
) -> None:
    await hooks.register(seller, context, receiver)
    await hooks.tell(seller)
    (payload,) = await hooks.lanes(seller)
    real = context.outgoing.call

    async def slow(*args: Any, **kwargs: Any) -> Any:
        reply = await real(*args, **kwargs)
        context.outgoing.call = real
        context.clock.move(seconds=delivery.LEASE.total_seconds() + 1)
        receiver.answers = [status(500)]
        await jobs.drain(context, payload)
        return reply

    context.outgoing.call = slow
    await jobs.drain(context, payload)
    assert [row["outcome"] for row in await seller.rows(hooks.ATTEMPTS)] == ["TAKEN", "ANSWERED"]
    assert await hooks.states(seller) == ["DELIVERED"]
    context.clock.move(hours=1)
    await hooks.work(seller, context)
    assert len(receiver.got) == 2


@pytest.mark.parametrize("what", ["deleted", "disabled", "failing", "rotated"])
async def test_what_becomes_of_an_endpoint_during_a_call_holds_for_the_next_of_its_lane(
    seller: make.Company, context: JobContext, receiver: Receiver, what: str
) -> None:
    endpoint, old = await hooks.register(seller, context, receiver)
    for n in range(3):
        await hooks.tell(seller, data={"n": n})
    path = f"/api/v0/webhook/endpoint/{endpoint.endpoint_id}"
    real = context.outgoing.call

    async def meanwhile(*args: Any, **kwargs: Any) -> Any:
        context.outgoing.call = real
        reply = await real(*args, **kwargs)
        if what == "deleted":
            assert (await seller.http.delete(path)).status_code == 200
        elif what == "disabled":
            assert (await seller.http.patch(path, json={"status": "DISABLED"})).status_code == 200
        elif what == "failing":
            await seller.run("UPDATE webhook_endpoints SET failing_since = now() WHERE seller_id = $1")
        else:
            assert (await seller.http.post(f"{path}/rotate")).status_code == 200
        return reply

    context.outgoing.call = meanwhile
    await hooks.work(seller, context)
    goes_on = what in {"failing", "rotated"}
    assert await hooks.states(seller) == ["DELIVERED"] + (["DELIVERED"] * 2 if goes_on else ["FAILED"] * 2)
    assert [got.json["sequence"] for got in receiver.got] == ([1, 2, 3] if goes_on else [1])
    if what == "rotated":
        assert [len(got.headers["webhook-signature"].split(" ")) for got in receiver.got] == [2, 4, 4]
        assert all(hooks.check_v1(got, old.secret) for got in receiver.got)
    outcomes = [row["outcome"] for row in await seller.rows(hooks.ATTEMPTS)]
    assert outcomes == ["TAKEN"] * len(receiver.got), "an attempt is written for each call and no other"


async def test_a_slow_endpoint_gets_only_a_few_calls_at_once(
    seller: make.Company, context: JobContext, receiver: Receiver
) -> None:
    await hooks.register(seller, context, receiver)
    gate = asyncio.Event()

    async def wait(got: Got, writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        await status(200)(got, writer)

    receiver.answers = [wait]
    for n in range(delivery.MOST_SLOW + 2):
        await hooks.tell(seller, f"inv_{n}")
    payloads = await hooks.lanes(seller)
    busy = [asyncio.create_task(jobs.drain(context, one)) for one in payloads[: delivery.MOST_SLOW]]
    async with asyncio.timeout(10):
        while len(receiver.got) < delivery.MOST_SLOW:  # noqa: ASYNC110 - what is waited for happens in other tasks
            await asyncio.sleep(0.01)
    context.clock.move(seconds=3)
    with pytest.raises(RunLater, match="slow"):
        await jobs.drain(context, payloads[-1])
    assert len(receiver.got) == delivery.MOST_SLOW
    gate.set()
    await asyncio.gather(*busy)
    await hooks.work(seller, context)
    assert set(await hooks.states(seller)) == {"DELIVERED"}


async def test_endpoints_that_never_answer_keep_few_jobs_waiting(
    seller: make.Company, context: JobContext, receiver: Receiver
) -> None:
    for n in range(3):
        await hooks.register(seller, context, receiver, path=f"/{n}")
    receiver.answers = [status(500)]
    await hooks.tell(seller, "inv_0")
    await hooks.work(seller, context)
    assert len(receiver.got) == 3, "each has failed once"
    gate = asyncio.Event()

    async def wait(got: Got, writer: asyncio.StreamWriter) -> None:
        await gate.wait()
        await status(200)(got, writer)

    receiver.answers = [wait]
    for n in range(1, 5):
        await hooks.tell(seller, f"inv_{n}")
    payloads = [one for one in await hooks.lanes(seller) if one["object_id"] != "inv_0"]
    assert len(payloads) == 12
    jobs_ = [asyncio.create_task(jobs.drain(context, one)) for one in payloads]
    async with asyncio.timeout(10):
        while sum(job.done() for job in jobs_) < 12 - delivery.MOST_FAILING:  # noqa: ASYNC110 - happens in other tasks
            await asyncio.sleep(0.01)
        while len(receiver.got) < 3 + delivery.MOST_FAILING:  # noqa: ASYNC110 - happens in other tasks
            await asyncio.sleep(0.01)
    assert all(isinstance(job.exception(), RunLater) for job in jobs_ if job.done())
    gate.set()
    await asyncio.gather(*jobs_, return_exceptions=True)
    await hooks.work(seller, context)
    assert len(receiver.got) == 15, "one good answer of each, and all of them are told as before"


async def test_many_calls_that_died_with_their_worker_do_not_hold_each_other_up(
    seller: make.Company, context: JobContext, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hooks.register(seller, context, receiver)
    for n in range(2 * delivery.MOST_SLOW):
        await hooks.tell(seller, f"inv_{n}")

    async def die(*_: Any, **__: Any) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(delivery, "record", die)
        patch.setattr(delivery, "record_taken", die)
        for payload in await hooks.lanes(seller):
            with pytest.raises(KeyboardInterrupt):
                await jobs.drain(context, payload)
    assert set(await hooks.states(seller)) == {"SENDING"}
    context.clock.move(seconds=delivery.LEASE.total_seconds() + 1)
    await hooks.work(seller, context)
    assert set(await hooks.states(seller)) == {"DELIVERED"}
