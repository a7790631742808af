"""All or nothing: the whole file is judged first; it is written in one transaction, or not at all."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg

from hundi.db.pool import Transaction
from hundi.db.sqlstate import translated
from hundi.imports import load, report
from hundi.imports.chunk import ChunkWork
from hundi.imports.kind import Kind
from hundi.imports.parse_child import Manifest
from hundi.imports.verdict import DUPLICATE_CONFLICT, Verdict
from hundi.kit.errors import FieldProblem

_TRIES: Final = 3


class AllOrNothing:
    """The plan of one atomic import: judge every chunk; when none has a failure write all of them in one commit."""

    def __init__(
        self,
        kind: Kind[Any],
        works: Sequence[ChunkWork],
        manifest: Manifest,
        loader: load.Loader | None,
        advance: Callable[[int, int], Awaitable[bool]],
    ) -> None:
        self._kind = kind
        self._run = kind.run
        self._works = works
        self._manifest = manifest
        self._loader = loader
        self._advance = advance
        self._in_turn = False
        self._at = 0
        self._lost: tuple[int, dict[int, list[FieldProblem]]] | None = None

    async def carry_out(self, *, begun: bool) -> bool | None:
        """Write all or nothing. Gives True once all is written (or would be, in a dry run), False where it was cancelled,
        and None where a row fails: every chunk is then to be noted as rolled back.

        ``begun`` says that chunks were noted before: that is done in one commit where all is well, so a row failed then.
        """
        for _ in range(_TRIES):
            if begun:
                return None
            good = await self._all_good()
            if good is None:
                return False
            if not good:
                return None
            try:
                if not await self._write_all():
                    return False
            except load.KeyTaken:
                self._kind.collided()
                # Whose key it was is seen at once or perhaps never: the one who has it may be gone again.
                self._lost = self._at, (await self._works[self._at].judge()).notes.errors
                continue
            return True
        return None

    def explain(self, verdict: Verdict, no: int) -> None:
        """Name the rows of chunk ``no`` whose keys were taken while the file was written, where judging it shows nothing.

        Whoever took them is gone again then, and still nothing was imported. Where nobody was seen, all rows of the
        chunk say what happened.
        """
        if self._lost is None or self._lost[0] != no or verdict.failed().any():
            return
        again = "It happened while the file was written: send the file again."
        for at, problems in self._lost[1].items():
            for one in problems:
                message = f"{one.message} {again}"
                verdict.notes.error(at, FieldProblem(one.field, one.code, message, one.rejected))
        if self._lost[1]:
            return
        chunk = self._manifest.chunks[no]
        message = f"Somebody else used or changed what a row from {chunk.first_row} to {chunk.last_row} needs. {again}"
        for at in range(verdict.rows.height):
            verdict.notes.error(at, FieldProblem("row", DUPLICATE_CONFLICT, message))

    async def _all_good(self) -> bool | None:
        """Judge every chunk; None where the import was cancelled on the way."""
        self._kind.restart()
        self._in_turn = False
        for work in self._works:
            if not await self._advance(self._manifest.total, 0):
                return None
            verdict = await work.judge()
            self._in_turn = self._in_turn or self._kind.in_turn(verdict)
            await work.foresee(verdict)
            if verdict.failed().any():
                return False
        return True

    async def _write_all(self) -> bool:
        """Judge again and write, chunk by chunk, and commit once. Raises ``KeyTaken`` where a row fails now.

        A dry run's report is written in the same way: half of it from before somebody else wrote would be no report.
        """
        run = self._run
        stored: list[str] = []
        written = False
        self._kind.restart()
        try:
            async with run.db.transaction(run.seller_id) as tx, self._copying() as connection:
                if not run.options.dry_run:
                    await load.keep_plans(tx, self._kind.parent)
                for work in self._works:
                    self._at = work.no
                    await self._check_wanted(self._manifest.chunks[work.no].first_row)
                    await self._write(tx, work, stored, connection)
                written = True
        except BaseException as error:
            # A commit whose answer was lost may have happened: the parts it names are left to the sweep then.
            for key in [] if written else stored:
                await report.drop(run.files, key)
            if isinstance(error, asyncpg.UniqueViolationError):
                raise load.told(error, self._kind.keys) from error
            if isinstance(error, load.Cancelled):
                return False
            raise
        return True

    async def _check_wanted(self, judged: int) -> None:
        if not await self._advance(self._manifest.total, judged):
            raise load.Cancelled

    async def _write(self, tx: Transaction, work: ChunkWork, stored: list[str], connection: Any) -> None:
        verdict = await work.judge()
        if self._run.options.dry_run:
            await work.foresee(verdict)
            _check_good(verdict)
            await work.note_in(tx, verdict, stored)
            return
        _check_good(verdict)
        await work.write_in(tx, verdict, stored, last=False, connection=connection)
        _check_good(verdict)
        self._kind.written(verdict)

    @asynccontextmanager
    async def _copying(self) -> AsyncIterator[Any]:
        """Lend the loader's connection in a transaction of its own; None where the application has to write."""
        if self._loader is None or self._in_turn or self._run.options.dry_run:
            yield None
            return
        with translated():
            async with self._loader.connection() as connection, connection.transaction():
                yield connection


def _check_good(verdict: Verdict) -> None:
    if verdict.failed().any():
        raise load.KeyTaken
