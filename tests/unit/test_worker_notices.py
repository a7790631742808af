"""A burst of notices of the queue's table is one to the worker, and none is lost; other notices are passed on as they come."""

from __future__ import annotations

import asyncio
import json

from hundi.jobs import worker

CHANGED = json.dumps({"type": "table_changed_event", "operation": "insert"})
PROBE = json.dumps({"type": "health_check_event", "id": "x"})


async def test_a_burst_of_notices_is_one() -> None:
    heard: list[str | bytes | bytearray] = []
    bell = worker._Bell(heard.append)
    for _ in range(100):
        bell(CHANGED)
    assert heard == [], "it is passed on from the loop, not from the driver's callback"
    await asyncio.sleep(0.001)
    assert heard == [CHANGED]


async def test_what_comes_after_it_is_heard_too() -> None:
    heard: list[str | bytes | bytearray] = []
    bell = worker._Bell(heard.append)
    bell(CHANGED)
    await asyncio.sleep(0.001)
    before = len(heard)
    for _ in range(100):
        bell(CHANGED.encode())
    await asyncio.sleep(worker._NOTICES_S * 3)
    assert (before, heard) == (1, [CHANGED, CHANGED.encode()])


async def test_other_notices_are_passed_on_at_once() -> None:
    heard: list[str | bytes | bytearray] = []
    bell = worker._Bell(heard.append)
    bell(CHANGED)
    bell(PROBE)
    bell(PROBE)
    assert heard == [PROBE, PROBE]
