"""Customers that an invoice names and nobody knows, made from the row that names them (`createCustomers=true`)."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import polars as pl

from hundi.customers import birth, service
from hundi.customers.schemas import CustomerCreate, CustomerKeyContactCreateDTO
from hundi.gst.supply import place_of_supply
from hundi.imports.facts import Facts
from hundi.imports.lookups import CUSTOMER_SCHEMA
from hundi.imports.newborn import Newborn
from hundi.imports.reading import KEY, WHO, Draft
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.ids import customer_row_ids, row_id_prefix
from hundi.kit.keys import Keyring

_COLUMN_OF: Final = {
    "legalName": "customerName", "panOrGstin": "customerGstin", "pinCode": "customerPin", "state": "customerState",
    "customerKeyContacts[0].email": "emailAddress", "customerKeyContacts[0].mobile": "mobileNumber",
    "customerKeyContacts[0].name": "customerName", "customerKeyContacts[0].legalName": "customerName",
}  # fmt: skip


class Newcomer(msgspec.Struct, frozen=True):
    """A customer to be made, and the names rows may call it by."""

    born: Newborn
    names: tuple[tuple[str, str], ...]
    facts: tuple[Any, ...]


class Newcomers:
    """The customers one import makes: one for each key, from the first row that names it with all that is needed."""

    def __init__(self, keyring: Keyring, seller_id: str, first: tuple[str, Any]) -> None:
        self._keyring = keyring
        self._seller_id = seller_id
        self._id_of = customer_row_ids(*first)
        self._contact_prefix = row_id_prefix("kcp", *first)
        self._kept: dict[tuple[str, str], Newcomer] = {}

    def propose(self, draft: Draft, facts: Facts) -> tuple[Facts, dict[str, Newcomer]]:
        """Add a customer for every key that nobody knows; gives them by id. What stands in the way is noted at the row."""
        known = {(row[0], row[1]) for row in facts.customers.select(WHO, KEY).iter_rows()}
        made: dict[tuple[str, str], Newcomer] = {}
        states = draft.cells.text("customerState")
        columns = ("row", "customerRef", "customerGstin", "customerName", "customerPin", "emailAddress", "mobileNumber")
        table = draft.values.select(columns).with_columns(facts.keys[WHO], facts.keys[KEY], states.alias("state"))
        wanted = table.with_row_index("at").filter(
            pl.col(WHO).is_not_null() & (pl.col(WHO) != "customerId") & pl.col(KEY).is_not_null()
        )
        used: dict[tuple[str, str], Newcomer] = {}
        for row in wanted.iter_rows(named=True):
            name = (row[WHO], row[KEY])
            if name in known or name in used:
                continue
            found = made.get(name) or self._kept.get(name) or self._new(draft, row)
            if found is not None:
                made.update(dict.fromkeys(found.names, found))
                used[name] = found
        if not used:
            return facts, {}
        added = pl.DataFrame(
            [(key, *one.facts, who) for (who, key), one in used.items()],
            schema={**CUSTOMER_SCHEMA, WHO: pl.String}, orient="row",
        )  # fmt: skip
        whole = pl.concat([facts.customers.select(added.columns), added])
        return msgspec.structs.replace(facts, customers=whole), {one.born.customer_id: one for one in used.values()}

    def keep(self, newcomers: Mapping[str, Newcomer], used: Sequence[str]) -> None:
        """Remember those that would have been written, for the chunks that follow: nothing is written in a dry run."""
        for customer_id in used:
            if customer_id in newcomers:
                self._kept |= dict.fromkeys(newcomers[customer_id].names, newcomers[customer_id])

    def is_kept(self, one: Newcomer) -> bool:
        """Tell whether an earlier chunk has it."""
        return any(self._kept.get(name) is one for name in one.names)

    def _new(self, draft: Draft, row: Mapping[str, Any]) -> Newcomer | None:
        """Make a customer from a row by the rules of createCustomer, or note why it cannot be made."""
        at = row["at"]
        draft.refused.add(at)
        if row["customerName"] is None:
            message = "The customer is unknown: give customerName, so that it can be created."
            draft.notes.error(at, FieldProblem("customerName", "CUSTOMER_NAME_MISSING", message))
            return None
        name = row["customerName"]
        contact = CustomerKeyContactCreateDTO(
            deleted=False, legalName=name, name=name, mobile=row["mobileNumber"] or "", email=row["emailAddress"]
        )
        data = CustomerCreate(
            legalName=name, uniqueRefNo=row["customerRef"], panOrGstin=row["customerGstin"], pinCode=row["customerPin"],
            state=row["state"], customerKeyContacts=[contact] if contact.email or contact.mobile else [],
        )  # fmt: skip
        try:
            identity = service.check(data)
        except Invalid as refused:
            for one in refused.problems:
                draft.notes.error(at, msgspec.structs.replace(one, field=_COLUMN_OF.get(one.field, one.field)))
            return None
        draft.refused.discard(at)
        customer_id = self._id_of(row["row"])
        values = birth.columns_of(self._keyring, self._seller_id, customer_id, data, identity)
        contacts = birth.contacts_of(data, lambda: f"{self._contact_prefix}{row['row']:08x}").added
        state = place_of_supply(None, None, identity.gstin, identity.state_code).state
        facts = (customer_id, state.code if state else None, identity.treatment, None, "ACTIVE", 1)
        return Newcomer(Newborn(customer_id, values, contacts, row["row"]), _names(row), facts)


def _names(row: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """Give what other rows may call a customer by."""
    found = [(column, row[column]) for column in ("customerRef", "customerGstin") if row[column] is not None]
    if row["customerName"] is not None:
        capitals = row["customerName"].upper()
        found += [("customerName", f"{capitals}|{row['customerPin'] or ''}"), ("customerName", f"{capitals}|")]
    return tuple(dict.fromkeys([(row[WHO], row[KEY]), *found]))
