"""A call of the network in two round trips: what it has to see, and all it leaves behind; the same for webhooks.

Revision ID: 0014
"""

from hundi.db.migrations.run_sql import run_file

revision = "0014"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what is new."""
    run_file("0014_network_calls.sql")
