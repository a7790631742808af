"""The sweep of files that no attachment has. The .sql file has the statements.

Revision ID: 0010
"""

from hundi.db.migrations.run_sql import run_file

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what is new."""
    run_file("0010_attachments_swept.sql")
