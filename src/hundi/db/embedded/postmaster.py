"""One running PostgreSQL server as our child: started, watched, stopped, its log kept small."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final

from hundi.db.embedded.cluster import MUST_HOLD, launch_command, opened
from hundi.db.embedded.errors import EmbeddedStartError

if TYPE_CHECKING:
    from pathlib import Path

    from hundi.db.embedded.binaries import Account

LOG_LIMIT: Final = 10_000_000
"""Bytes of `postgres.log` after which its content moves to `postgres.log.1`, replacing what was there."""
_LOG_LOOK_SECONDS: Final = 30
# How a server is asked to end, and how many seconds each way gets: fast shutdown, immediate, and no way back.
STEPS: Final = ((signal.SIGINT, 60), (signal.SIGQUIT, 15), (signal.SIGKILL, 10))

DEATH_SIGNAL: Final = signal.SIGQUIT
"""What the kernel sends the server when this process dies without having stopped it: an immediate shutdown.

It ends within seconds whatever the clients do and however much memory is dirty; a fast shutdown (SIGINT) would
first write a checkpoint, during which a restart would have to wait. Nothing committed is lost by it: every commit
is in the flushed write-ahead log, from which the next start recovers.
"""


class Postmaster:
    """A server process. The kernel ends it with this process, by `DEATH_SIGNAL`.

    The kernel ties a child to the *thread* that forked it, so a thread of its own forks the server and then lives
    exactly as long as the server does: where `launch` is called from does not matter.
    """

    def __init__(self, pid: int, exited: Future[int], gate: threading.Lock) -> None:
        """Use `launch`."""
        self.pid = pid
        self._exited = exited
        self._gate = gate

    @classmethod
    async def launch(cls, cluster: Path, bin_folder: Path, account: Account, log: Path, held: int) -> Postmaster:
        """Start the server on a cluster folder and return at once; it does not answer yet.

        `held` is a locked descriptor that the server and every process of it inherit: as long as it stays locked,
        some process of this server is alive.
        """
        exited: Future[int] = Future()
        exited.set_running_or_notify_cancel()
        started: Future[int] = Future()
        started.set_running_or_notify_cancel()
        gate = threading.Lock()

        def supervise() -> None:
            try:
                process = _spawn(cluster, bin_folder, account, log, held)
            except BaseException as error:  # noqa: BLE001 - handed to the caller, who awaits it
                started.set_exception(error)
                return
            started.set_result(process.pid)
            # Wait without reaping: until it is reaped under the gate the number cannot become another process's.
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
            with gate:
                exited.set_result(process.wait())

        def keep_log_small() -> None:
            while not _done_within(exited, _LOG_LOOK_SECONDS):
                bound_log(log)

        threading.Thread(target=supervise, name="hundi-postgres", daemon=True).start()
        try:
            pid = await asyncio.shield(asyncio.wrap_future(started))
        except asyncio.CancelledError:
            # The fork is under way and takes milliseconds; leaving now would leave a server that nobody knows.
            await cls(started.result(), exited, gate).stop()
            raise
        threading.Thread(target=keep_log_small, name="hundi-postgres-log", daemon=True).start()
        return cls(pid, exited, gate)

    @property
    def returncode(self) -> int | None:
        """The exit code (negative for a signal), or None while the server runs."""
        return self._exited.result() if self._exited.done() else None

    async def wait(self) -> int:
        """Wait for the server's end and give its exit code."""
        return await asyncio.shield(asyncio.wrap_future(self._exited))

    async def stop(self) -> None:
        """Stop it and wait: fast shutdown, after a minute immediate, SIGKILL only when that fails too."""
        ending = asyncio.ensure_future(self.wait())
        for number, seconds in STEPS:
            self._signal(number)
            await asyncio.wait({ending}, timeout=seconds)
            if ending.done():
                return
        ending.cancel()

    def _signal(self, number: signal.Signals) -> None:
        """Signal the server, or nobody: the gate keeps its number from being reaped and reused meanwhile."""
        with self._gate:
            if not self._exited.done():
                os.kill(self.pid, number)


def bound_log(log: Path) -> None:
    """Move the log's content to `NAME.1` when it has outgrown `LOG_LIMIT`; the server keeps its file."""
    try:
        if log.stat().st_size > LOG_LIMIT:
            shutil.copyfile(log, log.with_name(f"{log.name}.1"))
            os.truncate(log, 0)
    except OSError:
        # A full disk must not stop the watcher; it looks again in half a minute.
        return


def last_lines(log: Path, since: int = 0, count: int = 15) -> str:
    """Give the last lines the server logged after byte `since`."""
    try:
        with log.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(since if since <= size else 0, size - 20_000))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return "(no log)"
    return "\n".join(lines[-count:]) or "(nothing was logged)"


def _done_within(exited: Future[int], seconds: float) -> bool:
    try:
        exited.result(timeout=seconds)
    except TimeoutError:
        return False
    return True


def _spawn(cluster: Path, bin_folder: Path, account: Account, log: Path, held: int) -> subprocess.Popen[bytes]:
    """Fork the server in a session of its own, so that Ctrl-C at the terminal reaches us and not the server."""
    command = [str(bin_folder / "postgres")]
    settings = [word for setting in MUST_HOLD for word in ("-c", setting)]
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        log_fd = os.open(log, flags, 0o600)
    except OSError as error:
        message = f"The server's log {log} cannot be written ({error.strerror})."
        raise EmbeddedStartError(message) from error
    try:
        with opened(cluster) as fd:
            return subprocess.Popen(  # noqa: S603 - our own list, no shell
                launch_command(account, DEATH_SIGNAL, [*command, "-D", f"/proc/self/fd/{fd}", *settings]),
                stdin=subprocess.DEVNULL,
                stdout=log_fd,
                stderr=log_fd,
                pass_fds=(fd, held),
                start_new_session=True,
            )
    finally:
        os.close(log_fd)
