"""Roles and what each may do. The table below is the whole of it."""

from collections.abc import Iterable, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Final


class Role(StrEnum):
    """What a person or API client is in one company."""

    OWNER = "owner"
    ADMIN = "admin"
    MAKER = "maker"
    CHECKER = "checker"
    APPROVER = "approver"
    VIEWER = "viewer"
    DEVELOPER = "developer"


class Permission(StrEnum):
    """One thing that can be done."""

    INVOICE_READ = "invoice.read"
    INVOICE_WRITE = "invoice.write"
    INVOICE_CHECK = "invoice.check"
    INVOICE_APPROVE = "invoice.approve"
    INVOICE_DISPATCH = "invoice.dispatch"
    INVOICE_OVERRIDE = "invoice.override"
    RECEIPT_REVERSE = "receipt.reverse"
    CUSTOMER_READ = "customer.read"
    CUSTOMER_WRITE = "customer.write"
    IMPORT = "import"
    AUDIT_READ = "audit.read"
    WEBHOOK = "webhook"
    NETWORK_READ = "network.read"
    NETWORK_SEND = "network.send"
    NETWORK_PAY = "network.pay"
    ADMIN = "admin"


P = Permission
_READ: Final = frozenset({P.INVOICE_READ, P.CUSTOMER_READ, P.NETWORK_READ})
_MAKE: Final = _READ | {P.INVOICE_WRITE, P.CUSTOMER_WRITE, P.IMPORT}

PERMISSIONS: Final[Mapping[Role, frozenset[Permission]]] = {
    Role.OWNER: frozenset(Permission),
    Role.ADMIN: frozenset(Permission),
    Role.MAKER: _MAKE | {P.INVOICE_DISPATCH, P.NETWORK_SEND},
    Role.CHECKER: _READ | {P.INVOICE_CHECK},
    Role.APPROVER: _READ | {P.INVOICE_APPROVE, P.INVOICE_DISPATCH, P.AUDIT_READ, P.NETWORK_SEND, P.NETWORK_PAY},
    Role.VIEWER: _READ,
    Role.DEVELOPER: _MAKE | {P.INVOICE_DISPATCH, P.WEBHOOK, P.NETWORK_SEND, P.NETWORK_PAY},
}


def permissions_of(roles: Iterable[str]) -> frozenset[str]:
    """Give all that a set of roles may do; unknown role names give nothing."""
    return _permissions_of(tuple(roles))


@lru_cache(maxsize=512)
def _permissions_of(roles: tuple[str, ...]) -> frozenset[str]:
    known = {role.value for role in Role}
    return frozenset(p.value for name in roles if name in known for p in PERMISSIONS[Role(name)])
