"""Rows that change customers: the kind of file behind bulkUpdate (contract §3.4). An empty cell leaves what is there."""

import asyncio
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import polars as pl

from hundi.customers import queries as customers
from hundi.customers import service
from hundi.customers.errors import CustomerNotFound
from hundi.customers.rows import CustomerRow
from hundi.customers.rules import is_mailable
from hundi.customers.schemas import CustomerPatch, KeyContactPatch
from hundi.db.pool import Transaction
from hundi.imports import customer_queries
from hundi.imports.customer_reading import Row, branches_of, placed, read_rows, shaped, tax_number
from hundi.imports.customer_rows import CustomerVerdict
from hundi.imports.kind import Kind, Run
from hundi.imports.notes import Notes
from hundi.imports.parse_child import Chunk, Manifest
from hundi.imports.tables import Birth, Copied
from hundi.imports.verdict import DUPLICATE_UNCHANGED, Claims
from hundi.kit.errors import FieldProblem, Refusal

_PLAIN: Final = (
    "legalName", "tradeName", "treatment", "address", "state", "pinCode", "shippingAddress", "shippingState",
    "shippingPinCode", "contactNumber", "paymentTermsDays", "tan", "udyamNumber", "udyamClass", "accountNumber", "ifsc",
    "assignedAgent",
)  # fmt: skip
_NUMBERS: Final = frozenset({"gstin", "panOrGstin", "pan"})


class ChangeVerdict(CustomerVerdict):
    """What became of each row of a chunk of changes; ``changes`` are those to apply, by position."""

    def __init__(self, rows: pl.DataFrame, notes: Notes, changes: dict[int, Row]) -> None:
        super().__init__(rows, notes)
        self.changes = changes

    def keys(self) -> pl.DataFrame:
        """Give the customer: one row of a file changes it, however it is named; and the reference it is to have."""
        given = pl.Series("uniqueRefNo", [None] * self.rows.height, dtype=pl.String)
        renamed = [at for at, row in self.changes.items() if "customerId" in row and "uniqueRefNo" in row]
        texts = pl.Series([self.changes[at]["uniqueRefNo"] for at in renamed], dtype=pl.String)
        given = given.scatter(pl.Series(renamed, dtype=pl.UInt32), texts) if renamed else given
        return self.rows.select("row", pl.col("customer_id").alias("customer"), given)


class CustomerChanges(Kind[ChangeVerdict]):
    """Rows that change customers. A chunk is applied as the application, customer by customer, in one transaction."""

    most_rows: ClassVar[int] = 2_000
    traced_as: ClassVar[tuple[str, str]] = ("customer.import_changes", "customer.changes_imported")

    def __init__(self, run: Run, manifest: Manifest) -> None:
        super().__init__(run, manifest)
        self.restart()

    @classmethod
    async def open(cls, run: Run, manifest: Manifest, folder: Path) -> Self:
        """Nothing has to be read for the whole import."""
        del folder
        return cls(run, manifest)

    def restart(self) -> None:
        """Forget which customers earlier chunks changed."""
        self._claims = Claims(None, "KC")

    def looks_back(self, chunk: Chunk) -> bool:
        """Every chunk is judged again: its customers may be named otherwise further down."""
        del chunk
        return True

    def one_by_one(self) -> bool:
        """What one chunk changes the next one has to see."""
        return True

    def in_turn(self, verdict: ChangeVerdict) -> bool:
        """Changes are made by the application."""
        del verdict
        return True

    async def judge(self, frame: pl.DataFrame, no: int) -> ChangeVerdict:
        """Read the rows and find their customers."""
        del no
        rows, notes = await asyncio.to_thread(read_rows, frame, self.manifest)
        async with self.run.db.read(self.run.seller_id) as tx:
            known = await customer_queries.known(
                tx,
                ids=[row["customerId"] for row in rows if "customerId" in row],
                refs=[row["uniqueRefNo"] for row in rows if "customerId" not in row and "uniqueRefNo" in row],
                gstins=[tax for row in rows if (tax := _named_by_number(row))],
            )
        seen = []
        for at, row in enumerate(rows):
            there = _named(row, known, notes, at)
            seen.append((
                row["row"], row.get("legalName") or (there["legal_name"] if there else None),
                there["customer_id"] if there else None, None,
            ))  # fmt: skip
        schema = {"row": pl.Int64, "name": pl.String, "customer_id": pl.String, "known_id": pl.String}
        changes = {at: row for at, row in enumerate(rows) if at not in notes.errors}
        verdict = ChangeVerdict(pl.DataFrame(seen, schema=schema, orient="row"), notes, changes)
        self._claims.settle(verdict)
        return verdict

    async def complete(self, tx: Transaction, verdict: ChangeVerdict) -> None:
        """Apply the changes; a row that createCustomer's rules or a taken reference refuse fails by itself."""
        ids = verdict.ids()
        # In the order of the customers' ids, so that two uploads never wait for each other in a circle.
        places = sorted((at for at in verdict.changes if at not in verdict.notes.errors), key=lambda at: ids[at])
        for at in places:
            row = verdict.changes[at]
            try:
                async with tx.connection.transaction():
                    await self._change(tx, verdict, at, ids[at], row)
            except CustomerNotFound as gone:
                verdict.notes.error(at, FieldProblem(_column(row), gone.code, gone.message))
            except Refusal as refused:
                for problem in placed(refused.problems, row):
                    verdict.notes.error(at, problem)

    async def foresee(self, tx: Transaction, verdict: ChangeVerdict) -> None:
        """Apply the changes: the transaction is rolled back."""
        await self.complete(tx, verdict)

    def tables(self, verdict: ChangeVerdict, birth: Birth) -> list[Copied]:
        """Give nothing: all is written by :meth:`complete`."""
        del verdict, birth
        return []

    async def _change(self, tx: Transaction, verdict: ChangeVerdict, at: int, customer_id: str, row: Row) -> None:
        before = await customers.lock(tx, tx.seller_id, customer_id)
        patch = _patch(row, before, verdict.notes, at)
        if at in verdict.notes.errors:
            return
        after = await service.update(tx, self.run.actor, self.run.keyring, customer_id, patch)
        if after.version == before.version:
            message = "The customer is as the row says already; nothing was changed."
            verdict.notes.warning(at, FieldProblem("row", DUPLICATE_UNCHANGED, message, customer_id))


def _named_by_number(row: Row) -> str | None:
    if "customerId" in row or "uniqueRefNo" in row:
        return None
    return (row.get("gstin") or row.get("panOrGstin") or "").upper() or None


def _column(row: Row) -> str:
    return next((name for name in ("customerId", "uniqueRefNo", "gstin", "panOrGstin") if name in row), "customer")


def _named(row: Row, known: customer_queries.Known, notes: Notes, at: int) -> Any:
    """Find the customer of a row: by id, else by reference, else by GSTIN; note where there is none, or several."""
    column = _column(row)
    if column == "customer":
        message = "Say which customer is meant: customerId, uniqueRefNo or gstin."
        notes.error(at, FieldProblem("customer", "CUSTOMER_MISSING", message))
        return None
    if column == "customerId":
        found = [known.by_id[row[column]]] if row[column] in known.by_id else []
    elif column == "uniqueRefNo":
        found = [known.by_ref[row[column]]] if row[column] in known.by_ref else []
    else:
        found = known.by_gstin.get(_named_by_number(row) or "", [])
    found = [one for one in found if one["deleted_at"] is None]
    if not found:
        message = "There is no such customer in this company."
        notes.error(at, FieldProblem(column, CustomerNotFound.code, message, row[column][:40]))
        return None
    if len(found) > 1:
        message = "Several customers fit: name this one by customerId or uniqueRefNo."
        notes.error(at, FieldProblem(column, "CUSTOMER_AMBIGUOUS", message, row[column][:40]))
        return None
    return found[0]


def _patch(row: Row, before: CustomerRow, notes: Notes, at: int) -> CustomerPatch:
    """Make the body updateCustomer would have been sent: the filled cells, less the one that names the customer."""
    given: Row = {name: row[name] for name in _PLAIN if name in row}
    shaped(given)
    if "customerId" in row and "uniqueRefNo" in row:
        given["uniqueRefNo"] = row["uniqueRefNo"]
    if row.keys() & _NUMBERS and not _is_its_pan(row, before, notes, at):
        given["panOrGstin"] = tax_number(row, notes, at)
    codes = branches_of(row, notes, at)
    if codes is not None:
        given["branchCodes"] = codes
    contact = _contact(row, before)
    if contact is not None:
        given["customerKeyContacts"] = [contact]
    return CustomerPatch(**given)


def _is_its_pan(row: Row, before: CustomerRow, notes: Notes, at: int) -> bool:
    """Tell whether a row gives only the PAN of a customer with a GSTIN, which stays; another PAN than its own is noted."""
    if before.gstin is None or "gstin" in row or "panOrGstin" in row:
        return False
    tax_number({**row, "gstin": before.gstin}, notes, at)
    return True


def _contact(row: Row, before: CustomerRow) -> KeyContactPatch | None:
    """Change the primary contact: the first that mail goes to, else the first; without any, add one."""
    cells = {"contactName": "name", "contactEmail": "email", "contactMobile": "mobile"}
    said = {field: row[column] for column, field in cells.items() if column in row}
    if not said:
        return None
    mailable = [one for one in before.contacts if is_mailable(one.email, one.mail_enabled)]
    primary = next(iter(mailable or before.contacts), None)
    if primary is not None:
        return KeyContactPatch(keyContactPersonId=primary.contact_id, **said)
    name = row.get("legalName", before.legal_name)
    return KeyContactPatch(**{"legalName": name, "name": name, "mobile": "", **said})
