"""Writes docs/reference anew from the code: settings, errors, API, commands and tables.

``make docs`` runs it; ``--check`` writes nothing and fails when a page is not what it would write. The tables are read
from a freshly migrated PostgreSQL of its own, which is gone when it ends.
"""

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from hundi.db.embedded import EmbeddedPostgres
from hundi.db.upgrade import upgrade
from reference_pages.api import api_page
from reference_pages.commands import cli_page
from reference_pages.decisions import decisions_page
from reference_pages.errors import errors_page
from reference_pages.events import events_page
from reference_pages.gst import gst_page
from reference_pages.markdown import DOCS
from reference_pages.network import network_page
from reference_pages.settings import settings_page
from reference_pages.tables import schema_page


async def pages(owner_dsn: str) -> dict[Path, str]:
    """Give every page of docs/reference with its text."""
    reference = DOCS / "reference"
    return {
        reference / "settings.md": settings_page(),
        reference / "errors.md": errors_page(),
        reference / "gst-rules.md": gst_page(),
        reference / "api.md": api_page(),
        reference / "cli.md": cli_page(),
        reference / "events.md": events_page(),
        reference / "schema.md": await schema_page(owner_dsn),
        reference / "network.md": network_page(),
        reference / "decisions.md": decisions_page(),
    }


async def pages_from_nothing() -> dict[Path, str]:
    """Give the pages with the tables of a PostgreSQL that lives as long as this call."""
    with tempfile.TemporaryDirectory(prefix="hundi-docs-") as folder:
        server = EmbeddedPostgres(Path(folder))
        urls = await server.start()
        try:
            await upgrade(urls.owner, app_role="hundi_app", loader_role="hundi_loader")
            return await pages(urls.owner)
        finally:
            await server.stop()


def stale(wanted: dict[Path, str]) -> list[Path]:
    """Give the pages that are not what the code says."""
    return [path for path, text in wanted.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]


def main() -> int:
    """Write the pages, or with --check say which are stale; gives the exit code."""
    parser = argparse.ArgumentParser(description="Write docs/reference from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a page is stale")
    check = parser.parse_args().check
    wanted = asyncio.run(pages_from_nothing())
    outdated = stale(wanted)
    for path in outdated:
        name = path.relative_to(DOCS.parent)
        if check:
            sys.stderr.write(f"{name} is stale: run `make docs` and commit it.\n")
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[path], encoding="utf-8")
        sys.stdout.write(f"wrote {name}\n")
    return 1 if check and outdated else 0


if __name__ == "__main__":
    sys.exit(main())
