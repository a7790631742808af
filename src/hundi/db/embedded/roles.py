"""The roles and the database that must exist before the first migration."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from typing import TYPE_CHECKING, Final

import asyncpg

from hundi.db.embedded.address import APP, DATABASE, LOADER
from hundi.db.embedded.cluster import OWNER, PORT
from hundi.db.embedded.errors import minimum_version_check

if TYPE_CHECKING:
    from hundi.db.embedded.cluster import Passwords

_ITERATIONS: Final = 4096
_SECONDS: Final = 60

_KNOWN_ROLES: Final = """
    SELECT rolname, rolpassword, rolcanlogin, rolbypassrls, rolsuper, rolcreaterole, rolcreatedb
      FROM pg_authid
     WHERE rolname = ANY ($1)"""


def scram_verifier(password: str, salt: bytes, iterations: int = _ITERATIONS) -> str:
    """Give what PostgreSQL stores for a password (RFC 5803), so that no statement, and no log, has the password."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode("ascii"), salt, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    words = [base64.b64encode(part).decode("ascii") for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${iterations}:{words[0]}${words[1]}:{words[2]}"


def fresh_verifier(password: str) -> str:
    """Give a verifier with a salt of its own."""
    return scram_verifier(password, os.urandom(16))


def matches(verifier: str | None, password: str) -> bool:
    """Whether a stored verifier is this password's."""
    try:
        method, counted, _ = (verifier or "").split("$")
        count, salt = counted.split(":")
        iterations = int(count)
        raw_salt = base64.b64decode(salt, validate=True)
    except ValueError:
        return False
    return method == "SCRAM-SHA-256" and hmac.compare_digest(
        (verifier or "").encode(), scram_verifier(password, raw_salt, iterations).encode()
    )


async def teach_roles(socket_folder: str, passwords: Passwords) -> None:
    """Make the app role, the loader role and the database, or mend them: attributes and passwords as on file.

    Runs at every start and changes nothing when all is right. Raises asyncpg.InvalidPasswordError when the owner's
    password is not the one on file, DatabaseTooOld below PostgreSQL 15.
    """
    connection = await asyncpg.connect(
        host=socket_folder,
        port=PORT,
        user=OWNER,
        password=passwords.owner,
        database="postgres",
        timeout=_SECONDS,
        command_timeout=_SECONDS,
    )
    try:
        minimum_version_check(int(await connection.fetchval("SHOW server_version_num")))
        known = {row["rolname"]: row for row in await connection.fetch(_KNOWN_ROLES, [APP, LOADER])}
        for role, password, bypasses in ((APP, passwords.app, False), (LOADER, passwords.loader, True)):
            if not _as_wanted(known.get(role), password, bypasses=bypasses):
                verb = "ALTER" if role in known else "CREATE"
                bypass = "BYPASSRLS" if bypasses else "NOBYPASSRLS"
                await connection.execute(
                    f"{verb} ROLE {role} LOGIN {bypass} NOSUPERUSER NOCREATEROLE NOCREATEDB"
                    f" PASSWORD '{fresh_verifier(password)}'"
                )
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
            await connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER} TEMPLATE template0")
    finally:
        await connection.close(timeout=_SECONDS)


def _as_wanted(row: asyncpg.Record | None, password: str, *, bypasses: bool) -> bool:
    return (
        row is not None
        and row["rolcanlogin"]
        and row["rolbypassrls"] is bypasses
        and not (row["rolsuper"] or row["rolcreaterole"] or row["rolcreatedb"])
        and matches(row["rolpassword"], password)
    )
