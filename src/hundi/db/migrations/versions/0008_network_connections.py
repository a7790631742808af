"""The network by way of a provider: each company's connection, and what goes through it and comes back.

Revision ID: 0008
"""

from hundi.db.migrations.run_sql import run_file

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what is new."""
    run_file("0008_network_connections.sql")
