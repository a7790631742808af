"""`hundi serve` and `hundi worker` by themselves: the same programs as under `up`, settings from the environment."""

import asyncio
import signal

from hundi.cli.memory import spare_memory
from hundi.cli.output import Refused, say
from hundi.cli.parts import check_settings
from hundi.cli.sockets import listen
from hundi.config import Settings, address_of


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def _check(settings: Settings) -> None:
    for name in ("database_url", "secret_key"):
        if not getattr(settings, name):
            message = f"HUNDI_{name.upper()} is not set. `hundi up` makes its own; serve and worker are told."
            raise Refused(message)
    check_settings(settings)


async def serve_alone(settings: Settings) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    spare_memory()
    from hundi.cli.serving import serve

    _check(settings)
    try:
        bound = listen(settings.host, settings.port)
    except OSError as error:
        message = f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}. Choose another with --port."
        raise Refused(message) from error
    say(f"Hundi serves {address_of(settings)}")
    await serve(settings, bound, _stop_on_signals())


async def work_alone(settings: Settings) -> None:
    """Run jobs until SIGTERM or Ctrl-C."""
    spare_memory()
    from hundi.cli.working import work

    _check(settings)
    await work(settings, _stop_on_signals())
