"""The order line an invoice line is for. The .sql file has the statement.

Revision ID: 0015
"""

from hundi.db.migrations.run_sql import run_file

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new."""
    run_file("0015_order_lines.sql")
