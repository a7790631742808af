"""Form INV-01 in JSON, read into a document (contract b2b §9.2).

Reading takes JSON of any shape and says everything that is not of the form's types, each at its path
(``ItemList[3].GstRt``); what the values mean is for :func:`hundi.gst.einvoice.check`. Also the data inside a portal's
signed invoice is read so, with the acknowledgement beside it.
"""

import json
import re
from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeVar

import msgspec

from hundi.gst.document import (
    ZERO,
    Address,
    Attribute,
    Batch,
    Contract,
    Document,
    DocumentKind,
    Enclosure,
    EwayBill,
    Export,
    Item,
    Party,
    Payment,
    Preceding,
    Transaction,
    Values,
)
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
from hundi.kit.dates import IST
from hundi.kit.errors import FieldProblem
from hundi.kit.money import shown

LARGEST_FORM: Final = 2 * 1024 * 1024
"""Bytes of the largest form a portal takes."""

_DAY: Final = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})")
_STAMP: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2}) ([0-9]{2}):([0-9]{2}):([0-9]{2})")
_LISTED_PROBLEMS: Final = 200
_MOST_ITEMS_READ: Final = 1001  # one more than is allowed, so that the rules see that there are too many
_LARGEST_EXPONENT: Final = 40

Block = TypeVar("Block", bound=msgspec.Struct)


class FormReading(msgspec.Struct, frozen=True):
    """What came of reading a form: the document, or None where it is no form, and what was of the wrong type.

    With problems the document holds empty values in their places: show them, do not keep it. ``ack_number`` and
    ``acknowledged_at`` stand in forms that a portal has signed.
    """

    document: Document | None
    problems: tuple[FieldProblem, ...] = ()
    ack_number: str = ""
    acknowledged_at: datetime | None = None


class _NotAForm(Exception):
    """The JSON is not a form at all."""


def read_inv01(text: bytes | str) -> FormReading:
    """Read a form from JSON; never raises. Numbers are read exactly, unknown fields are left out."""
    try:
        form = _decoded(text)
    except _NotAForm as refusal:
        return FormReading(None, (FieldProblem("", "FORM_NOT_READABLE", str(refusal)),))
    return _Reader().form(form)


def _decoded(text: bytes | str) -> dict[str, Any]:
    if len(text) > LARGEST_FORM:
        message = "The form is larger than 2 MB: split the invoice."
        raise _NotAForm(message)
    try:
        form = json.loads(
            text, parse_float=exact, parse_int=exact, parse_constant=_refuse_constant, object_pairs_hook=_once
        )
    except RecursionError as error:
        message = "The JSON is nested too deeply."
        raise _NotAForm(message) from error
    except ValueError as error:
        message = "Send the form as JSON, UTF-8."
        raise _NotAForm(message) from error
    if not isinstance(form, dict):
        message = "The form is a JSON object."
        raise _NotAForm(message)
    return form


def exact(text: str) -> Decimal:
    """Read a JSON number as it is written; ``ValueError`` for one whose exponent no Decimal can hold."""
    try:
        return Decimal(text)
    except InvalidOperation as error:
        message = "the exponent is too long"
        raise ValueError(message) from error


def _refuse_constant(name: str) -> None:
    message = f"{name} is no JSON number"
    raise ValueError(message)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    block = dict(pairs)
    if len(block) != len(pairs):
        message = "The form names a field twice: which one is meant cannot be known."
        raise _NotAForm(message)
    return block


class _Reader:
    """Reads one form and keeps what is wrong with it."""

    def __init__(self) -> None:
        self.problems: list[FieldProblem] = []

    def form(self, form: dict[str, Any]) -> FormReading:
        doc, buyer, reference = (self._block(form, name, "") for name in ("DocDtls", "BuyerDtls", "RefDtls"))
        period = self._block(reference, "DocPerdDtls", "RefDtls")
        kind, day = self._kind(doc), self._value(doc, "DocDtls", Field("Dt", "day", Kind.DAY), required=True)
        acknowledged_at = self._stamp(form.get("AckDt"))
        if kind is None or day is None:
            return FormReading(None, tuple(self.problems))
        transaction = self._fields(self._block(form, "TranDtls", ""), TRANSACTION, "TranDtls")
        document = Document(
            kind=kind,
            number=self._value(doc, "DocDtls", Field("No", "number")) or "",
            day=day,
            transaction=Transaction(**transaction),
            supplier=self._party(form, "SellerDtls", PARTY) or Party(),
            buyer=self._party(form, "BuyerDtls", PARTY) or Party(),
            place_of_supply=self._value(buyer, "BuyerDtls", POS[0]) or "",
            dispatch=self._party(form, "DispDtls", DISPATCH),
            shipping=self._party(form, "ShipDtls", SHIPPING),
            items=tuple(self._item(item, at) for at, item in enumerate(self._list(form, "ItemList", ""))),
            values=self._values(form),
            payment=self._one(form, "PayDtls", PAYMENT, Payment),
            remarks=self._value(reference, "RefDtls", Field("InvRm", "remarks")) or "",
            preceding=self._many(reference, "PrecDocDtls", "RefDtls", PRECEDING, Preceding, ("number",)),
            contracts=self._many(reference, "ContrDtls", "RefDtls", CONTRACT, Contract),
            enclosures=self._many(form, "AddlDocDtls", "", ENCLOSURE, Enclosure),
            export=self._one(form, "ExpDtls", EXPORT, Export),
            eway_bill=self._one(form, "EwbDtls", EWAY, EwayBill),
            irn=self._value(form, "", Field("Irn", "irn")) or "",
            irn_at=acknowledged_at,
            **self._fields(period, PERIOD, "RefDtls.DocPerdDtls"),
        )
        ack = form.get("AckNo")
        number = "" if ack is None else f"{ack:f}" if isinstance(ack, Decimal) and ack.is_finite() else str(ack)
        return FormReading(document, tuple(self.problems), number[:30], acknowledged_at)

    def _wrong(self, path: str, message: str, value: Any = None) -> None:
        if len(self.problems) < _LISTED_PROBLEMS:
            self.problems.append(FieldProblem(path, "FORM_TYPE", message, None if value is None else shown(value)))

    def _block(self, outer: dict[str, Any], name: str, path: str) -> dict[str, Any]:
        value = outer.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict):
            self._wrong(_joined(path, name), "Send an object.", value)
            return {}
        return value

    def _list(self, outer: dict[str, Any], name: str, path: str) -> list[Any]:
        value = outer.get(name)
        if value is None:
            return []
        if not isinstance(value, list):
            self._wrong(_joined(path, name), "Send a list.", value)
            return []
        return value[:_MOST_ITEMS_READ]

    def _kind(self, doc: dict[str, Any]) -> DocumentKind | None:
        try:
            return DocumentKind(str(doc.get("Typ")))
        except ValueError:
            self._wrong("DocDtls.Typ", "Send INV, CRN or DBN.", doc.get("Typ"))
            return None

    def _party(self, form: dict[str, Any], name: str, fields: Sequence[Field]) -> Party | None:
        block = self._block(form, name, "")
        if not block:
            return None
        read = self._fields(block, fields, name)
        address = {key.partition(".")[2]: read.pop(key) for key in tuple(read) if key.startswith("address.")}
        return Party(address=Address(**address), **read)

    def _values(self, form: dict[str, Any]) -> Values | None:
        block = self._block(form, "ValDtls", "")
        return (
            Values(**({"assessable": ZERO, "total": ZERO} | self._fields(block, VALUES, "ValDtls"))) if block else None
        )

    def _item(self, block: Any, at: int) -> Item:
        path = f"ItemList[{at}]"
        if not isinstance(block, dict):
            self._wrong(path, "Send an object.", block)
            return Item(serial="")
        batch = self._block(block, "BchDtls", path)
        return Item(
            **({"serial": ""} | self._fields(block, ITEM, path)),
            batch=Batch(**({"number": ""} | self._fields(batch, BATCH, f"{path}.BchDtls"))) if batch else None,
            attributes=self._many(block, "AttribDtls", path, ATTRIBUTE, Attribute, ("name", "value")),
        )

    def _one(self, form: dict[str, Any], name: str, fields: Sequence[Field], kind: type[Block]) -> Block | None:
        block = self._block(form, name, "")
        return kind(**self._fields(block, fields, name)) if block else None

    def _many(
        self,
        outer: dict[str, Any],
        name: str,
        path: str,
        fields: Sequence[Field],
        kind: type[Block],
        defaults: Sequence[str] = (),
    ) -> tuple[Block, ...]:
        read = []
        for at, block in enumerate(self._list(outer, name, path)):
            where = f"{_joined(path, name)}[{at}]"
            if isinstance(block, dict):
                read.append(kind(**(dict.fromkeys(defaults, "") | self._fields(block, fields, where))))
            else:
                self._wrong(where, "Send an object.", block)
        return tuple(read)

    def _fields(self, block: dict[str, Any], fields: Sequence[Field], path: str) -> dict[str, Any]:
        """Read the fields that are there and right; the others keep the model's default."""
        read = {field.attribute: self._value(block, path, field) for field in fields}
        return {attribute: value for attribute, value in read.items() if value is not None}

    def _value(self, block: dict[str, Any], path: str, field: Field, *, required: bool = False) -> Any:
        value = block.get(field.name)
        if value is None:
            if required:
                self._wrong(_joined(path, field.name), f"Send {field.kind.value}.")
            return None
        read = _read(value, field.kind)
        if read is None:
            self._wrong(_joined(path, field.name), f"Send {field.kind.value}.", value)
        return read

    def _stamp(self, value: Any) -> datetime | None:
        """Read the portal's time of acknowledgement, which is Indian time."""
        if value is None:
            return None
        found = _STAMP.fullmatch(value) if isinstance(value, str) else None
        if found is not None:
            try:
                return datetime(*map(int, found.groups()), tzinfo=IST)  # type: ignore[misc, arg-type]  # six whole numbers
            except ValueError:
                found = None
        self._wrong("AckDt", "Send a time as yyyy-MM-dd HH:mm:ss.", value)
        return None


def _joined(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _read(value: Any, kind: Kind) -> Any:
    """Give a JSON value as the model has it, or None when it is not of its kind."""
    if isinstance(value, Decimal):
        return _read_number(value, kind)
    if not isinstance(value, str):
        return None
    match kind:
        case Kind.TEXT | Kind.PIN:
            return value
        case Kind.FLAG:
            return {"Y": True, "N": False}.get(value)
        case Kind.DAY:
            return _read_day(value)
        case _:
            return None


def _read_number(value: Decimal, kind: Kind) -> Decimal | int | str | None:
    if kind is Kind.AMOUNT:
        return value
    if (
        kind not in {Kind.WHOLE, Kind.PIN}
        or value.adjusted() >= _LARGEST_EXPONENT
        or value != value.to_integral_value()
    ):
        return None
    return str(int(value)) if kind is Kind.PIN else int(value)


def _read_day(value: str) -> date | None:
    found = _DAY.fullmatch(value)
    if found is None:
        return None
    try:
        return date(int(found[3]), int(found[2]), int(found[1]))
    except ValueError:
        return None
