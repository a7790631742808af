"""The worker process of a central unit that runs by itself: no jobs, no mail, only its servers' parcels."""

import asyncio
import contextlib

from hundi.cli.parts import opened
from hundi.config import Settings
from hundi.housekeeping import housekeep
from hundi.http.outgoing import Outgoing
from hundi.kit.addresses import parse_allow
from hundi.network.central.delivery import Deliveries


async def work_for_centre(settings: Settings, stop: asyncio.Event) -> None:
    """Deliver what the central unit has for its servers, and keep house, until ``stop`` is set."""
    async with (
        opened(settings) as parts,
        contextlib.aclosing(Outgoing(parse_allow(settings.outgoing_allow))) as outgoing,
    ):
        direct = settings.direct_url or settings.database_url or ""
        keeping = asyncio.create_task(
            housekeep(
                parts.db, stop, files=None, result_days=settings.result_days,
                network_days=settings.network_keep_days,
            )
        )  # fmt: skip
        await Deliveries(parts.db, parts.keyring, outgoing).run(stop, direct)
        await keeping
