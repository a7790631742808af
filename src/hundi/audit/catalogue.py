"""Every type of domain event there is: what its object is, and when it happens. The reference page is written from this.

A test holds it against the code: what is emitted stands here, and what stands here is emitted somewhere.
"""

from collections.abc import Mapping
from typing import Final

# What the network brings: a counterparty's message, and what came of one's own. The paths are the published ones.
_BROUGHT: Final = (
    "invoice.req-send-invoice", "invoice.req-confirm-invoice", "invoice.req-status-change-invoice", "invoice.req-edit-invoice",
    "payment.req-pay", "payment.req-pay-confirmation", "purchase-order.req-send", "purchase-order.req-confirm",
    "purchase-order.req-edit", "purchase-order.req-status-change", "cd-note.req-send", "cd-note.req-confirm",
    "cd-note.req-status-change", "finance.req-financing", "finance.shareBid", "finance.respondBid",
)  # fmt: skip
_ANSWERED: Final = (
    "business-onboarding.respCheckEntity", "business-onboarding.respRegEntity", "business-onboarding.respRegId",
    "business-onboarding.respSearchEntity", "invoice.resp-send-invoice", "invoice.resp-confirm-invoice",
    "invoice.resp-status-change-invoice", "invoice.resp-edit-invoice", "payment.resp-pay", "payment.resp-pay-confirmation",
    "purchase-order.resp-send", "purchase-order.resp-confirm", "purchase-order.resp-edit", "purchase-order.resp-status-change",
    "cd-note.resp-send", "cd-note.resp-confirm", "cd-note.resp-status-change", "finance.resp-financing",
    "finance.respShareBid", "finance.respRespondBid",
)  # fmt: skip

EVENTS: Final[Mapping[str, tuple[str, str]]] = {
    "invoice.created": ("invoice", "An invoice was created one by one: over the API, in the console or by a command."),
    "invoice.imported": (
        "import",
        "A chunk of an uploaded file was written; its invoices have no events of their own.",
    ),
    "invoice.updated": ("invoice", "Fields of an invoice were changed; `changed` names them."),
    "invoice.deleted": ("invoice", "An invoice that had no effect yet was deleted; its number is burnt."),
    "invoice.attached": ("invoice", "A file was attached to an invoice."),
    "invoice.attachment_changed": ("invoice", "An attachment's particulars were changed."),
    "invoice.approval_status": ("invoice", "An invoice moved along its approval."),
    "invoice.receivable_status": ("invoice", "An invoice was paid, paid in part, disputed, cancelled or written off."),
    "invoice.dispatch_queued": ("invoice", "An invoice waits to be sent to its customer."),
    "invoice.dispatched": ("invoice", "An invoice was handed over to the customer's mail server."),
    "invoice.dispatch_failed": ("invoice", "An invoice could not be sent; `detail` says why."),
    "invoice.dispatch_unknown": ("invoice", "An invoice may have been sent: nobody can say."),
    "invoice.entry_recorded": ("invoice", "A receipt, TDS, note, discount or other entry was recorded."),
    "invoice.entry_reversed": ("invoice", "An entry was reversed."),
    "invoice.payment_confirmation": ("invoice", "The supplier's answer to a payment was recorded (Bharat Connect)."),
    "invoice.payout_status": (
        "invoice",
        "A payment the buyer announced over the network moved on, or was taken back in the books.",
    ),
    "invoice.buyer_response": ("invoice", "The buyer accepted, returned or rejected an invoice over the network."),
    "invoice.payment_excess": (
        "invoice",
        "A confirmed payment was more than was owed; `excess` is kept on account, by part.",
    ),
    "invoice.network_refused": ("invoice", "The network did not carry out what was asked of it; `detail` says why."),
    "invoice.status_change": ("invoice", "A change of status over the network was recorded (Bharat Connect)."),
    "invoice.archive_attached": ("import", "A chunk of a ZIP of PDFs was attached to its invoices."),
    "import.finished": ("import", "A file was imported; the counts are in the data."),
    "import.cancelled": ("import", "An import was stopped before its end; what was written stays."),
    "import.refused": ("import", "A file was refused as a whole; nothing of it was imported."),
    "customer.created": ("customer", "A customer was created."),
    "customer.imported": ("import", "A chunk of a file of customers was written."),
    "customer.changes_imported": ("import", "A chunk of a file of changes to customers was written."),
    "customer.updated": ("customer", "A customer, a contact or a reminder rule was changed."),
    "customer.status": ("customer", "A customer was activated or deactivated."),
    "customer.deleted": ("customer", "A customer without invoices was deleted."),
    "policy.created": ("policy", "An approval policy was created."),
    "policy.updated": ("policy", "An approval policy was changed."),
    "series.created": ("series", "A number series was created."),
    "series.made_default": ("series", "A number series became its registration's default."),
    "seller.changed": ("seller", "The company's settings were changed."),
    "registration.added": ("registration", "A place of business was added."),
    "registration.changed": ("registration", "A place of business was changed."),
    "user.added": ("user", "A person was added."),
    "user.changed": ("user", "A person's name, reach, roles or status were changed."),
    "user.password_reset": ("user", "A person was given a new password."),
    "client.added": ("client", "An API client was created."),
    "client.changed": ("client", "An API client's name, roles or limits were changed."),
    "client.rotated": ("client", "An API client was given a new secret."),
    "client.revoked": ("client", "An API client was revoked."),
    "grant.given": ("grant", "Another company was allowed to act for this one."),
    "grant.ended": ("grant", "Another company may not act for this one any more."),
    "webhook.created": ("webhook_endpoint", "A webhook endpoint was registered."),
    "webhook.updated": ("webhook_endpoint", "A webhook endpoint was changed."),
    "webhook.rotated": ("webhook_endpoint", "A webhook endpoint was given new keys."),
    "webhook.deleted": ("webhook_endpoint", "A webhook endpoint was deleted."),
    "webhook.pinged": ("webhook_endpoint", "A test message was asked for."),
    "webhook.replayed": ("webhook_endpoint", "Deliveries were queued again by hand."),
    "webhook.disabled": ("webhook_endpoint", "An endpoint was disabled: it answered 410, or failed for days."),
    "webhook.delivery_failed": ("webhook_endpoint", "A delivery was given up after its last attempt."),
    "payable.matched": ("network", "A received invoice was matched with its orders and notes, and the verdict is new."),
    "payable.policy_changed": (
        "payable_policy",
        "The tolerances of matching, or what is accepted of itself, were changed.",
    ),
    "counterparty.changed": ("counterparty", "A customer's B2B ID was set, learnt or taken away."),
    **{
        f"network.{name}": ("network", "The other side's message came; the data is the published body.")
        for name in _BROUGHT
    },
    **{
        f"network.{name}": ("network", "What came of one's own message; the data is the published body.")
        for name in _ANSWERED
    },
    "network.connection_changed": ("network_connection", "A company chose how it reaches the network."),
    "network.kept": ("network_received", "A provider's webhook contradicts what is known here: it is kept and listed."),
    "network.message_in_doubt": (
        "network",
        "A provider refused a message that it may have taken before; nobody can say.",
    ),
    "network.notice": (
        "network",
        "Objects changed for a reason no published webhook brings: a lien, an expiry, a closing.",
    ),
}
"""By type: (kind of the object, when it happens). An endpoint is never told of what happens to itself."""
