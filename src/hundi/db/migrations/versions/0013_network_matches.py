"""Matching by the set, and locks that a reference does not wait for.

Revision ID: 0013
"""

from hundi.db.migrations.run_sql import run_file

revision = "0013"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what is new."""
    run_file("0013_network_matches.sql")
