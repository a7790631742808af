"""An own PostgreSQL beside Hundi: started on first use, gone with the process, recovered at the next start.

In the data folder: `postgres/` (the cluster), `postgres.json` (passwords), `postgres.log`, `postgres.run` (where the
running server is), `postgres.lock` (held by every process of the server) and `hundi.lock` (held by us).
"""

from hundi.db.embedded.address import Urls, running_urls
from hundi.db.embedded.binaries import binary
from hundi.db.embedded.errors import DatabaseTooOld, DataFolderBusy, EmbeddedStartError, minimum_version_check
from hundi.db.embedded.lock import FolderLock
from hundi.db.embedded.supervisor import EmbeddedPostgres

__all__ = [
    "DataFolderBusy",
    "DatabaseTooOld",
    "EmbeddedPostgres",
    "EmbeddedStartError",
    "FolderLock",
    "Urls",
    "binary",
    "minimum_version_check",
    "running_urls",
]
