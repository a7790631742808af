"""Several servers and one central unit: why a parcel waits, those refused for good, and the end of old inbox rows.

Revision ID: 0009
"""

from hundi.db.migrations.run_sql import run_file

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what is new."""
    run_file("0009_several_servers.sql")
