"""Alembic migrations: revisions in SQL, run by `hundi db upgrade` as the owner."""
