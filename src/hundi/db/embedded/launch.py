"""Become a PostgreSQL program that dies with its parent. Run as a file, never imported by the package.

    python -I -S launch.py PARENT UID GID SIGNAL PROGRAM [ARGUMENT …]

A separate program does this, and not a `preexec_fn`, because code between fork and exec is not safe in a process
that has threads. The order matters: the kernel forgets the death signal when the user changes, so the user is
dropped first; a parent that died before the signal was asked for sends none, so its identity is checked last.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_NO_NEW_PRIVS = 38
PARENT_GONE = 75
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC", "HOME": "/"}
"""All that PROGRAM gets: no `PG…` variable that would change what it does, and no secret of ours."""


def main(words: list[str]) -> None:
    """Drop to UID:GID (a UID of -1 keeps the user), ask for SIGNAL on the parent's death, and exec PROGRAM."""
    parent, uid, gid, death_signal = (int(word) for word in words[:4])
    command = words[4:]
    if uid >= 0:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if libc.prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        sys.exit(f"prctl(PR_SET_PDEATHSIG) failed: {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        sys.exit(PARENT_GONE)
    os.chdir("/")
    os.umask(0o077)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    os.execve(command[0], command, ENVIRONMENT)  # noqa: S606 - no shell is wanted; the command is our own list


if __name__ == "__main__":
    main(sys.argv[1:])
