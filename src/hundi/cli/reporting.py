"""`hundi report`: open items and ageing from the command line, the same figures as over the API."""

import asyncio
import shutil
import sys
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from hundi.cli.actor import the_seller
from hundi.cli.output import Refused
from hundi.cli.parts import Parts, opened
from hundi.config import Settings
from hundi.files.store import nameless
from hundi.kit.dates import ist_date
from hundi.kit.ids import SellerId
from hundi.kit.paging import MAX_PAGE
from hundi.reports import books
from hundi.reports.filters import ReportFilters
from hundi.reports.sheets import AGEING_COLUMNS, OPEN_ITEM_COLUMNS, written

AGEING: Final = "ageing"
OPEN_ITEMS: Final = "open-items"
FORMATS: Final = ("csv", "xlsx", "json")


async def report(
    settings: Settings, name: str, seller: str | None, form: str, output: Path | None
) -> dict[str, Any] | None:
    """Write a report as CSV or XLSX into ``output`` (CSV also to standard output), or give it as JSON, 5,000 rows of it.

    Raises :class:`Refused` on a report or format there is none of, and on an XLSX for the terminal.
    """
    if name not in {AGEING, OPEN_ITEMS}:
        message = f"There is no report '{name}': use {AGEING} or {OPEN_ITEMS}."
        raise Refused(message)
    if form not in FORMATS:
        message = f"There is no format '{form}': use {', '.join(FORMATS)}."
        raise Refused(message)
    if (form == "xlsx") > (output is not None) or (form == "json") > (output is None):
        message = "Name a file for the workbook with --output." if output is None else "JSON goes to standard output."
        raise Refused(message)
    async with opened(settings) as parts:
        seller_id = await the_seller(parts, settings, seller)
        if form == "json":
            return await _document(parts, seller_id, name)
        with nameless(parts.files.work) as file:
            await _write(parts, seller_id, name, form, file)
            await asyncio.to_thread(_hand_out, file, output)
    return None


async def _document(parts: Parts, seller_id: SellerId, name: str) -> dict[str, Any]:
    today = ist_date(parts.clock.now())
    page = books.Wanted(limit=MAX_PAGE)
    read = books.ageing if name == AGEING else books.open_items
    async with parts.db.read(seller_id) as tx:
        found = await read(tx, parts.keyring, ReportFilters(), page, today=today)
    document: dict[str, Any] = msgspec.to_builtins(found, builtin_types=())
    return document


async def _write(parts: Parts, seller_id: SellerId, name: str, form: str, file: IO[bytes]) -> None:
    today = ist_date(parts.clock.now())
    async with parts.db.read(seller_id) as tx:
        if name == AGEING:
            rows = books.all_ageing(tx, ReportFilters(), today=today)
            await written(file, form, AGEING_COLUMNS, "Ageing", rows, parts.files.work)
        else:
            items = books.all_open_items(tx, ReportFilters(), today=today)
            await written(file, form, OPEN_ITEM_COLUMNS, "Open items", items, parts.files.work)


def _hand_out(file: IO[bytes], output: Path | None) -> None:
    """Copy the finished report to where it was asked for; a report that failed leaves no half a file behind."""
    file.seek(0)
    if output is None:
        shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.buffer.flush()
        return
    with output.open("wb") as out:
        shutil.copyfileobj(file, out)
