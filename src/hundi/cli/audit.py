"""`hundi audit …`: the hash chains recomputed, the trail written to a file."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast, get_args

import msgspec

from hundi.audit import search
from hundi.audit.chain import Verdict
from hundi.audit.chain import verify as verify_chain
from hundi.audit.export import Format, written
from hundi.audit.search import AuditRow
from hundi.cli.actor import the_seller
from hundi.cli.operator import each_seller
from hundi.cli.options import instant
from hundi.cli.output import Refused
from hundi.cli.parts import opened
from hundi.config import Settings
from hundi.kit.clock import SystemClock


class Report(msgspec.Struct, frozen=True):
    """The verdict on every chain."""

    verdicts: list[Verdict]

    @property
    def intact(self) -> bool:
        """Tell whether no chain is broken."""
        return all(verdict.broken is None for verdict in self.verdicts)

    def document(self) -> dict[str, Any]:
        """Give the JSON form."""
        return {"intact": self.intact, "sellers": [msgspec.to_builtins(verdict) for verdict in self.verdicts]}

    def text(self) -> str:
        """Give one line a seller."""
        lines = [
            f"{v.seller_id}: {v.sealed} rows sealed, " + (f"BROKEN: {v.broken}" if v.broken else "intact")
            for v in self.verdicts
        ]
        return "\n".join(lines) or "There is no seller yet."


async def verify(settings: Settings, seller: str | None) -> Report:
    """Verify one seller's chain, or all."""
    verdicts = [await verify_chain(tx) async for tx in each_seller(settings, SystemClock(), seller)]
    return Report(verdicts)


async def export(
    settings: Settings, seller: str | None, *, output: Path, file_format: str, since: str | None, until: str | None
) -> dict[str, Any]:
    """Write one company's trail to a file that is not there yet; give the number of rows."""
    if file_format not in get_args(Format):
        message = f"--format is {' or '.join(get_args(Format))}."
        raise Refused(message)
    start = instant("--from", since) if since is not None else None
    end = instant("--to", until) if until is not None else None
    wanted = search.Wanted(since=start, until=end)
    rows = 0

    async def counted(batches: AsyncIterator[list[AuditRow]]) -> AsyncIterator[list[AuditRow]]:
        nonlocal rows
        async for batch in batches:
            rows += len(batch)
            yield batch

    async with opened(settings) as parts:
        seller_id = await the_seller(parts, settings, seller)
        batches = counted(search.everything(parts.db, seller_id, wanted))
        with await asyncio.to_thread(output.open, "xb") as file:
            async for piece in written(batches, cast("Format", file_format)):
                await asyncio.to_thread(file.write, piece)
    return {"sellerId": seller_id, "rows": rows, "file": str(output)}
