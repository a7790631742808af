"""Where files are kept: a local folder, or S3, GCS or Azure by their address (obstore). Keys are ours, names are data.

Writes are streamed and hashed on the way; nothing here holds a whole file in memory. A file is written to a nameless
temporary file first and stored when it is complete, so that a connection cut half-way leaves nothing behind.
"""

import asyncio
import contextlib
import hashlib
import re
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final, Self
from urllib.parse import unquote, urlsplit

import msgspec
import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, from_url

from hundi.kit.errors import Transient
from hundi.kit.ids import new_secret

_BLOCK: Final = 1024 * 1024
_PART: Final = 8 * 1024 * 1024
_LISTED: Final = 1000
_NAME: Final = "store-name"
_UNFINISHED: Final = re.compile(r"#\d+\Z")


class FileTooLarge(Exception):
    """More bytes came than the store was told to take."""


class FileMissing(Exception):
    """The store has no file under this key."""


class StoreUnavailable(Transient):
    """Files cannot be stored just now: the disk is full or the store is away. Send the same request again later."""

    retry_after = 60


@contextlib.contextmanager
def _storing() -> Iterator[None]:
    """Turn what a full disk or a store that is away raises into :class:`StoreUnavailable`."""
    try:
        yield
    except (AlreadyExistsError, FileNotFoundError):
        raise
    except (OSError, BaseError) as error:
        raise StoreUnavailable from error


def _has_entries(folder: Path) -> bool:
    try:
        return any(folder.iterdir())
    except FileNotFoundError:
        return False


class Kept(msgspec.Struct, frozen=True):
    """What was stored: its key, its size in bytes and its SHA-256."""

    key: str
    size: int
    sha256: bytes


class Spool:
    """Takes a file block by block; it exists nowhere by name until :meth:`FileStore.keep` is called with it.

    Use as an async context manager: at its end the temporary file is gone, whatever happened.
    """

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder = folder
        self.limit = limit
        self._digest = hashlib.sha256()
        self._pending = bytearray()
        self._file: IO[bytes] | None = None
        self.size = 0

    async def __aenter__(self) -> Self:
        """Open the temporary file."""
        with _storing():
            self._file = await asyncio.to_thread(nameless, self._folder)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the temporary file, which removes it."""
        if self._file is not None:
            # What a full disk did not take is thrown away with the file.
            with contextlib.suppress(OSError):
                await asyncio.to_thread(self._file.close)
            self._file = None

    async def write(self, block: bytes | memoryview) -> None:
        """Add bytes; raises :class:`FileTooLarge` past the limit."""
        self.size += len(block)
        if self.size > self.limit:
            raise FileTooLarge
        self._pending += block
        if len(self._pending) >= _BLOCK:
            await self._flush()

    async def finish(self) -> tuple[IO[bytes], bytes]:
        """Give the whole file, at its beginning, and its SHA-256."""
        await self._flush()
        file = self._opened()
        with _storing():
            await asyncio.to_thread(file.seek, 0)
        return file, self._digest.digest()

    async def _flush(self) -> None:
        if self._pending:
            block, self._pending = bytes(self._pending), bytearray()
            with _storing():
                await asyncio.to_thread(self._store, block)

    def _store(self, block: bytes) -> None:
        self._digest.update(block)
        self._opened().write(block)

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            message = "the spool is not open"
            raise RuntimeError(message)
        return self._file


class FileStore:
    """The files of this installation, by key. Keys are made by us: letters, digits, ``-``, ``_``, ``.`` and ``/``."""

    def __init__(self, store: Any, *, folder: Path | None, work: Path) -> None:
        self._store = store
        self._folder = folder
        self._work = work

    @classmethod
    def open(cls, url: str | None, data_dir: Path) -> "FileStore":
        """Open the store at ``HUNDI_FILES_URL``, or ``DIR/files`` where there is none; folders are made.

        ``DIR/tmp`` is used for uploads that are not complete. Raises ``ValueError`` or obstore's error on a bad address.
        """
        work = data_dir.expanduser().absolute() / "tmp"
        if url is not None and not url.startswith("file:"):
            return cls(from_url(url), folder=None, work=work)
        folder = Path(unquote(urlsplit(url).path)) if url is not None else data_dir.expanduser().absolute() / "files"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return cls(LocalStore(folder, mkdir=True), folder=folder, work=work)

    @property
    def work(self) -> Path:
        """Give the folder for what is not complete, and make it."""
        self._work.mkdir(parents=True, exist_ok=True, mode=0o700)
        return self._work

    def spool(self, limit: int) -> Spool:
        """Take a file of at most ``limit`` bytes; see :class:`Spool`."""
        return Spool(self.work, limit)

    async def keep(self, key: str, spool: Spool) -> Kept:
        """Store a complete spool under a key nobody else uses."""
        file, digest = await spool.finish()
        with _storing():
            await obstore.put_async(self._store, key, file, chunk_size=_PART, max_concurrency=2)
        return Kept(key, spool.size, digest)

    async def put(self, key: str, content: bytes) -> bool:
        """Store small content unless the key is taken; tell whether it was stored."""
        try:
            with _storing():
                await obstore.put_async(self._store, key, content, mode="create")
        except AlreadyExistsError:
            return False
        return True

    async def put_file(self, key: str, path: Path) -> int:
        """Store a file from disk, in parts; give its size."""
        with _storing():
            await obstore.put_async(self._store, key, path, chunk_size=_PART, max_concurrency=2)
        return (await asyncio.to_thread(path.stat)).st_size

    async def get(self, key: str) -> bytes:
        """Give the content of a small file. Raises :class:`FileMissing`."""
        try:
            result = await obstore.get_async(self._store, key)
        except FileNotFoundError as error:
            raise FileMissing(key) from error
        return bytes(await result.bytes_async())

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        """Give a file block by block. Raises :class:`FileMissing` at the first one."""
        try:
            result = await obstore.get_async(self._store, key)
        except FileNotFoundError as error:
            raise FileMissing(key) from error
        async for block in result.stream(min_chunk_size=_BLOCK):
            yield bytes(block)

    async def exists(self, key: str) -> bool:
        """Tell whether there is a file under the key."""
        try:
            await obstore.head_async(self._store, key)
        except FileNotFoundError:
            return False
        return True

    async def name(self) -> str | None:
        """Tell which store this is: the name that is written in it, or None where there is none."""
        try:
            with _storing():
                return (await self.get(_NAME)).decode("ascii", "replace")
        except FileMissing:
            return None

    async def named(self) -> str:
        """Tell which store this is, and give it a name where it has none; it goes where the files go."""
        found = await self.name()
        if found is None:
            await self.put(_NAME, new_secret().encode())
            found = await self.name()
        if found is None:
            raise StoreUnavailable
        return found

    async def holds_anything(self) -> bool:
        """Tell whether the store is there and was ever written to; an unmounted volume is an empty folder, or none."""
        if self._folder is not None:
            return await asyncio.to_thread(_has_entries, self._folder)
        async for some in obstore.list(self._store, chunk_size=1):
            if some:
                return True
        return False

    @asynccontextmanager
    async def on_disk(self, key: str) -> AsyncIterator[Path]:
        """Lend the file as a path: the stored one itself, never to be written, or a copy for the time being.

        Raises :class:`FileMissing`.
        """
        if self._folder is not None:
            path = self._folder / key
            if not await asyncio.to_thread(path.is_file):
                raise FileMissing(key)
            yield path
            return
        with tempfile.NamedTemporaryFile(dir=self.work, prefix="fetched-") as copy:
            async for block in self.stream(key):
                await asyncio.to_thread(copy.write, block)
            copy.flush()
            yield Path(copy.name)

    async def older(self, prefix: str, before: datetime) -> AsyncIterator[str]:
        """List the keys under a prefix whose files were last written before an instant."""
        async for some in obstore.list(self._store, prefix=prefix, chunk_size=_LISTED):
            for one in some:
                if one["last_modified"] < before:
                    yield one["path"]

    async def remove_leftovers(self, before: datetime) -> int:
        """Remove what killed processes left half-written before an instant; give the number of files."""
        return await asyncio.to_thread(self._remove_leftovers, before)

    def _remove_leftovers(self, before: datetime) -> int:
        left = list(self.work.glob("fetched-*"))
        if self._folder is not None:
            # Where obstore writes what is not complete: the name of the file, a hash sign and a number.
            left += [path for path in self._folder.rglob("*#*") if _UNFINISHED.search(path.name)]
        removed = 0
        for path in left:
            with contextlib.suppress(FileNotFoundError):
                if path.is_file() and datetime.fromtimestamp(path.stat().st_mtime, UTC) < before:
                    path.unlink()
                    removed += 1
        return removed

    async def delete(self, key: str) -> None:
        """Remove a file; nothing happens when there is none."""
        try:
            await obstore.delete_async(self._store, key)
        except FileNotFoundError:
            return


def nameless(folder: Path) -> IO[bytes]:
    """Open a file without a name in ``folder``: whatever happens, nothing stays behind."""
    return tempfile.TemporaryFile(dir=folder)
