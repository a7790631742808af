"""Where a company's message begins its way: at the central unit of this installation, or at its provider."""

from typing import Final

from hundi.db.pool import Transaction
from hundi.kit.errors import FieldProblem
from hundi.network.adapters.port import Unsupported
from hundi.network.adapters.providers import ADAPTERS
from hundi.network.adapters.store import ProviderStore
from hundi.network.connections import Route
from hundi.network.errors import ProviderHasNoCall
from hundi.network.protocol.messages import Call

FORWARD: Final = "network.forward"
"""The job that carries messages to a provider."""


def store_of(tx: Transaction, route: Route, message: Call) -> ProviderStore:
    """Give the store a message is submitted through. Raises :class:`ProviderHasNoCall` where the provider cannot carry it."""
    try:
        ADAPTERS[route.kind].check(message)
    except Unsupported as error:
        raise ProviderHasNoCall(problems=[FieldProblem(error.field, error.code, error.detail)]) from error
    return ProviderStore(tx, route.b2b_ids)
