"""One pass at a time: jobs that would do the same share a pass instead of running beside each other."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable

from hundi.jobs.later import RunLater


class Turns:
    """What passes are under way in this process, by key; nothing that another process would miss.

    A pass does all there is to do. Whoever asks for one while it is under way needs another one, which begins after it:
    all of them share that. A job is done when a pass that began after it was picked has ended, so one that is killed with
    its worker is run again as any other.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._locks: dict[Hashable, asyncio.Lock] = {}
        self._next: dict[Hashable, asyncio.Future[Exception | None]] = {}

    async def share(self, key: Hashable, work: Callable[[], Awaitable[None]]) -> None:
        """Have ``work`` done once from now on, by this call or by another one of the same key.

        Raises what the work raises, but :class:`RunLater` only to the call that does it: one job for a later time is enough.
        """
        while (coming := self._next.get(key)) is not None:
            try:
                failed = await asyncio.shield(coming)
            except asyncio.CancelledError:
                if coming.cancelled() and not _is_cancelled():
                    continue  # whoever was to do it was stopped before it began
                raise
            if failed is not None and not isinstance(failed, RunLater):
                raise failed
            return
        await self._do(key, work)

    async def _do(self, key: Hashable, work: Callable[[], Awaitable[None]]) -> None:
        mine: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self._next[key] = mine
        lock = self._locks.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                del self._next[key]
                await work()
        except Exception as error:
            mine.set_result(error)
            raise
        else:
            mine.set_result(None)
        finally:
            if not mine.done():
                mine.cancel()
            if self._next.get(key) is mine:
                del self._next[key]
            if key not in self._next and not lock.locked():
                self._locks.pop(key, None)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
