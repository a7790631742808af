"""The 20 calls and 33 webhooks of the contract (B2B §3), and which message each call is.

``seen`` says whether the path stands on a published page; the others are inferred from their sister pages.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from hundi.network.protocol import messages as m


class CallPath(NamedTuple):
    """One published call: its name in resp- and req-webhooks, its path, whether the path is attested."""

    name: str
    path: str
    seen: bool
    request_hook: str | None
    response_hook: str


def _call(group: str, name: str, *, seen: bool = True) -> CallPath:
    """A call whose webhooks follow the rule req-… and resp-… (contract B2B §2)."""
    verb = name.removeprefix("req-")
    return CallPath(f"{group}.{verb}", f"/api/v0/{group}/{name}", seen, f"{group}/req-{verb}", f"{group}/resp-{verb}")


_ONBOARDING: Final = "business-onboarding"

CALLS: Final[Mapping[type[m.Message], CallPath]] = {
    m.CheckEntity: CallPath(
        f"{_ONBOARDING}.check-entity", f"/api/v0/{_ONBOARDING}/reg-check-entity", True, None, f"{_ONBOARDING}/respCheckEntity"
    ),
    m.RegisterEntity: CallPath(
        f"{_ONBOARDING}.register-entity", f"/api/v0/{_ONBOARDING}/reg-entity", True, None, f"{_ONBOARDING}/respRegEntity"
    ),
    m.RegisterIds: CallPath(
        f"{_ONBOARDING}.register-id", f"/api/v0/{_ONBOARDING}/reg-id", True, None, f"{_ONBOARDING}/respRegId"
    ),
    m.SearchEntity: CallPath(
        f"{_ONBOARDING}.search-entity", f"/api/v0/{_ONBOARDING}/reg-search-entity", False, None, f"{_ONBOARDING}/respSearchEntity"
    ),
    m.SendInvoice: _call("invoice", "req-send-invoice"),
    m.ConfirmInvoice: _call("invoice", "req-confirm-invoice"),
    m.ChangeInvoiceStatus: _call("invoice", "req-status-change-invoice"),
    m.EditInvoice: _call("invoice", "req-edit-invoice", seen=False),
    m.Pay: _call("payment", "req-pay"),
    m.ConfirmPayment: _call("payment", "req-pay-confirmation"),
    m.SendOrder: _call("purchase-order", "req-send"),
    m.ConfirmOrder: _call("purchase-order", "req-confirm"),
    m.EditOrder: _call("purchase-order", "req-edit", seen=False),
    m.ChangeOrderStatus: _call("purchase-order", "req-status-change"),
    m.SendNote: _call("cd-note", "req-send"),
    m.ConfirmNote: _call("cd-note", "req-confirm"),
    m.ChangeNoteStatus: _call("cd-note", "req-status-change", seen=False),
    m.RequestFinancing: CallPath(
        "finance.request-financing", "/api/v0/finance/req-financing", True, "finance/req-financing", "finance/resp-financing"
    ),
    m.ShareBid: CallPath(
        "finance.share-bid", "/api/v0/finance/req-share-bid", False, "finance/shareBid", "finance/respShareBid"
    ),
    m.RespondBid: CallPath(
        "finance.respond-bid", "/api/v0/finance/req-respond-bid", False, "finance/respondBid", "finance/respRespondBid"
    ),
}  # fmt: skip

OUR_OWN_HOOKS: Final = frozenset({"finance/req-financing", "finance/respShareBid", "finance/respondBid"})
"""Webhooks to finance aggregators, for which the contract has no page: without them nobody could bid."""
NOTICE: Final = "network/notice"
"""Our own webhook: an object changed for a reason that no published webhook brings (a lien, an expiry, a closing)."""


def webhooks() -> list[str]:
    """Give the 33 published webhooks, in the order of the calls, requests first."""
    hooks = [hook for call in CALLS.values() for hook in (call.request_hook, call.response_hook) if hook is not None]
    return [hook for hook in hooks if hook not in OUR_OWN_HOOKS]
