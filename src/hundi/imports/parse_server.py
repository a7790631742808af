"""The process that has the reader loaded, and forks a limited child of itself for each upload.

`python -I -m hundi.imports.parse_server PARENT`. Loading the reader takes a quarter of a second of processor, a fork some
milliseconds. Standard input is a SOCK_SEQPACKET socket: each message is an ``Upload``, and with it comes one end of a
stream on which the worker is told of that upload alone: :data:`TAKEN`, then what the child has to say (it is the child's
standard error), then :data:`ENDED` and the exit code as ``subprocess`` gives it, then the end. A worker that shuts its
side of the stream wants the child killed.

This process opens no upload and runs no code on one, has no keys and no database, and does nothing between orders. It ends
with its worker, and when the orders end. Its children end with it.
"""

import gc
import os
import select
import signal
import socket
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Final, Never

import msgspec

from hundi.imports.parse_bounds import live_no_longer_than
from hundi.imports.parse_child import EXIT_TRY_AGAIN, Upload, carry_out

TAKEN: Final = b"\x06"
ENDED: Final = b"\x00"
EXIT_CANNOT_FORK: Final = 76
LONGEST_ORDER: Final = 32 * 1024
_TELL_S: Final = 1.0
# A fork has one thread, whatever its parent had, and what another thread held at that moment stays locked in it for ever.
# This one of polars waits for spilled files to delete, from the moment polars is loaded, and holds nothing meanwhile.
_HARMLESS: Final = frozenset({"polars-ooc-clea"})


class Server:
    """Forks children for orders until there are none any more."""

    def __init__(self, orders: socket.socket) -> None:
        self._orders = orders
        self._pid = os.getpid()
        self._streams: dict[int, socket.socket] = {}
        self._given_up: set[int] = set()
        self._ends, self._wake = os.pipe()

    def serve(self) -> None:
        """Take orders; returns when there will be none any more."""
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        while True:
            streams = {one: pid for pid, one in self._streams.items() if pid not in self._given_up}
            watched: list[socket.socket | int] = [self._orders, self._ends, *streams]
            ready, _, _ = select.select(watched, [], [])
            if self._ends in ready:
                os.read(self._ends, 4096)
            for pid in [pid for one, pid in streams.items() if one in ready]:
                self._given_up.add(pid)
                os.kill(pid, signal.SIGKILL)
            self._reap()
            if self._orders in ready and not self._take():
                return

    def _take(self) -> bool:
        """Fork a child for the next order; tell whether there was one."""
        message, descriptors, _, _ = socket.recv_fds(self._orders, LONGEST_ORDER, 1)
        if not message or not descriptors:
            return False
        stream = socket.socket(fileno=descriptors[0])
        stream.settimeout(_TELL_S)
        with suppress(OSError):
            stream.sendall(TAKEN)
        try:
            pid = os.fork()
        except OSError:
            _tell(stream, EXIT_TRY_AGAIN)
            return True
        if pid == 0:
            self._become(msgspec.json.decode(message, type=Upload), stream)
        self._streams[pid] = stream
        return True

    def _become(self, upload: Upload, stream: socket.socket) -> Never:
        """Be the child, with three descriptors and nothing of the server's."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            os.setsid()
            os.dup2(stream.fileno(), 2)
            # Numbers are used again: no socket object may close one that is another file's by then.
            for one in (self._orders, stream, *self._streams.values()):
                one.detach()
            os.closerange(3, os.sysconf("SC_OPEN_MAX"))
            gc.enable()
            code = carry_out(upload, parent=self._pid)
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        except BaseException:  # noqa: BLE001 - this is the child's outermost frame: what it dies of is said, and its end
            with suppress(OSError):
                traceback.print_exc()
        finally:
            with suppress(OSError):
                sys.stderr.flush()
            os._exit(code)

    def _reap(self) -> None:
        for pid in list(self._streams):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                self._given_up.discard(pid)
                _tell(self._streams.pop(pid), os.waitstatus_to_exitcode(status))


def _tell(stream: socket.socket, code: int) -> None:
    """Say how a child ended; nobody may be there to hear it."""
    with stream, suppress(OSError):
        stream.sendall(ENDED + str(code).encode())


def strangers() -> list[str]:
    """Name the threads of this process beside which it may not fork."""
    names = []
    for task in Path("/proc/self/task").iterdir():
        with suppress(OSError):
            if int(task.name) != os.getpid():
                names.append((task / "comm").read_text().strip())
    return [name for name in names if name not in _HARMLESS]


def main(words: list[str]) -> int:
    """Serve; give the exit code."""
    live_no_longer_than(int(words[0]))
    if found := strangers():
        sys.stderr.write(f"The reader cannot be forked beside {', '.join(found)}; each upload starts one of its own.\n")
        return EXIT_CANNOT_FORK
    orders = socket.socket(fileno=os.dup(0))
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.close(nothing)
    # What was made so far is never looked at again: children share its pages.
    gc.collect()
    gc.freeze()
    gc.disable()
    Server(orders).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
