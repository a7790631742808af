"""What went to a provider and came from it ends after its time. The .sql file has the statements.

Revision ID: 0014
"""

from hundi.db.migrations.run_sql import run_file

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what is new."""
    run_file("0014_provider_mail.sql")
