"""Whether this installation belongs to a central unit that runs elsewhere: the three settings that say so, read once.

Company ids may be the same on two servers, so there a company's name is ``<server>/<company id>``. A server's name is in
lower case and has no slash, hence no name of one installation can be taken for one of another (docs/decisions/0019).
"""

import re
from functools import lru_cache
from typing import Final

import msgspec

from hundi.config import PREFIX, BadSetting, Settings
from hundi.kit.addresses import parse_allow
from hundi.kit.targets import BadTarget, read_target
from hundi.network.keys import read_public_key

_SERVER: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
NAME_RULE: Final = "1 to 63 small letters, digits and hyphens, no hyphen at either end"


class Membership(msgspec.Struct, frozen=True, kw_only=True):
    """Which central unit this server belongs to, under which name, and by which keys it believes that unit."""

    server: str
    address: str
    keys: tuple[bytes, ...]


def is_server_name(text: str) -> bool:
    """Tell whether a text may name a server: 1 to 63 small letters, digits and inner hyphens."""
    return _SERVER.fullmatch(text) is not None


def membership(settings: Settings) -> Membership | None:
    """Give what the settings say; None where the central unit is the one of this installation.

    Raises :class:`BadSetting` where one of the three is missing or cannot be read.
    """
    return _read(
        settings.network_centre_url, settings.network_centre_key, settings.network_server, settings.outgoing_allow
    )


@lru_cache(maxsize=16)
def _read(url: str | None, key: str | None, server: str | None, allow: str) -> Membership | None:
    given = {"NETWORK_CENTRE_URL": url, "NETWORK_CENTRE_KEY": key, "NETWORK_SERVER": server}
    missing = [PREFIX + name for name, value in given.items() if not value]
    if len(missing) == len(given):
        return None
    if not url or not key or not server:
        message = (
            f"{' and '.join(missing)} must be set too: to belong to a central unit that runs elsewhere, a server needs its "
            "address, its public key, and the name it was enrolled under."
        )
        raise BadSetting(message)
    if not is_server_name(server):
        raise BadSetting(f"{PREFIX}NETWORK_SERVER: a server's name has {NAME_RULE}.")
    keys = tuple(read_public_key(part) for part in key.split(","))
    read = tuple(one for one in keys if one is not None)
    if len(read) != len(keys):
        message = f"{PREFIX}NETWORK_CENTRE_KEY: give what `hundi network centre key` prints there, the text itself and no file's name."
        raise BadSetting(message)
    try:
        read_target(f"{url.rstrip('/')}/network/inbox/", parse_allow(allow))
    except BadTarget as error:
        raise BadSetting(f"{PREFIX}NETWORK_CENTRE_URL: {error.detail}") from error
    return Membership(server=server, address=url.rstrip("/"), keys=read)
