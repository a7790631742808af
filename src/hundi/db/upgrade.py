"""Bringing a database to the schema this version needs: migrations, the job tables, and who may touch what."""

from typing import Final

import asyncpg
from alembic import command
from alembic.config import Config
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.queries import Queries
from sqlalchemy import Connection as SyncConnection
from sqlalchemy import pool, text
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from hundi.db.revisions import SchemaBehind, check_server, current_revision, newest_revision, schema_sentence

_LOCK: Final = 0x48554E4449  # "HUNDI": only one upgrade at a time per database
_APP_TABLES_READ_WRITE: Final = (
    "sellers", "registrations", "number_series", "number_counters", "users", "memberships", "api_clients",
    "partner_grants", "refresh_tokens", "token_revocations", "customers", "customer_contacts", "customer_reminders",
    "invoices", "idempotency_keys", "imports", "deliveries", "delivery_attempts",
    "attachments", "approval_policies",
    "webhook_endpoints", "webhook_cursors", "webhook_lanes", "webhook_deliveries", "webhook_attempts",
    "network_objects", "network_outbox", "network_awaiting", "network_heights", "network_numbers", "network_held",
    "payable_policies", "network_payables", "network_payable_orders",
    "network_counterparties", "network_invoices", "network_postings",
    "network_connections", "network_messages", "network_received",
    "dispatch_runs",
)  # fmt: skip
_APP_TABLES_APPEND: Final = (
    "invoice_items", "invoice_entries", "invoice_links", "events", "audit_log", "audit_seals", "stored_files",
    "file_links", "import_chunks", "delivery_invoices", "voided_numbers", "approval_decisions",
    "webhook_messages", "issued_documents", "issued_again",
    "network_events", "network_inbox", "network_aliases", "network_refused",
)  # fmt: skip
_APP_VIEWS: Final = ("searchable_invoices", "searchable_customers")
_APP_TABLES_DELETE: Final = (
    "invoice_items", "idempotency_keys", "refresh_tokens", "file_links", "stored_files", "token_revocations",
    "webhook_messages", "webhook_deliveries", "webhook_attempts",
    "network_outbox", "network_awaiting", "network_held", "network_payable_orders", "network_counterparties",
    "network_connections", "dispatch_runs",
)  # fmt: skip
# A copy of ours that gives way to a counterparty's object of the same id takes its history along under a new name.
_APP_EVENT_NAMES: Final = "GRANT UPDATE (object_id) ON network_events TO {}"
# The network's central unit: no tenant's tables, reached by hundi.network.central alone (design §5).
_CENTRAL_READ_WRITE: Final = (
    "central.homes", "central.objects", "central.claims", "central.words", "central.outbox", "central.heights",
    "central.numbers", "central.held",
)  # fmt: skip
_CENTRAL_APPEND: Final = ("central.events", "central.inbox", "central.refused")
_CENTRAL_DELETE: Final = ("central.claims", "central.words", "central.outbox", "central.held")
LOADER_TABLES: Final = (
    "invoices", "invoice_items", "invoice_entries", "events", "audit_log", "import_chunks", "customers",
    "customer_contacts",
)  # fmt: skip


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "hundi:db/migrations")
    return config


async def upgrade(owner_dsn: str, *, app_role: str, loader_role: str | None) -> str:
    """Bring the database to the newest revision and give the roles exactly what they need; give that revision.

    Safe to run twice and at the same time from several processes: the second waits and finds nothing to do.
    """
    lock = await asyncpg.connect(owner_dsn)
    try:
        await check_server(lock)
        await lock.execute("SELECT pg_advisory_lock($1)", _LOCK)
        newest = newest_revision()
        found = await current_revision(lock)
        if found is not None and found > newest:
            raise SchemaBehind(schema_sentence(found))
        if found != newest:
            await _migrate(owner_dsn)
        await _job_tables(lock)
        await _grant(lock, app_role, loader_role)
    finally:
        await lock.close()
    return newest


async def _migrate(owner_dsn: str) -> None:
    url = make_url(owner_dsn).set(drivername="postgresql+asyncpg")
    engine = create_async_engine(url, poolclass=pool.NullPool)
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SET lock_timeout = '4s'"))
            await connection.commit()
            await connection.run_sync(_run_alembic)
            await connection.commit()
    finally:
        await engine.dispose()


def _run_alembic(connection: SyncConnection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


async def _job_tables(connection: asyncpg.Connection) -> None:
    queries = Queries(AsyncpgDriver(connection))
    if not await queries.has_table(queries.qbe.settings.queue_table):
        await queries.install()
    else:
        await queries.upgrade()


async def _grant(connection: asyncpg.Connection, app: str, loader: str | None) -> None:
    """State all grants anew, so that a role never keeps what a newer version took away."""
    quoted = await connection.fetchval("SELECT quote_ident($1)", app)
    async with connection.transaction():
        await connection.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {quoted}")
        await connection.execute(f"GRANT USAGE ON SCHEMA public TO {quoted}")
        await connection.execute(f"GRANT SELECT, INSERT, UPDATE ON {', '.join(_APP_TABLES_READ_WRITE)} TO {quoted}")
        await connection.execute(f"GRANT SELECT, INSERT ON {', '.join(_APP_TABLES_APPEND)} TO {quoted}")
        await connection.execute(f"GRANT SELECT ON {', '.join(_APP_VIEWS)} TO {quoted}")
        await connection.execute(f"GRANT DELETE ON {', '.join(_APP_TABLES_DELETE)} TO {quoted}")
        await connection.execute(_APP_EVENT_NAMES.format(quoted))
        await connection.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA central FROM {quoted}")
        await connection.execute(f"GRANT USAGE ON SCHEMA central TO {quoted}")
        await connection.execute(f"GRANT SELECT, INSERT, UPDATE ON {', '.join(_CENTRAL_READ_WRITE)} TO {quoted}")
        await connection.execute(f"GRANT SELECT, INSERT ON {', '.join(_CENTRAL_APPEND)} TO {quoted}")
        await connection.execute(f"GRANT DELETE ON {', '.join(_CENTRAL_DELETE)} TO {quoted}")
        await connection.execute(f"GRANT SELECT ON alembic_version TO {quoted}")
        jobs = await connection.fetchval(
            "SELECT string_agg(quote_ident(relname), ', ') FROM pg_class "
            "WHERE relkind = 'r' AND relname LIKE 'pgqueuer%' AND relnamespace = 'public'::regnamespace"
        )
        await connection.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {jobs} TO {quoted}")
        await connection.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {quoted}")
        if loader is not None:
            its = await connection.fetchval("SELECT quote_ident($1)", loader)
            await connection.execute(f"REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {its}")
            await connection.execute(f"GRANT USAGE ON SCHEMA public TO {its}")
            await connection.execute(f"GRANT INSERT ON {', '.join(LOADER_TABLES)} TO {its}")
