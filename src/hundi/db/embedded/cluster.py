"""The cluster on disk: its passwords, its first creation, its few settings, what a crash left behind."""

from __future__ import annotations

import ctypes
import json
import os
import secrets
import shutil
import stat
import subprocess
import sys
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hundi.db.embedded.binaries import version_number
from hundi.db.embedded.errors import EmbeddedStartError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hundi.db.embedded.binaries import Account

CLUSTER_NAME: Final = "postgres"
PASSWORDS_NAME: Final = "postgres.json"
OWNER: Final = "hundi_owner"
PORT: Final = 5432
"""The socket is called after it; nothing listens on a TCP port."""
_LAUNCH: Final = Path(__file__).with_name("launch.py")
_INITDB_SECONDS: Final = 300
_NAMELESS: Final = "could not look up effective user ID"

_HBA: Final = """\
# Written by Hundi at every start. Passwords on the socket only; TCP is not listened on.
local all all scram-sha-256
"""
_SETTINGS: Final = """
# --- Hundi: starting values, yours to tune; what must hold is given on the server's command line ---
shared_buffers = '{buffers}MB'
wal_buffers = '16MB'
min_wal_size = '512MB'
max_wal_size = '4GB'
max_connections = 100
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %q%u@%d '
log_checkpoints = off
password_encryption = 'scram-sha-256'
jit = off
cluster_name = 'hundi'
"""
_LEAST_BUFFERS_MB: Final = 256
_MOST_BUFFERS_MB: Final = 1024
_CGROUP_LIMITS: Final = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
MUST_HOLD: Final = (
    "listen_addresses=",
    # Relative to the cluster folder, so a long path never meets the 107-byte limit of a socket's address.
    "unix_socket_directories=.",
    "unix_socket_permissions=0700",
    f"port={PORT}",
    "fsync=on",
    "full_page_writes=on",
    "logging_collector=off",
    "log_destination=stderr",
)


@dataclass(frozen=True)
class Passwords:
    """The three roles' passwords, kept in `DIR/postgres.json` (0600)."""

    owner: str
    app: str
    loader: str


def launch_command(account: Account, death_signal: int, command: list[str]) -> list[str]:
    """Give the words that run `command` as `account`, to receive `death_signal` when this process dies."""
    words = [sys.executable, "-I", "-S", "-B", str(_LAUNCH), str(os.getpid()), *account.words, str(int(death_signal))]
    return [*words, *command]


@contextmanager
def opened(folder: Path) -> Iterator[int]:
    """Give a descriptor of the folder; programs reach it as `/proc/self/fd/N` whatever the folders above allow."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def load_passwords(data_dir: Path) -> Passwords:
    """Give the passwords, making new ones where there are none (the server is then taught them at its start).

    The file is written whole under another name first, and is on disk before the cluster is made.
    """
    path = data_dir / PASSWORDS_NAME
    try:
        known = read_passwords(data_dir)
    except FileNotFoundError:
        known = None
    if known is not None:
        return known
    fresh = Passwords(secrets.token_urlsafe(24), secrets.token_urlsafe(24), secrets.token_urlsafe(24))
    write_private(path, json.dumps(asdict(fresh), indent=1) + "\n")
    return fresh


def read_passwords(data_dir: Path) -> Passwords:
    """Give the passwords on file; FileNotFoundError without the file, EmbeddedStartError when it makes no sense."""
    path = data_dir / PASSWORDS_NAME
    try:
        words = json.loads(path.read_text("utf-8"))
        found = [words[role] for role in ("owner", "app", "loader")]
    except (ValueError, KeyError, TypeError) as error:
        message = f"{path} is damaged. Delete it: new passwords are made at the next start."
        raise EmbeddedStartError(message) from error
    if not all(isinstance(word, str) and word for word in found):
        message = f"{path} is damaged. Delete it: new passwords are made at the next start."
        raise EmbeddedStartError(message)
    return Passwords(*found)


def write_private(path: Path, text: str) -> None:
    """Write a 0600 file so that a crash leaves either the old text or the new."""
    draft = path.with_name(f".{path.name}-{secrets.token_hex(6)}")
    fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def prepare(data_dir: Path, bin_folder: Path, account: Account, passwords: Passwords) -> Path:
    """Give a cluster folder that is ready to be started, making it on first use.

    Raises EmbeddedStartError when it was made by another major version of PostgreSQL.
    """
    cluster = data_dir / CLUSTER_NAME
    for half in data_dir.glob(f"{CLUSTER_NAME}.new-*"):
        shutil.rmtree(half)
    if not cluster.exists():
        _create(cluster, bin_folder, account, passwords)
    with opened(cluster) as fd:
        _check_major(cluster, fd, bin_folder)
        if _read_at(fd, "pg_hba.conf") != _HBA:
            _replace_at(fd, "pg_hba.conf", _HBA, account)
        _remove_stale_pid_files(cluster, fd)
    return cluster


def starting_settings(size: int) -> str:
    """Give what a new cluster's configuration ends with on a machine with so many bytes of memory.

    An eighth of it caches pages, from 256 MB to 1 GB: where the indexes of some million invoices do not fit, each chunk of
    an import writes others' pages back before it can go on.
    """
    eighth = size // 8 // 1024 // 1024
    return _SETTINGS.format(buffers=max(_LEAST_BUFFERS_MB, min(eighth, _MOST_BUFFERS_MB)))


def memory() -> int:
    """Give the bytes of memory we may use: the machine's, or less where a container has a limit."""
    sizes = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    for path in _CGROUP_LIMITS:
        with suppress(OSError, ValueError):
            sizes.append(int(path.read_text("ascii")))
    return min(sizes)


def ready(cluster: Path, pid: int) -> bool:
    """Whether the server `pid` says, in its pid file, that it takes connections (the file's eighth line)."""
    try:
        with opened(cluster) as fd:
            lines = _read_at(fd, "postmaster.pid").split("\n")
    except OSError:
        return False
    return len(lines) > 7 and lines[0].strip() == str(pid) and lines[7].strip() == "ready"


def reset_owner_password(cluster: Path, bin_folder: Path, account: Account, verifier: str) -> None:
    """Give the owner a new password, as its SCRAM verifier, in single-user mode.

    For a cluster whose `postgres.json` was lost. No server may be running. Single-user mode asks for no password:
    being the folder's owner is what opens it.
    """
    with opened(cluster) as fd:
        command = [str(bin_folder / "postgres"), "--single", "-D", f"/proc/self/fd/{fd}", "-c", "fsync=on", "postgres"]
        done = subprocess.run(  # noqa: S603 - our own list, no shell
            launch_command(account, 9, command),
            input=f"ALTER ROLE {OWNER} PASSWORD '{verifier}'\n",
            check=False,
            capture_output=True,
            text=True,
            errors="replace",
            pass_fds=(fd,),
            start_new_session=True,
        )
    if done.returncode != 0 or "ERROR" in done.stderr:
        message = f"The database owner's password could not be renewed: {done.stderr.strip()[-500:]}"
        raise EmbeddedStartError(message)


def _create(cluster: Path, bin_folder: Path, account: Account, passwords: Passwords) -> None:
    """Run initdb in a folder of another name and rename it when all of it is on disk.

    So a cluster folder that exists is whole, and one attempt that was killed leaves only rubbish to remove.
    """
    draft = cluster.with_name(f"{CLUSTER_NAME}.new-{secrets.token_hex(6)}")
    draft.mkdir(mode=0o700)
    try:
        with opened(draft) as fd:
            if account.uid is not None and account.gid is not None:
                os.fchown(fd, account.uid, account.gid)
            _initdb(draft, fd, bin_folder, account, passwords.owner)
            _replace_at(fd, "postgresql.conf", _read_at(fd, "postgresql.conf") + starting_settings(memory()), account)
            _replace_at(fd, "pg_hba.conf", _HBA, account)
            _sync_file_system(fd)
        draft.rename(cluster)
        _sync_folder(cluster.parent)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _initdb(folder: Path, fd: int, bin_folder: Path, account: Account, password: str) -> None:
    """Fill the folder. The password travels in memory, never through a file; no method is ever `trust`.

    Text compares by code point (fast, the same on every machine) while C.UTF-8 says what a letter is, so that
    upper() and trigram search know Devanagari and accents; both are the same on PostgreSQL 15 and 18.
    `--no-sync` because one syncfs afterwards does the work of a thousand fsyncs.
    """
    secret = os.memfd_create("hundi-owner")
    try:
        os.write(secret, password.encode("ascii") + b"\n")
        words = [str(bin_folder / "initdb"), "-D", f"/proc/self/fd/{fd}", f"--username={OWNER}"]
        words += [f"--pwfile=/proc/self/fd/{secret}", "--auth-local=scram-sha-256", "--auth-host=scram-sha-256"]
        words += ["--data-checksums", "--encoding=UTF8", "--no-locale", "--lc-ctype=C.UTF-8"]
        words += ["--no-sync", "--no-instructions"]
        done = subprocess.run(  # noqa: S603 - our own list, no shell
            launch_command(account, 9, words),
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            pass_fds=(fd, secret),
            start_new_session=True,
            timeout=_INITDB_SECONDS,
        )
    finally:
        os.close(secret)
    if done.returncode != 0:
        hint = " This user's number has no name: add a line for it to /etc/passwd." if _NAMELESS in done.stdout else ""
        said = done.stdout.strip()[-2000:]
        message = f"The database could not be created in {folder.parent}.{hint} initdb said:\n{said}"
        raise EmbeddedStartError(message)


def _check_major(cluster: Path, fd: int, bin_folder: Path) -> None:
    try:
        made_by = _read_at(fd, "PG_VERSION").strip()
    except FileNotFoundError as error:
        message = f"{cluster} is not a PostgreSQL cluster (PG_VERSION is missing). Move it away or restore a backup."
        raise EmbeddedStartError(message) from error
    present = str(version_number(bin_folder) // 10000)
    if made_by != present:
        message = (
            f"The database in {cluster} was made by PostgreSQL {made_by}, and the programs here are version {present}. "
            f"Dump it with version {made_by} (pg_dumpall) and restore it into a new data folder."
        )
        raise EmbeddedStartError(message)


def _remove_stale_pid_files(cluster: Path, fd: int) -> None:
    """Remove the pid files of a killed server whose number now belongs to another program.

    PostgreSQL itself recovers from a dead number, but it takes any living process of that number for the old
    server and refuses to start, which happens in containers, where the same small numbers come back. The caller
    holds the server lock, so no server that we started is alive; what remains is one started by hand.
    """
    for name in ("postmaster.pid", f".s.PGSQL.{PORT}.lock"):
        try:
            first = _read_at(fd, name).split("\n", 1)[0].strip()
        except FileNotFoundError:
            continue
        pid = abs(int(first)) if first.lstrip("-").isdigit() else 0
        if pid and _may_be_server_of(pid, fd):
            message = (
                f"A PostgreSQL server that Hundi did not start (process {pid}) is running on {cluster}. Stop it first; "
                f"if that process is something else, delete {cluster / name}."
            )
            raise EmbeddedStartError(message)
        if pid == 0 or _process_name(pid) is not None:
            os.unlink(name, dir_fd=fd)


def _may_be_server_of(pid: int, fd: int) -> bool:
    """Whether `pid` is a PostgreSQL process that works in this folder, or one that we may not look into."""
    if _process_name(pid) != "postgres":
        return False
    try:
        theirs = os.stat(f"/proc/{pid}/cwd")  # noqa: PTH116 - a kernel link, not a path to be resolved
    except FileNotFoundError:
        return False
    except PermissionError:
        return True
    ours = os.fstat(fd)
    return (theirs.st_dev, theirs.st_ino) == (ours.st_dev, ours.st_ino)


def _process_name(pid: int) -> str | None:
    try:
        return Path(f"/proc/{pid}/comm").read_text("utf-8", "replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return None


def _read_at(fd: int, name: str) -> str:
    """Read a small file of the cluster folder, following no link: the folder's owner is not to be trusted by root."""
    file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=fd)
    with os.fdopen(file, "rb") as opened_file:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise FileNotFoundError(name)
        return opened_file.read(1_000_000).decode("utf-8", "replace")


def _replace_at(fd: int, name: str, text: str, account: Account) -> None:
    """Replace a file of the cluster folder whole, following no link; it ends up belonging to the server's user."""
    draft = f"{name}.{secrets.token_hex(6)}"
    file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=fd)
    try:
        with os.fdopen(file, "w", encoding="utf-8") as opened_file:
            opened_file.write(text)
            opened_file.flush()
            if account.uid is not None and account.gid is not None:
                os.fchown(file, account.uid, account.gid)
            os.fsync(file)
        os.rename(draft, name, src_dir_fd=fd, dst_dir_fd=fd)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(draft, dir_fd=fd)
        raise


def _sync_file_system(fd: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syncfs(fd) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "syncfs")


def _sync_folder(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
