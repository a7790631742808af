"""The job that runs an import. It may run twice, and at the same time: see :mod:`hundi.imports.engine`."""

from typing import Any, Final

import structlog

from hundi.imports import limits, queries, turns
from hundi.imports.engine import Engine
from hundi.imports.service import RUN_JOB
from hundi.imports.turns import Lanes, Turn
from hundi.jobs.context import Handler, JobContext
from hundi.kit.errors import Transient
from hundi.kit.ids import SellerId

log = structlog.get_logger("hundi.imports")

_LANES: Final = Lanes()


async def run(context: JobContext, payload: dict[str, Any]) -> None:
    """Bring the import ``payload["import_id"]`` of ``payload["seller_id"]`` to its end when its turn has come.

    Nothing is done where it is settled, or another job has it (decision 0011).
    """
    seller_id = queries.seller(payload)
    import_id = str(payload["import_id"])
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
