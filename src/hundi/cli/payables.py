"""`hundi network inbox` and `hundi network match`: the buyer's side from the command line, the same figures as over the API."""

from datetime import date
from decimal import Decimal
from typing import Any, Final

import msgspec

from hundi.cli.actor import the_seller
from hundi.cli.output import Refused
from hundi.cli.parts import opened
from hundi.cli.verb import Told
from hundi.config import Settings
from hundi.kit.dates import ist_date
from hundi.kit.money import format_inr
from hundi.network import matches, payables, policies, queries
from hundi.network.payable_schemas import MatchOut, PayableOut
from hundi.network.payables import PayableOrder, PayableSort
from hundi.network.payables_api import filter_of
from hundi.network.protocol.statuses import Kind
from hundi.network.verdicts import GOOD, Verdict

# Decimals as text would be no amounts: the printer of results writes them as numbers.
_KEPT: Final = (Decimal,)
_HEAD: Final = ("Due", "Supplier", "Invoice", "Amount due", "Status", "Match")


class Wish(msgspec.Struct, frozen=True, kw_only=True):
    """What of the list is wanted; the texts are as the API takes them."""

    status: str | None = None
    supplier: str | None = None
    verdict: str | None = None
    due_to: str | None = None
    text: str | None = None
    limit: int = 50


async def listed(settings: Settings, seller: str | None, wish: Wish) -> Told:
    """Give received invoices, those due first, as a document and as a table.

    Raises :class:`Refused` on a verdict there is none of, and :class:`Invalid` on other filters that cannot be meant.
    """
    try:
        verdict = Verdict(wish.verdict) if wish.verdict else None
    except ValueError:
        message = f"There is no verdict {wish.verdict}: use one of {', '.join(Verdict)}."
        raise Refused(message) from None
    wanted = filter_of(
        status=wish.status, supplier=wish.supplier, verdict=verdict, matched=None, waiting=None, overdue=None,
        due_from=None, due_to=wish.due_to, text=wish.text,
    )  # fmt: skip
    sort = PayableSort(order=PayableOrder.DUE_DATE, descending=False)
    async with opened(settings) as parts:
        today = ist_date(parts.clock.now())
        seller_id = await the_seller(parts, settings, seller)
        async with parts.db.read(seller_id) as tx:
            found, total = await payables.page(tx, wanted, sort, today=today, limit=wish.limit)
    rows = [PayableOut.of(row, today) for row in found]
    document = {"total_count": total, "data": msgspec.to_builtins(rows, builtin_types=_KEPT)}
    return Told(document, _table(rows, total))


def _table(rows: list[PayableOut], total: int) -> str:
    lines = [_HEAD, *(_line(row) for row in rows)]
    widths = [max(len(line[at]) for line in lines) for at in range(len(_HEAD))]
    shown = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([*shown, f"{len(rows)} of {total}."])


def _line(row: PayableOut) -> tuple[str, ...]:
    return (
        _day(row.dueDate), row.supplierName or row.supplierB2BId, row.supplierInvoiceNumber, format_inr(row.dueAmount),
        row.status, row.verdict,
    )  # fmt: skip


def _day(day: date | None) -> str:
    return f"{day:%d-%m-%Y}" if day is not None else "-"


async def matched(settings: Settings, seller: str | None, invoice_id: str) -> Told:
    """Give the match of a received invoice as a document and in words; not good when something differs too much.

    Raises :class:`NetworkObjectNotFound` where there is no such received invoice.
    """
    async with opened(settings) as parts:
        seller_id = await the_seller(parts, settings, seller)
        async with parts.db.read(seller_id) as tx:
            row = await queries.one(tx, tx.seller_id, invoice_id, Kind.INVOICE.value)
            looked = await matches.look(tx, row)
            shown = MatchOut.of(looked, await policies.read(tx))
    orders = ", ".join(order.number for order in shown.orders) or "no order"
    lines = [f"{shown.supplierInvoiceNumber} of {shown.supplierB2BId} with {orders}: {shown.verdict}"]
    lines += [f"  {finding.field}: {finding.verdict}: {finding.message}" for finding in shown.findings]
    document: dict[str, Any] = msgspec.to_builtins(shown, builtin_types=_KEPT)
    return Told(document, "\n".join(lines), good=shown.verdict in GOOD)
