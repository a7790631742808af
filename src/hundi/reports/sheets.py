"""Reports as files for people: CSV and XLSX, written block by block into a file on disk, never whole in memory.

Text cells are guarded against being run as formulas, days are written day first, amounts as numbers. An XLSX file ends
with a line of totals; CSV has the rows and nothing else, so that programs can read it.
"""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import IO, Any, Final, Literal, Protocol

import msgspec

from hundi.kit.formulas import guarded
from hundi.network.payable_schemas import PayableOut
from hundi.reports.rules import BUCKETS
from hundi.reports.schemas import AgeingRow, OpenItem

BOM: Final = b"\xef\xbb\xbf"
CONTENT_TYPES: Final = {
    "csv": "text/csv",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
MOST_SHEET_ROWS: Final = 1_048_576
"""What a sheet of a spreadsheet holds, its heading included."""
_LAKHS: Final = r"[>=10000000]##\,##\,##\,##0.00;[>=100000]##\,##\,##0.00;##,##0.00"
_WIDTH: Final = 16
_WIDE: Final = 36


class Column(msgspec.Struct, frozen=True):
    """One column: its heading, how its cells are written, and where they come from."""

    heading: str
    kind: Literal["text", "money", "day", "count"]
    of: Callable[[Any], Any]
    wide: bool = False


OPEN_ITEM_COLUMNS: Final = (
    Column("Customer", "text", lambda r: r.customerLegalName, wide=True),
    Column("Customer id", "text", lambda r: r.customerId),
    Column("Customer GSTIN", "text", lambda r: r.customerGstin),
    Column("Invoice number", "text", lambda r: r.invoiceNumber),
    Column("PO number", "text", lambda r: r.poNumber),
    Column("Invoice date", "day", lambda r: r.invoiceDate),
    Column("Due date", "day", lambda r: r.dueDate),
    Column("Days overdue", "count", lambda r: r.daysOverdue),
    Column("Age", "text", lambda r: r.age),
    Column("Status", "text", lambda r: r.receivableStatus),
    Column("Net amount", "money", lambda r: r.netAmount),
    Column("Received", "money", lambda r: r.totalReceived),
    Column("Balance", "money", lambda r: r.balanceAmount),
    Column("Invoice id", "text", lambda r: r.invoiceId, wide=True),
)


def _amount(name: str) -> Callable[[Any], Any]:
    return lambda row: getattr(row, name)


AGEING_COLUMNS: Final = (
    Column("Customer", "text", lambda r: r.customerLegalName, wide=True),
    Column("Customer id", "text", lambda r: r.customerId),
    Column("Invoices", "count", lambda r: r.invoices),
    *(Column(bucket.heading, "money", _amount(bucket.name)) for bucket in BUCKETS),
    Column("Total", "money", lambda r: r.total),
)

PAYABLE_COLUMNS: Final = (
    Column("Supplier", "text", lambda r: r.supplierName or r.supplierB2BId, wide=True),
    Column("Supplier B2B ID", "text", lambda r: r.supplierB2BId),
    Column("Supplier GSTIN", "text", lambda r: r.supplierGstin),
    Column("Invoice number", "text", lambda r: r.supplierInvoiceNumber),
    Column("Invoice date", "day", lambda r: r.invoiceDate),
    Column("Due date", "day", lambda r: r.dueDate),
    Column("Age in days", "count", lambda r: r.ageDays),
    Column("Days overdue", "count", lambda r: r.daysOverdue),
    Column("PO numbers", "text", lambda r: ", ".join(r.orderNumbers)),
    Column("Status", "text", lambda r: r.status),
    Column("Match", "text", lambda r: r.verdict),
    Column("What differs", "text", lambda r: " ".join(finding.message for finding in r.findings), wide=True),
    Column("Total", "money", lambda r: r.totalAmount),
    Column("Due", "money", lambda r: r.dueAmount),
    Column("Invoice id", "text", lambda r: r.objectId, wide=True),
)

Rows = Sequence[OpenItem] | Sequence[AgeingRow] | Sequence[PayableOut]


class Sheet(Protocol):
    """A file being written."""

    def add(self, rows: Rows) -> None:
        """Write some rows."""
        ...

    def finish(self) -> None:
        """Write what stands at the end."""
        ...

    def abandon(self) -> None:
        """Let go of everything half-written."""
        ...


class CsvSheet:
    """Writes CSV: UTF-8 with a byte order mark, so that spreadsheets read it as such."""

    def __init__(self, file: IO[bytes], columns: Sequence[Column]) -> None:
        self._file = file
        self._columns = columns
        self._file.write(BOM)
        self._lines([[column.heading for column in columns]])

    def add(self, rows: Rows) -> None:
        """Write some rows."""
        self._lines([_text(column, column.of(row)) for column in self._columns] for row in rows)

    def finish(self) -> None:
        """Nothing stands at the end of a CSV."""

    def abandon(self) -> None:
        """The file itself is all there is."""

    def _lines(self, lines: Iterable[list[str]]) -> None:
        out = io.StringIO()
        csv.writer(out, lineterminator="\r\n").writerows(lines)
        self._file.write(out.getvalue().encode())


def _text(column: Column, value: Any) -> str:
    if value is None:
        return ""
    if column.kind == "day":
        return indian_day(value)
    return guarded(value) if column.kind == "text" else str(value)


def indian_day(day: date) -> str:
    """Write a day as people here do: ``30-11-2026``."""
    return f"{day:%d-%m-%Y}"


class XlsxSheet:
    """Writes XLSX; a sheet that is full is followed by another one with the same heading."""

    def __init__(self, file: IO[bytes], columns: Sequence[Column], title: str, folder: Path) -> None:
        # Imported here: it takes a tenth of a second, and few requests need it.
        from xlsxwriter import Workbook  # type: ignore[import-untyped]  # it has no types

        self._columns = columns
        self._title = title
        options = {
            "constant_memory": True,
            "tmpdir": str(folder),
            "strings_to_formulas": False,
            "strings_to_urls": False,
        }
        self._book = Workbook(file, options)
        self._bold = self._book.add_format({"bold": True, "text_wrap": True, "bottom": 1})
        self._formats = {
            "text": self._book.add_format(),
            "money": self._book.add_format({"num_format": _LAKHS}),
            "day": self._book.add_format({"num_format": "dd-mm-yyyy"}),
            "count": self._book.add_format({"num_format": "0"}),
        }
        self._total = self._book.add_format({"num_format": _LAKHS, "bold": True, "top": 1})
        self._sums = {at: Decimal(0) for at, column in enumerate(columns) if column.kind in {"money", "count"}}
        self._sheets = 0
        self._next_sheet()

    def _next_sheet(self) -> None:
        self._sheets += 1
        self._sheet = self._book.add_worksheet(self._title if self._sheets == 1 else f"{self._title} {self._sheets}")
        self._sheet.freeze_panes(1, 1)
        for at, column in enumerate(self._columns):
            self._sheet.set_column(at, at, _WIDE if column.wide else _WIDTH)
            self._sheet.write_string(0, at, column.heading, self._bold)
        self._row = 1

    def add(self, rows: Rows) -> None:
        """Write some rows."""
        for row in rows:
            if self._row == MOST_SHEET_ROWS:
                self._next_sheet()
            for at, column in enumerate(self._columns):
                value = column.of(row)
                if value is None:
                    continue
                form = self._formats[column.kind]
                if column.kind == "text":
                    self._sheet.write_string(self._row, at, guarded(value), form)
                elif column.kind == "day":
                    self._sheet.write_datetime(self._row, at, value, form)
                else:
                    self._sheet.write_number(self._row, at, value, form)
                    self._sums[at] += value
            self._row += 1

    def finish(self) -> None:
        """Write the totals and put the file together."""
        if self._row == MOST_SHEET_ROWS:
            self._next_sheet()
        self._sheet.write_string(self._row, 0, "Total", self._bold)
        for at, value in self._sums.items():
            if self._columns[at].kind == "money" or self._columns[at].heading == "Invoices":
                form = self._total if self._columns[at].kind == "money" else self._bold
                self._sheet.write_number(self._row, at, value, form)
        self._book.close()

    def abandon(self) -> None:
        """Close the workbook: its sheets wait in files beside it, which that removes."""
        self._book.close()


def _begun(file: IO[bytes], form: str, columns: Sequence[Column], title: str, folder: Path) -> Sheet:
    return CsvSheet(file, columns) if form == "csv" else XlsxSheet(file, columns, title, folder)


async def written(
    file: IO[bytes], form: str, columns: Sequence[Column], title: str, blocks: AsyncIterator[Any], folder: Path
) -> int:
    """Write a whole report into ``file`` as ``form`` (csv, xlsx), in a thread of its own; give how many rows it has."""
    sheet = await asyncio.to_thread(_begun, file, form, columns, title, folder)
    rows = 0
    try:
        async for block in blocks:
            rows += len(block)
            await asyncio.to_thread(sheet.add, block)
    except BaseException:
        sheet.abandon()
        raise
    await asyncio.to_thread(sheet.finish)
    return rows
