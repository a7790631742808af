"""Holds an embedded PostgreSQL open, to be stopped or killed from outside. Run by the tests beside it.

    embedded_actor.py DATA_DIR BINARIES|- clean|careless

`clean` stops the server on SIGTERM and Ctrl-C, as `hundi up` does; `careless` never stops it itself. One JSON line
with the three URLs and the server's number is printed once it runs; a refusal goes to standard error, exit code 1.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import signal
import sys
import threading
from pathlib import Path

from hundi.db.embedded import DatabaseTooOld, DataFolderBusy, EmbeddedPostgres, EmbeddedStartError


async def hold(data_dir: Path, binaries: Path | None, *, clean: bool) -> None:
    """Start, say where, and wait for a signal."""
    server = EmbeddedPostgres(data_dir, binaries=binaries)
    asked_to_stop = asyncio.Event()
    if clean:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, asked_to_stop.set)
    urls = await server.start()
    sys.stdout.write(json.dumps({**dataclasses.asdict(urls), "pid": server.pid}) + "\n")
    sys.stdout.flush()
    await asked_to_stop.wait()
    await server.stop()


def main(words: list[str]) -> None:
    """Run in the main thread (`clean`), or in another, so that signals take their default course (`careless`)."""
    data_dir, binaries, manner = Path(words[0]), None if words[1] == "-" else Path(words[1]), words[2]
    try:
        if manner == "clean":
            asyncio.run(hold(data_dir, binaries, clean=True))
        else:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            holder = threading.Thread(target=lambda: asyncio.run(hold(data_dir, binaries, clean=False)))
            holder.start()
            holder.join()
    except (DataFolderBusy, DatabaseTooOld, EmbeddedStartError) as refusal:
        sys.exit(f"{refusal.code}: {refusal}")


if __name__ == "__main__":
    main(sys.argv[1:])
