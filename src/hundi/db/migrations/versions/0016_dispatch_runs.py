"""Dispatches as jobs with their progress; old webhooks of providers end too; clocks set back. The .sql file has the statements.

Revision ID: 0016
"""

from hundi.db.migrations.run_sql import run_file

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what is new."""
    run_file("0016_dispatch_runs.sql")
