"""What the whole Accounts Receivable API needs beyond the first cut. The statements stand in the .sql file beside this one.

Revision ID: 0002
"""

from hundi.db.migrations.run_sql import run_file

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what is new."""
    run_file("0002_receivable_api.sql")
