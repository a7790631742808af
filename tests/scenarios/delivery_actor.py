"""A worker in a process of its own that kills itself at a chosen moment: run by test_delivery_crash."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

from hundi import registry
from hundi.config import Settings
from hundi.db.pool import open_database
from hundi.dispatch import delivery, jobs
from hundi.dispatch.mail import Mail
from hundi.dispatch.mailers import OutboxMailer, SmtpMailer
from hundi.dispatch.rules import Outcome
from hundi.jobs import worker
from hundi.jobs.context import JobContext
from hundi.kit.clock import SystemClock
from hundi.kit.keys import Keyring
from hundi.network.books import sending


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DyingMailer:
    """Hands over to the real mailer, and kills the process before or after."""

    def __init__(self, real: Any, moment: str) -> None:
        self.real = real
        self.lease = real.lease
        self.moment = moment

    async def known(self, seller_id: str, delivery_id: str) -> bool | None:
        found: bool | None = await self.real.known(seller_id, delivery_id)
        return found

    async def send(self, mail: Mail) -> Outcome:
        if self.moment == "after-claim":
            die()
        outcome: Outcome = await self.real.send(mail)
        if self.moment == "after-call":
            die()
        return outcome


def arm(moment: str) -> None:
    """Put the death into the moments that are not the mailer's."""
    if moment == "in-draft":
        os.link = lambda *_, **__: die()  # type: ignore[assignment]  # between writing the draft and naming it
    elif moment == "after-begin":
        real_make = jobs.make_mail

        def make_mail(*args: Any) -> Mail:
            real_make(*args)
            die()
            raise AssertionError

        jobs.make_mail = make_mail
    elif moment == "before-record-commits":
        real_record = delivery.record

        async def record(*args: Any) -> None:
            await real_record(*args)
            die()

        delivery.record = record


async def main() -> None:
    order = json.loads(sys.argv[1])
    db = await open_database(order["app"], SystemClock())
    real = SmtpMailer(order["smtp"]) if order.get("smtp") else OutboxMailer(Path(order["outbox"]))
    arm(order["moment"])
    sending.SLICE = order.get("slice", sending.SLICE)  # type: ignore[misc]  # final for everybody else
    context = JobContext(
        db=db, clock=SystemClock(), keyring=Keyring([order["secret"]]), files=None,
        settings=Settings(base_url="http://hundi.test", worker_jobs=order["jobs"]),
        mailer=DyingMailer(real, order["moment"]),
    )  # fmt: skip
    # So long that only the lost lock of a dead worker can bring its jobs back while the test waits.
    worker.HEARTBEAT_TIMEOUT = timedelta(hours=1)  # type: ignore[misc]  # final for everybody else
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await worker.run_worker(context, registry.HANDLERS, stop=stop, direct_dsn=order["app"])
    await db.close()


if __name__ == "__main__":
    asyncio.run(main())
