"""The B2B network: each company's copies, outbox and inbox, and the schema of the central unit.

Revision ID: 0005
"""

from hundi.db.migrations.run_sql import run_file

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what is new."""
    run_file("0005_network.sql")
