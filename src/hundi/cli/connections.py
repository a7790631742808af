"""`hundi network connection …`: how a company reaches the network, beside a running server."""

from collections.abc import Sequence
from typing import Any

from hundi.cli.actor import acting
from hundi.cli.output import Refused, plain
from hundi.cli.parts import Parts
from hundi.config import Settings
from hundi.db.pool import Transaction
from hundi.kit.addresses import parse_allow
from hundi.network import connections, provider_queries
from hundi.network.adapters import settling
from hundi.network.adapters.port import Credentials, ProviderKind
from hundi.network.connection_schemas import ConnectionOut, KeptOut, ProviderMessageOut


async def _shown(parts: Parts, tx: Transaction, secret: str | None = None) -> dict[str, Any]:
    found = await connections.find(tx)
    client_id = connections.client_id(tx, parts.keyring, found) if found is not None else None
    return plain(ConnectionOut.of(found, client_id, secret))


async def show(settings: Settings, seller: str | None) -> dict[str, Any]:
    """Show how the company reaches the network."""
    async with acting(settings, seller) as (parts, tx, _):
        return await _shown(parts, tx)


async def choose(
    settings: Settings,
    seller: str | None,
    kind: str,
    *,
    base_url: str | None,
    client_id: str | None,
    client_secret: str | None,
    username: str | None,
    password: str | None,
    b2b_ids: Sequence[str],
    signing_secret: str | None,
    new_intake_secret: bool,
) -> dict[str, Any]:
    """Choose a provider, or the central unit; gives the connection, with its intake secret where one was made."""
    if kind == "central":
        return await leave(settings, seller)
    if kind not in set(ProviderKind):
        message = f"The connection is central, {' or '.join(ProviderKind)}."
        raise Refused(message)
    if (client_id is None) != (client_secret is None):
        message = "Give --client-id and --client-secret together."
        raise Refused(message)
    credentials = None
    if client_id is not None and client_secret is not None:
        credentials = Credentials(
            client_id=client_id, client_secret=client_secret, username=username, password=password
        )  # fmt: skip
    wanted = connections.Wanted(
        kind=ProviderKind(kind), base_url=base_url, credentials=credentials, b2b_ids=tuple(b2b_ids),
        signing_secret=signing_secret, new_intake_secret=new_intake_secret,
    )  # fmt: skip
    async with acting(settings, seller) as (parts, tx, who):
        allow = parse_allow(settings.outgoing_allow)
        secret = await connections.choose(tx, who, parts.keyring, wanted, allow=allow)
        return await _shown(parts, tx, secret)


async def leave(settings: Settings, seller: str | None) -> dict[str, Any]:
    """Trade through the central unit of this installation again."""
    async with acting(settings, seller) as (parts, tx, who):
        await connections.leave(tx, who)
        return await _shown(parts, tx)


async def kept(settings: Settings, seller: str | None, *, limit: int) -> list[dict[str, Any]]:
    """Give the newest webhooks that had no effect."""
    async with acting(settings, seller) as (_, tx, _who):
        rows, _total = await provider_queries.kept(tx, before=None, limit=limit, offset=0)
        return [plain(KeptOut.of(row)) for row in rows]


async def messages(settings: Settings, seller: str | None, *, progress: str | None, limit: int) -> list[dict[str, Any]]:
    """Give the newest messages to the provider."""
    async with acting(settings, seller) as (_, tx, _who):
        rows, _total = await provider_queries.messages(tx, progress=progress, before=None, limit=limit, offset=0)
        return [plain(ProviderMessageOut.of(row)) for row in rows]


async def settle(settings: Settings, seller: str | None, thing: str, *, again: bool) -> dict[str, Any]:
    """Try a kept webhook or a message in doubt again, or dismiss it."""
    async with acting(settings, seller) as (parts, tx, who):
        if thing.startswith("nrx_"):
            return plain(KeptOut.of(await settling.settle_kept(tx, who, parts.keyring, thing, again=again)))
        row = await settling.settle_message(tx, who, parts.keyring, thing, again=again)
        return plain(ProviderMessageOut.of(row))
