"""The OpenAPI document as it is served: component names and summaries that people can read (design §7)."""

import re
from dataclasses import dataclass
from inspect import cleandoc
from typing import Any, Final

from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import OpenAPI

_REFERENCE: Final = "#/components/schemas/"
_GENERIC: Final = re.compile(r"(?:[a-z_.]+\.)?(?P<outer>[A-Z][A-Za-z]*)_(?P<inner>.+?)_?")
_SPECIAL: Final = {"Any": "Failure", "str": "Text"}
_SUFFIX: Final = {"Listed": "List"}
_PAPERS: Final = re.compile(r"\s*\((?:contract|decision|design|domain)[^()]*\)")
_LITERAL: Final = re.compile(r"``([^`]+)``")
_ROLE: Final = re.compile(r":[a-z]+:`~?([^`]+)`")
# What a parameter means wherever its own declaration does not say it.
_PARAMETERS: Final = {
    "action": "What was done, such as invoice.updated",
    "actor": "Who did it: the id of a user or an API client",
    "attachmentId": "Attachment's id, as invoiceAttachmentId gives it",
    "clientId": "API client's id",
    "count": "How many numbers to show",
    "counterparty": "B2B ID of the other side",
    "cursor": "next_cursor of the page before, with the same query",
    "direction": "ASC or DESC",
    "dispatchId": "Dispatch's id, as the 202 gave it",
    "endpointId": "Webhook endpoint's id",
    "entryId": "Entry's id",
    "format": "The kind of file",
    "importId": "Import's id",
    "invoiceId": "Invoice's id",
    "kind": "What kind of object alone",
    "messageId": "Webhook message's id, as the header webhook-id has it",
    "number": "The document's own number",
    "objectId": "Id of what was changed",
    "objectKind": "Kind of what was changed, such as invoice",
    "offset": "How many to leave out at the beginning",
    "orderBy": "What to order by",
    "partnerSellerId": "Company id of the partner",
    "path": "Published path of the message",
    "policyId": "Approval policy's id",
    "registrationId": "Registration's id",
    "role": "As what you take part: supplier, buyer, owner or fa",
    "seriesId": "Number series' id",
    "state": "In this state alone",
    "status": "With this status alone",
    "token": "The secret part of the link",
    "type": "Of this type alone",
    "userId": "User's id",
    "version": "Version of the document: 1 is what was sent first, 0 the invoice as it would be sent now",
}
_WORD: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")


def component_name(name: str) -> str:
    """Give the readable name of a component: ``Envelope_hundi.a.b.Invoice_`` is an ``InvoiceEnvelope``."""
    generic = _GENERIC.fullmatch(name)
    if generic is not None:
        return component_name(generic["inner"]) + _SUFFIX.get(generic["outer"], generic["outer"])
    last = name.rsplit(".", 1)[-1]
    return _SPECIAL.get(last, last)


def summary_of(operation_id: str) -> str:
    """Write an operation's id as words: ``getVoidedNumbers`` is "Get voided numbers"."""
    words = [word if word.isupper() else word.lower() for word in _WORD.findall(operation_id)]
    text = " ".join(words)
    return text[:1].upper() + text[1:]


def plain_text(docstring: str) -> str:
    """Give a docstring as a reader of the API wants it: without references to our papers and without markup of ours."""
    return _ROLE.sub(r"`\1`", _LITERAL.sub(r"`\1`", _PAPERS.sub("", cleandoc(docstring))))


def finished(document: dict[str, Any]) -> dict[str, Any]:
    """Give the document with readable component names, and its operations and parameters explained.

    Raises ``ValueError`` where two components would get one name.
    """
    schemas = document.get("components", {}).get("schemas", {})
    names = {name: component_name(name) for name in schemas}
    if len(set(names.values())) != len(names):
        message = f"two components have one name: {sorted(names.values())}"
        raise ValueError(message)
    renamed: dict[str, Any] = _renamed(document, names)
    if schemas:
        renamed["components"]["schemas"] = {names[name]: _renamed(schema, names) for name, schema in schemas.items()}
    for schema in renamed.get("components", {}).get("schemas", {}).values():
        if "description" in schema:
            schema["description"] = plain_text(schema["description"])
    for item in renamed.get("paths", {}).values():
        for operation in item.values():
            _explain(operation)
    return renamed


def _explain(operation: dict[str, Any]) -> None:
    if " " not in operation.get("summary", ""):
        operation["summary"] = summary_of(operation["operationId"])
    if "description" in operation:
        operation["description"] = plain_text(operation["description"])
    for parameter in operation.get("parameters", ()):
        if "description" not in parameter and parameter["name"] in _PARAMETERS:
            parameter["description"] = _PARAMETERS[parameter["name"]]
        if parameter["schema"].get("type") == "integer":
            parameter["schema"].setdefault("format", "int32")


def _renamed(node: Any, names: dict[str, str]) -> Any:
    if isinstance(node, dict):
        found = {key: _renamed(value, names) for key, value in node.items()}
        reference = found.get("$ref")
        if isinstance(reference, str) and reference.startswith(_REFERENCE):
            found["$ref"] = _REFERENCE + names[reference.removeprefix(_REFERENCE)]
        return found
    if isinstance(node, list):
        return [_renamed(value, names) for value in node]
    return node


@dataclass
class _Finished(OpenAPI):
    """The framework's document, finished as it is written out."""

    def to_schema(self) -> dict[str, Any]:
        """Write the document as plain values."""
        return finished(super().to_schema())


@dataclass
class Description(OpenAPIConfig):
    """The framework's configuration of the document, which is then finished by :func:`finished`."""

    def to_openapi_schema(self) -> OpenAPI:
        """Give the document without its paths; the framework fills them in."""
        made = super().to_openapi_schema()
        return _Finished(
            external_docs=made.external_docs, security=made.security, components=made.components, servers=made.servers,
            tags=made.tags, webhooks=made.webhooks, info=made.info, paths=made.paths,
        )  # fmt: skip
