"""The one client of all calls that leave for an address somebody else chose: webhooks, peers, gateways (design §4.10).

A name is resolved once, every address it has is checked, and the connection goes to a checked address: nothing is resolved
a second time in between. TLS and the Host header keep the name. Redirects are not followed, proxies of the environment
are not asked, bodies are not unpacked, and time and size are capped.
"""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import httpcore2
import msgspec

from hundi.kit.addresses import Address, is_public, read_address
from hundi.kit.targets import PORTS, BadTarget, Target, private, read_target

Resolver = Callable[[str, int], Awaitable[Sequence[str]]]
"""Gives the addresses of a name, as text; raises ``OSError`` where there are none."""

TIMEOUT_S: Final = 15
"""How long a call may take from its first step to the last byte of the reply."""
MOST_BYTES: Final = 64 * 1024
"""So much of a reply is read; the rest stays with the sender."""
_CONNECT_S: Final = 5
_KEEP_S: Final = 15


class CallFailed(Exception):
    """A call had no reply. ``sent``: a part of the request may have reached the other side, so its effect is unknown."""

    def __init__(self, detail: str, *, sent: bool) -> None:
        self.detail = detail
        self.sent = sent
        super().__init__(detail)


class TargetRefused(CallFailed):
    """The target may not be called: its form, or one of its addresses. Nothing was sent. ``code`` is stable."""

    def __init__(self, why: BadTarget) -> None:
        self.code = why.code
        super().__init__(why.detail, sent=False)


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What the other side said. ``body`` holds the first bytes; ``cut``: it is not whole, because there was more than
    was asked for, it came too slowly, or the connection broke on the way. The status came all the same.

    ``headers`` are by lower-case name, the last one of a name; ``ms`` is how long the call took.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool
    ms: int


async def system_resolver(host: str, port: int) -> Sequence[str]:
    """Ask the machine's resolver for all addresses of a name."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _PinnedBackend(httpcore2.AsyncNetworkBackend):
    """Opens connections to addresses that were checked, and to no others."""

    def __init__(self, resolver: Resolver, allow: frozenset[tuple[str, int]]) -> None:
        self._resolver = resolver
        self._allow = allow
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: Any = None,  # noqa: ASYNC109 - the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Resolve, check every address, connect to the first that answers."""
        addresses = await self.checked(host, port)
        last: Exception | None = None
        for address in addresses:
            try:
                # A literal: what is connected to is what was checked.
                return await self._inner.connect_tcp(str(address), port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                last = error
        raise last or httpcore2.ConnectError(f"{host} has no address")

    async def sleep(self, seconds: Any) -> None:
        """Wait (httpcore's pause between its own tries, of which there are none)."""
        await asyncio.sleep(seconds)

    async def checked(self, host: str, port: int) -> list[Address]:
        """Give the addresses of a host if all of them may be called; raises :class:`TargetRefused` if one may not."""
        named = (host.removesuffix("."), port) in self._allow
        literal = read_address(host)
        try:
            texts = [host] if literal is not None else await self._resolver(host, port)
        except OSError as error:
            raise httpcore2.ConnectError(f"the name {host} has no address: {error.strerror or error}") from error
        found: list[Address] = []
        for text in texts:
            address = read_address(text)
            if address is None:
                raise TargetRefused(private(host, port))
            if not (named or is_public(address) or (str(address), port) in self._allow):
                raise TargetRefused(private(host, port))
            found.append(address)
        return found


class Outgoing:
    """Calls other people's servers. One for a process; close it at the end."""

    def __init__(
        self,
        allow: frozenset[tuple[str, int]] = frozenset(),
        *,
        resolver: Resolver = system_resolver,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.allow = allow
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=tls or httpcore2.default_ssl_context(),
            max_connections=200,
            max_keepalive_connections=50,
            keepalive_expiry=_KEEP_S,
            network_backend=_PinnedBackend(resolver, allow),
        )

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        timeout_s: int = TIMEOUT_S,
        most_bytes: int = MOST_BYTES,
    ) -> Reply:
        """Send one request and give the reply, whatever its status; a redirect is a reply like any other.

        Raises :class:`TargetRefused`, or :class:`CallFailed` where no reply came within ``timeout_s``.
        """
        try:
            target = read_target(url, self.allow)
        except BadTarget as error:
            raise TargetRefused(error) from error
        request = _request(method, target, headers or {}, content)
        sent = False

        async def trace(event: str, _: Mapping[str, Any]) -> None:
            nonlocal sent
            sent = sent or event.endswith("send_request_headers.started")

        steps = {"connect": _CONNECT_S, "read": timeout_s, "write": timeout_s, "pool": timeout_s}
        request.extensions = {"timeout": steps, "trace": trace}
        started = time.monotonic()
        try:
            return await self._exchange(request, most_bytes, started, timeout_s)
        except TimeoutError as error:
            raise CallFailed(f"No reply within {timeout_s} seconds.", sent=sent) from error
        except httpcore2.TimeoutException as error:
            where = "reply" if sent else "connection"
            raise CallFailed(f"No {where} within the time there is.", sent=sent) from error
        except (httpcore2.NetworkError, httpcore2.ProtocolError, ssl.SSLError, OSError) as error:
            what = "The connection broke" if sent else "No connection"
            raise CallFailed(f"{what}: {str(error)[:300] or type(error).__name__}.", sent=sent) from error

    async def _exchange(self, request: httpcore2.Request, most_bytes: int, started: Any, timeout_s: int) -> Reply:
        until = asyncio.get_running_loop().time() + timeout_s
        async with asyncio.timeout_at(until):
            response = await self._pool.handle_async_request(request)
        parts: list[bytes] = []
        try:
            async with asyncio.timeout_at(until):
                cut = await _read_first(response, most_bytes, parts)
        except (TimeoutError, httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError):
            cut = True
        finally:
            # What was not read is not read: the connection is closed with the reply.
            await response.aclose()
        return Reply(
            status=response.status,
            headers={name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers},
            body=b"".join(parts)[:most_bytes],
            cut=cut,
            ms=round((time.monotonic() - started) * 1000),
        )

    async def aclose(self) -> None:
        """Close the idle connections."""
        await self._pool.aclose()


async def _read_first(response: httpcore2.Response, most_bytes: int, parts: list[bytes]) -> bool:
    """Read up to so many bytes into ``parts``; True when there were more."""
    size = 0
    async with contextlib.aclosing(_chunks(response)) as chunks:
        async for chunk in chunks:
            parts.append(chunk)
            size += len(chunk)
            if size > most_bytes:
                return True
    return False


async def _chunks(response: httpcore2.Response) -> AsyncGenerator[bytes, None]:
    stream: Any = response.stream
    async for chunk in stream:
        yield chunk


def _request(method: str, target: Target, headers: Mapping[str, str], content: bytes) -> httpcore2.Request:
    host = f"[{target.host}]" if ":" in target.host else target.host
    shown = host if target.port == PORTS[target.scheme] else f"{host}:{target.port}"
    fixed = {"host": shown, "accept-encoding": "identity", "content-length": str(len(content))}
    named = {name.lower(): value for name, value in headers.items()} | fixed
    url = httpcore2.URL(
        scheme=target.scheme.encode(), host=target.host.encode(), port=target.port, target=target.path.encode()
    )
    return httpcore2.Request(method, url, headers=list(named.items()), content=content)
