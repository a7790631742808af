"""The programs behind `up`: prepare (once), serve and worker (long-running); all end when their parent does."""

import asyncio
import os
import signal
import socket
import sys
from typing import Any

import msgspec
import structlog
import uvloop

from hundi.cli.memory import spare_memory
from hundi.cli.names import DEMO_SELLER
from hundi.cli.output import run
from hundi.config import Settings
from hundi.log import configure

log = structlog.get_logger("hundi")


class ChildOrder(msgspec.Struct, kw_only=True):
    """What `up` tells a child on its standard input: one line, so that no secret is in its environment or arguments."""

    settings: Settings
    demo: bool = False
    centre_alone: bool = False


def _order_hook(kind: type, raw: Any) -> Any:
    return kind(raw)


def child_main(role: str, fd: int | None) -> int:
    """Be a child of `up`: read the order, run until told to stop or until the parent is gone (its end of stdin closes)."""
    spare_memory()
    # What each role needs is imported before the order comes, while PostgreSQL is still starting; and nothing else.
    if role == "prepare":
        from hundi.cli import database, demo  # noqa: F401 - only to have it loaded
    elif role == "serve":
        from hundi.cli import serving  # noqa: F401 - only to have it loaded
    else:
        from hundi.cli import working  # noqa: F401 - only to have it loaded
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
        from hundi.cli.serving import serve

        bound = socket.socket(fileno=fd)
        demo_seller = DEMO_SELLER if order.demo else None
        await serve(order.settings, bound, stop, demo_seller=demo_seller, centre_alone=order.centre_alone)
    elif order.centre_alone:
        from hundi.cli.working_for_centre import work_for_centre

        await work_for_centre(order.settings, stop)
    else:
        from hundi.cli.working import work

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
