"""Customers that are born from rows of a file, as PostgreSQL's COPY reads them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
import polars as pl

from hundi.customers.birth import COLUMNS
from hundi.customers.rows import ContactRow
from hundi.imports.tables import Birth, Copied

_TYPES: Final[Mapping[str, Any]] = {
    "external_source": pl.Boolean, "has_key_contacts": pl.Boolean, "terms_days": pl.Int64, "row_no": pl.Int64,
}  # fmt: skip
_CONTACT: Final[Mapping[str, Any]] = {
    "customer_id": pl.String, "contact_id": pl.String, "position": pl.Int64, "legal_name": pl.String, "name": pl.String,
    "email": pl.String, "mobile": pl.String, "mail_enabled": pl.Boolean, "sms_enabled": pl.Boolean,
    "whatsapp_enabled": pl.Boolean,
}  # fmt: skip


class Newborn(msgspec.Struct, frozen=True):
    """A customer to write: its id, its columns (``customers.birth``), its contacts, and the row it comes from."""

    customer_id: str
    values: Mapping[str, Any]
    contacts: Sequence[ContactRow]
    row_no: int
    content_hash: bytes | None = None


def tables(newborn: Sequence[Newborn], birth: Birth, *, lead: bool) -> list[Copied]:
    """Write customers and their contacts; ``lead`` says that they are the file's own rows, one for one."""
    names = ("customer_id", *COLUMNS, "row_no", "content_hash")
    rows = [
        (one.customer_id, *(_written(one.values[name]) for name in COLUMNS), one.row_no, _written(one.content_hash))
        for one in newborn
    ]
    frame = pl.DataFrame(rows, schema={name: _TYPES.get(name, pl.String) for name in names}, orient="row")
    at = birth.at.isoformat()
    named = {name: pl.col(name) for name in names} | {
        "seller_id": pl.lit(birth.seller_id), "import_id": pl.lit(birth.import_id), "created_at": pl.lit(at),
        "created_by": pl.lit(birth.actor.subject), "modified_at": pl.lit(at), "modified_by": pl.lit(birth.actor.subject),
    }  # fmt: skip
    contacts = [
        (one.customer_id, *(getattr(contact, name) for name in list(_CONTACT)[1:]))
        for one in newborn
        for contact in one.contacts
    ]
    beside = pl.DataFrame(contacts, schema=dict(_CONTACT), orient="row")
    named_beside = {name: pl.col(name) for name in _CONTACT} | {"seller_id": pl.lit(birth.seller_id)}
    return [
        Copied("customers", frame, named, lead="customer_id" if lead else ""),
        Copied("customer_contacts", beside, named_beside),
    ]


def _written(value: Any) -> Any:
    """Write bytes and lists as PostgreSQL reads them."""
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, list):
        quoted = (str(one).replace("\\", "\\\\").replace('"', '\\"') for one in value)
        return "{" + ",".join(f'"{one}"' for one in quoted) + "}"
    return value
