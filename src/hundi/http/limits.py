"""Rate limits: a token bucket for each key, kept in this process (docs/decisions: rate limits are per process).

A bucket holds ``burst`` tokens and gains ``per_minute`` a minute. It is kept as one number, the instant at which it will
be full again, so a request costs a look-up and an addition, and a bucket that is full need not be kept at all.
"""

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Final

import msgspec

from hundi.kit.errors import ErrorType, Refusal

_SECOND: Final = 1_000_000_000
_MINUTE: Final = 60 * _SECOND
_MOST_KEYS: Final = 50_000
_RATES_KEPT: Final = 10_000
RATES_GOOD_FOR: Final = 60 * _SECOND
"""How long (ns) a client's limit is used before it is read again."""
MOST_PER_MINUTE: Final = 6_000_000
_IPV6_NETWORK: Final = 64


class Limit(msgspec.Struct, frozen=True):
    """How many requests a minute in the long run, and how many at once."""

    per_minute: int
    burst: int

    @classmethod
    def a_minute(cls, number: int) -> "Limit":
        """Allow ``number`` a minute, all of them at once where nothing was asked before."""
        return cls(number, number)


DEFAULT: Final = Limit(600_000, 20_000)
"""What a client may do until its company sets something else; the column's default says the same."""


class Verdict(msgspec.Struct, frozen=True):
    """What a bucket says to one request; times in whole seconds, rounded up."""

    allowed: bool
    limit: Limit
    remaining: int
    full_after_s: int
    retry_after_s: int

    def headers(self) -> dict[str, str]:
        """Give the ``RateLimit-*`` fields of the IETF draft (httpapi-ratelimit-headers, revision 3)."""
        return {
            "RateLimit-Limit": str(self.limit.burst),
            "RateLimit-Remaining": str(self.remaining),
            "RateLimit-Reset": str(self.full_after_s),
            "RateLimit-Policy": f"{self.limit.per_minute};w=60;burst={self.limit.burst}",
        }


class TooManyRequests(Refusal):
    """Too many requests: wait as many seconds as Retry-After says, then go on."""

    code, status, error_type = "TOO_MANY_REQUESTS", 429, ErrorType.CLIENT_REQUEST_ERROR

    def __init__(self, verdict: Verdict) -> None:
        message = f"Too many requests: wait {verdict.retry_after_s} seconds, then go on."
        super().__init__(message, headers={"Retry-After": str(verdict.retry_after_s), **verdict.headers()})


class Buckets:
    """Buckets by key. Those that were not asked for longest are forgotten when there are very many: they are full."""

    def __init__(self, ticks: Callable[[], int] = time.monotonic_ns, *, most: int = _MOST_KEYS) -> None:
        self.ticks = ticks
        self._most = most
        self._full_at: OrderedDict[str, int] = OrderedDict()

    def __len__(self) -> int:
        """Count the buckets that are kept."""
        return len(self._full_at)

    def take(self, key: str, limit: Limit) -> Verdict:
        """Take one token of a key's bucket, or say how long to wait for one."""
        now = self.ticks()
        interval = _MINUTE // limit.per_minute
        whole = limit.burst * interval
        # A limit that was lowered leaves a bucket empty, never deeper than empty.
        full_at = min(max(self._full_at.get(key, now), now), now + whole)
        wait = full_at + interval - whole - now
        allowed = wait <= 0
        if allowed:
            full_at += interval
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        if len(self._full_at) > self._most:
            self._full_at.popitem(last=False)
        missing = full_at - now
        return Verdict(
            allowed=allowed,
            limit=limit,
            remaining=(whole - missing) // interval,
            full_after_s=_seconds(missing),
            retry_after_s=0 if allowed else _seconds(wait),
        )


class Limits:
    """All limits of this process: of API clients, of sign-in, of hosted pages.

    ``sign_ins`` are allowed a minute from one address, a tenth of them for one username; ``pages`` a minute from one
    address. ``proxy_hops`` is how many reverse proxies of the operator's own stand in front.
    """

    def __init__(
        self, *, sign_ins: int, pages: int, proxy_hops: int, ticks: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._buckets = Buckets(ticks)
        self._per_address = Limit.a_minute(sign_ins)
        self._per_username = Limit.a_minute(max(1, sign_ins // 10))
        self._pages = Limit.a_minute(pages)
        self._proxy_hops = proxy_hops
        self._rates: OrderedDict[str, tuple[Limit, int]] = OrderedDict()

    def rate(self, client_id: str) -> Limit | None:
        """Give a client's limit where it was read within the last minute."""
        found = self._rates.get(client_id)
        if found is None or self._buckets.ticks() - found[1] > RATES_GOOD_FOR:
            return None
        return found[0]

    def remember(self, client_id: str, limit: Limit) -> None:
        """Keep what was read of a client for a minute."""
        self._rates[client_id] = (limit, self._buckets.ticks())
        self._rates.move_to_end(client_id)
        if len(self._rates) > _RATES_KEPT:
            self._rates.popitem(last=False)

    def forget(self, client_id: str) -> None:
        """Read a client's limit anew at its next request: it was changed."""
        self._rates.pop(client_id, None)

    def client(self, client_id: str, limit: Limit) -> Verdict:
        """Count a request of an API client."""
        return self._buckets.take(f"client {client_id}", limit)

    def sign_in_from(self, scope: Any) -> Verdict:
        """Count an attempt to sign in against the address it comes from."""
        return self._buckets.take(f"sign-in {address_of(scope, self._proxy_hops)}", self._per_address)

    def sign_in_as(self, username: str) -> Verdict:
        """Count an attempt to sign in under a name; only of clients that proved who they are."""
        return self._buckets.take(f"username {username.strip().lower()[:200]}", self._per_username)

    def page(self, scope: Any) -> Verdict:
        """Count a visit of a hosted page."""
        return self._buckets.take(f"page {address_of(scope, self._proxy_hops)}", self._pages)


def address_of(scope: Any, proxy_hops: int) -> str:
    """Give the address a request comes from: the peer's, or with proxies what the outermost of ours wrote down.

    Of ``X-Forwarded-For`` only as many entries from the right are believed as there are proxies of our own; what stands
    further left is the caller's word. IPv6 counts by its /64, which is what one subscriber has.
    """
    client = scope.get("client")
    found = str(client[0]) if client else "-"
    if proxy_hops:
        listed = [
            part.strip()
            for name, value in scope["headers"]
            if name == b"x-forwarded-for"
            for part in value.decode("latin-1").split(",")
        ]
        if len(listed) >= proxy_hops:
            found = listed[-proxy_hops]
    try:
        address = ipaddress.ip_address(found)
    except ValueError:
        return found[:100]
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, _IPV6_NETWORK), strict=False))
    return str(address)


def _seconds(nanoseconds: int) -> int:
    return -(-nanoseconds // _SECOND)
