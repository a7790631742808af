# ruff: noqa: INP001 - a script beside the pages it writes, not a package
"""Writes docs/reference anew from the code: settings, errors, API, commands and tables.

``make docs`` runs it; ``--check`` writes nothing and fails when a page is not what it would write. The tables are read
from a freshly migrated PostgreSQL of its own, which is gone when it ends.
"""

import argparse
import ast
import asyncio
import importlib
import pkgutil
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, get_type_hints

import asyncpg
import click
import msgspec
import typer.main

import hundi
from hundi import app as hundi_app
from hundi.audit.catalogue import EVENTS
from hundi.cli.main import app as cli
from hundi.config import PREFIX, Settings
from hundi.db.embedded import EmbeddedPostgres
from hundi.db.upgrade import upgrade
from hundi.gst.document import ITEM_VALUE_TYPES, OTHER_VALUE_TYPES, RATE_TYPES
from hundi.gst.findings import LEFT_OUT
from hundi.gst.rulebook import RULES, Rule, Weight
from hundi.kit.clock import SystemClock
from hundi.kit.errors import Refusal
from hundi.kit.keys import Keyring
from hundi.network.protocol.catalogue import CALLS as NETWORK_CALLS
from hundi.network.protocol.catalogue import OUR_OWN_HOOKS
from hundi.network.protocol.faults import MEANINGS
from hundi.network.protocol.moves import TABLES
from hundi.network.told import event_type
from hundi.network.wire.catalogue import WIRE_CALLS

DOCS: Final = Path(__file__).resolve().parent
SOURCE: Final = Path(hundi.__file__).resolve().parent
NOTE: Final = "<!-- Written by docs/generate.py from the code. Change the code and run `make docs`. -->\n\n"
METHODS: Final = ("get", "post", "put", "patch", "delete")
WIDTH: Final = 100
CODE: Final = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
PROBLEMS: Final = frozenset(
    {"ApiSubError", "AttachmentRefused", "FieldProblem", "NotADate", "NotAGstin", "NotAnAmount", "WireValueError", "refuse",
     "tell"}
)  # fmt: skip
"""What makes the problem of one field, or of a file: their codes stand in the reference."""


def cell(text: object) -> str:
    """Make a text fit for a cell of a table: one line, no bars."""
    return " ".join(str(text).split()).replace("|", "\\|")


def table(head: tuple[str, ...], rows: Sequence[tuple[object, ...]]) -> str:
    """Write a Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


# ---------------------------------------------------------------- settings


def settings_page() -> str:
    """List every setting with its default and what it is for."""
    hints = get_type_hints(Settings, include_extras=True)
    rows: list[tuple[object, ...]] = []
    for field in msgspec.structs.fields(Settings):
        meta = next(part for part in hints[field.name].__metadata__ if isinstance(part, msgspec.Meta))
        bounds = [
            f"{word} {value}" for word, value in (("at least", meta.ge), ("at most", meta.le)) if value is not None
        ]
        description = (meta.description or "") + (f" ({', '.join(bounds)})" if bounds else "")
        default = "not set" if field.default is None else f"`{field.default}`" if str(field.default) else "empty"
        rows.append((f"`{PREFIX}{field.name.upper()}`", default, description))
    return (
        "# Settings\n\n"
        + NOTE
        + "Hundi reads these environment variables once, when it starts. A variable that begins "
        f"with `{PREFIX}` and is not in this list is refused, so that a misspelt one is noticed. Options of the command "
        "line win over the environment. `hundi config check` says what the settings come to. `DIR` is the data folder.\n\n"
        + table(("variable", "default", "what it is for"), rows)
    )


# ---------------------------------------------------------------- errors


def refusals() -> list[type[Refusal]]:
    """Give every refusal of the package, by status and code."""
    for found in pkgutil.walk_packages([str(SOURCE)], "hundi."):
        if not found.name.endswith("__main__") and ".migrations" not in found.name:
            importlib.import_module(found.name)
    kinds: set[type[Refusal]] = set()
    waiting: list[type[Refusal]] = [Refusal]
    while waiting:
        for kind in waiting.pop().__subclasses__():
            if kind.__module__.startswith("hundi.") and kind not in kinds:
                kinds.add(kind)
                waiting.append(kind)
    return sorted(kinds, key=lambda kind: (kind.status, kind.code))


def field_codes() -> dict[str, set[str]]:
    """Give the codes of single fields and the packages that use each.

    A code is the text in capitals among the first two arguments of what makes a problem (:data:`PROBLEMS`), or the
    beginning of a pair of code and sentence that a function gives back, or a constant that is called as it reads.
    """
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted(SOURCE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            candidates: Sequence[ast.expr] = ()
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                candidates = node.args[:2] if name in PROBLEMS else ()
            elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) == 2:
                first, second = node.value.elts
                is_pair = isinstance(second, ast.JoinedStr | ast.IfExp) or _sentence(second)
                candidates = (first,) if is_pair else ()
            elif isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Constant):
                candidates = (node.value,) if getattr(node.target, "id", None) == node.value.value else ()
            for code in candidates:
                if isinstance(code, ast.Constant) and isinstance(code.value, str) and CODE.fullmatch(code.value):
                    found[code.value].add(path.relative_to(SOURCE).parts[0])
    return found


def _sentence(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value


def errors_page() -> str:
    """List every refusal with its status, and every code of a field."""
    rows = [
        (f"`{kind.code}`", kind.status, kind.error_type.value, (kind.__doc__ or "").strip().splitlines()[0])
        for kind in refusals()
    ]
    fields = [(f"`{code}`", ", ".join(sorted(places))) for code, places in sorted(field_codes().items())]
    return (
        "# Errors\n\n"
        + NOTE
        + "A request that is not accepted is answered with `response_code` 1, a `response_message` "
        "that says what to do, and an `errorResponse` with one entry in `apiSubErrors` for each wrong field. The status "
        "says what kind of failure it is; 503 may be tried again after `Retry-After`, 500 is a bug and carries the "
        "request id to report.\n\n## Refusals\n\n"
        + table(("code", "HTTP status", "errorType", "what it says"), rows)
        + "\n## Codes of single fields\n\nThey stand in `apiSubErrors[].code` and, for files, in the column `error_code` "
        "of the failure file. The same code may be a warning where the rules allow it. Those of documents between "
        "businesses: [GST rules](gst-rules.md).\n\n" + table(("code", "raised by"), fields)
    )


# ---------------------------------------------------------------- GST rules


def gst_page() -> str:
    """List every rule that invoices and notes between businesses are held against."""
    places, shapes = rule_places(), codes_of(SHAPES) | {"AMOUNT_TOO_PRECISE"}
    rows = [
        (
            f"`{rule.code}`", rule.weight.value, rule.nic or "", on_the_network(rule, shapes),
            ", ".join(sorted(places.get(rule.code, ()))), re.sub(r"\{\w+\}", "…", rule.sentence),
        )
        for rule in RULES.values()
    ]  # fmt: skip
    return (
        "# GST rules\n\n"
        + NOTE
        + "Invoices, credit notes and debit notes between businesses are held against these rules, all of them at once. "
        "A rule that is an error in an e-invoice is a warning elsewhere. The portal's number is that of the invoice "
        "registration portal's error of the same meaning, after public re-prints of its list; where none is given, none "
        "was found. Amounts agree when the sent one lies from floor(v) - 1 to ceil(v) + 1 of the computed one.\n\n"
        "An invoice or note that is sent or edited over the network (`req-send-invoice`, `req-edit-invoice`, `cd-note/req-send`) "
        "is an e-invoice when it carries an IRN. Its errors are a 400 with the JSON path, our code and the portal's number (`nic`); "
        "warnings stand in the reply's `warnings`. *Also used by* names the other parts of Hundi that hold a document against the same "
        "rule with the same code. The network's copy may leave out what the portal has: what is missing is a warning. In a sandbox "
        "(`HUNDI_NETWORK_SANDBOX`) a GSTIN that only looks like one is a warning. With `HUNDI_IRP_KEYS` what a portal has signed "
        "(`einvoiceResponse`) is verified and compared: codes `SIGNATURE_INVALID`, `SIGNED_FORMAT`, `SIGNED_DATA`, `QR_DIFFERS` and "
        "`QR_IRN_WRONG`.\n\n"
        + table(("code", "counts as", "portal's number", "on the network", "also used by", "what it says"), rows)
        + "\n## Names of amounts\n\nThe network's pages leave the types of typed amounts open; these are read. Another makes "
        "`VALUE_TYPE_UNKNOWN` of its line or of the totals, whose amounts then cannot be compared.\n\n"
        + table(
            ("where", "types"),
            [
                ("`itemLists[].itemValueDetails[].type`", ", ".join(ITEM_VALUE_TYPES)),
                ("`itemLists[].rates[].type`", ", ".join(RATE_TYPES)),
                ("`valueDetails.otherValues[].type`", ", ".join(OTHER_VALUE_TYPES)),
            ],
        )
    )


SHAPES: Final = {
    "einvoice_travel": None, "shapes": None, "hsn": None, "einvoice_items": {"_check_names"},
    "einvoice_parties": {"_check_pin"},
}  # fmt: skip
"""The modules of hundi.gst, and the functions in them, that look at shapes: a copy that is no e-invoice is spared them."""


def codes_of(modules: dict[str, set[str] | None]) -> set[str]:
    """Give the rules that stand in these modules of hundi.gst, or in these functions of them."""
    return {
        code
        for module, functions in modules.items()
        for name, codes in functions_of(module).items()
        if functions is None or name in functions
        for code in codes
    }


def functions_of(module: str) -> dict[str, set[str]]:
    """Give the rules each function of a module of hundi.gst names."""
    tree = ast.parse((SOURCE / "gst" / f"{module}.py").read_text(encoding="utf-8"))
    return {
        node.name: {
            part.value
            for part in ast.walk(node)
            if isinstance(part, ast.Constant) and isinstance(part.value, str) and part.value in RULES
        }
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
    }


def rule_places() -> dict[str, set[str]]:
    """Give the packages that use each rule outside the network: by the functions of hundi.gst (and the GSTIN's) they import."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted(SOURCE.rglob("*.py")):
        package = path.relative_to(SOURCE).parts[0]
        if package in {"gst", "network", "kit", "cli"}:
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hundi.gst."):
                known = functions_of((node.module or "").removeprefix("hundi.gst."))
                codes = {
                    code
                    for alias in node.names
                    for code in TOLD_SHORTLY.get(alias.name) or known.get(alias.name) or set()
                }
            elif isinstance(node, ast.ImportFrom) and node.module == "hundi.kit.gstin":
                codes = {code for code in RULES if code.startswith("GSTIN_") and code != "GSTIN_MISSING"}
            else:
                continue
            for code in codes:
                found[code].add(FRONTS.get(package, package))
    return found


TOLD_SHORTLY: Final = {
    "is_hsn": {"HSN_FORMAT", "HSN_CHAPTER_UNKNOWN"}, "fits_rule_46b": {"NUMBER_OVER_16", "NUMBER_CHARACTERS", "NUMBER_START"},
}  # fmt: skip
"""Functions that answer yes or no for rules whose codes stand elsewhere."""
FRONTS: Final = {
    "invoices": "API",
    "imports": "files",
    "documents": "PDF",
    "customers": "customers",
    "sellers": "registrations",
}


def on_the_network(rule: Rule, shapes: set[str]) -> str:
    """Say how a rule counts in a document on the network."""
    if rule.code in LEFT_OUT:
        return "warning"
    if rule.weight is Weight.STRICT:
        return "error with an IRN" if rule.code in shapes else "error with an IRN, else warning"
    return rule.weight.value


# ---------------------------------------------------------------- API


def openapi() -> dict[str, Any]:
    """Give the OpenAPI document of the application, which is built but never started."""
    nothing: Any = None
    edge: Any = hundi_app.build(
        settings=Settings(), db=nothing, clock=SystemClock(), keyring=Keyring(["x" * 40]), files=nothing,
        base_url="http://127.0.0.1:8000",
    )  # fmt: skip
    document: dict[str, Any] = edge.app.openapi_schema.to_schema()
    return document


def permissions() -> dict[str, str]:
    """Give the permission each operation asks for, by operationId; operations without a token are not in it."""
    found = {}
    for handler in hundi_app.routes():
        for guard in getattr(handler, "guards", None) or ():
            if hasattr(guard, "permission"):
                found[str(handler.operation_id)] = str(guard.permission.value)
    return found


def schema_name(schema: dict[str, Any]) -> str:
    """Name a schema as short as it can be named."""
    if "$ref" in schema:
        return f"`{str(schema['$ref']).rsplit('/', 1)[-1]}`"
    for word in ("oneOf", "anyOf"):
        if word in schema:
            return " or ".join(dict.fromkeys(schema_name(part) for part in schema[word]))
    kind = schema.get("type", "any")
    if kind == "array":
        return f"list of {schema_name(schema.get('items', {}))}"
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def operation(method: str, path: str, entry: dict[str, Any], allowed: dict[str, str]) -> str:
    """Describe one operation."""
    name = str(entry.get("operationId", ""))
    needs = f"permission `{allowed[name]}`" if name in allowed else "no token"
    lines = [
        f"### {method.upper()} {path}\n",
        f"`{name}`: {needs}. {entry.get('description', '') or ''}".strip() + "\n",
    ]
    parameters = [
        (
            f"`{one['name']}`",
            one["in"],
            "yes" if one.get("required") else "no",
            schema_name(one.get("schema", {})),
            one.get("description", ""),
        )
        for one in entry.get("parameters", [])
    ]
    if parameters:
        lines.append(table(("parameter", "in", "required", "type", "what"), list(parameters)))
    for media, body in entry.get("requestBody", {}).get("content", {}).items():
        lines.append(f"Body: {schema_name(body.get('schema', {}))} as `{media}`.\n")
    replies: list[tuple[list[str], str]] = []
    for status, reply in sorted(entry.get("responses", {}).items()):
        content = reply.get("content", {})
        shown = ", ".join(dict.fromkeys(schema_name(part.get("schema", {})) for part in content.values()))
        if replies and replies[-1][1] == shown:
            replies[-1][0].append(status)
        else:
            replies.append(([status], shown))
    lines.append("Replies: " + "; ".join(f"{', '.join(codes)}: {shown}" for codes, shown in replies) + ".\n")
    return "\n".join(lines)


def api_page() -> str:
    """List every documented endpoint."""
    document, allowed = openapi(), permissions()
    groups: dict[str, list[str]] = defaultdict(list)
    for path, item in sorted(document["paths"].items()):
        for method in METHODS:
            if method in item:
                tag = (item[method].get("tags") or ["other"])[0]
                groups[tag].append(operation(method, path, item[method], allowed))
    text = "\n".join(f"## {tag}\n\n" + "\n".join(parts) for tag, parts in sorted(groups.items()))
    return (
        "# HTTP API\n\n" + NOTE + "A running server has the whole description, with every field and pattern, at "
        "`/schema/openapi.json`, and shows it at `/schema`. Send `Authorization: Bearer …` with a token from "
        "`POST /oauth/token`, and an `Idempotency-Key` with every write that you may have to repeat.\n\n" + text
    )


# ---------------------------------------------------------------- commands


def commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Give a command and all commands below it with their full names."""
    yield path, command
    for name, child in getattr(command, "commands", {}).items():
        if not child.hidden:
            yield from commands(child, f"{path} {name}")


def cli_page() -> str:
    """Print the help of every command."""
    parts = []
    for path, command in commands(typer.main.get_command(cli), "hundi"):
        context = click.Context(command, info_name=path, terminal_width=WIDTH, max_content_width=WIDTH)
        parts.append(f"## {path}\n\n```text\n{command.get_help(context).rstrip()}\n```\n")
    return (
        "# Commands\n\n"
        + NOTE
        + "Exit codes: 0 done, 1 refused (the reason is on standard error), 2 wrong usage. With "
        "`--json` a command prints one JSON document on standard output and nothing else.\n\n" + "\n".join(parts)
    )


# ---------------------------------------------------------------- tables

_COLUMNS: Final = """
    SELECT c.relname AS "table", obj_description(c.oid, 'pg_class') AS about, a.attname AS name,
           format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS required,
           pg_get_expr(d.adbin, d.adrelid) AS preset
      FROM pg_class c
      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname NOT LIKE 'pgqueuer%'
       AND c.relname <> 'alembic_version'
     ORDER BY c.relname, a.attnum"""
_KEYS: Final = """
    SELECT conrelid::regclass::text AS "table", conname AS name, pg_get_constraintdef(oid) AS rule FROM pg_constraint
     WHERE connamespace = 'public'::regnamespace AND contype IN ('p', 'u', 'f')
     ORDER BY conrelid::regclass::text, position(contype::text in 'puf'), conname"""


async def schema_page(owner_dsn: str) -> str:
    """Describe every table of a migrated database."""
    connection = await asyncpg.connect(owner_dsn)
    try:
        columns = await connection.fetch(_COLUMNS)
        keys = await connection.fetch(_KEYS)
    finally:
        await connection.close()
    tables: dict[str, list[asyncpg.Record]] = defaultdict(list)
    for row in columns:
        tables[row["table"]].append(row)
    parts = []
    for name, rows in sorted(tables.items()):
        about = f"{rows[0]['about']}\n\n" if rows[0]["about"] else ""
        listed: list[tuple[object, ...]] = [
            (f"`{row['name']}`", row["type"], "yes" if row["required"] else "", row["preset"] or "") for row in rows
        ]
        rules = "".join(f"- `{key['name']}`: {key['rule']}\n" for key in keys if key["table"] == name)
        parts.append(f"## {name}\n\n{about}{table(('column', 'type', 'required', 'default'), listed)}\n{rules}")
    return (
        "# Tables\n\n"
        + NOTE
        + "Every table but `directory` belongs to sellers: `seller_id` comes first in each key, and "
        "row-level security shows a connection only the rows of the seller it is bound to. The tables of the job queue "
        "(`pgqueuer…`) belong to pgqueuer.\n\n" + "\n".join(parts)
    )


# ---------------------------------------------------------------- events


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


# ---------------------------------------------------------------- network


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


# ---------------------------------------------------------------- decisions


def decisions_page() -> str:
    """List the decision records by their titles."""
    rows = []
    for path in sorted((DOCS / "decisions").glob("*.md")):
        number, title = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ").split(" ", 1)
        rows.append((f"[{number}](../decisions/{path.name})", title))
    text = "What the design leaves open and how it was settled: context, decision, consequences, what was rejected.\n\n"
    return "# Decisions\n\n" + NOTE + text + table(("record", "what was decided"), rows)


# ---------------------------------------------------------------- all of them


async def pages(owner_dsn: str) -> dict[Path, str]:
    """Give every page of docs/reference with its text."""
    reference = DOCS / "reference"
    return {
        reference / "settings.md": settings_page(),
        reference / "errors.md": errors_page(),
        reference / "gst-rules.md": gst_page(),
        reference / "api.md": api_page(),
        reference / "cli.md": cli_page(),
        reference / "events.md": events_page(),
        reference / "schema.md": await schema_page(owner_dsn),
        reference / "network.md": network_page(),
        reference / "decisions.md": decisions_page(),
    }


async def pages_from_nothing() -> dict[Path, str]:
    """Give the pages with the tables of a PostgreSQL that lives as long as this call."""
    with tempfile.TemporaryDirectory(prefix="hundi-docs-") as folder:
        server = EmbeddedPostgres(Path(folder))
        urls = await server.start()
        try:
            await upgrade(urls.owner, app_role="hundi_app", loader_role="hundi_loader")
            return await pages(urls.owner)
        finally:
            await server.stop()


def stale(wanted: dict[Path, str]) -> list[Path]:
    """Give the pages that are not what the code says."""
    return [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]


def main() -> int:
    """Write the pages, or with --check say which are stale; gives the exit code."""
    parser = argparse.ArgumentParser(description="Write docs/reference from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a page is stale")
    check = parser.parse_args().check
    wanted = asyncio.run(pages_from_nothing())
    outdated = stale(wanted)
    for path in outdated:
        name = path.relative_to(DOCS.parent)
        if check:
            sys.stderr.write(f"{name} is stale: run `make docs` and commit it.\n")
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
        sys.stdout.write(f"wrote {name}\n")
    return 1 if check and outdated else 0


if __name__ == "__main__":
    sys.exit(main())
