"""How clients reach the embedded server: one socket, three roles, a file that tells where."""

from __future__ import annotations

import fcntl
import json
import os
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from hundi.db.embedded.cluster import OWNER, PORT, read_passwords, write_private

if TYPE_CHECKING:
    from hundi.db.embedded.cluster import Passwords

APP: Final = "hundi_app"
LOADER: Final = "hundi_loader"
DATABASE: Final = "hundi"
RUN_NAME: Final = "postgres.run"
SERVER_LOCK_NAME: Final = "postgres.lock"
_SOCKET_NAME: Final = f".s.PGSQL.{PORT}"
_SUN_PATH: Final = 107
_PLAIN: Final = re.compile(r"/[A-Za-z0-9._/-]*")
_SHORT_PREFIX: Final = "hundi-"
_LINK: Final = "s"


@dataclass(frozen=True)
class Urls:
    """Where the three roles connect, each `postgresql://ROLE:PASSWORD@/hundi?host=FOLDER&port=5432`.

    `host` is the folder of the Unix socket, percent-encoded; asyncpg, psql and pgbench take the URL as it is, and
    SQLAlchemy with the scheme changed to `postgresql+asyncpg`. They hold passwords: do not log them.
    """

    owner: str
    app: str
    loader: str

    def __repr__(self) -> str:
        """Show nothing: a URL with its password does not belong in a log or a traceback."""
        return "Urls(owner=…, app=…, loader=…)"


def urls_for(socket_folder: str, passwords: Passwords) -> Urls:
    """Compose the three URLs."""

    def url(role: str, password: str) -> str:
        return f"postgresql://{role}:{quote(password, safe='')}@/{DATABASE}?host={quote(socket_folder)}&port={PORT}"

    return Urls(url(OWNER, passwords.owner), url(APP, passwords.app), url(LOADER, passwords.loader))


def running_urls(data_dir: Path) -> Urls | None:
    """Give the URLs of the server that another process runs on this data folder, or None when none runs.

    For the commands that work beside a running `hundi up`. It needs the right to read the data folder: PermissionError
    for anybody else.
    """
    folder = data_dir.expanduser().absolute()
    try:
        socket_folder = json.loads((folder / RUN_NAME).read_text("utf-8"))["socket"]
        lock = os.open(folder / SERVER_LOCK_NAME, os.O_RDWR | os.O_CLOEXEC)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return urls_for(str(socket_folder), read_passwords(folder))
    finally:
        os.close(lock)
    return None


def make_reachable(cluster: Path) -> str:
    """Give a folder name by which clients reach the socket in the cluster folder.

    That is the cluster folder itself, unless its name is too long for a socket's address (107 bytes) or holds a
    character that connection strings treat specially (a comma separates hosts): then a link in a short private
    folder, which `forget_reachable` removes. Only clients follow the link; the server never sees it.
    """
    plain = str(cluster)
    if len(os.fsencode(f"{plain}/{_SOCKET_NAME}")) <= _SUN_PATH and _PLAIN.fullmatch(plain):
        return plain
    short = Path(tempfile.mkdtemp(prefix=_SHORT_PREFIX, dir=_short_parent()))
    link = short / _LINK
    link.symlink_to(cluster, target_is_directory=True)
    return str(link)


def publish(data_dir: Path, socket_folder: str, pid: int) -> None:
    """Write down where the running server is, for `running_urls`."""
    write_private(data_dir / RUN_NAME, json.dumps({"pid": pid, "socket": socket_folder}) + "\n")


def forget_reachable(data_dir: Path, socket_folder: str | None) -> None:
    """Remove the note of `publish` and the short link, its own or the one that a killed process left behind."""
    note = data_dir / RUN_NAME
    if socket_folder is None:
        try:
            socket_folder = str(json.loads(note.read_text("utf-8"))["socket"])
        except (OSError, ValueError, KeyError, TypeError):
            # No note, or one that another user left: there is then no link of ours to remove.
            socket_folder = None
    if socket_folder is not None:
        _remove_link(Path(socket_folder))
    note.unlink(missing_ok=True)


def _remove_link(link: Path) -> None:
    """Remove a link that `make_reachable` made; anything that does not look like one is left alone."""
    if link.name != _LINK or not link.parent.name.startswith(_SHORT_PREFIX) or not link.is_symlink():
        return
    if link.parent.lstat().st_uid == os.geteuid():
        shutil.rmtree(link.parent, ignore_errors=True)


def _short_parent() -> str:
    """Choose where short links live: a folder that is not swept by age where there is one, else /tmp."""
    candidates = ["/run"] if os.geteuid() == 0 else [os.environ.get("XDG_RUNTIME_DIR", "")]
    for candidate in candidates:
        if _PLAIN.fullmatch(candidate) and len(candidate) < 40 and os.access(candidate, os.W_OK | os.X_OK):
            return candidate
    return "/tmp"  # noqa: S108 - mkdtemp makes a private folder in it
