"""A call of the network in two round trips: what it has to see, and all it leaves behind; the same for webhooks.

Revision ID: 0013
"""

from hundi.db.migrations.run_sql import run_file

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what is new."""
    run_file("0013_network_calls.sql")
