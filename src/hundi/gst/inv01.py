"""A document as form INV-01, schema version 1.1, in JSON (contract b2b §9.2); read back by :mod:`hundi.gst.inv01_reading`.

What is empty is left out and numbers are written without trailing zeros, so that equal documents give equal bytes.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from operator import attrgetter
from typing import Any, Final

import msgspec

from hundi.gst.document import ZERO, Document, Item
from hundi.gst.inv01_fields import (
    ATTRIBUTE,
    BATCH,
    CONTRACT,
    DISPATCH,
    ENCLOSURE,
    EWAY,
    EXPORT,
    ITEM,
    PARTY,
    PAYMENT,
    PERIOD,
    POS,
    PRECEDING,
    SHIPPING,
    TRANSACTION,
    VALUES,
    Field,
    Kind,
)
from hundi.kit.money import shown

SCHEMA_VERSION: Final = "1.1"

_LARGEST_EXPONENT: Final = 40


def to_inv01(document: Document) -> dict[str, Any]:
    """Give a document as the form has it: plain dicts and lists, numbers as Decimal or int.

    Raises ``ValueError`` for an amount that is no finite number; check the document first.
    """
    form: dict[str, Any] = {
        "Version": SCHEMA_VERSION,
        "TranDtls": _write(document.transaction, TRANSACTION),
        "DocDtls": {"Typ": document.kind.value, "No": document.number, "Dt": _written_day(document.day)},
        "SellerDtls": _write(document.supplier, PARTY),
        "BuyerDtls": _write(document.buyer, PARTY) | _write(document, POS),
        "DispDtls": _write(document.dispatch, DISPATCH),
        "ShipDtls": _write(document.shipping, SHIPPING),
        "ItemList": [_written_item(item) for item in document.items],
        "ValDtls": _write(document.values, VALUES),
        "PayDtls": _write(document.payment, PAYMENT),
        "RefDtls": _without_empty(
            {
                "InvRm": document.remarks,
                "DocPerdDtls": _write(document, PERIOD),
                "PrecDocDtls": [_write(earlier, PRECEDING) for earlier in document.preceding],
                "ContrDtls": [_write(contract, CONTRACT) for contract in document.contracts],
            }
        ),
        "AddlDocDtls": [_write(enclosure, ENCLOSURE) for enclosure in document.enclosures],
        "ExpDtls": _write(document.export, EXPORT),
        "EwbDtls": _write(document.eway_bill, EWAY),
    }
    return {name: block for name, block in form.items() if block or name == "ItemList"}


def inv01_json(document: Document) -> bytes:
    """Give a document as the JSON of the form, UTF-8, without blanks; the same bytes for equal documents."""
    return msgspec.json.Encoder(decimal_format="number").encode(to_inv01(document))


def _written_item(item: Item) -> dict[str, Any]:
    return _write(item, ITEM) | _without_empty(
        {
            "BchDtls": _write(item.batch, BATCH),
            "AttribDtls": [_write(attribute, ATTRIBUTE) for attribute in item.attributes],
        }
    )


def _without_empty(block: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in block.items() if value}


def _write(block: msgspec.Struct | None, fields: Sequence[Field]) -> dict[str, Any]:
    if block is None:
        return {}
    noughts = _noughts(type(block))
    form: dict[str, Any] = {}
    for field in fields:
        value = attrgetter(field.attribute)(block)
        empty = value is None or value == "" or (field.attribute in noughts and value == ZERO)
        if field.always or not empty:
            form[field.name] = _written(value, field.kind)
    return form


@lru_cache
def _noughts(kind: type[msgspec.Struct]) -> frozenset[str]:
    """Give the fields of a block that are nought unless something else is said: a nought in them need not be written."""
    return frozenset(field.name for field in msgspec.structs.fields(kind) if field.default is ZERO)


def _written(value: Any, kind: Kind) -> Any:
    match kind:
        case Kind.FLAG:
            return "Y" if value else "N"
        case Kind.AMOUNT:
            return _plain(value)
        case Kind.DAY:
            return _written_day(value)
        case Kind.PIN:
            return int(value) if value.isascii() and value.isdigit() else value
        case _:
            return value


def _plain(value: Decimal) -> Decimal:
    """Give the same number without trailing zeros and without an exponent."""
    if not value.is_finite() or abs(value.adjusted()) > _LARGEST_EXPONENT:
        message = f"{shown(value)} has no place in a form"
        raise ValueError(message)
    return Decimal(f"{value.normalize():f}")


def _written_day(day: date) -> str:
    return f"{day.day:02d}/{day.month:02d}/{day.year:04d}"
