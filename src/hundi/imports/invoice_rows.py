"""Rows of invoices: the kind of file behind invoiceBulkUpload (contract §4.2, domain §10)."""

import asyncio
from pathlib import Path
from typing import ClassVar, Self

import msgspec
import polars as pl

from hundi.db.pool import Transaction
from hundi.imports import facts, lookups, newborn, numbering, queries, tables
from hundi.imports.columns import Format
from hundi.imports.facts import Rules
from hundi.imports.followers import Led
from hundi.imports.invoice_verdict import InvoiceVerdict, judge, row_ids
from hundi.imports.item_split import ItemSplit
from hundi.imports.kind import Kind, Run
from hundi.imports.lines import ItemRows
from hundi.imports.load import KeyTaken
from hundi.imports.newcomers import Newcomer, Newcomers
from hundi.imports.parse_child import REPEATED, Chunk, Manifest
from hundi.imports.reading import read_chunk
from hundi.imports.tables import Birth, Copied
from hundi.imports.verdict import DUPLICATE_IN_FILE, Claims
from hundi.invoices import policies
from hundi.invoices.rules import CreatedVia
from hundi.kit.dates import ist_date
from hundi.kit.errors import FieldProblem
from hundi.kit.ids import row_id_prefix
from hundi.kit.money import shown


class InvoiceRows(Kind[InvoiceVerdict]):
    """Rows that become invoices."""

    keys: ClassVar[frozenset[str]] = frozenset(
        {"invoices_pk", "invoices_number_once", "invoices_external_once", "customers_pk", "customers_ref_once"}
    )
    traced_as: ClassVar[tuple[str, str]] = ("invoice.import", "invoice.imported")

    def __init__(
        self, run: Run, manifest: Manifest, rules: Rules, repeated: pl.Series, split: ItemSplit | None
    ) -> None:
        super().__init__(run, manifest)
        self._rules = rules
        self._split = split
        self._repeated = repeated
        self._via = CreatedVia.TALLY if manifest.format is Format.TALLY else CreatedVia.BULK_UPLOAD
        self.restart()

    @classmethod
    async def open(cls, run: Run, manifest: Manifest, folder: Path) -> Self:
        """Read what holds for the whole import."""
        async with run.db.read(run.seller_id) as tx:
            first_id, first_at, before = await queries.first_upload(tx, run.row)
            prefix = row_id_prefix("inv", first_id, first_at)
            entry_prefix = row_id_prefix("ent", run.row.import_id, run.row.created_at)
            rules = Rules(
                await queries.registrations(tx), await queries.amount_mismatch(tx), prefix, entry_prefix, before,
                tuple(await policies.active(tx)),
            )  # fmt: skip
        split = None
        if manifest.items is not None or manifest.item_columns:
            split = ItemSplit(manifest, folder)
            await asyncio.to_thread(split.sort)
        return cls(run, manifest, rules, pl.read_ipc(folder / REPEATED)["row"], split)

    def restart(self) -> None:
        """Forget what earlier chunks claimed."""
        self._claims = Claims(self._repeated, self._rules.invoice_prefix)
        self._preview = numbering.Preview()
        self._led = Led()
        first = (self.run.row.import_id, self.run.row.created_at)
        self._newcomers = Newcomers(self.run.keyring, self.run.seller_id, first)

    def looks_back(self, chunk: Chunk) -> bool:
        """Tell whether a key of the chunk stands in the file more than once."""
        return self._repeated.is_between(chunk.first_row, chunk.last_row).any()

    def collided(self) -> None:
        """Look for rows by their ids from here on: the same file may have come again after this import began."""
        self._rules = msgspec.structs.replace(self._rules, uploaded_before=True)

    def one_by_one(self) -> bool:
        """Rows that follow their invoice's first row share its outcome, and customers that are made are used further down."""
        return self.run.options.create_customers or (self._split is not None and self._split.inline)

    async def judge(self, frame: pl.DataFrame, no: int) -> InvoiceVerdict:
        """Judge a chunk of invoices; rows that only bring further items of one share its outcome."""
        run, rules = self.run, self._rules
        today = ist_date(run.db.clock.now())
        items = await asyncio.to_thread(self._items, no)
        followers = None
        if self._split is not None and self._split.inline:
            frame, followers = self._split.apart(frame)
        manifest = self.manifest
        if items is not None:
            frame, manifest = await asyncio.to_thread(items.lend_heads, frame, manifest)
        draft = await asyncio.to_thread(read_chunk, frame, manifest, rules.registrations, today)
        ids = row_ids(rules.invoice_prefix, frame["row"].to_list())
        async with run.db.read(run.seller_id) as tx:
            known = await facts.gather(tx, draft, rules, ids)
        known = self._preview.added_to(known)
        newcomers: dict[str, Newcomer] = {}
        if run.options.create_customers:
            known, newcomers = await asyncio.to_thread(self._newcomers.propose, draft, known)
        verdict = await asyncio.to_thread(judge, draft, known, rules, today, ids, items)
        verdict.dispatch_all = run.options.dispatch
        verdict.newcomers = newcomers
        self._refuse_bare(verdict)
        self._claims.settle(verdict)
        if followers is not None:
            verdict = self._led.joined(verdict, followers)
        return verdict

    def _refuse_bare(self, verdict: InvoiceVerdict) -> None:
        """Let no later row of a number be imported without the items, which belong to the first one."""
        later = self._split.later_rows(verdict.rows["row"]) if self._split is not None else {}
        if not later:
            return
        for at, row in enumerate(verdict.rows["row"]):
            if row in later and at not in verdict.notes.errors:
                number = verdict.rows["invoiceNumber"][at]
                message = f"Row {later[row]} of this file has the same invoiceNumber, and its items; correct that one."
                verdict.notes.error(at, FieldProblem("invoiceNumber", DUPLICATE_IN_FILE, message, shown(number)))

    def _items(self, no: int) -> ItemRows | None:
        frame = self._split.of(no) if self._split is not None else None
        return None if frame is None else ItemRows(frame, self.manifest)

    def in_turn(self, verdict: InvoiceVerdict) -> bool:
        """Numbers are taken in file order, so a chunk that needs some waits for the earlier ones."""
        return bool((verdict.fresh() & verdict.rows["invoiceNumber"].is_null()).any())

    async def hold(self, tx: Transaction, verdict: InvoiceVerdict) -> None:
        """Keep the customers of the rows from being deleted or deactivated; they were active when the rows were judged."""
        wanted = verdict.rows["customer_id"].filter(verdict.fresh()).unique()
        if verdict.newcomers:
            wanted = wanted.filter(~wanted.is_in(list(verdict.newcomers)))
        if await lookups.hold_customers(tx, wanted.to_list()) != len(wanted):
            raise KeyTaken

    async def complete(self, tx: Transaction, verdict: InvoiceVerdict) -> None:
        """Take the numbers of rows that have none."""
        await numbering.number(tx, verdict, self._rules, numbering.Series())
        verdict.follow()

    async def foresee(self, tx: Transaction, verdict: InvoiceVerdict) -> None:
        """Say which numbers the rows would get, and remember them for the chunks that follow."""
        await numbering.number(tx, verdict, self._rules, self._preview)
        verdict.follow()
        self._preview.remember(verdict)
        self.written(verdict)

    def written(self, verdict: InvoiceVerdict) -> None:
        """Remember the customers that were made with the rows, for chunks that cannot see them yet."""
        self._newcomers.keep(verdict.newcomers, verdict.rows["customer_id"].filter(verdict.fresh()).unique().to_list())

    def tables(self, verdict: InvoiceVerdict, birth: Birth) -> list[Copied]:
        """Give the invoices and the entries of the money that came with them."""
        mask = verdict.fresh()
        fresh = verdict.rows.filter(mask)
        found = [
            *self._born(verdict, fresh, birth),
            tables.invoices(fresh, birth, self._rules.policies, self._via),
            tables.entries(fresh, birth, self._rules.entry_prefix),
        ]
        if verdict.items is not None:
            written = verdict.items.of_rows(fresh["row"])
            found.append(tables.items(written, birth, self._rules.invoice_prefix))
        return found

    def _born(self, verdict: InvoiceVerdict, fresh: pl.DataFrame, birth: Birth) -> list[Copied]:
        """Give the customers that the written rows need and nobody has."""
        used = set(fresh["customer_id"]) if verdict.newcomers else set()
        born = [
            one.born
            for customer_id, one in verdict.newcomers.items()
            if customer_id in used and not self._newcomers.is_kept(one)
        ]
        if not born:
            return []
        said = {"fileHash": self.run.row.file_hash.hex(), "customers": len(born)}
        traces = tables.traces(birth, ("customer.import", "customer.imported"), said)
        return [*newborn.tables(born, birth, lead=False), *traces]
