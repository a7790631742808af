"""What the database knows about the rows of a chunk, read at one moment: customers, numbers and ids already used."""

from typing import Final

import msgspec
import polars as pl

from hundi.db.pool import Transaction
from hundi.imports import lookups, queries
from hundi.imports.lookups import CUSTOMER_KEYS, CUSTOMER_SCHEMA, EXISTING_SCHEMA
from hundi.imports.queries import Registration
from hundi.imports.reading import KEY, WHO, Draft
from hundi.invoices.policies import Policy

NOT_ASCII: Final = r"[^\x00-\x7f]"


class Rules(msgspec.Struct, frozen=True):
    """What holds for a whole import: the seller's settings, its registrations, and the ids of the file's rows."""

    registrations: list[Registration]
    amount_mismatch: str
    invoice_prefix: str
    entry_prefix: str
    uploaded_before: bool
    policies: tuple[Policy, ...] = ()


class Facts(msgspec.Struct, frozen=True):
    """What was found for one chunk. ``customers`` has a column ``who`` beside ``CUSTOMER_SCHEMA``; ``keys`` the rows'
    ``who``, ``key`` and ``number_key`` in the chunk's order; the three others are invoices by what they were found by.
    """

    keys: pl.DataFrame
    customers: pl.DataFrame
    by_number: pl.DataFrame
    by_external_id: pl.DataFrame
    by_id: pl.DataFrame


async def gather(tx: Transaction, draft: Draft, rules: Rules, ids: pl.Series) -> Facts:
    """Look everything up that the rows of a chunk speak of; only the keys in the chunk are asked for."""
    await queries.plan_for_these_values(tx)
    keys = await _keys(tx, draft)
    found = []
    for column in CUSTOMER_KEYS:
        asked = keys.filter(pl.col(WHO) == column)
        if not asked.height:
            continue
        if column == "customerName":
            frames = await _by_name(tx, asked)
        else:
            frames = [await lookups.customers(tx, column, asked[KEY].unique().to_list())]
        found += [frame.with_columns(pl.lit(column).alias(WHO)) for frame in frames]
    schema = {**CUSTOMER_SCHEMA, WHO: pl.String}
    customers = pl.concat(found) if found else pl.DataFrame(schema=schema)
    external = draft.values["externalId"].drop_nulls()
    empty = pl.DataFrame(schema=EXISTING_SCHEMA)
    return Facts(
        keys=keys,
        customers=customers,
        by_number=await _by_number(tx, draft, keys),
        by_external_id=await lookups.existing_by_external_id(tx, external.unique().to_list())
        if len(external)
        else empty,
        by_id=await lookups.existing_by_id(tx, ids.to_list()) if rules.uploaded_before else empty,
    )


async def _by_name(tx: Transaction, asked: pl.DataFrame) -> list[pl.DataFrame]:
    """Find customers by name and PIN code, or by the name alone where a key ends with its mark."""
    found = []
    for alone in (False, True):
        part = asked.filter(pl.col(KEY).str.ends_with("|") == alone)
        if part.height:
            frame = await lookups.customers(tx, "customerName", part["name"].unique().to_list(), alone=alone)
            found.append(frame.filter(pl.col(KEY).is_in(part[KEY].implode())))
    return found


async def _keys(tx: Transaction, draft: Draft) -> pl.DataFrame:
    values = draft.values
    names = values["customerName"].str.to_uppercase().alias("name")
    numbers = values["number_key"]
    names = await _upper(tx, values["customerName"], names)
    numbers = await _upper(tx, values["invoiceNumber"], numbers)
    frame = values.select(WHO, "customerId", "customerRef", "customerGstin", "customerPin").with_columns(names, numbers)
    key = (
        pl.when(pl.col(WHO) == "customerName")
        .then(pl.col("name") + "|" + pl.col("customerPin").fill_null(""))
        .otherwise(pl.coalesce("customerId", "customerRef", "customerGstin"))
    )
    return frame.select(WHO, key.alias(KEY), "name", "number_key")


async def _upper(tx: Transaction, texts: pl.Series, capitals: pl.Series) -> pl.Series:
    """Let the database put letters beyond ASCII into capitals: `number_key = upper(invoice_number)` is its own check."""
    beyond = texts.str.contains(NOT_ASCII).fill_null(value=False)
    if not beyond.any():
        return capitals
    found = await lookups.upper(tx, texts.filter(beyond).unique().to_list())
    return capitals.scatter(
        beyond.arg_true(), pl.Series([found[text] for text in texts.filter(beyond)], dtype=pl.String)
    )


async def _by_number(tx: Transaction, draft: Draft, keys: pl.DataFrame) -> pl.DataFrame:
    frame = draft.values.select("registration_id", "fy").with_columns(keys["number_key"]).drop_nulls()
    found = []
    for (registration, year), group in frame.group_by("registration_id", "fy", maintain_order=True):
        numbers = group["number_key"].unique().to_list()
        found.append(await lookups.existing_by_number(tx, str(registration), int(year), numbers))
    return pl.concat(found) if found else pl.DataFrame(schema=EXISTING_SCHEMA)
