"""What can go wrong around the embedded server, each with a code and a sentence that says what to do."""

from __future__ import annotations

from typing import ClassVar, Final

OLDEST_SUPPORTED: Final = 150000
"""`server_version_num` of the oldest PostgreSQL that Hundi runs on: 15.0."""


class DataFolderBusy(Exception):
    """Another process holds this data folder; the sentence names the folder and the process."""

    code: ClassVar[str] = "data_folder_busy"


class DatabaseTooOld(Exception):
    """The PostgreSQL found is older than 15; the sentence names the found and the needed version."""

    code: ClassVar[str] = "database_too_old"


class EmbeddedStartError(Exception):
    """The embedded PostgreSQL could not be started; the sentence says why and the server log's last lines follow."""

    code: ClassVar[str] = "embedded_start_failed"


def minimum_version_check(server_version_num: int) -> None:
    """Refuse a PostgreSQL older than 15.

    `server_version_num` is what `SHOW server_version_num` answers, for example 150018 for 15.18.
    Raises DatabaseTooOld with a sentence for the operator.
    """
    if server_version_num >= OLDEST_SUPPORTED:
        return
    major, minor = divmod(server_version_num, 10000)
    found = f"{major}.{minor}" if major >= 10 else f"{major}.{minor // 100}"
    message = (
        f"This database is PostgreSQL {found}; Hundi needs PostgreSQL {OLDEST_SUPPORTED // 10000} or newer. "
        "Upgrade the server or point HUNDI_DATABASE_URL at a newer one."
    )
    raise DatabaseTooOld(message)
