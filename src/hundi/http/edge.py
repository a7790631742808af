"""The outermost layer of the application: request ids, body limits, logging and counters, for every request alike."""

import re
import time
from typing import Any, Final

import structlog
from litestar.enums import HttpMethod, ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send
from prometheus_client import CollectorRegistry, Counter, Histogram

from hundi.http.envelope import encode, failed
from hundi.kit.clock import Clock
from hundi.kit.errors import ErrorType, Refusal
from hundi.kit.ids import new_id

log = structlog.get_logger("hundi.http")

JSON_LIMIT: Final = 10 * 1024 * 1024
_ACCEPTED_ID: Final = re.compile(rb"[A-Za-z0-9._:-]{8,100}")
_LENGTH_DIGITS: Final = 18
# Providers bring webhooks to a path that lets them in (hundi.network.provider_inbox_api); it is not for the log.
_SECRET: Final = re.compile(r"\bnis_[A-Za-z0-9_-]+")
UPLOAD_PATHS: Final = frozenset(
    {
        "/api/v0/invoice/bulk/create", "/api/v0/invoice/bulk/attachments", "/api/v0/customer/bulk",
        "/api/v0/customer/bulk/update",
    }
)  # fmt: skip


class Metrics:
    """What ``/metrics`` shows of the HTTP side."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.requests = Counter("hundi_http_requests", "Requests answered", ["method", "status"], registry=registry)
        self.seconds = Histogram("hundi_http_seconds", "Time to answer", ["method"], registry=registry)


class _BodyTooLarge(Refusal):
    """The body is larger than this endpoint takes."""

    code, status, error_type = "BODY_TOO_LARGE", 413, ErrorType.CLIENT_REQUEST_ERROR


class Edge:
    """ASGI wrapper: gives each request an id, stops bodies over the limit while they arrive, counts and logs."""

    def __init__(self, app: ASGIApp, clock: Clock, metrics: Metrics, *, upload_limit: int) -> None:
        self.app = app
        self.clock = clock
        self.metrics = metrics
        self.upload_limit = upload_limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != ScopeType.HTTP:
            await self.app(scope, receive, send)
        elif scope["method"] == "HEAD":
            await self._answer_head(scope, receive, send)
        else:
            await self._serve(scope, receive, send)

    async def _answer_head(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        """Answer HEAD as GET without its body: probes and link scanners ask with it (RFC 9110 §9.3.2)."""

        async def bodiless(message: Message) -> None:
            if message["type"] == "http.response.body":
                message["body"] = b""
            await send(message)

        scope["method"] = HttpMethod.GET
        await self._serve(scope, receive, bodiless)

    async def _serve(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        request_id = self._request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        started = time.perf_counter()
        status = 0
        seen = 0
        limit = self.upload_limit if scope["path"] in UPLOAD_PATHS else JSON_LIMIT

        async def limited() -> Any:
            nonlocal seen
            message = await receive()
            if message["type"] == "http.request":
                seen += len(message.get("body", b""))
                if seen > limit:
                    # Answered by the application's own handler of refusals, or below where nothing caught it. The rest
                    # of the body is not read, so the connection cannot be used again.
                    raise _BodyTooLarge(_sentence(limit), headers={"connection": "close"})
            return message

        async def tagged(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = list(message.get("headers", []))
                headers.append((b"x-request-id", request_id.encode()))
                headers.extend(scope["state"].get("rate_headers", ()))
                if not any(name.lower() == b"x-content-type-options" for name, _ in headers):
                    headers.append((b"x-content-type-options", b"nosniff"))
                message["headers"] = headers
            await send(message)

        try:
            if not await self._refused_at_once(scope, tagged, request_id, limit):
                await self.app(scope, limited, tagged)
        except _BodyTooLarge:
            if status == 0:
                await self._too_large(tagged, request_id, limit)
        finally:
            took = time.perf_counter() - started
            method = str(scope["method"])
            self.metrics.requests.labels(method, str(status)).inc()
            self.metrics.seconds.labels(method).observe(took)
            log.debug(
                "request",
                method=method,
                path=_SECRET.sub("nis_…", scope["path"]),
                status=status,
                ms=round(took * 1000, 1),
                request_id=request_id,
            )

    async def _refused_at_once(self, scope: HTTPScope, send: Send, request_id: str, limit: int) -> bool:
        """Answer what can be judged by the head alone; tells whether it was."""
        if "\x00" in scope["path"] and scope["path"].startswith("/static/"):
            await self._no_such_place(send, request_id)
            return True
        if _declared_length(scope) > limit:
            await self._too_large(send, request_id, limit)
            return True
        return False

    async def _no_such_place(self, send: Send, request_id: str) -> None:
        """Answer 404: no address holds a NUL, and file look-ups fail on it in ways of their own."""
        content = encode(
            failed(
                message="There is nothing at this address.",
                error_type=ErrorType.RECORD_NOT_FOUND,
                request_id=request_id,
                now=self.clock.now(),
            )
        )
        await send({"type": "http.response.start", "status": 404, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": content, "more_body": False})

    def _request_id(self, scope: Any) -> str:
        for name, value in scope["headers"]:
            if name == b"x-request-id" and _ACCEPTED_ID.fullmatch(value):
                return str(value.decode())
        return new_id("req", self.clock.now())

    async def _too_large(self, send: Send, request_id: str, limit: int) -> None:
        content = encode(
            failed(
                message=_sentence(limit),
                error_type=ErrorType.CLIENT_REQUEST_ERROR,
                request_id=request_id,
                now=self.clock.now(),
            )
        )
        # The rest of the body is not read, so the connection cannot be used again.
        headers = [(b"content-type", b"application/json"), (b"connection", b"close")]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": content, "more_body": False})


def _sentence(limit: int) -> str:
    return f"The body is larger than this endpoint takes ({limit // (1024 * 1024)} MiB)."


def _declared_length(scope: Any) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            # A length of more digits than any body has is cut: it stays over every limit.
            return int(value[:_LENGTH_DIGITS]) if value.isdigit() else 0
    return 0
