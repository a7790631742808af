"""How the operations on a company's connection to the network are called, for the generated test of tenancy."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import make
from hundi.cli.actor import operator
from hundi.kit.keys import Keyring
from hundi.network import connections
from hundi.network.adapters.intake import Intake
from hundi.network.adapters.port import Credentials, ProviderKind
from hundi.network.connections import Route, Wanted

PATH = "/api/v0/network/connection"
NEW: dict[str, Any] = {
    "kind": "enkash", "baseUrl": "https://api.example.com", "credentials": {"clientId": "c", "clientSecret": "s"},
    "b2bIds": ["B2B-OWN"],
}  # fmt: skip

CALLS: dict[str, Callable[[dict[str, str]], tuple[str, str, dict[str, Any]]]] = {
    "getNetworkConnection": lambda at: ("GET", PATH, {}),
    "putNetworkConnection": lambda at: ("PUT", PATH, {"json": NEW}),
    "deleteNetworkConnection": lambda at: ("DELETE", PATH, {}),
    "listKeptWebhooks": lambda at: ("GET", f"{PATH}/kept", {}),
    "settleKeptWebhook": lambda at: ("POST", f"{PATH}/kept/{at['kept']}", {"json": {"action": "DISMISS"}}),
    "listProviderMessages": lambda at: ("GET", f"{PATH}/messages", {}),
}  # fmt: skip
ELSEWHERE = {"settleProviderMessage"}
"""A message in doubt keeps its company at its provider, so this one has a test of its own (test_provider_connection.py)."""
NAMED = {"deleteNetworkConnection", "settleKeptWebhook"}
ONCE = {"deleteNetworkConnection", "settleKeptWebhook"}
OWN_PEOPLE = {"putNetworkConnection", "deleteNetworkConnection"}
NOBODYS = {"kept": "nrx_x"}


async def objects(company: make.Company) -> dict[str, str]:
    """Make a connection and a webhook that was kept."""
    wanted = Wanted(
        kind=ProviderKind.ENKASH, base_url=NEW["baseUrl"], credentials=Credentials(client_id="c", client_secret="s")
    )  # fmt: skip
    keyring = Keyring([make.SECRET])
    async with company.db.transaction(company.seller_id) as tx:
        await connections.choose(tx, operator(company.seller_id, tx.now), keyring, wanted, allow=frozenset())
        intake = Intake(tx, keyring, Route(ProviderKind.ENKASH, ()))
        body = {"resp": {"reqMsgId": make.number("MSG"), "result": "SUCCESS"}}
        return {"kept": await intake.take("invoice/resp-send-invoice", json.dumps(body).encode())}
