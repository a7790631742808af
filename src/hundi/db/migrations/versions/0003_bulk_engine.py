"""What the bulk engine needs: customers from files, progress, cancelling, limits of a seller. The .sql file has the statements.

Revision ID: 0003
"""

from hundi.db.migrations.run_sql import run_file

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what is new."""
    run_file("0003_bulk_engine.sql")
