"""The result files: what became of each row, beside the caller's own columns, in parts that are joined at the end.

They have the format that was uploaded: CSV for CSV, XLSX for XLSX, ODS and Tally's XML, with the sheet of items beside
the rows. A failure file may be sent again as it is once its cells are corrected.
"""

import asyncio
import io
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl
from msgspec import UNSET, UnsetType

from hundi.files.store import FileMissing, FileStore
from hundi.imports.cells import rupees_of
from hundi.imports.columns import (
    FAILURE_COLUMNS,
    SUCCESS_COLUMNS_OF,
    FileKind,
    Format,
    columns_by_name,
    own_columns,
    own_headings,
)
from hundi.imports.parse_child import Manifest
from hundi.imports.result_workbook import Heading, SheetWriter
from hundi.imports.tables import csv_of
from hundi.imports.verdict import Verdict
from hundi.kit.errors import FieldProblem
from hundi.kit.formulas import PLAIN_NUMBER, RISKY

MOST_SHOWN: Final = 1000
"""How many rows successRequests and failureRequests hold at most (domain §10)."""
BOM: Final = b"\xef\xbb\xbf"
JOINER: Final = " | "


class SuccessShown(msgspec.Struct, frozen=True, kw_only=True):
    """One of successRequests: an invoice's number and id, or a customer's name and id."""

    row: int
    invoiceNumber: str | UnsetType | None = UNSET
    invoiceId: str | UnsetType = UNSET
    legalName: str | UnsetType | None = UNSET
    customerId: str | UnsetType = UNSET


class FailureShown(msgspec.Struct, frozen=True, kw_only=True):
    """One of failureRequests."""

    row: int
    error_code: str
    error_message: str
    invoiceNumber: str | UnsetType | None = UNSET
    legalName: str | UnsetType | None = UNSET


class Summary(msgspec.Struct, frozen=True):
    """What a chunk adds to the reply: counts, the sum of its successes' netAmount, its first rows, what to dispatch."""

    success_count: int
    failure_count: int
    warn_count: int
    total_amount: Decimal
    successes: list[SuccessShown]
    failures: list[FailureShown]
    dispatch: list[str]
    item_failure_count: int = 0


class Parts(msgspec.Struct, frozen=True):
    """A judged chunk as it goes into the store."""

    summary: Summary
    success_csv: bytes
    failure_csv: bytes
    success_items_csv: bytes = b""
    failure_items_csv: bytes = b""


class Lines(msgspec.Struct, frozen=True):
    """What became of items of the second table: ``frame`` has them as they came, in file order.

    ``failed``: they are not imported, for their own faults (``errors``, by position) or because their invoice is not.
    """

    frame: pl.DataFrame
    failed: pl.Series
    errors: Mapping[int, list[FieldProblem]]


def parts_of(frame: pl.DataFrame, verdict: Verdict, manifest: Manifest, lines: Lines | None = None) -> Parts:
    """Write the result parts and the summary of a chunk; ``frame`` has its cells as they came, ``lines`` its items."""
    failed = verdict.failed()
    shown = own_headings(manifest.headings, manifest.columns, manifest.item_columns)
    own = _guarded(frame.select(pl.nth(range(own_columns(manifest.headings)))))
    notes = verdict.notes
    rows = verdict.outcome()
    number, id_ = verdict.shown_as
    good, bad = (~failed).arg_true(), failed.arg_true()
    warnings = (
        [_sentences(notes.warnings[at], shown) if at in notes.warnings else None for at in good]
        if notes.warnings
        else None
    )
    success = rows[good]
    success_csv = own[good].with_columns(
        _column("+id", success["id"]), _column("+number", success["number"]),
        pl.Series("+warning", warnings or [None] * len(good), dtype=pl.String),
    )  # fmt: skip
    codes = [JOINER.join(dict.fromkeys(p.code for p in notes.errors[at])) for at in bad]
    texts = [_sentences(notes.errors[at], shown) for at in bad]
    failure_csv = own[bad].with_columns(
        pl.Series("+code", codes, dtype=pl.String), pl.Series("+message", texts, dtype=pl.String)
    )
    summary = Summary(
        success_count=len(good),
        failure_count=len(bad),
        warn_count=sum(text is not None for text in warnings) if warnings else 0,
        total_amount=rupees_of(int(success["amount"].sum())),
        successes=[
            SuccessShown(row=row, **{number: name, id_: its})
            for row, name, its in success.head(MOST_SHOWN).select("row", "number", "id").iter_rows()
        ],
        failures=[
            FailureShown(row=row, error_code=code, error_message=text, **{number: name})
            for (row, name), code, text in zip(
                rows[bad].head(MOST_SHOWN).select("row", "number").iter_rows(), codes, texts, strict=False
            )
        ],
        dispatch=success.filter("dispatch")["id"].to_list(),
        item_failure_count=int(lines.failed.sum()) if lines is not None else 0,
    )
    mark = manifest.delimiter
    success_items, failure_items = _item_parts(lines, manifest) if lines is not None else (b"", b"")
    return Parts(summary, _csv(success_csv, mark), _csv(failure_csv, mark), success_items, failure_items)


def _csv(frame: pl.DataFrame, mark: str) -> bytes:
    return csv_of(_guarded(frame), mark)


def _item_parts(lines: Lines, manifest: Manifest) -> tuple[bytes, bytes]:
    """Write the items of a chunk: beside the failed ones stands what is wrong with them, if it is they that are wrong."""
    headings = manifest.items.headings if manifest.items is not None else []
    shown = own_headings(headings, manifest.items.columns if manifest.items is not None else [])
    own = _guarded(lines.frame.select(pl.nth(range(own_columns(headings)))))
    bad = lines.failed.arg_true()
    told = [lines.errors.get(at, []) for at in bad]
    failure = own[bad].with_columns(
        pl.Series("+code", [JOINER.join(dict.fromkeys(p.code for p in one)) for one in told], dtype=pl.String),
        pl.Series("+message", [_sentences(one, shown) for one in told], dtype=pl.String),
    )
    return _csv(own[(~lines.failed).arg_true()], manifest.delimiter), _csv(failure, manifest.delimiter)


def _column(name: str, cells: pl.Series) -> pl.Series:
    return cells.alias(name)


def _sentences(problems: list[FieldProblem], shown: Mapping[str, str]) -> str:
    """Write problems as one text; a column is called what the caller's own file calls it (``shown``)."""
    return JOINER.join(f"{shown.get(problem.field, problem.field)}: {problem.message}" for problem in problems)


def _guarded(frame: pl.DataFrame) -> pl.DataFrame:
    """Put an apostrophe before cells a spreadsheet would run as a formula (design §4.9); plain numbers stay."""
    risky = [name for name in frame.columns if frame[name].str.contains(RISKY).any()]
    if not risky:
        return frame
    return frame.with_columns(
        pl.when(pl.col(name).str.contains(RISKY) & ~pl.col(name).str.contains(PLAIN_NUMBER))
        .then("'" + pl.col(name))
        .otherwise(pl.col(name))
        .alias(name)
        for name in risky
    )


async def store(files: FileStore, key: str, parts: Parts) -> None:
    """Keep the parts of a chunk under a name nobody else uses."""
    await files.put(f"{key}.success.csv", parts.success_csv)
    await files.put(f"{key}.failure.csv", parts.failure_csv)
    if parts.success_items_csv:
        await files.put(f"{key}.success.items.csv", parts.success_items_csv)
    if parts.failure_items_csv:
        await files.put(f"{key}.failure.items.csv", parts.failure_items_csv)
    await files.put(f"{key}.json", msgspec.json.encode(parts.summary))


async def drop(files: FileStore, key: str) -> None:
    """Remove the parts of a chunk that was not applied, or whose rows are in the joined files now."""
    for ending in (".success.csv", ".failure.csv", ".success.items.csv", ".failure.items.csv", ".json"):
        await files.delete(key + ending)


async def summary(files: FileStore, key: str) -> Summary:
    """Read what an applied chunk added."""
    return msgspec.json.decode(await files.get(f"{key}.json"), type=Summary)


def ending(manifest: Manifest) -> str:
    """Give the ending of the result files' names, without the dot."""
    return "csv" if manifest.format in {Format.CSV, Format.ZIP} else "xlsx"


def content_type(manifest: Manifest) -> str:
    """Give the media type of the result files."""
    if ending(manifest) == "xlsx":
        return "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return "text/csv; charset=utf-8"


async def join(files: FileStore, keys: list[str], kind: str, manifest: Manifest, path: Path) -> None:
    """Write a whole result file (``kind`` success or failure): its header line, and the parts in order."""
    added = SUCCESS_COLUMNS_OF[manifest.kind] if kind == "success" else FAILURE_COLUMNS
    heads = [*manifest.headings[: own_columns(manifest.headings)], *added]
    if ending(manifest) == "xlsx":
        await _join_sheets(files, keys, kind, manifest, path, heads)
        return
    line = pl.DataFrame({f"h{at}": [text] for at, text in enumerate(heads)})
    with path.open("wb") as out:
        out.write(BOM + _csv(line, manifest.delimiter))
        for key in keys:
            async for block in files.stream(f"{key}.{kind}.csv"):
                out.write(block)


async def _join_sheets(
    files: FileStore, keys: list[str], kind: str, manifest: Manifest, path: Path, heads: list[str]
) -> None:
    with SheetWriter(path) as book:
        book.sheet(manifest.sheet, _headings(heads, manifest.columns, manifest.kind))
        for key in keys:
            part = await files.get(f"{key}.{kind}.csv")
            await asyncio.to_thread(_put, book, part, len(heads), manifest.delimiter)
        items = manifest.items
        if items is None:
            return
        lines = [*items.headings[: own_columns(items.headings)], *(FAILURE_COLUMNS if kind == "failure" else ())]
        book.sheet(items.sheet, _headings(lines, items.columns, FileKind.ITEMS))
        for key in keys:
            with suppress(FileMissing):  # a chunk may have no items
                part = await files.get(f"{key}.{kind}.items.csv")
                await asyncio.to_thread(_put, book, part, len(lines), manifest.delimiter)


def _headings(heads: list[str], columns: list[str | None], kind: FileKind) -> list[Heading]:
    by_name = columns_by_name(kind)
    kinds = [by_name[name].kind if name is not None else None for name in columns[: own_columns(heads)]]
    return [Heading(text, kinds[at] if at < len(kinds) else None) for at, text in enumerate(heads)]


def _put(book: SheetWriter, part: bytes, width: int, delimiter: str) -> None:
    if part:
        schema = {f"c{at}": pl.String for at in range(width)}
        book.rows(pl.read_csv(io.BytesIO(part), has_header=False, schema=schema, separator=delimiter))


def payload_of(summaries: list[Summary], more: dict[str, Any]) -> dict[str, Any]:
    """Add up the chunks for the BulkResponse (contract §4.2)."""
    successes: list[SuccessShown] = []
    failures: list[FailureShown] = []
    for one in summaries:
        successes += one.successes[: MOST_SHOWN - len(successes)]
        failures += one.failures[: MOST_SHOWN - len(failures)]
    good = sum(one.success_count for one in summaries)
    bad = sum(one.failure_count for one in summaries)
    return {
        "successRequests": successes,
        "failureRequests": failures,
        "success_count": good,
        "failure_count": bad,
        "failure_count_second_file": sum(one.item_failure_count for one in summaries),
        "total_count": good + bad,
        "warn_count": sum(one.warn_count for one in summaries),
        "total_amount": sum((one.total_amount for one in summaries), Decimal("0.00")),
        **more,
    }
