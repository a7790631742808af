"""Which internet addresses a server of ours may call on somebody else's behalf, and how a target is written (design §4.10).

Source of the ranges: the special-purpose address registries for IPv4 and IPv6 of IANA (RFC 6890 and its successors). An
address that carries another one inside (IPv4-mapped, 6to4, NAT64, Teredo) is refused whole: who means the inner address
can name it.
"""

import re
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

Address = IPv4Address | IPv6Address

_CLOSED_V4: Final = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",  # private
        "100.64.0.0/10",  # shared by carriers (CGNAT)
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local; clouds answer for their machines there
        "192.0.0.0/24", "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24",  # protocols and documentation
        "192.31.196.0/24", "192.52.193.0/24", "192.175.48.0/24",  # AS112 and AMT
        "192.88.99.0/24",  # 6to4 relays, given up
        "198.18.0.0/15",  # benchmarks
        "224.0.0.0/4", "240.0.0.0/4",  # multicast, reserved, broadcast
    )
)  # fmt: skip
# Everything outside 2000::/3 is loopback, mapped, translated (64:ff9b::/96), unique local, link-local or multicast.
_OPEN_V6: Final = IPv6Network("2000::/3")
_CLOSED_V6: Final = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocols, Teredo, benchmarks, ORCHID
        "2001:db8::/32", "3fff::/20",  # documentation
        "2002::/16",  # 6to4: an IPv4 address inside
        "2620:4f:8000::/48",  # AS112
    )
)  # fmt: skip

# What resolvers take for an IPv4 address in another writing: 127.1, 0x7f000001, 2130706433, 0177.0.0.1.
_NUMBER: Final = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)", re.IGNORECASE)
_ENTRY: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\s\[\]:/@]+)):([0-9]{1,5})")
_LABEL: Final = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.IGNORECASE)
_LONGEST_NAME: Final = 253


class BadAllowList(ValueError):
    """An entry of the list of allowed targets cannot be read; the sentence names it."""


def is_public(address: Address) -> bool:
    """Tell whether an address belongs to the open internet: not private, local, shared, translated or reserved."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _CLOSED_V4)
    if address.scope_id is not None:
        return False
    return address in _OPEN_V6 and not any(address in network for network in _CLOSED_V6)


def read_address(text: str) -> Address | None:
    """Read an address as it is properly written (dotted quad, or IPv6 with or without brackets); None when it is none."""
    if text.startswith("[") and text.endswith("]"):
        text = text[1:-1]
    try:
        return ip_address(text)
    except ValueError:
        return None


def is_odd_number(host: str) -> bool:
    """Tell whether a host is a number that programs disagree about (``127.1``, ``0x7f000001``): no name and no address."""
    if read_address(host) is not None:
        return False
    last = host.rstrip(".").rpartition(".")[2]
    return _NUMBER.fullmatch(last) is not None


def is_name(host: str) -> bool:
    """Tell whether a host has the form of a domain name in ASCII (``example.com``, ``localhost``)."""
    bare = host.removesuffix(".")
    return 0 < len(bare) <= _LONGEST_NAME and all(_LABEL.fullmatch(label) for label in bare.split("."))


def parse_allow(text: str) -> frozenset[tuple[str, int]]:
    """Read a list of ``host:port`` with commas (an IPv6 address in brackets); raises :class:`BadAllowList`.

    A host is a name or an address, in lower case in the result; nothing here is a pattern.
    """
    found: set[tuple[str, int]] = set()
    for entry in (part.strip() for part in text.split(",")):
        if not entry:
            continue
        match = _ENTRY.fullmatch(entry)
        port = int(match[3]) if match else 0
        if match is None or not 1 <= port <= 65535 or (match[1] and read_address(match[1]) is None):
            message = f"'{entry}' is not host:port, such as erp.example.com:8443 or [::1]:8080."
            raise BadAllowList(message)
        host = match[1] or match[2]
        address = read_address(host)
        found.add((host.lower() if address is None else str(address), port))
    return frozenset(found)
