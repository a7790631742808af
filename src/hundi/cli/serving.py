"""The server process: what answers HTTP, and nothing that only the worker needs."""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from typing import Any, Final

import uvicorn

from hundi import app
from hundi.cli.parts import Parts, opened
from hundi.cli.sockets import BACKLOG
from hundi.config import Settings
from hundi.http.health import NotReady
from hundi.kit.ids import SellerId

_UNSETTLED: Final = """
    SELECT EXISTS (SELECT 1 FROM deliveries WHERE seller_id = $1 AND state IN ('QUEUED', 'SENDING'))"""


def demo_readiness(parts: Parts, demo_seller: str | None) -> Callable[[], Awaitable[None]]:
    """Say not ready while the demo's own deliveries are under way; with no demo, always ready."""
    settled = demo_seller is None

    async def readiness() -> None:
        nonlocal settled
        if settled or demo_seller is None:
            return
        async with parts.db.read(SellerId(demo_seller)) as tx:
            if await tx.fetchval(_UNSETTLED, demo_seller):
                raise NotReady
        settled = True

    return readiness


async def serve(
    settings: Settings,
    bound: socket.socket,
    stop: asyncio.Event,
    *,
    demo_seller: str | None = None,
    centre_alone: bool = False,
) -> None:
    """Answer HTTP on ``bound`` until ``stop`` is set; running requests get ten seconds to end."""
    async with opened(settings) as parts:
        asgi: Any = app.build(
            settings=settings,
            db=parts.db,
            clock=parts.clock,
            keyring=parts.keyring,
            files=parts.files,
            base_url=parts.base_url,
            readiness=demo_readiness(parts, demo_seller),
            stopping=stop,
            centre_alone=centre_alone,
        )
        config = uvicorn.Config(
            asgi,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            date_header=True,
            backlog=BACKLOG,
            timeout_graceful_shutdown=10,
        )
        server = uvicorn.Server(config)
        # Signals are ours: uvicorn's own handlers would fight with those of the supervisor.
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]  # see above
        running = asyncio.create_task(server.serve(sockets=[bound]))
        stopped = asyncio.create_task(stop.wait())
        await asyncio.wait({running, stopped}, return_when=asyncio.FIRST_COMPLETED)
        server.should_exit = True
        await running
        stopped.cancel()
