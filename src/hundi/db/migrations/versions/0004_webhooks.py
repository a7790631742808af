"""Webhooks: endpoints, messages, deliveries in order, attempts. The statements stand in the .sql file beside this one.

Revision ID: 0004
"""

from hundi.db.migrations.run_sql import run_file

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what is new."""
    run_file("0004_webhooks.sql")
