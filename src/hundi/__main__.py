"""`python -m hundi` is the `hundi` command."""

from hundi.cli.main import app

app()
