"""The job that runs an import. It may run twice, and at the same time: see :mod:`hundi.imports.engine`."""

from datetime import timedelta
from typing import Any, Final

import structlog

from hundi.imports import limits, queries, turns
from hundi.imports.engine import Engine
from hundi.imports.service import RUN_JOB
from hundi.imports.turns import Lanes, Turn
from hundi.jobs.context import Handler, JobContext
from hundi.jobs.later import RunLater
from hundi.kit.errors import Transient
from hundi.kit.ids import SellerId

log = structlog.get_logger("hundi.imports")

_LANES: Final = Lanes()
_SOONEST: Final = timedelta(seconds=1)
_LATEST: Final = timedelta(seconds=15)


class Setbacks:
    """How often imports were interrupted in this process: what says how soon one is gone on with.

    A database or a disk that is away for a while is nobody's mistake, and when it is back somebody waits for his rows.
    So an interrupted import looks again after a second, and after fifteen at most; it is never parked for that.
    """

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def delay(self, import_id: str) -> timedelta:
        """Count an interruption; give how long to wait after it."""
        count = self._counts[import_id] = self._counts.get(import_id, 0) + 1
        return min(_SOONEST * (1 << min(count - 1, 8)), _LATEST)

    def over(self, import_id: str) -> None:
        """Forget an import that got through."""
        self._counts.pop(import_id, None)


_SETBACKS: Final = Setbacks()


async def run(context: JobContext, payload: dict[str, Any]) -> None:
    """Bring the import ``payload["import_id"]`` of ``payload["seller_id"]`` to its end when its turn has come.

    Nothing is done where it is settled, or another job has it (decision 0011). Raises ``RunLater`` where the database,
    the store or the disk is away.
    """
    import_id = str(payload["import_id"])
    try:
        await _run(context, payload, import_id)
    except (Transient, OSError) as error:
        raise RunLater(_SETBACKS.delay(import_id), f"interrupted by {error!r}") from error
    _SETBACKS.over(import_id)


async def _run(context: JobContext, payload: dict[str, Any], import_id: str) -> None:
    seller_id = queries.seller(payload)
    async with context.db.read(seller_id) as tx:
        row = await queries.one(tx, import_id)
        at_once = (await limits.bounds(tx, context.settings)).at_once
    with _LANES.taken(row.file_size, context.settings.worker_jobs) as has_room:
        async with context.db.transaction(seller_id) as tx:
            turn = await turns.take(tx, payload, at_once=at_once, full=not has_room)
        if turn is Turn.LEAVE:
            return
        async with turns.alive(context.db, seller_id, import_id):
            await Engine(context, seller_id, row).run()
    await _tell_next(context, seller_id, at_once)


async def _tell_next(context: JobContext, seller_id: SellerId, at_once: int) -> None:
    """Ask for the company's next imports; they look again by themselves where this cannot be written."""
    try:
        async with context.db.transaction(seller_id) as tx:
            await turns.tell_next(tx, at_once=at_once)
    except Transient as error:
        log.warning("waiting imports are told later", error=type(error).__name__)


JOBS: Final[dict[str, Handler]] = {RUN_JOB: run}
