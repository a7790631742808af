"""What a job is given besides its ids."""

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from hundi.config import Settings
from hundi.db.pool import Database
from hundi.jobs.turns import Turns
from hundi.kit.clock import Clock
from hundi.kit.keys import Keyring


class JobContext(msgspec.Struct, frozen=True, kw_only=True):
    """The worker's means: the database, the clock, the keys, the settings, and the named ports.

    ``files`` is the file store, ``mailer`` sends mail, ``outgoing`` calls other people's servers (hundi.http.outgoing).
    ``uplink`` carries parcels to a central unit that runs elsewhere (hundi.network.uplink); None where it runs in here.
    ``turns`` has the passes that several jobs share.
    """

    db: Database
    clock: Clock
    keyring: Keyring
    settings: Settings
    files: Any
    mailer: Any
    outgoing: Any = None
    uplink: Any = None
    turns: Turns = msgspec.field(default_factory=Turns)


Handler = Callable[[JobContext, dict[str, Any]], Awaitable[None]]
"""A job: gets the context and the payload ``{seller_id, ids…}``; loads, calls a service, records."""
