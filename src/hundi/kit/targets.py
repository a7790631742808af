"""URLs that somebody else chose for us to call: taken apart, and refused as far as their text alone tells (design §4.10)."""

from collections.abc import Mapping
from typing import Final

import httpx2
import msgspec

from hundi.kit.addresses import is_name, is_odd_number, is_public, read_address

LONGEST_URL: Final = 2000
PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443}
_LAST_PORT: Final = 65535


class BadTarget(Exception):
    """A URL that may not be called. ``code`` is stable, ``detail`` says what to do."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        self.detail = detail
        super().__init__(detail)


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """A URL taken apart; ``host`` is in lower case and ASCII, an IPv6 address without brackets."""

    scheme: str
    host: str
    port: int
    path: str


def read_target(url: str, allow: frozenset[tuple[str, int]]) -> Target:
    """Take a URL apart and refuse what can be refused without asking a resolver.

    Raises :class:`BadTarget` with BAD_URL, BAD_SCHEME, NOT_HTTPS, CREDENTIALS_IN_URL, BAD_HOST or PRIVATE_ADDRESS.
    Plain http is for targets of the allow list only.
    """
    if len(url) > LONGEST_URL or not url.isprintable() or any(letter in url for letter in " \\"):
        raise BadTarget("BAD_URL", f"Send a URL of at most {LONGEST_URL} characters, without spaces.")
    try:
        parsed = httpx2.URL(url)
    except (httpx2.InvalidURL, ValueError) as error:
        raise BadTarget("BAD_URL", "This is not a URL: write https://host/path.") from error
    if parsed.scheme not in PORTS:
        raise BadTarget("BAD_SCHEME", "Only https:// is called, and http:// where the operator allowed the host.")
    if parsed.userinfo or "@" in parsed.netloc.decode("ascii"):
        raise BadTarget("CREDENTIALS_IN_URL", "Take the user name and password out of the URL.")
    host = parsed.raw_host.decode("ascii").lower().strip("[]")
    address = read_address(host)
    if address is None and (is_odd_number(host) or not is_name(host)):
        raise BadTarget("BAD_HOST", "Write the host as a name, or as an IP address in its usual form.")
    if address is not None:
        host = str(address)
    port = PORTS[parsed.scheme] if parsed.port is None else parsed.port
    if not 1 <= port <= _LAST_PORT:
        raise BadTarget("BAD_URL", f"A port is a number from 1 to {_LAST_PORT}.")
    named = (host.removesuffix("."), port) in allow
    if address is not None and not named and not is_public(address):
        raise private(host, port)
    if parsed.scheme == "http" and not named:
        raise BadTarget("NOT_HTTPS", "Use https://. Plain http is for hosts the operator allowed.")
    return Target(scheme=parsed.scheme, host=host, port=port, path=parsed.raw_path.decode("ascii"))


def private(host: str, port: int) -> BadTarget:
    """Make the refusal of a host that is, or leads to, an address outside the open internet."""
    # Which address a name led to is not said: who registers a URL could otherwise read our network's own names.
    return BadTarget(
        "PRIVATE_ADDRESS",
        f"{host} is not, or does not only lead to, an address of the open internet. If it is meant, the operator can "
        f"allow it with its port {port} in HUNDI_OUTGOING_ALLOW.",
    )
