"""The buyer's side: received invoices as payables, and what they are matched by.

Revision ID: 0006
"""

from hundi.db.migrations.run_sql import run_file

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what is new."""
    run_file("0006_payables.sql")
