"""What each long-running process loads: memory is counted over all of them, and none pays for what only another needs."""

from __future__ import annotations

import subprocess
import sys

import pytest

_MIGRATIONS = {"alembic", "sqlalchemy", "mako"}


@pytest.mark.parametrize(
    ("module", "kept_out"),
    [
        ("hundi.cli.up", {*_MIGRATIONS, "polars", "litestar", "pgqueuer", "uvicorn", "num2words", "jinja2"}),
        ("hundi.cli.serving", {*_MIGRATIONS, "polars", "fastexcel"}),
        ("hundi.cli.working", {*_MIGRATIONS, "polars", "fastexcel", "uvicorn"}),
    ],
)
def test_a_process_loads_nothing_that_only_another_needs(module: str, kept_out: set[str]) -> None:
    """The worker loads polars a little later, with the bulk engine."""
    code = f"import sys, {module}; print(*sorted({kept_out!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
