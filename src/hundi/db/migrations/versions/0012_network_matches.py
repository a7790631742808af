"""Matching by the set, and locks that a reference does not wait for.

Revision ID: 0012
"""

from hundi.db.migrations.run_sql import run_file

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what is new."""
    run_file("0012_network_matches.sql")
