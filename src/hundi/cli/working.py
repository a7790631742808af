"""The worker process: jobs, what happens by the clock, and telling webhooks; nothing that only the server needs."""

import asyncio
import contextlib
from typing import Final

from hundi import registry
from hundi.cli.parts import opened
from hundi.config import Settings
from hundi.dispatch.mailers import open_mailer
from hundi.housekeeping import housekeep
from hundi.http.outgoing import Outgoing
from hundi.jobs.context import JobContext
from hundi.jobs.worker import run_worker
from hundi.kit.addresses import parse_allow
from hundi.network.central.delivery import Deliveries
from hundi.network.membership import membership
from hundi.network.uplink import Uplink
from hundi.webhooks.fanout import follow

_WARM_AFTER_S: Final = 2.0


async def work(settings: Settings, stop: asyncio.Event) -> None:
    """Run jobs until ``stop`` is set."""
    async with (
        opened(settings) as parts,
        contextlib.aclosing(Outgoing(parse_allow(settings.outgoing_allow))) as outgoing,
    ):
        member = membership(settings)
        uplink = None if member is None else Uplink(parts.db, parts.keyring, settings, member, outgoing)
        context = JobContext(
            db=parts.db,
            clock=parts.clock,
            keyring=parts.keyring,
            settings=settings,
            files=parts.files,
            mailer=open_mailer(settings),
            outgoing=outgoing,
            uplink=uplink,
        )
        direct = settings.direct_url or settings.database_url or ""
        carrying = asyncio.create_task(
            Deliveries(parts.db, parts.keyring, outgoing).run(stop, direct) if uplink is None else uplink.run(stop)
        )
        keeping = asyncio.create_task(
            housekeep(
                parts.db, stop, files=parts.files, result_days=settings.result_days,
                network_days=settings.network_keep_days,
            )
        )  # fmt: skip
        telling = asyncio.create_task(follow(parts.db, settings, stop))
        warming = asyncio.create_task(_warm(stop))
        await run_worker(context, registry.HANDLERS, stop=stop, direct_dsn=direct)
        await keeping
        await telling
        await carrying
        await warming


async def _warm(stop: asyncio.Event) -> None:
    """Load the bulk engine when nothing waits for it, so that the first upload need not: it takes half a second."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), _WARM_AFTER_S)
    if not stop.is_set():
        await asyncio.to_thread(registry.load_engine)
