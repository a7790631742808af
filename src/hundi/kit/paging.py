"""Pages of a list: the largest there is, and cursors that nobody can make up or carry into another list (design §5).

A cursor says after which row the next page begins: the values the list is ordered by, the row's id last. It is signed
together with what it belongs to (company, list, order, filters), none of which is in it: a cursor that was changed, or
that comes with another query, does not verify.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import msgspec

from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.keys import Keyring

MAX_PAGE: Final = 5000
"""The most rows of one page (contract §4.5)."""
MOST_COUNTED: Final = 100_000
"""Up to here ``total_count`` is exact; above it is an estimate (design §5 "Lists")."""
LONGEST_CURSOR: Final = 2000
_MAC: Final = 20
Row = TypeVar("Row")
_PURPOSE: Final = "cursor"


class BadCursor(Invalid):
    """Send next_cursor as it came and with the same query, or leave it out to begin again."""

    code = "BAD_CURSOR"


class CursorAndOffset(Invalid):
    """Send either cursor or offset."""

    code = "CURSOR_AND_OFFSET"


def bad_cursor() -> BadCursor:
    """Make the refusal of a cursor, naming the parameter."""
    return BadCursor(problems=[FieldProblem("cursor", BadCursor.code, (BadCursor.__doc__ or "").strip())])


def check_start(cursor: str | None, offset: int) -> None:
    """Refuse a page that is asked for by a cursor and by an offset: they may point to different places."""
    if cursor is not None and offset:
        message = "Send either cursor or offset: the page begins after the cursor."
        raise CursorAndOffset(problems=[FieldProblem("offset", CursorAndOffset.code, message, str(offset))])


def write_cursor(keyring: Keyring, belongs_to: Sequence[str], after: Sequence[str]) -> str:
    """Sign where the next page begins. ``belongs_to`` is company, list, order and filters; ``after`` the last row's key."""
    body = json.dumps(list(after), separators=(",", ":"), ensure_ascii=False).encode()
    mac = _mac(keyring.current.derive(_PURPOSE), belongs_to, body)
    return base64.urlsafe_b64encode(mac + body).decode().rstrip("=")


def read_cursor(keyring: Keyring, belongs_to: Sequence[str], cursor: str, parts: int) -> tuple[str, ...]:
    """Give the key of the row after which the page begins, of ``parts`` values; raises :class:`BadCursor`."""
    if len(cursor) > LONGEST_CURSOR or not cursor.isascii():
        raise bad_cursor()
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise bad_cursor() from None
    mac, body = raw[:_MAC], raw[_MAC:]
    # An older key of the ring verifies too, so that paging goes on while keys are changed.
    if not any(hmac.compare_digest(mac, _mac(key.derive(_PURPOSE), belongs_to, body)) for key in keyring.keys):
        raise bad_cursor()
    after = tuple(str(value) for value in json.loads(body))
    if len(after) != parts:
        raise bad_cursor()
    return after


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Which part of a list is asked for: so many rows, ``after`` a row's key or from an offset on."""

    keyring: Keyring
    belongs_to: tuple[str, ...]
    limit: int
    offset: int
    after: tuple[str, ...] | None

    @classmethod
    def asked(
        cls, keyring: Keyring, belongs_to: Sequence[str], *, limit: int, offset: int, cursor: str | None, parts: int = 1
    ) -> "Part":
        """Read what a caller asks for; keys have ``parts`` values. Raises :class:`BadCursor`, :class:`CursorAndOffset`."""
        check_start(cursor, offset)
        after = None if cursor is None else read_cursor(keyring, belongs_to, cursor, parts)
        return cls(keyring=keyring, belongs_to=tuple(belongs_to), limit=limit, offset=offset, after=after)

    @property
    def last_id(self) -> str | None:
        """Give the id to begin after, in a list whose key is an id alone."""
        return None if self.after is None else self.after[-1]

    @property
    def most(self) -> int:
        """Give how many rows to read: one more than are shown tells whether others follow."""
        return self.limit + 1

    def cut(self, rows: Sequence[Row], key: Callable[[Row], Sequence[str]]) -> tuple[Sequence[Row], str | None]:
        """Give those of the rows read that are shown, and the cursor of the next page where there is one."""
        if len(rows) <= self.limit:
            return rows, None
        shown = rows[: self.limit]
        return shown, write_cursor(self.keyring, self.belongs_to, key(shown[-1]))


def _mac(key: bytes, belongs_to: Sequence[str], body: bytes) -> bytes:
    """Sign length-prefixed parts, so that they cannot run into each other."""
    signed = hmac.new(key, digestmod="sha256")
    for part in (*(text.encode() for text in belongs_to), body):
        signed.update(len(part).to_bytes(8, "big"))
        signed.update(part)
    return signed.digest()[:_MAC]
