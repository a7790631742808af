"""Rows of new customers: the kind of file behind createBulkCustomer (contract §3.4, domain §10)."""

import asyncio
import hashlib
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import msgspec
import polars as pl

from hundi.customers import accounts, birth, service
from hundi.customers.schemas import CustomerCreate
from hundi.db.pool import Transaction
from hundi.imports import customer_queries, newborn, queries
from hundi.imports.customer_queries import Known
from hundi.imports.customer_reading import Row, body_of, placed, read_rows
from hundi.imports.kind import Kind, Run
from hundi.imports.newborn import Newborn
from hundi.imports.notes import Notes
from hundi.imports.parse_child import REPEATED, Chunk, Manifest
from hundi.imports.tables import Birth, Copied
from hundi.imports.verdict import DUPLICATE_CONFLICT, DUPLICATE_UNCHANGED, Claims, Verdict
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.ids import customer_row_ids, row_id_prefix

CUSTOMER_DELETED: Final = "CUSTOMER_DELETED"
_CORE: Final = (
    "legal_name", "trade_name", "gstin", "pan", "treatment", "address", "state_code", "pin_code", "shipping_address",
    "shipping_state", "shipping_pin_code", "contact_number", "terms_days", "tan", "udyam_number", "udyam_class", "ifsc",
    "account_hash", "assigned_agent",
)  # fmt: skip
"""What a customer that was made by a call has to have in common with a row, to count as the same."""


class CustomerVerdict(Verdict):
    """What became of each row of a chunk of customers."""

    shown_as = ("legalName", "customerId")

    def __init__(self, rows: pl.DataFrame, notes: Notes, born: dict[int, Newborn] | None = None) -> None:
        super().__init__(rows, notes)
        self.born = born or {}

    def let_go(self) -> None:
        """Keep which of them are written."""
        self.born = {}

    def ids(self) -> pl.Series:
        """Give the ids of the rows as they are written."""
        return self.rows["customer_id"]

    def outcome(self) -> pl.DataFrame:
        """Give what the result files need of each row."""
        return self.rows.select(
            "row",
            pl.col("name").alias("number"),
            pl.coalesce("known_id", "customer_id").alias("id"),
            pl.lit(0).alias("amount"),
            pl.lit(value=False).alias("dispatch"),
        )

    def keys(self) -> pl.DataFrame:
        """Give the customer's reference, and the GSTIN of rows without one."""
        gstin = pl.when(pl.col("uniqueRefNo").is_null()).then(pl.col("gstin"))
        return self.rows.select("row", "uniqueRefNo", gstin)


class CustomerRows(Kind[CustomerVerdict]):
    """Rows that become customers."""

    keys: ClassVar[frozenset[str]] = frozenset({"customers_pk", "customers_ref_once"})
    most_rows: ClassVar[int] = 20_000
    parent: ClassVar[str] = "customers"
    traced_as: ClassVar[tuple[str, str]] = ("customer.import", "customer.imported")

    def __init__(
        self, run: Run, manifest: Manifest, repeated: pl.Series, first: tuple[str, Any], *, before: bool
    ) -> None:
        super().__init__(run, manifest)
        self._repeated = repeated
        self._id_of = customer_row_ids(*first)
        self._contact_prefix = row_id_prefix("kcp", *first)
        self._before = before
        self.restart()

    @classmethod
    async def open(cls, run: Run, manifest: Manifest, folder: Path) -> Self:
        """Read what holds for the whole import."""
        async with run.db.read(run.seller_id) as tx:
            import_id, created_at, before = await queries.first_upload(tx, run.row)
        repeated = pl.read_ipc(folder / REPEATED)["row"]
        return cls(run, manifest, repeated, (import_id, created_at), before=before)

    def restart(self) -> None:
        """Forget what earlier chunks claimed."""
        self._claims = Claims(self._repeated, "KC")

    def looks_back(self, chunk: Chunk) -> bool:
        """Tell whether a key of the chunk stands in the file more than once."""
        return self._repeated.is_between(chunk.first_row, chunk.last_row).any()

    def collided(self) -> None:
        """Look for rows by their ids from here on: the same file may have come again after this import began."""
        self._before = True

    async def judge(self, frame: pl.DataFrame, no: int) -> CustomerVerdict:
        """Judge a chunk of customers."""
        del no
        verdict = await asyncio.to_thread(self._read, frame)
        async with self.run.db.read(self.run.seller_id) as tx:
            known = await customer_queries.known(
                tx,
                refs=verdict.rows["uniqueRefNo"].drop_nulls().to_list(),
                gstins=verdict.keys()["gstin"].drop_nulls().to_list(),
                ids=verdict.ids().to_list() if self._before else [],
            )
        self._compare(verdict, known)
        self._claims.settle(verdict)
        return verdict

    async def complete(self, tx: Transaction, verdict: CustomerVerdict) -> None:
        """Nothing is left to the writing transaction."""

    async def foresee(self, tx: Transaction, verdict: CustomerVerdict) -> None:
        """Nothing is left to the writing transaction."""

    def tables(self, verdict: CustomerVerdict, birth: Birth) -> list[Copied]:
        """Give the customers and their contacts."""
        fresh = [verdict.born[at] for at in verdict.fresh().arg_true()]
        return newborn.tables(fresh, birth, lead=True)

    def _read(self, frame: pl.DataFrame) -> CustomerVerdict:
        """Read the rows and check each as createCustomer does."""
        rows, notes = read_rows(frame, self.manifest)
        born: dict[int, Newborn] = {}
        seen = []
        for at, row in enumerate(rows):
            body = body_of(row, notes, at)
            one = self._born(row, body, notes, at)
            if one is not None:
                born[at] = one
            gstin = one.values["gstin"] if one is not None else None
            seen.append(
                (row["row"], row.get("legalName"), row.get("uniqueRefNo"), gstin, self._id_of(row["row"]), None)
            )
        schema = dict.fromkeys(("name", "uniqueRefNo", "gstin", "customer_id", "known_id"), pl.String)
        values = pl.DataFrame(seen, schema={"row": pl.Int64, **schema}, orient="row")
        return CustomerVerdict(values, notes, born)

    def _born(self, row: Row, body: CustomerCreate, notes: Notes, at: int) -> Newborn | None:
        try:
            identity = service.check(body)
        except Invalid as refused:
            for problem in placed(refused.problems, row):
                notes.error(at, problem)
            return None
        customer_id = self._id_of(row["row"])
        seller_id, keyring = self.run.seller_id, self.run.keyring
        contacts = birth.contacts_of(body, lambda: f"{self._contact_prefix}{row['row']:08x}").added
        values = birth.columns_of(keyring, seller_id, customer_id, body, identity)
        said = {field: value for field, value in msgspec.structs.asdict(body).items() if value not in (None, [])}
        if body.accountNumber:
            # Never the number itself: a hash without a key could be found out by trying.
            said["accountNumber"] = accounts.lookup_hash(keyring, seller_id, body.accountNumber).hex()
        content = hashlib.blake2b(msgspec.json.encode(said, order="deterministic"), digest_size=16).digest()
        return Newborn(customer_id, values, contacts, row["row"], content)

    def _compare(self, verdict: CustomerVerdict, known: Known) -> None:
        """Hold every row against the customers there are (domain §10, repeats)."""
        found: dict[int, str] = {}
        for at, one in verdict.born.items():
            if at in verdict.notes.errors:
                continue
            there = known.of(one.customer_id, one.values["unique_ref_no"], one.values["gstin"])
            same = next((row for row in there if _same(one, row)), None)
            if same is not None:
                found[at] = same["customer_id"]
                message = "This row was imported before; nothing was changed."
                verdict.notes.warning(at, FieldProblem("row", DUPLICATE_UNCHANGED, message, same["customer_id"]))
            elif there:
                verdict.notes.error(at, _conflict(one, there[0]))
        if found:
            places = pl.Series(sorted(found), dtype=pl.UInt32)
            ids = pl.Series([found[at] for at in sorted(found)], dtype=pl.String)
            verdict.rows = verdict.rows.with_columns(verdict.rows["known_id"].scatter(places, ids))


def _same(one: Newborn, there: Any) -> bool:
    """Tell whether a customer is what a row says: by hash where it was imported, else by its core values."""
    if there["deleted_at"] is not None:
        return False
    if there["content_hash"] is not None:
        return bool(there["content_hash"] == one.content_hash)
    return all(there[name] == one.values[name] for name in _CORE)


def _conflict(one: Newborn, there: Any) -> FieldProblem:
    if there["deleted_at"] is not None:
        message = "The customer made from this row was deleted: change the row, or create the customer by a call."
        return FieldProblem("row", CUSTOMER_DELETED, message, there["customer_id"])
    field = "uniqueRefNo" if one.values["unique_ref_no"] else "gstin"
    way = (
        "upload a file of changes"
        if field == "uniqueRefNo"
        else "upload a file of changes, or give this one a reference"
    )
    message = f"Customer {there['legal_name']} has the same {field} and other particulars: {way}."
    return FieldProblem(field, DUPLICATE_CONFLICT, message, there["customer_id"])
