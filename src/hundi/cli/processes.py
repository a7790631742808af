"""The programs behind `up`: prepare (once), serve and worker (long-running); all end when their parent does."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
import structlog
import uvicorn
import uvloop

from hundi.cli.names import DEMO_SELLER
from hundi.cli.output import run
from hundi.cli.parts import Parts, opened
from hundi.cli.sockets import BACKLOG
from hundi.config import Settings
from hundi.dispatch.mailers import open_mailer
from hundi.housekeeping import housekeep
from hundi.http.health import NotReady
from hundi.http.outgoing import Outgoing
from hundi.jobs.context import JobContext
from hundi.jobs.worker import run_worker
from hundi.kit.addresses import parse_allow
from hundi.kit.ids import SellerId
from hundi.log import configure
from hundi.webhooks.fanout import follow

log = structlog.get_logger("hundi")

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
    from hundi import app as application

    async with opened(settings) as parts:
        asgi: Any = application.build(
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


async def work(settings: Settings, stop: asyncio.Event) -> None:
    """Run jobs until ``stop`` is set."""
    from hundi import registry
    from hundi.network.central.delivery import Deliveries
    from hundi.network.membership import membership
    from hundi.network.uplink import Uplink

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
        keeping = asyncio.create_task(housekeep(parts.db, stop, files=parts.files, result_days=settings.result_days))
        telling = asyncio.create_task(follow(parts.db, settings, stop))
        await run_worker(context, registry.HANDLERS, stop=stop, direct_dsn=direct)
        await keeping
        await telling
        await carrying


async def work_for_centre(settings: Settings, stop: asyncio.Event) -> None:
    """Deliver what the central unit has for its servers, and keep house, until ``stop`` is set."""
    from hundi.network.central.delivery import Deliveries

    async with (
        opened(settings) as parts,
        contextlib.aclosing(Outgoing(parse_allow(settings.outgoing_allow))) as outgoing,
    ):
        direct = settings.direct_url or settings.database_url or ""
        keeping = asyncio.create_task(housekeep(parts.db, stop, files=parts.files, result_days=settings.result_days))
        await Deliveries(parts.db, parts.keyring, outgoing).run(stop, direct)
        await keeping


class ChildOrder(msgspec.Struct, kw_only=True):
    """What `up` tells a child on its standard input: one line, so that no secret is in its environment or arguments."""

    settings: Settings
    demo: bool = False
    centre_alone: bool = False


def _order_hook(kind: type, raw: Any) -> Any:
    return kind(raw)


def child_main(role: str, fd: int | None) -> int:
    """Be a child of `up`: read the order, run until told to stop or until the parent is gone (its end of stdin closes)."""
    # What each role needs is imported before the order comes, while PostgreSQL is still starting; and nothing else.
    if role == "prepare":
        from hundi.cli import demo  # noqa: F401 - only to have it loaded
    elif role == "serve":
        from hundi import app  # noqa: F401 - only to have it loaded
    else:
        from hundi import registry  # noqa: F401 - only to have it loaded
    line = sys.stdin.buffer.readline()
    if not line:
        return 1
    order = msgspec.json.decode(line, type=ChildOrder, dec_hook=_order_hook)
    configure(order.settings.log_level)
    if role == "prepare":
        run(prepare(order))
        return 0
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_child(role, order, fd))
    return 0


async def prepare(order: ChildOrder) -> None:
    """Bring the schema up to date and, when asked, fill in the demo."""
    from hundi.cli.database import bring_up_to_date

    await bring_up_to_date(order.settings)
    if order.demo:
        from hundi.cli.demo import seed

        await seed(order.settings)


async def _child(role: str, order: ChildOrder, fd: int | None) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    orphaned = asyncio.create_task(_parent_gone(stop))
    if role == "serve":
        bound = socket.socket(fileno=fd)
        demo_seller = DEMO_SELLER if order.demo else None
        await serve(order.settings, bound, stop, demo_seller=demo_seller, centre_alone=order.centre_alone)
    elif order.centre_alone:
        await work_for_centre(order.settings, stop)
    else:
        await work(order.settings, stop)
    orphaned.cancel()


async def _parent_gone(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()
    if not stop.is_set():
        log.warning("the parent process is gone; stopping")
        stop.set()


if __name__ == "__main__":
    code = child_main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None)
    # Threads of native libraries must not keep a finished process alive.
    sys.stderr.flush()
    os._exit(code)
