"""The page of events."""

from hundi.audit.catalogue import EVENTS
from reference_pages.markdown import NOTE, table


def events_page() -> str:
    """List every type of event."""
    rows = [(f"`{name}`", kind, text) for name, (kind, text) in sorted(EVENTS.items())]
    return (
        "# Events\n\n"
        + NOTE
        + "Each is written in the commit of what it tells of, and goes to the webhook endpoints that ask for its type: "
        "[Receive webhooks](../how-to/receive-webhooks.md). An endpoint asks for types by name or pattern (`invoice.*`, "
        "`*`). `webhook.test` is sent on request only.\n\n" + table(("type", "object", "when it happens"), rows)
    )
