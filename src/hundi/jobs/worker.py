"""Running jobs: at least once, some at the same time, again after a failure, and never lost (design §3, §4.2).

A job is a row of pgqueuer's table. The worker picks it, keeps its heartbeat, and takes it away when the handler returns.
When the handler fails the row stays and is run again with a growing delay; after the last try it is parked with status
``failed`` and its traceback in pgqueuer's log, where ``hundi doctor`` finds it. When the worker itself is killed, its
session's lock goes with it, and the next look of any worker puts its jobs back.
"""

import asyncio
import contextlib
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import asyncpg
import msgspec
import structlog
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.domain.errors import PgqException, RetryRequested
from pgqueuer.models import Job, TracebackRecord
from pgqueuer.ports.driver import NotifyCallback
from pgqueuer.qm import QueueManager
from pgqueuer.queries import Queries
from pgqueuer.types import JOB_STATUS

from hundi.jobs.context import Handler, JobContext
from hundi.jobs.later import RunLater
from hundi.kit.errors import Transient

log = structlog.get_logger("hundi.jobs")

HEARTBEAT_TIMEOUT: Final = timedelta(seconds=8)
"""A picked job whose worker gave no sign for this long is given to another one."""
STOP_GRACE_S: Final = 20
"""How long running jobs may take to finish once the worker was told to stop; after that they are put back."""

_POLL: Final = timedelta(seconds=2)
_NOTICES_S: Final = 0.005
_RETRY_DELAYS: Final = tuple(timedelta(seconds=s) for s in (1, 5, 30, 120, 600, 1800, 3600, 3600, 3600))
_RECONNECT_S: Final = (0.2, 1, 2, 5, 10)
_CONNECT_TIMEOUT_S: Final = 10
_COMMAND_TIMEOUT_S: Final = 30
_SOON: Final = timedelta(seconds=1)
# asyncpg's InternalClientError: the connection broke between two steps of a statement.
_LOST: Final = (
    OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, PgqException, TimeoutError,
)  # fmt: skip
# What tells one worker's lock from another advisory lock, and the key of a worker: the first half of its id.
_KEY: Final = "('x' || left(replace({}::text, '-', ''), 16))::bit(64)::bigint"
_TAKE_LOCK: Final = f"SELECT pg_advisory_lock({_KEY.format('$1::uuid')})"
_PUT_BACK: Final = f"""
    UPDATE pgqueuer SET status = 'queued', queue_manager_id = NULL, updated = clock_timestamp()
     WHERE status = 'picked' AND queue_manager_id IS NOT NULL AND NOT EXISTS (
           SELECT FROM pg_locks l
            WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted
              AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
              AND (l.classid::bigint << 32) | l.objid::bigint = {_KEY.format("queue_manager_id")})
    RETURNING id"""

# What a job asked for itself is no attempt that failed: it begins to count anew.
_NO_FAILURE: Final = "UPDATE pgqueuer SET attempts = 0 WHERE id = $1 AND status = 'queued'"

# Done jobs leave three rows each in pgqueuer's log. Failures stay for whoever looks into them.
_TIDY: Final = """
    DELETE FROM pgqueuer_log WHERE id IN (
        SELECT id FROM pgqueuer_log
         WHERE created < clock_timestamp() - interval '7 days' AND aggregated
           AND status NOT IN ('failed', 'exception') LIMIT 20000)"""
_TIDY_EVERY_S: Final = 900


class _Bell:
    """Passes notices of the queue on, at most one in some milliseconds: the manager looks at the whole queue each time."""

    def __init__(self, callback: NotifyCallback) -> None:
        self._callback = callback
        self._last = 0.0
        self._due: asyncio.TimerHandle | None = None

    def __call__(self, payload: str | bytes | bytearray) -> None:
        """Take a notice; those that are no news of the table are passed on as they are."""
        text = payload if isinstance(payload, str) else payload.decode()
        if "table_changed_event" not in text:
            self._callback(payload)
        elif self._due is None:
            loop = asyncio.get_running_loop()
            self._due = loop.call_at(max(loop.time(), self._last + _NOTICES_S), self._ring, payload)

    def _ring(self, payload: str | bytes | bytearray) -> None:
        self._due, self._last = None, asyncio.get_running_loop().time()
        self._callback(payload)


class _Driver(AsyncpgDriver):
    """The worker's connection, on which a burst of notices is one."""

    async def add_listener(self, channel: str, callback: NotifyCallback) -> None:
        """Hear a channel through a bell, so that ``callback`` is called once for a burst."""
        await super().add_listener(channel, _Bell(callback))


class _Queue(Queries):
    """The queue, which counts the failures of a job since it last came through, and not how often it was put off.

    Jobs that are done are taken away at once: the manager's own buffer may keep them for a tenth of a second, in which they
    count as running.
    """

    put_off: set[int]
    done: list[Job]
    gone: set[int]
    taking: "asyncio.Task[None] | None" = None

    def take_away(self, job: Job) -> None:
        """Take a job away that is done, with those that are done meanwhile."""
        self.done.append(job)
        if self.taking is None or self.taking.done():
            self.taking = asyncio.create_task(self._take_away())

    async def _take_away(self) -> None:
        while self.done:
            jobs, self.done = self.done, []
            self.gone.update(job.id for job in jobs)
            are_gone = False
            try:
                await super().log_jobs([(job, "successful", None) for job in jobs])
                are_gone = True
            except _LOST as error:
                # The manager's buffer has them too, and tries again as long as the connection lives.
                log.warning("jobs that are done wait to be taken away", error=repr(error))
                return
            finally:
                if not are_gone:
                    self.gone.difference_update(job.id for job in jobs)

    async def settle(self) -> None:
        """Wait until what is done is taken away."""
        if self.taking is not None:
            await asyncio.wait({self.taking}, timeout=_COMMAND_TIMEOUT_S)

    async def log_jobs(self, job_status: list[tuple[Job, JOB_STATUS, TracebackRecord | None]]) -> None:
        """Take jobs away, or park them; those that are gone need nothing more."""
        left = [one for one in job_status if one[0].id not in self.gone]
        self.gone.difference_update(job.id for job, _, _ in job_status)
        if left:
            await super().log_jobs(left)

    async def retry_job(self, job: Job, delay: timedelta, traceback_record: TracebackRecord | None) -> None:
        """Put a job back for later."""
        is_no_failure = job.id in self.put_off
        self.put_off.discard(job.id)
        await super().retry_job(job, delay, traceback_record)
        if is_no_failure:
            await self.driver.execute(_NO_FAILURE, job.id)


async def run_worker(
    context: JobContext, handlers: Mapping[str, Handler], *, stop: asyncio.Event, direct_dsn: str
) -> None:
    """Run jobs until ``stop`` is set; then finish what is running, for at most 20 seconds, and return.

    At most ``settings.worker_jobs`` handlers run at the same time. ``direct_dsn`` is an address of the app role that is
    not a PgBouncer in transaction mode: LISTEN and the worker's own lock need a session. A lost database is waited for.
    """
    worker = _Worker(context, handlers, stop)
    failures = 0
    while not stop.is_set():
        started = time.monotonic()
        try:
            await worker.session(direct_dsn)
        except _LOST as error:
            failures = 1 if time.monotonic() - started > _COMMAND_TIMEOUT_S else failures + 1
            wait = _RECONNECT_S[min(failures, len(_RECONNECT_S)) - 1]
            log.warning("worker lost the database", error=repr(error), again_in_s=wait)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), wait)
    log.info("worker stopped")


class _Worker:
    """What lasts over the worker's database sessions: the handlers, the running jobs, the limit."""

    def __init__(self, context: JobContext, handlers: Mapping[str, Handler], stop: asyncio.Event) -> None:
        self.context = context
        self.handlers = handlers
        self.stop = stop
        self.limit = asyncio.Semaphore(context.settings.worker_jobs)
        self.running: set[asyncio.Task[None]] = set()
        self.put_off: set[int] = set()

    async def session(self, dsn: str) -> None:
        """Work on one connection until told to stop (returns) or until it breaks (raises)."""
        connection = await asyncpg.connect(
            dsn,
            timeout=_CONNECT_TIMEOUT_S,
            command_timeout=_COMMAND_TIMEOUT_S,
            server_settings={"timezone": "UTC", "application_name": "hundi worker"},
        )
        try:
            queries = _Queue(_Driver(connection))
            queries.put_off, queries.done, queries.gone = self.put_off, [], set()
            manager = QueueManager(queries)
            for name, handler in self.handlers.items():
                manager.entrypoint(name, on_failure="hold", accepts_context=False)(
                    self._entrypoint(name, handler, queries)
                )
            # The lock is taken before the first job: whoever sees a job of ours without it knows that we are dead.
            await connection.execute(_TAKE_LOCK, str(manager.queue_manager_id))
            log.info("worker started", worker=str(manager.queue_manager_id), jobs=sorted(self.handlers))
            await self._work(manager, queries)
        finally:
            connection.terminate()

    async def _work(self, manager: QueueManager, queries: _Queue) -> None:
        batch = max(1, self.context.settings.worker_jobs // 2)
        run = asyncio.create_task(
            manager.run(
                dequeue_timeout=_POLL,
                batch_size=batch,
                max_concurrent_tasks=2 * batch,
                shutdown_on_listener_failure=True,
                heartbeat_timeout=HEARTBEAT_TIMEOUT,
            )
        )
        rescue = asyncio.create_task(self._rescue(queries))
        told = asyncio.create_task(self.stop.wait())
        try:
            await asyncio.wait({run, rescue, told}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            manager.shutdown.set()
            told.cancel()
            rescue.cancel()
            await self._finish(run)
        if rescue.done() and not rescue.cancelled() and (error := rescue.exception()) is not None:
            raise error
        await run
        await queries.settle()

    async def _rescue(self, queries: Queries) -> None:
        """Put back, again and again, the jobs whose worker is gone; far quicker than a heartbeat's end. Tidy the log."""
        tidy_at = 0.0
        while True:
            if time.monotonic() >= tidy_at:
                await queries.driver.execute(_TIDY)
                tidy_at = time.monotonic() + _TIDY_EVERY_S
            rows = await queries.driver.fetch(_PUT_BACK)
            if rows:
                log.info("jobs of a lost worker put back", count=len(rows))
            await asyncio.sleep(_POLL.total_seconds())

    async def _finish(self, run: "asyncio.Task[None]") -> None:
        """Wait for the running jobs; those that take longer than the grace are interrupted and put back."""
        try:
            await asyncio.wait({run}, timeout=STOP_GRACE_S)
        finally:
            for task in list(self.running):
                task.cancel()
        if not run.done():
            await asyncio.wait({run}, timeout=_COMMAND_TIMEOUT_S)
        if not run.done():
            run.cancel()
            await asyncio.wait({run})

    def _entrypoint(self, name: str, handler: Handler, queries: _Queue) -> Any:
        async def entrypoint(job: Job) -> None:
            payload: dict[str, Any] = msgspec.json.decode(job.payload or b"{}")
            bound = log.bind(job=name, attempt=job.attempts + 1, **payload)
            async with self.limit:
                started = time.perf_counter()
                await self._guarded(handler, payload, job, bound)
                bound.info("job done", ms=round((time.perf_counter() - started) * 1000))
            queries.take_away(job)

        return entrypoint

    async def _guarded(self, handler: Handler, payload: dict[str, Any], job: Job, bound: Any) -> None:
        task = asyncio.ensure_future(handler(self.context, payload))
        self.running.add(task)
        try:
            await task
        except RunLater as later:
            bound.info("job put off", reason=later.reason, delay_s=later.delay.total_seconds())
            self.put_off.add(job.id)
            raise RetryRequested(delay=later.delay, reason=later.reason) from later
        except asyncio.CancelledError:
            # Stopped, not failed. pgqueuer would delete a cancelled job; asking for a retry keeps it.
            task.cancel()
            bound.info("job interrupted and put back")
            self.put_off.add(job.id)
            reason = "the worker stopped"
            raise RetryRequested(reason=reason) from None
        except Exception as error:
            raise _again(error, job, bound) from error
        finally:
            self.running.discard(task)


def _again(error: Exception, job: Job, bound: Any) -> Exception:
    """Decide what a failure leads to: another try after a while, or, after the last, the error itself (parked)."""
    if job.attempts >= len(_RETRY_DELAYS):
        bound.error("job failed for good and is parked", exc_info=error)
        return error
    delay = _RETRY_DELAYS[job.attempts]
    if isinstance(error, Transient):
        bound.warning("job failed", error=repr(error), again_in_s=delay.total_seconds())
        delay = max(delay, _SOON)
    else:
        bound.error("job failed", again_in_s=delay.total_seconds(), exc_info=error)
    return RetryRequested(delay=delay, reason=repr(error)[:500])
