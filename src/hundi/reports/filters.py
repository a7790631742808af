"""Which invoices a report is about: the filters of searches."""

from collections.abc import Iterable
from datetime import date

from hundi.db.pool import Transaction
from hundi.invoices.rules import OPEN_STATUSES, ReceivableStatus
from hundi.invoices.search import Conditions, asked, conditions
from hundi.invoices.search_schemas import InvoiceSearch


class ReportFilters(InvoiceSearch, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The filters of searchCollectionInvoices; all are optional, and one that does not exist is refused.

    A report is about invoices with a balance whose money is awaited (PENDING, PARTIALLY_PAID); receivableStatuses may
    name others, such as DISPUTED. Where it names none, ``disputedAmount`` says what is owed under dispute beside it.
    """


async def open_conditions(
    tx: Transaction, wanted: InvoiceSearch, today: date, statuses: Iterable[ReceivableStatus] = OPEN_STATUSES
) -> Conditions:
    """Write the filters as conditions on ``searchable_invoices i``, for open items. Raises as searches do.

    ``statuses`` are those a report is about where the filters name none.
    """
    found = await conditions(tx, wanted, today)
    if not wanted.receivableStatuses:
        found.add("i.receivable_status = ANY (${}::text[])", sorted(status.value for status in statuses))
    found.add("i.balance > 0")
    return found


def asked_of(wanted: InvoiceSearch) -> str:
    """Write the filters as one text: what a cursor belongs to."""
    return asked(wanted)
