"""The ASGI application: the one list of what is mounted, and the state every handler finds."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.openapi.spec import Components, SecurityScheme
from litestar.types import ASGIApp
from prometheus_client import CollectorRegistry

from hundi import __version__
from hundi.audit import api as audit_api
from hundi.auth import api as auth_api
from hundi.auth import guard
from hundi.auth.tokens import TokenSigner
from hundi.config import Settings
from hundi.customers import api as customers_api
from hundi.db.pool import Database
from hundi.dispatch import api as deliveries_api
from hundi.documents import api as documents_api
from hundi.documents import pages
from hundi.documents.shortfalls import Shortfalls
from hundi.files import api as files_api
from hundi.http import health
from hundi.http.description import Description
from hundi.http.docs_page import DocsPage
from hundi.http.edge import Edge, Metrics
from hundi.http.errors import HANDLERS
from hundi.http.limits import Limits
from hundi.http.wire import WireSchemas
from hundi.imports import api as imports_api
from hundi.imports import archive_api, customer_api
from hundi.invoices import api as invoices_api
from hundi.invoices import approval_api, attachment_api, search_api, series_api
from hundi.kit.clock import Clock
from hundi.kit.keys import Keyring
from hundi.network import (
    calls_api,
    connection_api,
    counterparty_api,
    dispatch_api,
    inbox_api,
    objects_api,
    outbox_api,
    payables_api,
    paying_api,
    provider_inbox_api,
    receivables_api,
)
from hundi.network.scrutiny import portal_keys
from hundi.payments import api as payments_api
from hundi.payments import status_api
from hundi.reminders import api as reminders_api
from hundi.reports import api as reports_api
from hundi.reports import payables_api as payables_report_api
from hundi.sellers import access_api, admin_api
from hundi.webhooks import api as webhooks_api

_ABOUT: Final = """Receivables server and B2B invoice-network gateway for Indian business.

Send `Authorization: Bearer <access token>`; get one from `POST /oauth/token`. Every POST, PATCH, PUT and DELETE takes an
`Idempotency-Key` header of 1 to 255 printable characters: the same request with the same key is done once, and its reply
is given again for 24 hours with `Idempotency-Replayed: true`. Amounts are rupees, as JSON numbers."""


async def _always_ready() -> None:
    return None


_HEALTH: Final[list[Any]] = [health.healthz, health.readyz, health.metrics]


def routes() -> list[Any]:
    """List every route of the server."""
    return [
        *_HEALTH,
        auth_api.get_token,
        *customers_api.ROUTES,
        *reminders_api.ROUTES,
        *invoices_api.ROUTES,
        *search_api.ROUTES,
        *approval_api.ROUTES,
        *payments_api.ROUTES,
        *status_api.ROUTES,
        *series_api.ROUTES,
        *attachment_api.ROUTES,
        *admin_api.ROUTES,
        *access_api.ROUTES,
        *audit_api.ROUTES,
        *imports_api.ROUTES,
        *customer_api.ROUTES,
        *archive_api.ROUTES,
        *reports_api.ROUTES,
        *payables_report_api.ROUTES,
        *webhooks_api.ROUTES,
        *dispatch_api.ROUTES,
        *deliveries_api.ROUTES,
        *documents_api.ROUTES,
        *receivables_api.ROUTES,
        *counterparty_api.ROUTES,
        *calls_api.ROUTES,
        *objects_api.ROUTES,
        *inbox_api.ROUTES,
        *outbox_api.ROUTES,
        *payables_api.ROUTES,
        *paying_api.ROUTES,
        *connection_api.ROUTES,
        *provider_inbox_api.ROUTES,
        files_api.get_file,
        *pages.ROUTES,
    ]


def build(
    *,
    settings: Settings,
    db: Database,
    clock: Clock,
    keyring: Keyring,
    files: Any,
    base_url: str,
    readiness: Callable[[], Awaitable[None]] = _always_ready,
    stopping: asyncio.Event | None = None,
    centre_alone: bool = False,
) -> ASGIApp:
    """Build the application around its parts; it owns none of them and closes none of them.

    ``centre_alone`` mounts nothing but the network's inbox: a central unit without companies (``hundi network serve``).
    Once ``stopping`` is set, calls that wait for something and event streams come to an end by themselves.
    """
    metrics = Metrics(CollectorRegistry())
    app = Litestar(
        route_handlers=[*_HEALTH, *inbox_api.ROUTES] if centre_alone else routes(),
        dependencies={"who": Provide(guard.who, sync_to_thread=False), "call": Provide(guard.call)},
        exception_handlers=HANDLERS,
        plugins=[WireSchemas()],
        openapi_config=Description(
            title="Hundi",
            version=__version__,
            description=_ABOUT,
            use_handler_docstrings=True,
            components=Components(
                security_schemes={"bearer": SecurityScheme(type="http", scheme="bearer", bearer_format="JWT")}
            ),
            security=[{"bearer": []}],
            path="/schema",
            render_plugins=[DocsPage()],
        ),
        state=State(
            {
                "db": db, "clock": clock, "tokens": TokenSigner(keyring), "keyring": keyring, "settings": settings,
                "files": files, "shortfalls": Shortfalls(keyring, base_url.rstrip("/")), "portal_keys": portal_keys(settings.irp_keys), "metrics": metrics, "base_url": base_url.rstrip("/"), "readiness": readiness,
                "stopping": stopping or asyncio.Event(),
                "limits": Limits(
                    sign_ins=settings.sign_in_rate, pages=settings.page_rate, proxy_hops=settings.proxy_hops
                ),
            }
        ),
        logging_config=None,
        request_max_body_size=None,
    )  # fmt: skip
    return Edge(app, clock, metrics, upload_limit=settings.upload_limit_mb * 1024 * 1024)
