"""A ZIP of PDFs: each becomes the primary attachment of the invoice that its name names (domain §8).

A file belongs to the invoice whose row in an import named it (``attachmentFileName``), else to the one whose number is its
name, with other signs where a file name can have none: ``INV-26-27-0042.pdf`` is INV/26-27/0042. Two that fit alike make it
ambiguous.
"""

import asyncio
import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import msgspec
import polars as pl

from hundi.db.pool import Transaction
from hundi.files.store import Kept
from hundi.imports import queries
from hundi.imports.archive import pdf_of
from hundi.imports.kind import Kind, Run
from hundi.imports.notes import Notes
from hundi.imports.parse_child import Chunk, Manifest
from hundi.imports.reading import unreadable
from hundi.imports.records import PROBLEMS, ROW
from hundi.imports.tables import Birth, Copied
from hundi.imports.verdict import DUPLICATE_IN_FILE, Verdict
from hundi.invoices import attachments
from hundi.invoices.attachment_kinds import PDF, Named, safe_name
from hundi.invoices.attachments import Marks, Source, Wish
from hundi.kit.errors import FieldProblem, Refusal
from hundi.kit.ids import row_id_prefix

_BARE: Final = re.compile(r"[^A-Z0-9]")
_WORD: Final = re.compile(r"^(?:TAX[\s_.-]*)?(?:INVOICE|INV|BILL)[\s_.-]+", re.IGNORECASE)
# One pass over the company's invoices for a whole archive: no index knows a number without its signs.
_CANDIDATES: Final = """
    SELECT i.invoice_id, i.invoice_number, i.number_key, lower(i.attachment_file_name) AS file_name
      FROM invoices i
     WHERE i.seller_id = $1 AND i.deleted_at IS NULL
       AND (regexp_replace(i.number_key, '[^A-Z0-9]', '', 'g') = ANY ($2::text[])
            OR lower(i.attachment_file_name) = ANY ($3::text[]))"""


class Match(msgspec.Struct, frozen=True):
    """The invoice a file belongs to, or why there is none."""

    invoice_id: str | None = None
    number: str | None = None
    problem: FieldProblem | None = None


class PdfVerdict(Verdict):
    """What became of each file of a chunk; ``kept`` are the stored ones by position."""

    shown_as = ("invoiceNumber", "invoiceId")

    def __init__(self, rows: pl.DataFrame, notes: Notes, kept: dict[int, Kept]) -> None:
        super().__init__(rows, notes)
        self.kept = kept

    def ids(self) -> pl.Series:
        """Give the ids of the attachments."""
        return self.rows["attachment_id"]

    def outcome(self) -> pl.DataFrame:
        """Give the invoice each file went to."""
        return self.rows.select(
            "row", "number", pl.col("invoice_id").alias("id"), pl.lit(0).alias("amount"),
            pl.lit(value=False).alias("dispatch"),
        )  # fmt: skip

    def keys(self) -> pl.DataFrame:
        """Give the invoice: one file of an archive is its document."""
        return self.rows.select("row", "invoice_id")


class InvoicePdfs(Kind[PdfVerdict]):
    """Files that become invoices' primary attachments, some dozen in a transaction, as the application."""

    most_rows: ClassVar[int] = 50
    traced_as: ClassVar[tuple[str, str]] = ("invoice.attach_archive", "invoice.archive_attached")

    def __init__(self, run: Run, manifest: Manifest, folder: Path, matches: dict[int, Match]) -> None:
        super().__init__(run, manifest)
        self._folder = folder
        self._matches = matches
        self._prefix = row_id_prefix("att", run.row.import_id, run.row.created_at)

    @classmethod
    async def open(cls, run: Run, manifest: Manifest, folder: Path) -> Self:
        """Find the invoices of all files of the archive at once."""
        frames = [await asyncio.to_thread(pl.read_ipc, folder / chunk.file) for chunk in manifest.chunks]
        good = pl.concat(frames).filter(pl.col(PROBLEMS).is_null())
        names: dict[int, str] = dict(good.select(ROW, "c0").iter_rows())
        async with run.db.read(run.seller_id) as tx:
            await queries.plan_for_these_values(tx)
            bare = sorted({_BARE.sub("", form) for name in names.values() for form in _forms(name)})
            found = await tx.fetch(_CANDIDATES, tx.seller_id, bare, sorted({name.lower() for name in names.values()}))
        return cls(run, manifest, folder, matched(names, [dict(row) for row in found]))

    def restart(self) -> None:
        """Nothing depends on earlier chunks: who gets which invoice was settled for the whole archive."""

    def looks_back(self, chunk: Chunk) -> bool:
        """No chunk depends on another."""
        del chunk
        return False

    def in_turn(self, verdict: PdfVerdict) -> bool:
        """Attachments are made by the application."""
        del verdict
        return True

    async def judge(self, frame: pl.DataFrame, no: int) -> PdfVerdict:
        """Note what is wrong with files, and put the others into the store, before any transaction."""
        del no
        notes = Notes(frame.height)
        unreadable(frame, self.manifest, notes)
        rows, kept = [], {}
        for at, (name, row) in enumerate(frame.select("c0", ROW).iter_rows()):
            match = self._matches.get(row, Match())
            if match.problem is not None:
                notes.error(at, match.problem)
            attachment_id = f"{self._prefix}{row:08x}"
            rows.append((row, name, match.number, match.invoice_id, attachment_id, None))
            if at not in notes.errors:
                kept[at] = await self._keep(row, attachment_id)
        schema = dict.fromkeys(("name", "number", "invoice_id", "attachment_id", "known_id"), pl.String)
        return PdfVerdict(pl.DataFrame(rows, schema={"row": pl.Int64, **schema}, orient="row"), notes, kept)

    async def _keep(self, row: int, attachment_id: str) -> Kept:
        path = pdf_of(self._folder, row)
        digest = await asyncio.to_thread(lambda: hashlib.sha256(path.read_bytes()).digest())
        key = f"attachments/{attachment_id}"
        if self.run.options.dry_run:
            return Kept(key, (await asyncio.to_thread(path.stat)).st_size, digest)
        return Kept(key, await self.run.files.put_file(key, path), digest)

    async def complete(self, tx: Transaction, verdict: PdfVerdict) -> None:
        """Attach the files; one that its invoice cannot take fails by itself."""
        # In the order of the invoices' ids, so that two uploads never wait for each other in a circle.
        places = [at for at in verdict.kept if at not in verdict.notes.errors]
        for at in sorted(places, key=lambda at: verdict.rows["invoice_id"][at]):
            try:
                async with tx.connection.transaction():
                    await self._attach(tx, verdict, at)
            except Refusal as refused:
                name = verdict.rows["name"][at]
                verdict.notes.error(at, FieldProblem(name, refused.code, refused.message))

    async def _attach(self, tx: Transaction, verdict: PdfVerdict, at: int) -> None:
        invoice_id, attachment_id, name = verdict.rows.select("invoice_id", "attachment_id", "name").row(at)
        actor = self.run.actor
        row, warnings = await attachments.attach(
            tx, actor, invoice_id, attachment_id, kept=verdict.kept[at],
            named=Named(safe_name(name), "pdf", PDF.content_type), wish=Wish(source=Source.UPLOAD, primary=True),
        )  # fmt: skip
        for problem in warnings:
            verdict.notes.warning(at, problem)
        if row.attachment_id != attachment_id:
            if not row.is_primary:
                await attachments.mark(tx, actor, invoice_id, row.attachment_id, Marks(primary=True))
            if not self.run.options.dry_run:
                await self.run.files.delete(verdict.kept[at].key)

    async def foresee(self, tx: Transaction, verdict: PdfVerdict) -> None:
        """Attach the files: the transaction is rolled back."""
        await self.complete(tx, verdict)

    def tables(self, verdict: PdfVerdict, birth: Birth) -> list[Copied]:
        """Give nothing: all is written by :meth:`complete`."""
        del verdict, birth
        return []


def matched(names: dict[int, str], invoices: Sequence[dict[str, Any]]) -> dict[int, Match]:
    """Find for each file (row → name) its invoice; each invoice gets the first file that fits it."""
    by_file: dict[str, list[dict[str, Any]]] = {}
    by_number: dict[str, list[dict[str, Any]]] = {}
    for one in invoices:
        if one["file_name"] is not None:
            by_file.setdefault(one["file_name"], []).append(one)
        by_number.setdefault(_BARE.sub("", one["number_key"]), []).append(one)
    found: dict[int, Match] = {}
    taken: dict[str, str] = {}
    for row, name in sorted(names.items()):
        fits = _fits(name, by_file, by_number)
        if len(fits) != 1:
            found[row] = Match(problem=_not_one(name, fits))
            continue
        invoice_id, number = fits[0]["invoice_id"], fits[0]["invoice_number"]
        if invoice_id in taken:
            message = f"{taken[invoice_id]} of this archive goes to the same invoice ({number}); that one counts."
            found[row] = Match(problem=FieldProblem(name, DUPLICATE_IN_FILE, message, number))
            continue
        taken[invoice_id] = name
        found[row] = Match(invoice_id, number)
    return found


def _fits(
    name: str, by_file: dict[str, list[dict[str, Any]]], by_number: dict[str, list[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """Give the invoices that fit a name best: those that named the file, then those with exactly that number."""
    named = by_file.get(name.lower(), [])
    if named:
        return named
    for form in _forms(name):
        fits = by_number.get(_BARE.sub("", form), [])
        exact = [one for one in fits if one["number_key"] == form]
        if fits:
            return exact or fits
    return []


def _not_one(name: str, fits: Sequence[dict[str, Any]]) -> FieldProblem:
    if not fits:
        message = "No invoice has this number: name the file as the invoice (INV-26-27-0042.pdf for INV/26-27/0042)."
        return FieldProblem(name, "NO_INVOICE", message)
    numbers = ", ".join(sorted({one["invoice_number"] for one in fits})[:5])
    message = f"Several invoices fit this name ({numbers}): attach the file to one of them by itself."
    return FieldProblem(name, "INVOICE_AMBIGUOUS", message)


def _forms(name: str) -> list[str]:
    """Give a file's name in capitals without its ending, and the same without a word such as Invoice before the number."""
    stem = name.rpartition(".")[0] or name
    return list(dict.fromkeys(text.upper() for text in (stem, _WORD.sub("", stem)) if _BARE.sub("", text.upper())))
