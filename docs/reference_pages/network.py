"""The page of the network: its calls with the tests that prove them, its webhooks, codes and moves."""

import ast
from typing import Final

from hundi.network.protocol.catalogue import CALLS as NETWORK_CALLS
from hundi.network.protocol.catalogue import OUR_OWN_HOOKS
from hundi.network.protocol.faults import MEANINGS
from hundi.network.protocol.moves import TABLES
from hundi.network.told import event_type
from hundi.network.wire.catalogue import WIRE_CALLS
from reference_pages.markdown import DOCS, NOTE, table

TESTS: Final = DOCS.parent / "tests"
SIMPLIFIED: Final = (
    ("`POST /api/v0/payout/confirm-invoice`", "the buyer answers received invoices by their ids",
     "api/test_network_calls", "test_received_invoices_are_answered_by_their_ids_alone"),
    ("`POST /api/v0/invoice/payment-confirmation`", "the supplier confirms a payment over invoices",
     "api/test_bharat_connect_ar", "test_an_accepted_off_platform_payment_settles_its_invoices_once"),
    ("`POST /api/v0/invoice/bulk/create`", "invoices by file", "api/test_imports", None),
)  # fmt: skip
"""The simplified calls of the catalogue: call, what it does, test module, test (None: the whole module)."""


def cited(module: str, name: str | None, row: str = "") -> str:
    """Cite a test; raises ``LookupError`` where it is not there, so that no row of the table proves nothing."""
    tree = ast.parse((TESTS / f"{module}.py").read_text(encoding="utf-8"))
    names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    if name is not None and name not in names:
        message = f"{module}.py has no {name}"
        raise LookupError(message)
    stem = module.rpartition("/")[2]
    return f"`{stem}`" if name is None else f"`{stem}::{name}{f'[{row}]' if row else ''}`"


def network_page() -> str:
    """List the network's calls with the tests that prove them, its webhooks, its codes and its tables of moves."""
    calls: list[tuple[object, ...]] = []
    for number, wire in enumerate(WIRE_CALLS, 1):
        call = NETWORK_CALLS[wire.message]
        shown = cited("api/test_network_catalogue", "test_the_call", call.path.removeprefix("/api/v0/"))
        bad = cited("api/test_network_calls", "test_a_bad_body_is_refused_with_its_paths", wire.operation_id)
        page = "published" if call.seen else "inferred"
        calls.append((number, wire.title, f"`{call.path}`", page, f"`{wire.permission.value}`", shown, bad))
    hooks: list[tuple[object, ...]] = []
    for wire in WIRE_CALLS:
        call = NETWORK_CALLS[wire.message]
        for hook, what in (
            (call.request_hook, "the counterparty's message"),
            (call.response_hook, "the result of mine"),
        ):
            if hook is not None:
                page = "ours" if hook in OUR_OWN_HOOKS else "published"
                shown = cited("api/test_network_catalogue", "test_the_webhook", hook)
                hooks.append((f"`{hook}`", f"`{event_type(hook)}`", wire.title, what, page, shown))
    simple = [(path, what, cited(module, name)) for path, what, module, name in SIMPLIFIED]
    codes = [
        (f"`{fault.value}`", meaning.published or "", meaning.sentence) for fault, meaning in MEANINGS.items()
    ]  # fmt: skip
    moves = "\n".join(
        f"### {kind.value}\n\n"
        + table(
            ("from", "event", "by", "to", "while"),
            [(row.start, row.event.value, row.actor.value, row.end, ", ".join(row.conditions)) for row in rows],
        )
        for kind, rows in TABLES.items()
    )
    return (
        "# The B2B network\n\n"
        + NOTE
        + "The 20 calls of Bharat Connect for Business and the webhooks that bring what the other side sent and what came "
        "of one's own messages. Hundi is independent software, not affiliated with NPCI, NBBL or EnKash. "
        "*Inferred* paths stand on no published page; docs/decisions/0015-network-messages.md says what we chose and "
        "why.\n\n## Calls\n\n"
        + table(("#", "message", "POST", "page", "permission", "proved by", "refusing bad bodies, proved by"), calls)
        + "\nEvery field of every body is broken one at a time in `test_network_wire::test_every_broken_field_is_named`. Invoices and "
        "notes are held against the [GST rules](gst-rules.md).\n\n## Simplified calls\n\n"
        + table(("call", "what it does", "proved by"), simple)
        + "\n## Webhooks\n\nEach is a domain event of the type shown, whose data is the published body.\n\n"
        + table(("webhook", "event", "of the call", "brings", "page", "proved by"), hooks)
        + "\n## Codes\n\nThey stand in `resp.errorCd`, and in `apiSubErrors[].code` where our own copy shows it at "
        "once. *Published* is the code of the one public list that means the same.\n\n"
        + table(("code", "published", "what it says"), codes)
        + "\n## What may follow what\n\n"
        + moves
    )
