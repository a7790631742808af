"""The bounds of the processes that read uploads."""

import ctypes
import os
import resource
import signal
import sys
from typing import Final

_MEMORY: Final = 2 * 1024**3
_PR_SET_PDEATHSIG: Final = 1


def restrain(size: int, *, parent: int) -> None:
    """Bound this process: 2 GiB of memory, processor time and disk by the file's size, and no life after the parent's."""
    live_no_longer_than(parent)
    resource.setrlimit(resource.RLIMIT_DATA, (_MEMORY, _MEMORY))
    seconds = 60 + size // (1024 * 1024)
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    disk = 256 * 1024 * 1024 + 8 * size
    resource.setrlimit(resource.RLIMIT_FSIZE, (disk, disk))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def live_no_longer_than(parent: int) -> None:
    """Let this process be killed when its parent ends; it exits where that is not its parent any more."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the signal was asked for
        sys.exit(1)
