"""`hundi up`: PostgreSQL, migrations, serve and worker in one command (design §2, §7)."""

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from typing import Any, Final

import msgspec

from hundi.cli.keys import centre_key, keyring_of, secret_of
from hundi.cli.names import ADDRESS_FILE
from hundi.cli.output import Refused, say
from hundi.cli.parts import check_settings
from hundi.cli.sockets import listen
from hundi.config import Settings, address_of
from hundi.db.embedded import EmbeddedPostgres, FolderLock

_STOP_S: Final = 25
_RESTART_S: Final = 1.0
_FAST_DEATHS: Final = 5
_YOUNG_S: Final = 10.0
_EVERYWHERE: Final = ("0.0.0.0", "[::]")  # noqa: S104 - to warn of it, not to bind it
_THIS_MACHINE: Final = ("127.0.0.1", "localhost", "[::1]")


class _Child:
    """One program under supervision. It starts importing at once and waits for its order on standard input."""

    def __init__(self, role: str, fd: int | None) -> None:
        self.role = role
        self.fd = fd
        self.order = b""
        self.process: subprocess.Popen[bytes] | None = None
        self.born = 0.0
        self.early_deaths = 0

    def start(self) -> None:
        self.born = time.monotonic()
        words = [sys.executable, "-m", "hundi.cli.processes", self.role]
        if self.fd is not None:
            words.append(str(self.fd))
        self.process = subprocess.Popen(  # noqa: S603 - our own program
            words,
            stdin=subprocess.PIPE,
            pass_fds=[self.fd] if self.fd is not None else [],
            # Its own session: Ctrl-C reaches the parent alone, which stops everything in order.
            start_new_session=True,
        )
        if self.order:
            self.tell(self.order)

    def tell(self, order: bytes) -> None:
        self.order = order
        process = self.process
        if process is not None and process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(order + b"\n")
                process.stdin.flush()

    @property
    def returncode(self) -> int | None:
        return None if self.process is None else self.process.poll()

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def terminate(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()


async def up(settings: Settings, *, demo: bool = False, centre_alone: bool = False) -> None:
    """Run everything until SIGTERM or Ctrl-C; raises :class:`Refused` with a sentence when it cannot.

    ``centre_alone``: of Hundi only the network's central unit, without any company (``hundi network serve``).
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    lock = FolderLock(settings.data_dir)
    lock.acquire()
    secret = settings.secret_key or secret_of(settings.data_dir)
    try:
        bound = listen(settings.host, settings.port)
    except OSError as error:
        message = (
            f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}. Choose another with --port or --host."
        )
        raise Refused(message) from error
    port = bound.getsockname()[1]
    settings = msgspec.structs.replace(
        settings,
        port=port,
        base_url=address_of(msgspec.structs.replace(settings, port=port)),
        secret_key=secret,
        data_dir=settings.data_dir.expanduser().absolute(),
    )
    check_settings(settings)
    (settings.data_dir / ADDRESS_FILE).write_text(f"{settings.base_url}\n", encoding="ascii")
    children = [_Child("serve", bound.fileno()), _Child("worker", None)]
    preparing = _Child("prepare", None)
    server: EmbeddedPostgres | None = None
    try:
        for child in (preparing, *children):
            child.start()
        settings, server = await _database(settings, lock)
        order = msgspec.json.encode({"settings": settings, "demo": demo, "centre_alone": centre_alone}, enc_hook=str)
        preparing.tell(order)
        await _finished(preparing, stop)
        if stop.is_set():
            return
        for child in children:
            child.tell(order)
        if centre_alone:
            _greet_operator(settings)
        else:
            _greet(settings, demo=demo)
        await _supervise(children, server, stop)
    finally:
        await _stop([preparing, *children])
        bound.close()
        if server is not None:
            await server.stop()
        lock.release()


async def _database(settings: Settings, lock: FolderLock) -> tuple[Settings, EmbeddedPostgres | None]:
    if settings.database_url:
        return settings, None
    server = EmbeddedPostgres(settings.data_dir, lock=lock, notify=say)
    urls = await server.start()
    filled = msgspec.structs.replace(settings, database_url=urls.app, owner_url=urls.owner, loader_url=urls.loader)
    return filled, server


async def _finished(child: _Child, stop: asyncio.Event) -> None:
    """Wait for the preparing child; its reason for a refusal is on standard error already."""
    while child.returncode is None and not stop.is_set():  # noqa: ASYNC110 - a process's end sets no event
        await asyncio.sleep(0.02)
    if child.returncode:
        message = "Hundi could not be made ready; the reason is above."
        raise Refused(message)


def _greet(settings: Settings, *, demo: bool) -> None:
    folder, base = settings.data_dir, settings.base_url
    say(f"Hundi serves {base}  (API documentation: {base}/schema)")
    if any(f"//{host}:" in str(base) for host in _EVERYWHERE):
        say("Set HUNDI_BASE_URL to the address customers use: links in mails start with it.")
    if not settings.smtp_url:
        say(f"Mail goes to {folder / 'outbox'} because HUNDI_SMTP_URL is not set.")
    elif settings.mail_from == Settings().mail_from:
        say(f"Set HUNDI_MAIL_FROM to an address of yours: mail is sent as {settings.mail_from} until then.")
    if settings.smtp_url and any(f"//{host}" in str(base) for host in _THIS_MACHINE):
        say(f"Set HUNDI_BASE_URL to the address customers use: links in mails lead to {base} until then.")
    if demo:
        say(f"Demo credentials: {folder / 'demo.json'}   sample file: {folder / 'sample-invoices.csv'}")
    say("Ctrl-C stops everything.")


def _greet_operator(settings: Settings) -> None:
    say(f"The central unit serves {settings.base_url}; its public key: {centre_key(keyring_of(settings))}")
    if settings.network_sandbox:
        say(
            "It approves every business and settles payments by itself; HUNDI_NETWORK_SANDBOX=false leaves that to you."
        )
    say("Let a server in with `hundi network centre enrol`. Ctrl-C stops everything.")


async def _supervise(children: list[_Child], server: EmbeddedPostgres | None, stop: asyncio.Event) -> None:
    """Start again what dies, until told to stop; give up when PostgreSQL is gone or a child will not stay."""
    waits: set[asyncio.Task[Any]] = {asyncio.create_task(stop.wait())}
    if server is not None:
        waits.add(asyncio.create_task(server.wait()))
    while True:
        done, _ = await asyncio.wait(waits, timeout=_RESTART_S, return_when=asyncio.FIRST_COMPLETED)
        if stop.is_set():
            break
        if done:
            message = "PostgreSQL has ended; see postgres.log in the data folder. Start Hundi again: it recovers."
            raise Refused(message)
        for child in children:
            if child.returncode is None:
                continue
            young = time.monotonic() - child.born < _YOUNG_S
            child.early_deaths = child.early_deaths + 1 if young else 0
            if child.early_deaths >= _FAST_DEATHS:
                message = f"The {child.role} process ends as soon as it is started; its last words are above."
                raise Refused(message)
            say(f"The {child.role} process ended with code {child.returncode}; starting it again.")
            child.start()
    for task in waits:
        task.cancel()


async def _stop(children: list[_Child]) -> None:
    for child in children:
        child.terminate()
    loop = asyncio.get_running_loop()
    until = loop.time() + _STOP_S
    while any(child.alive for child in children) and loop.time() < until:  # noqa: ASYNC110 - as above
        await asyncio.sleep(0.02)
    for child in children:
        child.kill()
