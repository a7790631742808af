"""The page of the HTTP API, from the OpenAPI document of the application."""

from collections import defaultdict
from typing import Any, Final

from hundi import app as hundi_app
from hundi.config import Settings
from hundi.kit.clock import SystemClock
from hundi.kit.keys import Keyring
from reference_pages.markdown import NOTE, table

METHODS: Final = ("get", "post", "put", "patch", "delete")


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
