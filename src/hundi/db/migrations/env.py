"""Alembic's entry point: the connection comes from hundi.db.upgrade, already locked against a second upgrade."""

from alembic import context

connection = context.config.attributes["connection"]
context.configure(connection=connection, transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
