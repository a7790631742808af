"""What is mounted and named: every route is guarded, every refusal has its code, every job is in the registry."""

from __future__ import annotations

import ast
import importlib
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Controller
from litestar.handlers import HTTPRouteHandler
from sources import Module, modules

from hundi.app import routes
from hundi.auth.guard import PUBLIC
from hundi.auth.rules import Permission
from hundi.kit.errors import ErrorType, Refusal
from hundi.registry import HANDLERS

# Which documented errorType goes with which status (design §5).
TYPES: dict[int, set[ErrorType]] = {
    400: {ErrorType.VALIDATION_ERROR, ErrorType.CLIENT_REQUEST_ERROR},
    401: {ErrorType.UNAUTHORIZED},
    403: {ErrorType.INVALID_ACCESS},
    404: {ErrorType.RECORD_NOT_FOUND},
    405: {ErrorType.CLIENT_REQUEST_ERROR},
    409: {ErrorType.UNPROCESSABLE_REQUEST},
    412: {ErrorType.UNPROCESSABLE_REQUEST},
    413: {ErrorType.CLIENT_REQUEST_ERROR},
    415: {ErrorType.CLIENT_REQUEST_ERROR},
    422: {ErrorType.UNPROCESSABLE_REQUEST},
    429: {ErrorType.CLIENT_REQUEST_ERROR},
}
# Who may call these without a token, and what stands in for it.
OPEN: dict[str, str] = {
    "/healthz": "tells that the process lives",
    "/readyz": "tells that requests are served",
    "/metrics": "counters without names",
    "/oauth/token": "signing in",
    "/i/{token:str}": "the link is the secret (design §4.7)",
    "/i/{token:str}/invoice.pdf": "the same link",
    "/files/{token:str}": "an expiring link is the secret",
    "/network/inbox": "the signature of the sender is the proof (design §5)",
    "/schema": "the documentation",
    "/static": "style sheets and fonts",
}


def handlers() -> Iterator[HTTPRouteHandler]:
    """Give every HTTP handler the application mounts."""
    for entry in routes():
        if isinstance(entry, type) and issubclass(entry, Controller):
            yield from (part for part in vars(entry).values() if isinstance(part, HTTPRouteHandler))
        elif isinstance(entry, HTTPRouteHandler):
            yield entry
        else:
            for route in getattr(entry, "route_handlers", []):
                if isinstance(route, HTTPRouteHandler):
                    yield route


def name_of(handler: HTTPRouteHandler) -> str:
    return f"{min(handler.http_methods)} {min(handler.paths)}"


@pytest.mark.parametrize("handler", list(handlers()), ids=name_of)
def test_a_route_is_guarded_or_says_that_it_is_open(handler: HTTPRouteHandler) -> None:
    asked = [guard.permission for guard in handler.guards or () if hasattr(guard, "permission")]
    is_open = handler.opt.get("public") is PUBLIC["public"]
    if is_open:
        assert asked == [], "either open or guarded"
        for path in handler.paths:
            assert any(path == known or path.startswith(f"{known}/") for known in OPEN), f"{path} is open to everybody"
    else:
        assert len(asked) == 1, "guards=[may(Permission.X)] or opt=PUBLIC"
        assert isinstance(asked[0], Permission)


def test_there_are_routes_to_look_at() -> None:
    paths = {path for handler in handlers() for path in handler.paths}
    assert {"/oauth/token", "/api/v0/invoice", "/api/v0/customer"} <= {path.rstrip("/") for path in paths}
    assert len(paths) >= 10


def test_operations_are_named_once() -> None:
    named = Counter(
        h.operation_id for h in handlers() if h.include_in_schema is not False and isinstance(h.operation_id, str)
    )
    assert [name for name, times in named.items() if times > 1] == []
    for handler in handlers():
        if handler.include_in_schema is not False:
            assert handler.operation_id, f"{name_of(handler)} needs the contract's operationId"


def refusals() -> list[type[Refusal]]:
    for module in modules():
        if "migrations" not in module.name and module.name != "__main__":
            importlib.import_module(f"hundi.{module.name}".removesuffix(".__init__"))
    found: set[type[Refusal]] = set()
    waiting: list[type[Refusal]] = [Refusal]
    while waiting:
        for child in waiting.pop().__subclasses__():
            if child.__module__.startswith("hundi.") and child not in found:
                found.add(child)
                waiting.append(child)
    return sorted(found, key=lambda kind: kind.__qualname__)


@pytest.mark.parametrize("kind", refusals(), ids=lambda kind: kind.__name__)
def test_a_refusal_says_what_to_do(kind: type[Refusal]) -> None:
    assert "code" in vars(kind), "every refusal has a code of its own"
    assert re.fullmatch(r"[A-Z][A-Z0-9_]{3,39}", kind.code)
    sentence = (kind.__doc__ or "").strip().splitlines()[0] if kind.__doc__ else ""
    assert "__doc__" in vars(kind)
    assert re.fullmatch(r"[A-Z`'₹].{15,}[.!]", sentence), f"the first line is what the caller reads: {sentence!r}"
    assert kind.error_type in TYPES[kind.status], f"{kind.status} goes with {TYPES[kind.status]}"


def test_codes_are_unique() -> None:
    counted = Counter(kind.code for kind in refusals())
    assert [code for code, times in counted.items() if times > 1] == []
    assert len(counted) >= 15


def constants(module: Module) -> dict[str, str]:
    """Give the module's names for texts (``RUN = "imports.run"``)."""
    found = {}
    for node in module.tree.body:
        target = (
            node.targets[0]
            if isinstance(node, ast.Assign)
            else node.target
            if isinstance(node, ast.AnnAssign)
            else None
        )
        value = getattr(node, "value", None)
        if isinstance(target, ast.Name) and isinstance(value, ast.Constant) and isinstance(value.value, str):
            found[target.id] = value.value
    return found


def enqueued() -> list[tuple[Module, int, str]]:
    everywhere = {name: value for module in modules() for name, value in constants(module).items()}
    found = []
    for module in modules():
        own = {**everywhere, **constants(module)}
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Call) or len(node.args) < 2:
                continue
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called not in {"enqueue", "enqueue_many"} or module.package == "jobs":
                continue
            name: Any = node.args[1]
            if isinstance(name, ast.Constant):
                found.append((module, node.lineno, str(name.value)))
            elif isinstance(name, ast.Name | ast.Attribute):
                key = name.id if isinstance(name, ast.Name) else name.attr
                found.append((module, node.lineno, own.get(key, f"?{key}")))
            else:
                found.append((module, node.lineno, "?"))
    return found


def test_every_job_that_is_put_into_the_queue_is_in_the_registry() -> None:
    jobs = enqueued()
    assert jobs, "nothing is ever put into the queue?"
    unknown = [f"{module.name} line {line}: {name}" for module, line, name in jobs if name not in HANDLERS]
    assert unknown == []


def test_jobs_are_named_by_capability_and_verb() -> None:
    packages = {module.package for module in modules()}
    for name in HANDLERS:
        capability, _, verb = name.partition(".")
        assert capability in packages, name
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", verb), name


def test_only_the_queue_talks_to_the_queue() -> None:
    for module in modules():
        if module.package != "jobs" and module.name != "db.upgrade":
            used = [
                n.lineno
                for n in ast.walk(module.tree)
                if isinstance(n, ast.ImportFrom) and (n.module or "").startswith("pgqueuer")
            ]
            assert used == [], f"{module.name}: use hundi.jobs.queue"
