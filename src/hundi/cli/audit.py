"""`hundi audit verify`: the hash chains recomputed."""

from typing import Any

import msgspec

from hundi.audit.chain import Verdict
from hundi.audit.chain import verify as verify_chain
from hundi.cli.operator import each_seller
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
