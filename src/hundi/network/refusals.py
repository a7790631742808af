"""From what the rules refuse to what a caller hears: 404, 400 or 422, with the rule's own code on the field."""

from typing import Final

from hundi.kit.errors import FieldProblem, Refusal
from hundi.network.errors import MessageInvalid, MessageNotAllowed, NetworkObjectNotFound
from hundi.network.protocol.faults import Fault, MessageRefused

_NOT_FOUND: Final = frozenset({Fault.OBJECT_UNKNOWN, Fault.B2B_ID_UNKNOWN, Fault.B2B_ID_NOT_YOURS, Fault.NOTE_UNKNOWN})
_CONTENT: Final = frozenset(
    {
        Fault.OBJECT_ID_FORMAT, Fault.AMOUNT_NOT_POSITIVE, Fault.PAN_FORMAT, Fault.PAN_TYPE_DIFFERS,
        Fault.B2B_ID_FORMAT, Fault.SEARCH_PARAMETER, Fault.LINE_SUM, Fault.SPLIT_SUM, Fault.PAYMENT_SUM,
        Fault.INVOICE_LISTED_TWICE, Fault.BID_SUM, Fault.VERSION_STEP,
    }
)  # fmt: skip


def refusal_of(refused: MessageRefused) -> Refusal:
    """Give the refusal of a route for what the rules refused."""
    kind: type[Refusal] = MessageInvalid if refused.fault in _CONTENT else MessageNotAllowed
    if refused.fault in _NOT_FOUND:
        kind = NetworkObjectNotFound
    problem = FieldProblem(refused.field or "body", refused.fault.value, refused.sentence())
    return kind(problems=[problem])
