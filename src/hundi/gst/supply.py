"""Where a supply takes place, whether it crosses a state border, and which tax heads follow from that (domain §2).

Law: ss. 7, 8, 10 and 12 IGST Act (place of supply; SEZ and export are inter-state), s. 9 CGST Act (halves).
"""

from decimal import Decimal
from enum import StrEnum
from typing import Final

import msgspec

from hundi.kit.errors import FieldProblem
from hundi.kit.gstin import NotAGstin, read_gstin
from hundi.kit.money import ONE_RUPEE, ZERO, format_inr, half_percent_of, percent_of
from hundi.kit.states import CENTRE, OUTSIDE_INDIA, STATES, State, find_state


class SupplyType(StrEnum):
    """The kinds of supply an e-invoice knows; ``WP`` and ``WOP`` = with and without payment of tax."""

    B2B = "B2B"
    B2C = "B2C"
    SEZWP = "SEZWP"
    SEZWOP = "SEZWOP"
    EXPWP = "EXPWP"
    EXPWOP = "EXPWOP"
    DEXP = "DEXP"


class PlaceSource(StrEnum):
    """Which rung of the ladder gave the place of supply."""

    GIVEN = "placeOfSupply"
    SHIP_TO = "shipToState"
    GSTIN = "customerGstin"
    CUSTOMER = "customerState"


EXPORTS: Final = frozenset({SupplyType.EXPWP, SupplyType.EXPWOP})
SEZ: Final = frozenset({SupplyType.SEZWP, SupplyType.SEZWOP})
SEZ_OR_EXPORT: Final = SEZ | EXPORTS
"""Zero-rated supplies (s. 16 IGST Act), which are inter-state wherever they go."""
WITHOUT_PAYMENT: Final = frozenset({SupplyType.SEZWOP, SupplyType.EXPWOP})
"""Zero-rated supplies under bond or letter of undertaking: no tax is paid on them."""

# The treatments a customer may have (domain §1) that settle the matter when the invoice names no supply type.
_BORDER_TREATMENTS: Final = frozenset({"SEZ", "OVERSEAS"})


class Place(msgspec.Struct, frozen=True):
    """The place of supply and where it was learnt; ``state`` is ``None``, with a warning, when nothing tells."""

    state: State | None
    source: PlaceSource | None
    warnings: tuple[FieldProblem, ...] = ()


class Heads(msgspec.Struct, frozen=True):
    """The tax of one line by head, in paise precision; ``sgst`` carries UTGST too."""

    cgst: Decimal = ZERO
    sgst: Decimal = ZERO
    igst: Decimal = ZERO


def place_of_supply(
    given: str | None, ship_to_state: str | None, customer_gstin: str | None, customer_state: str | None
) -> Place:
    """Find the place of supply: as given, else ship-to state, else the GSTIN's state, else the customer's state.

    States may be codes, names or abbreviations. A rung that cannot be read is warned of and passed over. The centre's
    99 in a GSTIN is no place. Nothing at all: warning ``PLACE_OF_SUPPLY_UNKNOWN``.
    """
    warnings: list[FieldProblem] = []
    rungs = (
        (PlaceSource.GIVEN, given),
        (PlaceSource.SHIP_TO, ship_to_state),
        (PlaceSource.GSTIN, _state_of_gstin(customer_gstin)),
        (PlaceSource.CUSTOMER, customer_state),
    )
    for source, text in rungs:
        if text is None or not text.strip():
            continue
        state = find_state(text)
        if state is not None and state.code != CENTRE:
            return Place(state, source, tuple(warnings))
        message = "This is no state: write its GST code (33), its letters (TN) or its name."
        warnings.append(FieldProblem(source, "STATE_UNKNOWN", message, text[:40]))
    message = "The place of supply is unknown: send placeOfSupply, or give the customer a state."
    return Place(None, None, (*warnings, FieldProblem("placeOfSupply", "PLACE_OF_SUPPLY_UNKNOWN", message)))


def _state_of_gstin(gstin: str | None) -> str | None:
    if gstin is None or not gstin.strip():
        return None
    try:
        code = read_gstin(gstin).state_code
    except NotAGstin:
        return None
    return None if code == CENTRE else code


def is_sez_or_export(supply_type: SupplyType | None, treatment: str | None) -> bool:
    """Tell whether a supply goes to an SEZ or abroad, by the invoice's supply type, else the customer's treatment."""
    if supply_type is not None:
        return supply_type in SEZ_OR_EXPORT
    return treatment is not None and treatment.upper() in _BORDER_TREATMENTS


def is_inter_state(seller_state: str | None, place_state: str | None, *, sez_or_export: bool) -> bool | None:
    """Tell whether a supply is inter-state (SEZ and export always are); ``None`` when a state code is unknown."""
    if sez_or_export or place_state == OUTSIDE_INDIA:
        return True
    if seller_state is None or place_state is None:
        return None
    return seller_state != place_state


def tax_heads(taxable: Decimal, rate: Decimal, *, inter_state: bool) -> Heads:
    """Compute the heads of one line from its taxable value and rate in percent (domain §2).

    IGST is half-up(taxable * rate / 100); inside a state each half is half-up(taxable * rate / 200), never a sum split.
    """
    if inter_state:
        return Heads(igst=percent_of(taxable, rate))
    half = half_percent_of(taxable, rate)
    return Heads(cgst=half, sgst=half)


def head_problem(
    heads: Heads,
    inter_state: bool | None,
    place_state: str | None,
) -> FieldProblem | None:
    """Give ``TAX_HEADS_CONTRADICT_PLACE`` where heads and place disagree: a warning, an error in an e-invoice."""
    if inter_state is None:
        return None
    if inter_state and (heads.cgst or heads.sgst):
        message = heads_due(place_state, inter_state=True)
        return FieldProblem("cgst", "TAX_HEADS_CONTRADICT_PLACE", message, str(heads.cgst))
    if not inter_state and heads.igst:
        message = heads_due(place_state, inter_state=False)
        return FieldProblem("igst", "TAX_HEADS_CONTRADICT_PLACE", message, str(heads.igst))
    return None


def heads_problems(heads: Heads) -> tuple[list[FieldProblem], list[FieldProblem]]:
    """Hold the heads of a document against each other; gives errors and warnings.

    Halves alike, and never beside IGST (s. 5 IGST Act, s. 9 CGST Act). Halves up to ₹1 apart are a warning (domain §2).
    """
    if heads.igst and (heads.cgst or heads.sgst):
        message = "Charge either cgst and sgst (within a state) or igst (between states), never both."
        return [FieldProblem("igst", "TAX_HEADS_MIXED", message, str(heads.igst))], []
    apart = abs(heads.cgst - heads.sgst)
    if apart > ONE_RUPEE:
        message = f"cgst and sgst are the two halves of one rate and may not differ by ₹{format_inr(apart)}."
        return [FieldProblem("sgst", "TAX_HALVES_DIFFER", message, str(heads.sgst))], []
    if apart:
        message = f"cgst and sgst differ by ₹{format_inr(apart)}."
        return [], [FieldProblem("sgst", "TAX_HALVES_DIFFER", message, str(heads.sgst))]
    return [], []


def heads_due(place_state: str | None, *, inter_state: bool) -> str:
    """Say in a sentence which heads are due on a supply to a place."""
    place = STATES[place_state].name if place_state is not None and place_state in STATES else "the place of supply"
    if inter_state:
        return f"The supply to {place} is inter-state: igst is due, not cgst and sgst."
    return f"The supply within {place} is intra-state: cgst and sgst are due, not igst."
