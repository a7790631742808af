"""The network's reads and writes by the set: one call for all that many messages ask and leave behind.

Revision ID: 0011
"""

from hundi.db.migrations.run_sql import run_file

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what is new."""
    run_file("0011_network_sets.sql")
