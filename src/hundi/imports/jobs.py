"""The job that runs an import. It may run twice, and at the same time: see :mod:`hundi.imports.engine`."""

from typing import Any, Final

from hundi.imports import queries, service
from hundi.imports.engine import Engine
from hundi.imports.service import RUN_JOB, SETTLED
from hundi.jobs.context import Handler, JobContext


async def run(context: JobContext, payload: dict[str, Any]) -> None:
    """Bring the import ``payload["import_id"]`` of ``payload["seller_id"]`` to its end; nothing where it is there."""
    seller_id = queries.seller(payload)
    import_id = str(payload["import_id"])
    async with context.db.transaction(seller_id) as tx:
        row = await queries.one(tx, import_id)
        if row.state in SETTLED:
            return
        await service.start(tx, import_id)
    await Engine(context, seller_id, row).run()


JOBS: Final[dict[str, Handler]] = {RUN_JOB: run}
