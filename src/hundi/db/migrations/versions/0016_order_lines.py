"""The order line an invoice line is for. The .sql file has the statement.

Revision ID: 0016
"""

from hundi.db.migrations.run_sql import run_file

revision = "0016"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new."""
    run_file("0016_order_lines.sql")
