"""Credit and debit notes: sent and taken back by the supplier, answered by the buyer (contract B2B §7.2, §8.5)."""

from typing import Final

from hundi.network.protocol.decisions import Decision, Draft
from hundi.network.protocol.faults import Fault, MessageRefused
from hundi.network.protocol.identifiers import Prefix, b2b_key
from hundi.network.protocol.messages import ChangeNoteStatus, ConfirmNote, SendNote
from hundi.network.protocol.objects import NetworkObject, NoteFacts
from hundi.network.protocol.statuses import Actor, Event, Kind

_RESPONSES: Final = {"ACCEPT": Event.ACCEPT, "REJECT": Event.REJECT}


def note_key(buyer: str, supplier: str, number: str) -> str:
    """Give the key by which a payment's split finds a credit note by its number instead of its object id."""
    return f"NOTE|{b2b_key(buyer)}|{b2b_key(supplier)}|{number.upper()}"


def send_note(draft: Draft, message: SendNote) -> Decision:
    """Take a new note in and route it to the buyer."""
    draft.check_new(message.object_id, Prefix.CREDIT_NOTE if message.credit else Prefix.DEBIT_NOTE, "cdNote.objectId")
    homes = draft.trade(message.buyer, message.supplier, Actor.SUPPLIER)
    if message.total <= 0:
        raise MessageRefused(Fault.AMOUNT_NOT_POSITIVE, "cdNote.cdNoteValueDetails", str(message.total))
    draft.check_issuer(message.document_key, message.supplier, "cdNote.supplierDetails.gstin")
    by_number = note_key(message.buyer, message.supplier, message.number)
    keys = (message.document_key, by_number) if message.credit else (message.document_key,)
    for key in keys:
        draft.check_free(key, Fault.DOCUMENT_NUMBER_TAKEN, "cdNote.supplierCDNoteNumber", message.number)
        draft.claims[key] = message.object_id
    new = NetworkObject(
        id=message.object_id, kind=Kind.NOTE, number=message.number, supplier=message.supplier, buyer=message.buyer,
        parties=homes, version=1, status="", revision=0, facts=NoteFacts(credit=message.credit, amount=message.total),
    )  # fmt: skip
    born = draft.create(new, Actor.SUPPLIER, message.version, message.transition, "cdNote")
    draft.move(born, Event.DELIVER, Actor.NETWORK)
    draft.tell(homes[1])
    return draft.decision()


def confirm_note(draft: Draft, message: ConfirmNote) -> Decision:
    """The buyer accepts or rejects; an accepted credit note can be set off in payments."""
    found = draft.about(message, Kind.NOTE, Actor.BUYER, "cdNoteConfirmation")
    draft.move(
        found, _RESPONSES[message.response], Actor.BUYER, sent=(message.version, message.transition),
        field="cdNoteConfirmation",
    )  # fmt: skip
    draft.tell(found.parties[0])
    return draft.decision()


def change_note_status(draft: Draft, message: ChangeNoteStatus) -> Decision:
    """The supplier takes a note back that the buyer has not answered."""
    found = draft.about(message, Kind.NOTE, Actor.SUPPLIER, "cdNoteStatus")
    draft.move(found, Event.CANCEL, Actor.SUPPLIER, sent=(message.version, message.transition), field="cdNoteStatus")
    draft.tell(found.parties[1])
    return draft.decision()
