"""A worker of webhooks in a process of its own that kills itself at a chosen moment: run by test_hook_crash."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from datetime import timedelta
from typing import Any

from hundi.config import Settings
from hundi.db.pool import open_database
from hundi.http.outgoing import Outgoing
from hundi.jobs import worker
from hundi.jobs.context import JobContext
from hundi.kit.addresses import parse_allow
from hundi.kit.clock import SystemClock
from hundi.kit.keys import Keyring
from hundi.webhooks import delivery, jobs


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DyingOutgoing(Outgoing):
    """The real client, and a death before or after its call."""

    moment = "never"

    async def call(self, *args: Any, **kwargs: Any) -> Any:
        if self.moment == "before-call":
            die()
        reply = await super().call(*args, **kwargs)
        if self.moment == "after-call":
            die()
        return reply


def arm(moment: str) -> None:
    """Put the death into the moments that are not the client's."""
    if moment == "before-record-commits":
        real_record = delivery.record

        async def record(*args: Any, **kwargs: Any) -> bool:
            await real_record(*args, **kwargs)
            die()
            return False

        delivery.record = record
        real_taken = delivery.record_taken

        async def record_taken(connection: Any, *args: Any, **kwargs: Any) -> Any:
            async with connection.transaction():
                await real_taken(connection, *args, **kwargs)
                die()

        delivery.record_taken = record_taken
    elif moment == "before-claim-commits":
        real_claim = delivery.claim

        async def claim(*args: Any) -> Any:
            await real_claim(*args)
            die()

        delivery.claim = claim
        real_at_once = delivery.claim_at_once

        async def claim_at_once(connection: Any, *args: Any) -> Any:
            async with connection.transaction():
                await real_at_once(connection, *args)
                die()

        delivery.claim_at_once = claim_at_once


async def main() -> None:
    order = json.loads(sys.argv[1])
    db = await open_database(order["app"], SystemClock())
    outgoing = DyingOutgoing(parse_allow(order["allow"]))
    outgoing.moment = order["moment"]
    arm(order["moment"])
    # So short that the test need not wait for the end of it; longer than a call to the test's receiver takes.
    delivery.LEASE = timedelta(seconds=order["lease"])  # type: ignore[misc]  # final for everybody else
    context = JobContext(
        db=db, clock=SystemClock(), keyring=Keyring([order["secret"]]), files=None, mailer=None,
        settings=Settings(worker_jobs=4), outgoing=outgoing,
    )  # fmt: skip
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await worker.run_worker(context, jobs.JOBS, stop=stop, direct_dsn=order["app"])
    await outgoing.aclose()
    await db.close()


if __name__ == "__main__":
    asyncio.run(main())
