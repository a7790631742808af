"""Running the limited child that reads an upload, and cleaning up after processes that did not end well."""

import asyncio
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec
import structlog

from hundi.imports.columns import FileKind
from hundi.imports.errors import refuse
from hundi.imports.parse_child import EXIT_TRY_AGAIN, MANIFEST, ROWS_READ, Manifest, Upload
from hundi.imports.parse_server import ENDED, EXIT_CANNOT_FORK, TAKEN
from hundi.kit.errors import Transient

log = structlog.get_logger("hundi.imports")

_PREFIX: Final = "import-"
_TRIES: Final = 2
_MEBIBYTE: Final = 1024 * 1024
_SAID: Final = 4096
_KILLED_S: Final = 10
_IDLE_S: Final = 60
_LARGE: Final = 16 * _MEBIBYTE


class ReadingFailed(Transient):
    """The file could not be read just now; the import goes on later."""


@contextmanager
def work_folder(parent: Path) -> Iterator[Path]:
    """Lend an empty folder; those of processes that were killed are removed on the way."""
    for left in parent.glob(f"{_PREFIX}*"):
        number = left.name.removeprefix(_PREFIX).partition("-")[0]
        if number.isdigit() and not Path(f"/proc/{number}").exists():
            shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(dir=parent, prefix=f"{_PREFIX}{os.getpid()}-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def rows_read(folder: Path) -> int:
    """Tell how many rows of the file in this work folder have been read so far."""
    try:
        said = (folder / ROWS_READ).read_bytes()
    except FileNotFoundError:
        return 0
    return int(said) if said.isdigit() else 0


async def parse(source: Path, folder: Path, *, rows: int, limit: int, kind: FileKind = FileKind.INVOICES) -> Manifest:
    """Read a file into chunk files of ``rows`` rows; a refusal stands in the manifest.

    Raises :class:`ReadingFailed` when the machine is at fault (disk full) and ``FileRefused`` when the reader died of
    the file twice.
    """
    upload = Upload(str(source), str(folder), rows, limit, kind)
    size = (await asyncio.to_thread(source.stat)).st_size
    seconds = 120 + 2 * (size // _MEBIBYTE)
    for _ in range(_TRIES):
        # Beside a large file nobody feels the start of a process, and the server's memory is of more use to the import.
        ended = await SERVER.read(upload, seconds) if size < _LARGE else None
        code, said = ended if ended is not None else await _child(upload, seconds)
        if code == 0:
            return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
        log.warning("reading a file failed", exit_code=code, said=said[-2000:])
        if code == EXIT_TRY_AGAIN:
            raise ReadingFailed
    message = "The file cannot be read within the bounds of an import (memory and time): check it, or split it."
    raise refuse("FILE_TOO_COMPLEX", message)


class ParseServer:
    """This process's :mod:`hundi.imports.parse_server`: started with an upload, ended a while after the last one."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._orders: socket.socket | None = None
        self._can_fork = True
        self._reading = 0
        self._ending: asyncio.TimerHandle | None = None

    async def read(self, upload: Upload, seconds: int) -> tuple[int, str] | None:
        """Have an upload read; give the child's exit code and last words, or None where the server has none to give.

        The process stays for a while afterwards where it has nothing else to read: files often come one after the other. A
        cancelled call, and one that takes more than ``seconds``, ends when the child is dead.
        """
        stream = self._send(msgspec.json.encode(upload))
        if stream is None:
            return None
        server = self._process
        with stream, self._in_use():
            stream.setblocking(False)
            heard = bytearray()
            try:
                async with asyncio.timeout(seconds):
                    await _hear(stream, heard)
            except TimeoutError:
                await self._have_killed(stream, heard, server)
                if heard.startswith(TAKEN):
                    return -signal.SIGXCPU, "out of time"
            except asyncio.CancelledError:
                killing = asyncio.ensure_future(self._have_killed(stream, heard, server))
                # Whoever cancels twice has to wait as well: the stream may not be closed under the one who listens to it.
                while not killing.done():
                    with suppress(asyncio.CancelledError):
                        await asyncio.shield(killing)
                raise
        if not heard.startswith(TAKEN):
            self._give_up(server)
            return None
        said, _, code = heard[1:].rpartition(ENDED)
        # A child whose server is gone was killed with it: that says nothing of the file.
        return (int(code), said.decode(errors="replace")) if code.lstrip(b"-").isdigit() else None

    async def _have_killed(
        self, stream: socket.socket, heard: bytearray, server: subprocess.Popen[bytes] | None
    ) -> None:
        """Have the child killed and wait for it: it would write into a folder that is being removed.

        A server that does not do it is killed itself, and whatever it reads with it.
        """
        if not await _is_killed(stream, heard):
            self._give_up(server)

    def _give_up(self, server: subprocess.Popen[bytes] | None) -> None:
        """End this server, unless there is another one by now."""
        if self._process is server:
            self.close()

    @contextmanager
    def _in_use(self) -> Iterator[None]:
        """Keep the server, and for :data:`_IDLE_S` seconds afterwards."""
        self._reading += 1
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
        try:
            yield
        finally:
            self._reading -= 1
            if not self._reading:
                self._ending = asyncio.get_running_loop().call_later(_IDLE_S, self._end)

    def _end(self) -> None:
        if not self._reading:
            self.close()

    def close(self) -> None:
        """End the server, and with it whatever it reads; the next upload starts another."""
        if self._orders is not None:
            self._orders.close()
        if self._process is not None:
            self._process.kill()
            self._can_fork = self._process.wait() != EXIT_CANNOT_FORK
        self._orders = self._process = None

    def _send(self, message: bytes) -> socket.socket | None:
        """Send an order; give our end of its stream."""
        ours, theirs = socket.socketpair()
        with theirs:
            for _ in range(_TRIES):
                if self._orders is None and self._can_fork:
                    self._start()
                if self._orders is None:
                    break
                try:
                    socket.send_fds(self._orders, [message], [theirs.fileno()])
                except (BrokenPipeError, ConnectionResetError):
                    self.close()
                except BlockingIOError:
                    break  # it does not come round to so many orders
                else:
                    return ours
        ours.close()
        return None

    def _start(self) -> None:
        """Start the process; it loads the reader while the first order waits.

        It is started by this thread, which lasts as long as the process: the server is told when the thread ends.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            words = [sys.executable, "-I", "-m", "hundi.imports.parse_server", str(os.getpid())]
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                words,
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                env=_environment(forks=True),
                start_new_session=True,
            )
        ours.setblocking(False)
        self._orders = ours


SERVER: Final = ParseServer()


async def _hear(stream: socket.socket, heard: bytearray) -> None:
    """Keep the first byte and the last ones of what comes until the end."""
    loop = asyncio.get_running_loop()
    with suppress(ConnectionResetError):
        while block := await loop.sock_recv(stream, _SAID):
            heard += block
            del heard[1 : max(1, len(heard) - _SAID)]


async def _is_killed(stream: socket.socket, heard: bytearray) -> bool:
    """Ask for the child's death; tell whether it is dead."""
    with suppress(OSError):  # it may have ended by itself
        stream.shutdown(socket.SHUT_WR)
    try:
        async with asyncio.timeout(_KILLED_S):
            await _hear(stream, heard)
    except TimeoutError:
        return False
    return True


def _environment(*, forks: bool) -> dict[str, str]:
    """No settings and no keys get into the child: only what Python needs to start."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "LANG": "C.UTF-8",
        "POLARS_MAX_THREADS": "2",
        "MALLOC_ARENA_MAX": "2",
        # A thread that gives memory back in the background does not live on in a fork.
        "_RJEM_MALLOC_CONF": "narenas:2"
        + (",background_thread:false,dirty_decay_ms:200,muzzy_decay_ms:0" if forks else ""),
    }


async def _child(upload: Upload, seconds: int) -> tuple[int, str]:
    """Read an upload in a process that is started for it, where there is no server to fork one."""
    words = (upload.source, upload.folder, str(upload.rows), str(upload.limit), str(os.getpid()), upload.kind.value)
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-m", "hundi.imports.parse_child", *words,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
        env=_environment(forks=False),
    )  # fmt: skip
    try:
        async with asyncio.timeout(seconds):
            _, said = await child.communicate()
    except TimeoutError:
        return -signal.SIGXCPU, "out of time"
    finally:
        if child.returncode is None:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()
    return child.returncode if child.returncode is not None else 1, said.decode(errors="replace")
