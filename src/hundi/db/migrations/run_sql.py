"""Runs a revision's SQL file as it is: many statements in one go, which prepared statements do not allow."""

from importlib import resources

from alembic import op


def run_file(name: str) -> None:
    """Run ``versions/<name>`` on the migration's own connection, inside its transaction."""
    text = resources.files("hundi.db.migrations.versions").joinpath(name).read_text(encoding="utf-8")
    # A statement of Alembic's own first: only that makes the adapter open the transaction the file must be part of.
    op.execute("SELECT 1")
    adapted = op.get_bind().connection.dbapi_connection
    if adapted is None:
        message = "the migration has no connection"
        raise RuntimeError(message)
    adapted.run_async(lambda raw: raw.execute(text))
