"""How an invoice is born through the API: the body checked, the row computed, one round trip to the database (design §3)."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import asyncpg
import msgspec

from hundi.audit.service import as_json
from hundi.customers.errors import CustomerInactive, CustomerNotFound
from hundi.db.pool import Connection, Database
from hundi.db.sqlstate import constraint_of, sqlstate_of
from hundi.gst.numbers import SeriesExhausted, number_error, number_warnings
from hundi.gst.supply import Heads, SupplyType, head_problem, is_inter_state, is_sez_or_export
from hundi.http.idempotency import Call, KeyReused
from hundi.http.wire import Money
from hundi.invoices import line_sums, lines
from hundi.invoices.amounts import AmountMismatch, AmountsIn, AmountsOut, compute
from hundi.invoices.errors import ApprovalNotWritable, ExternalIdTaken, NoSeries, NumberTaken, RegistrationNotFound
from hundi.invoices.rows import CreatedFacts, ItemRow
from hundi.invoices.rules import CreatedVia, approval_at_birth, check_dates, read_place
from hundi.invoices.schemas import InvoiceCreate, ItemIn
from hundi.kit.contacts import is_email, is_phone
from hundi.kit.dates import financial_year, ist_date
from hundi.kit.errors import Conflict, FieldProblem, Forbidden, Invalid, Refusal
from hundi.kit.gstin import NotAGstin, read_gstin
from hundi.kit.ids import new_id
from hundi.kit.money import ZERO

_CREATE: Final = "SELECT create_invoice($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)"
_FIRST_CALLED: Final = """
    SELECT created_at FROM idempotency_keys
     WHERE seller_id = $1 AND subject = $2 AND key = $3 AND request_hash = $4 AND facts IS NOT NULL
       AND created_at > $5::timestamptz - interval '24 hours'"""
_FACTS: Final = msgspec.json.Decoder(CreatedFacts)
# The message of an HU4xx exception of create_invoice(), and the refusal it stands for.
_REFUSALS: Final[dict[str, type[Refusal]]] = {
    "key_reused": KeyReused,
    "approval_not_writable": ApprovalNotWritable,
    "customer_not_found": CustomerNotFound,
    "customer_inactive": CustomerInactive,
    "registration_not_found": RegistrationNotFound,
    "no_series": NoSeries,
    "series_exhausted": SeriesExhausted,
}
_FIELD_OF: Final = {
    "approval_not_writable": "approvalStatus",
    "customer_not_found": "customerId",
    "customer_inactive": "customerId",
    "registration_not_found": "registrationGstin",
    "no_series": "invoiceNumber",
    "series_exhausted": "invoiceNumber",
}


class Draft(msgspec.Struct, frozen=True):
    """A checked body: the row to write, its items, its opening entries and what is doubtful about it."""

    row: dict[str, Any]
    items: list[dict[str, Any]]
    amounts: AmountsOut
    net_off: bool
    gstin: str | None
    warnings: list[FieldProblem]

    def lines(self) -> list[ItemRow]:
        """Give the items as a query will."""
        return [ItemRow(**item) for item in self.items]


def draft(data: InvoiceCreate, *, seller_id: str, subject: str, now: datetime, via: CreatedVia) -> Draft:
    """Check a body and compute the row; raises :class:`Invalid` (400) or :class:`Forbidden` (403) with every problem."""
    problems: list[FieldProblem] = []
    warnings: list[FieldProblem] = []
    invoice_date = data.invoiceDate.value if data.invoiceDate else now
    invoiced = ist_date(invoice_date)
    errors, doubts = check_dates(invoiced, data.dueDate.value, ist_date(now))
    problems += errors
    warnings += doubts
    problems += _texts(data)
    if data.invoiceNumber is not None:
        wrong = number_error(data.invoiceNumber)
        problems += [wrong] if wrong else []
        warnings += [] if wrong else number_warnings(data.invoiceNumber)
    place, supply = _place(data, problems), _supply_type(data, problems)
    gstin = _registration(data, problems)
    # Which policy holds is known to the database alone; here only what is refused under every policy.
    approval = approval_at_birth(data.approvalStatus)
    amounts = _amounts(data, AmountMismatch.WARN)
    untaxed = bool(data.reverseCharge) or supply in line_sums.WITH_PAYMENT
    items = _items(data.itemLists or [], amounts, problems, untaxed=untaxed)
    warnings += lines.unlisted(data.itemLists or [], invoiced)
    warnings += lines.untaxed(items, reverse_charge=bool(data.reverseCharge), supply_type=supply)
    problems += amounts.errors
    if approval.invalid:
        problems.append(approval.invalid)
    if problems:
        raise (
            (amounts.refusal or Invalid)(problems=problems)
            if problems == amounts.errors
            else Invalid(problems=problems)
        )
    if approval.forbidden:
        raise Forbidden(problems=[approval.forbidden])
    row = _row(
        data, amounts, seller_id=seller_id, subject=subject, now=now, invoice_date=invoice_date,
        approval=data.approvalStatus, place=place, supply=supply, via=via,
    )  # fmt: skip
    net_off = any(w.code == "NET_AMOUNT_MISMATCH" for w in amounts.warnings)
    return Draft(row, items, amounts, net_off, gstin, warnings + amounts.warnings)


def _row(
    data: InvoiceCreate,
    amounts: AmountsOut,
    *,
    seller_id: str,
    subject: str,
    now: datetime,
    invoice_date: datetime,
    approval: str | None,
    place: str | None,
    supply: SupplyType | None,
    via: CreatedVia,
) -> dict[str, Any]:
    return dict(  # noqa: C408 - keywords keep the names of the columns readable
        seller_id=seller_id, invoice_id=new_id("inv", now), customer_id=data.customerId, external_id=data.externalId,
        doc_type="INV", fy=financial_year(ist_date(invoice_date)), invoice_number=data.invoiceNumber,
        invoice_date=invoice_date, due_date=data.dueDate.value, po_number=data.poNumber,
        payable_reference_id=data.payableReferenceId, description=data.description, email_address=data.emailAddress or None,
        mobile_number=data.mobileNumber or None, gst_exclusive=data.gstExclusive is not False,
        reverse_charge=bool(data.reverseCharge), base_amount=amounts.base_amount, cgst=amounts.cgst, sgst=amounts.sgst,
        igst=amounts.igst, cess=amounts.cess, discount=amounts.discount, other_charges=amounts.other_charges,
        tcs=amounts.tcs, round_off=amounts.round_off, tds=amounts.tds, taxable_value=amounts.taxable_value,
        invoice_value=amounts.invoice_value, net_amount=amounts.net_amount, total_received=amounts.total_received,
        balance=amounts.balance, place_of_supply=place, supply_type=supply.value if supply else None,
        irn=data.irn.lower() if data.irn else None, ack_no=data.ackNo or None, ack_date=data.ackDate.value if data.ackDate else None,
        signed_qr=data.signedQr or None, eway_bill_no=data.ewayBillNo or None, approval_status=approval, receivable_status=amounts.status.value,
        dispatch_status="NOT_DISPATCHED", payout_status="NOT_INITIATED",
        partial_payment_allowed=bool(data.partialPaymentAllowed),
        minimum_part=data.minimumPart.value if data.minimumPart else None, charge_customer=bool(data.chargeCustomer),
        via=data.via, created_via=via.value, link_version=0, created_at=now, created_by=subject, modified_at=now,
        modified_by=subject, version=1, approval_round=1,
    )  # fmt: skip


def _value(amount: Money | None) -> Decimal | None:
    return None if amount is None else amount.sent


def _amounts(data: InvoiceCreate, mismatch: AmountMismatch) -> AmountsOut:
    def sent(amount: Money | None) -> Decimal:
        return ZERO if amount is None else amount.sent

    amounts = AmountsIn(
        base_amount=data.baseAmount.sent, gst_exclusive=data.gstExclusive is not False, cgst=sent(data.cgst),
        sgst=sent(data.sgst), igst=sent(data.igst), cess=sent(data.cess), discount=sent(data.discount),
        other_charges=sent(data.otherCharges), tcs=sent(data.tcs), tds=sent(data.tds),
        round_off=_value(data.roundOff), reverse_charge=bool(data.reverseCharge), net_amount=_value(data.netAmount),
        total_received=_value(data.totalReceived), balance_amount=_value(data.balanceAmount),
        amount_mismatch=mismatch,
    )  # fmt: skip
    return compute(amounts)


def _texts(data: InvoiceCreate) -> list[FieldProblem]:
    found = []
    if data.emailAddress and not is_email(data.emailAddress):
        message = "Send an address such as accounts@example.com."
        found.append(FieldProblem("emailAddress", "BAD_FORMAT", message, data.emailAddress[:100]))
    if data.mobileNumber and not is_phone(data.mobileNumber):
        message = "Send ten digits, with +91 before them if you like."
        found.append(FieldProblem("mobileNumber", "BAD_FORMAT", message, data.mobileNumber))
    if data.minimumPart is not None and not data.minimumPart.value:
        found.append(FieldProblem("minimumPart", "TOO_SMALL", "Send an amount above zero, or leave it out.", "0"))
    return found


def _place(data: InvoiceCreate, problems: list[FieldProblem]) -> str | None:
    if not data.placeOfSupply:
        return None
    code, wrong = read_place(data.placeOfSupply)
    problems += [wrong] if wrong else []
    return code


def _supply_type(data: InvoiceCreate, problems: list[FieldProblem]) -> SupplyType | None:
    if not data.supplyType:
        return None
    if data.supplyType not in SupplyType.__members__:
        message = f"Send one of {', '.join(SupplyType)}."
        problems.append(FieldProblem("supplyType", "UNKNOWN_VALUE", message, data.supplyType))
        return None
    return SupplyType(data.supplyType)


def _registration(data: InvoiceCreate, problems: list[FieldProblem]) -> str | None:
    if not data.registrationGstin:
        return None
    try:
        return read_gstin(data.registrationGstin).number
    except NotAGstin as error:
        problems.append(FieldProblem("registrationGstin", error.code, str(error), data.registrationGstin))
        return None


def _items(
    sent: Sequence[ItemIn], amounts: AmountsOut, problems: list[FieldProblem], *, untaxed: bool
) -> list[dict[str, Any]]:
    """Complete the lines and hold them against the invoice."""
    found = lines.completed(sent, Heads(amounts.cgst, amounts.sgst, amounts.igst))
    if not amounts.errors:
        says = {name: getattr(amounts, name) for name in line_sums.HEADS}
        problems += lines.problems(found, line_sums.Wanted(**says, untaxed=untaxed))
    return found


async def first_called(db: Database, call: Call) -> datetime | None:
    """Give the instant at which the same request first succeeded under its key, within the key's day; else None."""
    if call.key is None:
        return None
    async with db.read(call.actor) as tx:
        found: datetime | None = await tx.fetchval(
            _FIRST_CALLED, tx.seller_id, call.actor.subject, call.key, call.fingerprint, tx.now
        )
    return found


async def write(connection: Connection, call: Call, data: InvoiceCreate, made: Draft) -> CreatedFacts:
    """Call create_invoice(): one statement, its own commit unless a transaction is open.

    Raises what the function refuses: unknown or inactive customer, taken number or externalId, a reused or busy key,
    an amount that does not fit where the seller's policy refuses that.
    """
    who = call.actor
    row = made.row
    owner = {"seller_id": row["seller_id"], "invoice_id": row["invoice_id"]}
    items = as_json([{**owner, **item} for item in made.items]) if made.items else None
    entries = made.amounts.opening_entries
    now = row["created_at"]
    subjects = () if who.is_partner else who.subjects
    try:
        facts = await connection.fetchval(
            _CREATE, who.seller_id, subjects, who.issued, who.subject, call.key, call.fingerprint,
            as_json(row), made.gstin, made.net_off, [new_id("ent", now) for _ in entries],
            [entry.kind.value for entry in entries], [entry.amount for entry in entries], items, new_id("evt", now),
            new_id("aud", now), who.request_id,
        )  # fmt: skip
    except asyncpg.PostgresError as error:
        refusal = _refusal(error, data)
        if refusal is None:
            raise
        raise refusal from error
    return _FACTS.decode(facts)


def _refusal(error: asyncpg.PostgresError, data: InvoiceCreate) -> Refusal | None:
    state = sqlstate_of(error) or ""
    if state.startswith("HU4") and state != "HU401":
        return _refused_by_function(str(error), data)
    if state == "55P03" and "idempotency_keys" in str(error.__dict__.get("context", "")):
        return Conflict(headers={"Retry-After": "2"})
    name = constraint_of(error)
    if name == "invoices_number_once":
        message = "Use another number; this one exists in the registration's financial year."
        return NumberTaken(problems=[FieldProblem("invoiceNumber", NumberTaken.code, message, data.invoiceNumber)])
    if name == "invoices_external_once":
        message = "Use another externalId, or read the invoice that has this one."
        return ExternalIdTaken(problems=[FieldProblem("externalId", ExternalIdTaken.code, message, data.externalId)])
    return None


def _refused_by_function(word: str, data: InvoiceCreate) -> Refusal:
    if word == "key_in_flight":
        return Conflict(headers={"Retry-After": "2"})
    if word == "amount_mismatch":
        return Invalid(problems=_amounts(data, AmountMismatch.ERROR).errors)
    kind = _REFUSALS[word]
    field = _FIELD_OF.get(word)
    if field is None:
        return kind()
    sentence = str(kind.__doc__).splitlines()[0]
    return kind(problems=[FieldProblem(field, kind.code, sentence, _sent(data, field))])


def _sent(data: InvoiceCreate, field: str) -> str | None:
    value = getattr(data, field)
    return None if value is None else str(value)


def place_warnings(facts: CreatedFacts) -> list[FieldProblem]:
    """Say what the database alone knew: no place of supply, tax heads that contradict it (domain §2)."""
    if facts.place_of_supply is None:
        message = "The place of supply is unknown: send placeOfSupply, or give the customer a state."
        return [FieldProblem("placeOfSupply", "PLACE_OF_SUPPLY_UNKNOWN", message)]
    supply = SupplyType(facts.supply_type) if facts.supply_type else None
    border = is_sez_or_export(supply, facts.customer_treatment)
    inter = is_inter_state(facts.seller_state, facts.place_of_supply, sez_or_export=border)
    found = head_problem(Heads(facts.cgst, facts.sgst, facts.igst), inter, facts.place_of_supply)
    return [found] if found else []
