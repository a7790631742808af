"""The one place where PostgreSQL's words become ours (design §6): SQLSTATE and constraint name to refusal or retry."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg

from hundi.kit.errors import Malformed, Transient, Unauthenticated

# On Citus the driver's constraint_name is empty and the name in the message may carry the shard's number.
_CONSTRAINT: Final = re.compile(r'constraint "([^"]+?)(?:_\d+)?"')

_RETRY: Final = frozenset({"40001", "40P01", "55P03", "57014", "53300", "57P01", "57P02", "57P03"})
# The class of connections that broke; asyncpg gives it to a line that was cut while a statement ran.
_CONNECTION_LOST: Final = "08"
_REVOKED: Final = "HU401"
# A NUL or half of a surrogate pair in an id of the path or in a parameter: bodies are checked before they get here.
_BAD_TEXT: Final = "22021"


class DatabaseBusy(Transient):
    """The database could not do this just now (a lock, a restart). Send the same request again in a few seconds."""


class DatabaseUnreachable(Transient):
    """The database does not answer. Send the same request again in a few seconds."""


def constraint_of(error: asyncpg.PostgresError) -> str | None:
    """Give the name of the constraint an error is about, without a shard's suffix."""
    name = getattr(error, "constraint_name", None)
    if name:
        return re.sub(r"_\d+$", "", str(name))
    found = _CONSTRAINT.search(str(error))
    return found.group(1) if found else None


def sqlstate_of(error: BaseException) -> str | None:
    """Give the five-letter SQLSTATE of a database error, or None."""
    state = getattr(error, "sqlstate", None)
    return str(state) if state else None


@contextmanager
def translated() -> Iterator[None]:
    """Turn what is worth a retry into :class:`Transient` and a revoked token into a 401; let the rest through."""
    try:
        yield
    except asyncpg.PostgresError as error:
        state = sqlstate_of(error)
        if state == _REVOKED:
            message = "This token was revoked. Sign in again."
            raise Unauthenticated(message) from error
        if state == _BAD_TEXT:
            message = "A text of the request holds a character that cannot be stored, such as NUL. Take it out."
            raise Malformed(message) from error
        if state is not None and state in _RETRY:
            raise DatabaseBusy from error
        if state is not None and state.startswith(_CONNECTION_LOST):
            raise DatabaseUnreachable from error
        raise
    except (asyncpg.InterfaceError, ConnectionError, TimeoutError) as error:
        raise DatabaseUnreachable from error
