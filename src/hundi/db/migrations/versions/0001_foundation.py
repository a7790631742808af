"""The first schema. The statements stand in the .sql file beside this one.

Revision ID: 0001
"""

from hundi.db.migrations.run_sql import run_file

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create everything."""
    run_file("0001_foundation.sql")
