"""The network meets the books: whose B2B ID is whose, which invoice is which object, what payments were written.

Revision ID: 0007
"""

from hundi.db.migrations.run_sql import run_file

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create what is new."""
    run_file("0007_network_books.sql")
