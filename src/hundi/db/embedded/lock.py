"""The lock on a data folder: one `hundi up` at a time."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from hundi.db.embedded.errors import DataFolderBusy, EmbeddedStartError

if TYPE_CHECKING:
    from types import TracebackType

LOCK_NAME: Final = "hundi.lock"


def open_data_folder(data_dir: Path) -> Path:
    """Make the data folder (mode 0700) unless it is there, and give its absolute path.

    Raises EmbeddedStartError when it cannot be made or is not a folder.
    """
    folder = data_dir.expanduser().absolute()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        message = f"The data folder {folder} cannot be made ({error.strerror}). Choose another with --data-dir."
        raise EmbeddedStartError(message) from error
    return folder


class FolderLock:
    """An exclusive lock on `DIR/hundi.lock`, held until `release()` or the end of the process, however it ends.

    The kernel drops the lock with the process, so nothing stale can be left behind. Children started with
    `subprocess` do not inherit it; children made with a bare `fork` share it and keep it until they end too.
    """

    def __init__(self, data_dir: Path) -> None:
        """Name the folder; nothing is locked before `acquire()`."""
        self._data_dir = data_dir
        self._fd: int | None = None

    @property
    def held(self) -> bool:
        """Whether this object holds the lock now."""
        return self._fd is not None

    def acquire(self) -> None:
        """Take the lock or raise DataFolderBusy at once; taking it twice with the same object is fine."""
        if self._fd is not None:
            return
        folder = open_data_folder(self._data_dir)
        try:
            fd = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            message = (
                f"The data folder {folder} cannot be used by this user ({error.strerror}: {LOCK_NAME}). "
                "Run as the user who owns it, or choose another with --data-dir."
            )
            raise EmbeddedStartError(message) from error
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(fd, 20, 0).decode("ascii", "replace").strip()
            os.close(fd)
            who = f"process {holder}" if holder.isdigit() else "another process"
            message = (
                f"The data folder {folder} is in use by {who}. "
                "Stop that one first, or start with another folder (--data-dir)."
            )
            raise DataFolderBusy(message) from error
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode("ascii"), 0)
        self._fd = fd

    @staticmethod
    def is_held(data_dir: Path) -> bool:
        """Tell whether some process holds the folder now, without touching the lock: the kernel lists who holds what."""
        try:
            found = (data_dir.expanduser() / LOCK_NAME).stat()
            held = Path("/proc/locks").read_text(encoding="ascii", errors="replace")
        except OSError:
            return False
        name = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
        return any("FLOCK" in line and "->" not in line and name in line.split() for line in held.splitlines())

    def release(self) -> None:
        """Give the lock back; fine when it is not held. The file stays: removing it would race with a newcomer."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> Self:
        """Take the lock."""
        self.acquire()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Give the lock back."""
        self.release()
