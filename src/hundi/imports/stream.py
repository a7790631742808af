"""The progress of an import as an event stream (text/event-stream of the HTML standard), told from its row alone.

Every event carries an id that says how far the import was, so that a client that comes back with ``Last-Event-ID`` hears
nothing twice, whichever process it comes to. The last event, ``result``, holds the reply that a waiting call would have
got; who comes back after it gets 204, at which browsers stop asking.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any, Final

import structlog
from litestar.datastructures import State
from litestar.response import Stream

from hundi.db.pool import Database
from hundi.http.envelope import Reply, encode
from hundi.imports import queries
from hundi.imports.progress import far
from hundi.imports.reply import answer, stopped
from hundi.imports.schemas import ImportStatus
from hundi.imports.service import SETTLED
from hundi.kit.actor import Actor
from hundi.kit.errors import ErrorType, Refusal, Transient

log = structlog.get_logger("hundi.imports")

MOST: Final = 200
"""Streams of one process at a time; each asks the database three times a second at most."""
MEDIA_TYPE: Final = "text/event-stream"
LAST: Final = "end"
"""The id of the last event."""
_LOOK: Final = timedelta(milliseconds=350)
_FIRST_LOOK: Final = timedelta(milliseconds=100)
_FIRST_LOOKS_S: Final = 1.5
"""So long a client that has just sent a file is told sooner that it is being read."""
_BEAT_S: Final = 10.0
_LONGEST_S: Final = 1800.0
"""After half an hour a stream ends; the client comes back by itself, with a token that is still good."""
_RETRY: Final = b"retry: 2000\n\n"
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


class TooManyStreams(Refusal):
    """Too many clients watch imports here: ask for the progress as JSON, or come back later."""

    code, status, error_type = "TOO_MANY_STREAMS", 429, ErrorType.CLIENT_REQUEST_ERROR

    def __init__(self) -> None:
        super().__init__(headers={"Retry-After": "5"})


class Streams:
    """Counts the streams of this process."""

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self.open = 0

    @contextlib.contextmanager
    def counted(self) -> Iterator[None]:
        """Count one while it lasts."""
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1


STREAMS: Final = Streams()


class Watch:
    """One client's view of one import."""

    def __init__(self, state: State, actor: Actor, import_id: str) -> None:
        self._db: Database = state.db
        self._stopping: asyncio.Event = state.stopping
        self._base_url: str = state.base_url
        self._actor = actor
        self._import_id = import_id

    async def stream(self, last_id: str | None) -> Reply[Any] | Stream:
        """Answer with the events from ``last_id`` on. Raises ``ImportNotFound`` and :class:`TooManyStreams`."""
        if STREAMS.open >= STREAMS.most:
            raise TooManyStreams
        first = await self._look()
        if last_id == LAST and first.state in SETTLED:
            return Reply(b"", status_code=204)
        return Stream(self._events(first, last_id), media_type=MEDIA_TYPE, headers=_HEADERS)

    async def _look(self) -> ImportStatus:
        async with self._db.read(self._actor) as tx:
            return await far(tx, self._import_id, self._base_url)

    async def _events(self, now: ImportStatus, last_id: str | None) -> AsyncIterator[bytes]:
        if STREAMS.open >= STREAMS.most:  # others began while this one's import was looked up
            yield _RETRY
            return
        with STREAMS.counted():
            yield _RETRY
            loop = asyncio.get_running_loop()
            began = said = loop.time()
            while True:
                if mark(now) != last_id:
                    last_id, said = mark(now), loop.time()
                    yield event("progress", last_id, encode(now))
                if now.state in SETTLED:
                    yield event("result", LAST, await self._result())
                    return
                if loop.time() - began >= _LONGEST_S:
                    return
                if loop.time() - said >= _BEAT_S:
                    said = loop.time()
                    yield b": still here\n\n"
                is_new = not now.rowsRead and loop.time() - began < _FIRST_LOOKS_S
                if await stopped(self._stopping, _FIRST_LOOK if is_new else _LOOK):
                    return
                try:
                    now = await self._look()
                except (Transient, Refusal) as error:
                    # The database is away, or the token was revoked: the client comes back and is told what it is.
                    log.info("a progress stream ends", import_id=self._import_id, error=type(error).__name__)
                    return

    async def _result(self) -> bytes:
        async with self._db.read(self._actor) as tx:
            row = await queries.one(tx, self._import_id)
        content = answer(row).content
        return content if isinstance(content, bytes) else encode(content)


def mark(status: ImportStatus) -> str:
    """Say in one word how far an import is: the id of an event."""
    counts = (status.rowsRead, status.rowsJudged, status.doneRows, int(status.cancelRequestedOn is not None))
    return "-".join([status.state, str(status.totalRows or ""), *(str(count) for count in counts)])


def event(name: str, event_id: str, data: bytes) -> bytes:
    """Write one event; JSON as it is written here has no line ends of its own."""
    return b"id: %b\nevent: %b\ndata: %b\n\n" % (event_id.encode(), name.encode(), data)
