"""What a document said when it was sent. The .sql file has the statements.

Revision ID: 0017
"""

from hundi.db.migrations.run_sql import run_file

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new."""
    run_file("0017_issued_documents.sql")
