"""Keeping a process's memory small: what allocators hold back for the next time is given to the system instead.

A bulk import works through chunks in several threads. Each thread would get an arena of its own, and an arena keeps what its
largest chunk took; with two of them, and blocks of some size taken from the system and given back, the memory of an import
does not grow with the number of its chunks.
"""

import contextlib
import ctypes
from typing import Final

# glibc, malloc.h
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_M_ARENA_MAX: Final = -8
_KEPT: Final = 16 * 1024 * 1024
_MAPPED: Final = 4 * 1024 * 1024
_POLARS: Final = b"background_thread:true,narenas:2,dirty_decay_ms:200,muzzy_decay_ms:0"


def spare_memory() -> None:
    """Set the allocators up; call it before polars is loaded. Where the C library is another one nothing happens."""
    library = ctypes.CDLL(None)
    library.setenv(b"_RJEM_MALLOC_CONF", _POLARS, 0)  # what the operator has set stays
    with contextlib.suppress(AttributeError):
        for name, value in ((_M_ARENA_MAX, 2), (_M_MMAP_THRESHOLD, _MAPPED), (_M_TRIM_THRESHOLD, _KEPT)):
            library.mallopt(name, value)
