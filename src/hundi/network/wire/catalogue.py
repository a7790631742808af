"""The wire form of each of the 20 calls: its body, its name in the API document, who may send it."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from hundi.auth.rules import Permission
from hundi.network.protocol import messages as m
from hundi.network.protocol.catalogue import CALLS
from hundi.network.wire import finance, invoice, notes, onboarding, orders, payments


class WireCall(NamedTuple):
    """One call: the message it means, the Struct of its body, its title on the network's page, its permission."""

    message: type[m.Call]
    body: type[Any]
    operation_id: str
    title: str
    permission: Permission

    @property
    def path(self) -> str:
        """Give the published path."""
        return CALLS[self.message].path

    @property
    def group(self) -> str:
        """Give the object the call is about, as the path has it: ``invoice``, ``cd-note``."""
        return self.path.split("/")[3]


_REGISTER, _SEND, _PAY = Permission.ADMIN, Permission.NETWORK_SEND, Permission.NETWORK_PAY

WIRE_CALLS: Final[tuple[WireCall, ...]] = (
    WireCall(m.CheckEntity, onboarding.CheckEntity, "checkEntity", "Initiate Entity Check", _REGISTER),
    WireCall(m.RegisterEntity, onboarding.RegisterEntity, "registerEntity", "Register Entity", _REGISTER),
    WireCall(m.RegisterIds, onboarding.RegisterIds, "registerB2BIds", "Registration ID", _REGISTER),
    WireCall(m.SearchEntity, onboarding.SearchEntity, "searchEntity", "Search Entity", _SEND),
    WireCall(m.SendInvoice, invoice.SendInvoice, "sendNetworkInvoice", "Create Invoice", _SEND),
    WireCall(m.ConfirmInvoice, invoice.ConfirmInvoice, "confirmNetworkInvoice", "Confirm Invoice", _SEND),
    WireCall(
        m.ChangeInvoiceStatus, invoice.ChangeInvoiceStatus, "changeNetworkInvoiceStatus", "Status Change Invoice", _SEND
    ),
    WireCall(m.EditInvoice, invoice.SendInvoice, "editNetworkInvoice", "Edit Invoice", _SEND),
    WireCall(m.Pay, payments.Pay, "payNetworkInvoices", "Pay Invoices", _PAY),
    WireCall(m.ConfirmPayment, payments.ConfirmPayment, "confirmNetworkPayment", "Payment Confirmation", _PAY),
    WireCall(m.SendOrder, orders.SendOrder, "sendPurchaseOrder", "Send Purchase Order Request", _SEND),
    WireCall(m.ConfirmOrder, orders.ConfirmOrder, "confirmPurchaseOrder", "Confirm Purchase Order Request", _SEND),
    WireCall(m.EditOrder, orders.SendOrder, "editPurchaseOrder", "Edit Purchase Order Request", _SEND),
    WireCall(
        m.ChangeOrderStatus, orders.ChangeOrderStatus, "changePurchaseOrderStatus",
        "Status Change Purchase Order Request", _SEND,
    ),
    WireCall(m.SendNote, notes.SendNote, "sendNote", "Send CdNote Request", _SEND),
    WireCall(m.ConfirmNote, notes.ConfirmNote, "confirmNote", "Confirm CdNote Request", _SEND),
    WireCall(m.ChangeNoteStatus, notes.ChangeNoteStatus, "changeNoteStatus", "Status Change CdNote Request", _SEND),
    WireCall(m.RequestFinancing, finance.RequestFinancing, "requestFinancing", "Request Financing", _PAY),
    WireCall(m.ShareBid, finance.ShareBid, "shareBid", "Share Bid", _PAY),
    WireCall(m.RespondBid, finance.RespondBid, "respondBid", "Respond Bid", _PAY),
)  # fmt: skip
"""In the order of the contract (b2b §3)."""
WIRE_CALL_OF: Final[Mapping[type[m.Call], WireCall]] = {call.message: call for call in WIRE_CALLS}
