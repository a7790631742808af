"""The result files: what became of each row, beside the caller's own columns, in parts that are joined at the end."""

from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec
import polars as pl

from hundi.files.store import FileStore
from hundi.imports.cells import rupees_of
from hundi.imports.columns import FAILURE_COLUMNS, SUCCESS_COLUMNS, own_columns
from hundi.imports.parse_child import Manifest
from hundi.imports.verdict import Verdict
from hundi.kit.errors import FieldProblem
from hundi.kit.formulas import PLAIN_NUMBER, RISKY

MOST_SHOWN: Final = 1000
"""How many rows successRequests and failureRequests hold at most (domain §10)."""
BOM: Final = b"\xef\xbb\xbf"
JOINER: Final = " | "


class SuccessShown(msgspec.Struct, frozen=True):
    """One of successRequests."""

    row: int
    invoiceNumber: str | None
    invoiceId: str


class FailureShown(msgspec.Struct, frozen=True):
    """One of failureRequests."""

    row: int
    invoiceNumber: str | None
    error_code: str
    error_message: str


class Summary(msgspec.Struct, frozen=True):
    """What a chunk adds to the reply: counts, the sum of its successes' netAmount, its first rows, what to dispatch."""

    success_count: int
    failure_count: int
    warn_count: int
    total_amount: Decimal
    successes: list[SuccessShown]
    failures: list[FailureShown]
    dispatch: list[str]


class Parts(msgspec.Struct, frozen=True):
    """A judged chunk as it goes into the store."""

    summary: Summary
    success_csv: bytes
    failure_csv: bytes


def parts_of(frame: pl.DataFrame, verdict: Verdict, manifest: Manifest) -> Parts:
    """Write the two result parts and the summary of a chunk; ``frame`` has its cells as they came."""
    failed = verdict.failed()
    own = _guarded(frame.select(pl.nth(range(own_columns(manifest.headings)))))
    notes = verdict.notes
    rows = verdict.rows.select(
        "row", "net_amount", pl.coalesce("known_id", "invoice_id").alias("invoice_id"),
        pl.coalesce("known_number", "invoiceNumber").alias("number"), "dispatchNow", "known_id",
    )  # fmt: skip
    good, bad = (~failed).arg_true(), failed.arg_true()
    warnings = (
        [_sentences(notes.warnings[at]) if at in notes.warnings else None for at in good] if notes.warnings else None
    )
    success = rows[good]
    success_csv = own[good].with_columns(
        _column("+id", success["invoice_id"]), _column("+number", success["number"]),
        pl.Series("+warning", warnings or [None] * len(good), dtype=pl.String),
    )  # fmt: skip
    codes = [JOINER.join(dict.fromkeys(p.code for p in notes.errors[at])) for at in bad]
    texts = [_sentences(notes.errors[at]) for at in bad]
    failure_csv = own[bad].with_columns(
        pl.Series("+code", codes, dtype=pl.String), pl.Series("+message", texts, dtype=pl.String)
    )
    summary = Summary(
        success_count=len(good),
        failure_count=len(bad),
        warn_count=sum(text is not None for text in warnings) if warnings else 0,
        total_amount=rupees_of(int(success["net_amount"].sum())),
        successes=[
            SuccessShown(*row) for row in success.head(MOST_SHOWN).select("row", "number", "invoice_id").iter_rows()
        ],
        failures=_failures(rows[bad].head(MOST_SHOWN), codes, texts),
        dispatch=success.filter(pl.col("dispatchNow") & pl.col("known_id").is_null())["invoice_id"].to_list(),
    )
    mark = manifest.delimiter
    return Parts(summary, _guarded(success_csv).write_csv(include_header=False, separator=mark).encode(),
                 _guarded(failure_csv).write_csv(include_header=False, separator=mark).encode())  # fmt: skip


def _column(name: str, cells: pl.Series) -> pl.Series:
    return cells.alias(name)


def _failures(rows: pl.DataFrame, codes: list[str], texts: list[str]) -> list[FailureShown]:
    shown = rows.select("row", "number").iter_rows()
    return [
        FailureShown(row, number, code, text) for (row, number), code, text in zip(shown, codes, texts, strict=False)
    ]


def _sentences(problems: list[FieldProblem]) -> str:
    return JOINER.join(f"{problem.field}: {problem.message}" for problem in problems)


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
    await files.put(f"{key}.json", msgspec.json.encode(parts.summary))


async def drop(files: FileStore, key: str) -> None:
    """Remove the parts of a chunk that was not applied, or whose rows are in the joined files now."""
    for ending in (".success.csv", ".failure.csv", ".json"):
        await files.delete(key + ending)


async def summary(files: FileStore, key: str) -> Summary:
    """Read what an applied chunk added."""
    return msgspec.json.decode(await files.get(f"{key}.json"), type=Summary)


async def join(files: FileStore, keys: list[str], kind: str, manifest: Manifest, path: Path) -> None:
    """Write a whole result file: byte order mark, header line, and the parts in order."""
    added = SUCCESS_COLUMNS if kind == "success" else FAILURE_COLUMNS
    own = manifest.headings[: own_columns(manifest.headings)]
    heads = pl.DataFrame({f"h{at}": [text] for at, text in enumerate([*own, *added])})
    with path.open("wb") as out:
        out.write(BOM + _guarded(heads).write_csv(include_header=False, separator=manifest.delimiter).encode())
        for key in keys:
            async for block in files.stream(f"{key}.{kind}.csv"):
                out.write(block)


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
        "failure_count_second_file": 0,
        "total_count": good + bad,
        "warn_count": sum(one.warn_count for one in summaries),
        "total_amount": sum((one.total_amount for one in summaries), Decimal("0.00")),
        **more,
    }
