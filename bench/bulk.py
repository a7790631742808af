r"""Files of invoices through a whole running Hundi, beside `psql \copy` of exactly the rows they produce.

An installation is started as users start it (`hundi up`: server, worker, PostgreSQL). A CSV with 1% bad rows goes up over
HTTP; the import counts from its job's start to its end (reader, judging, COPY, result files). What it wrote in all tables is
exported, the tables are emptied (indexes, keys and checks stay), and psql copies the same rows back in one transaction.
Rounds alternate, medians are compared. Memory is the sum over all processes of the installation without PostgreSQL, shared
pages counted once (PSS).

    python bench/bulk.py                  everything, for 1,000,000 rows: some ten minutes
    python bench/bulk.py --rows 200000    everything, smaller in proportion
    python bench/bulk.py --quick          one pair of 1,000,000 rows
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Self

import asyncpg
import httpx2
import psutil
import xlsxwriter  # type: ignore[import-untyped]  # it has no types

from hundi.db.embedded import binary, running_urls

SELLER = "CEKDEMO001"
CUSTOMERS = 2000
TABLES = ("import_chunks", "invoices", "invoice_items", "invoice_entries", "events", "audit_log")
HEADER = (
    "Invoice number", "Customer reference", "Invoice date", "Due date", "Base amount", "GST rate %", "Description",
    "PO number", "External id", "E-mail", "Mobile", "Received so far",
)  # fmt: skip
Line = tuple[str, ...]


def lines(rows: int, mark: str) -> Any:
    """Give a file's rows: 1% have a date that does not exist, an unknown customer or no amount."""
    chance = random.Random(mark)
    for at in range(rows):
        base = f"{chance.randint(100, 9_999_999)}.{chance.randint(0, 99):02d}"
        who, day = f"BENCH-{at % CUSTOMERS:05d}", "2026-05-15"
        if at % 100 == 17:
            who, day, base = chance.choice([("NOBODY", day, base), (who, "2026-02-31", base), (who, day, "many")])
        yield (
            f"{mark}/26-27/{at:07d}", who, "2026-04-15", day, base, "18", f"Services, order {at}", f"PO-{at}",
            f"EXT-{mark}-{at}", f"accounts{at % CUSTOMERS}@example.com", "+919800000000", "100" if at % 10 == 0 else "",
        )  # fmt: skip


def write_csv(path: Path, rows: int, mark: str) -> Path:
    """Write a CSV."""
    with path.open("w") as out:
        out.write(",".join(HEADER) + "\n")
        for line in lines(rows, mark):
            out.write(",".join(f'"{cell}"' if "," in cell else cell for cell in line) + "\n")
    return path


def write_xlsx(path: Path, rows: int, mark: str) -> Path:
    """Write a workbook, its amounts as numbers as people have them."""
    book = xlsxwriter.Workbook(str(path), {"constant_memory": True})
    sheet = book.add_worksheet("Invoices")
    sheet.write_row(0, 0, HEADER)
    for at, line in enumerate(lines(rows, mark), start=1):
        for column, cell in enumerate(line):
            if column in {4, 5, 11} and cell.replace(".", "", 1).isdigit():
                sheet.write_number(at, column, float(cell))
            else:
                sheet.write_string(at, column, cell)
    book.close()
    return path


class Installation:
    """A whole Hundi in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HUNDI_")}
        words = [sys.executable, "-m", "hundi", "up", "--demo", "--data-dir", str(self.data), "--port", "0"]
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
        until = time.monotonic() + 120
        while not self._is_ready():
            if self.process.poll() is not None or time.monotonic() > until:
                raise SystemExit((self.folder / "log").read_text()[-3000:])
            time.sleep(0.2)
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)

    def _is_ready(self) -> bool:
        try:
            return httpx2.get(f"{self.demo['baseUrl']}/readyz", timeout=5).status_code == 200
        except (OSError, ValueError, httpx2.HTTPError):
            return False

    @property
    def demo(self) -> dict[str, Any]:
        """Give the addresses and credentials of the demo."""
        found: dict[str, Any] = json.loads((self.data / "demo.json").read_text())
        return found

    @property
    def owner(self) -> str:
        """Give the address of its database as the owner."""
        urls = running_urls(self.data)
        assert urls is not None
        return urls.owner

    def client(self) -> httpx2.Client:
        """Sign in."""
        demo = self.demo
        form = {"grant_type": "password", "username": demo["username"], "password": demo["password"]}
        form["clientId"] = demo["sellerId"]
        secret = (demo["clientId"], demo["clientSecret"])
        reply = httpx2.post(f"{demo['baseUrl']}/oauth/token", data=form, auth=secret, timeout=30)
        headers = {"Authorization": f"Bearer {reply.json()['access_token']}"}
        return httpx2.Client(base_url=demo["baseUrl"], headers=headers, timeout=3600)

    def processes(self) -> list[psutil.Process]:
        """List its processes."""
        assert self.process is not None
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]


class Memory:
    """Watches the memory of an installation without its PostgreSQL."""

    def __init__(self, of: Installation) -> None:
        self.peak = 0
        self._of = of
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.5):
            total = 0
            for one in self._of.processes():
                try:
                    if one.name() != "postgres":
                        total += one.memory_full_info().pss
                except psutil.Error:
                    continue
            self.peak = max(self.peak, total)


def run(client: httpx2.Client, path: Path) -> dict[str, Any]:
    """Import a file; give its last status with ``upload_s``, ``import_s``, ``whole_s`` and ``first_progress_s``."""
    began = time.perf_counter()
    with path.open("rb") as file:
        reply = client.post(
            "/api/v0/invoice/bulk/create", files={"file": (path.name, file)}, headers={"Prefer": "respond-async"}
        )
    if reply.status_code != 202:
        raise SystemExit(f"the upload was answered with {reply.status_code}: {reply.text[:500]}")
    taken, first = time.perf_counter(), None
    url = reply.json()["payload"]["url"]
    last: dict[str, Any] = {}
    # A stream ends by itself after a while; a browser comes back as we do here.
    while last.get("state") not in {"DONE", "REFUSED", "CANCELLED"}:
        with client.stream("GET", url, headers={"Accept": "text/event-stream"}) as events:
            for line in events.iter_lines():
                if line.startswith("data: ") and '"importId"' in line:
                    last = json.loads(line[6:])
                    if first is None and (last["rowsRead"] or last["doneRows"]):
                        first = time.perf_counter() - taken
    whole = time.perf_counter() - began
    result = client.get(url).json()["payload"]
    if result["state"] != "DONE":
        raise SystemExit(f"the import ended as {result}")
    with_times: dict[str, Any] = result | {
        "upload_s": taken - began, "whole_s": whole, "first_progress_s": first or whole, "import_s": _between(result),
    }  # fmt: skip
    return with_times


def _between(result: dict[str, Any]) -> float:
    from datetime import datetime

    started, ended = (datetime.fromisoformat(result[name]) for name in ("startedOn", "finishedOn"))
    return (ended - started).total_seconds()


async def _owner(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn, command_timeout=600)
    for statement in statements:
        await connection.execute(statement)
    await connection.close()


def empty(at: Installation) -> None:
    """Empty the tables both ways fill, and settle what is left to write."""
    asyncio.run(_owner(at.owner, f"TRUNCATE {', '.join(TABLES)} CASCADE", "VACUUM", "CHECKPOINT"))


def fill(at: Installation) -> None:
    """Make the customers the files speak of."""
    made = f"""
        INSERT INTO customers (seller_id, customer_id, unique_ref_no, legal_name, treatment, state_code,
                               created_at, created_by, modified_at, modified_by)
        SELECT '{SELLER}', 'KC' || lpad(n::text, 14, '0'), 'BENCH-' || lpad(n::text, 5, '0'), 'Customer ' || n, 'REGISTERED',
               CASE n % 2 WHEN 0 THEN '27' ELSE '29' END, now(), 'bench', now(), 'bench'
          FROM generate_series(0, {CUSTOMERS - 1}) n"""
    asyncio.run(_owner(at.owner, made, "ANALYZE customers"))


async def _exported(dsn: str, folder: Path) -> str:
    connection = await asyncpg.connect(dsn, command_timeout=600)
    ids = "SELECT invoice_id FROM invoices ORDER BY invoice_id OFFSET (SELECT count(*) / 2 FROM invoices) LIMIT 1"
    middle: str = await connection.fetchval(ids)
    for table in TABLES:
        halves = {"": "true"}
        if table.startswith("invoice"):
            halves = {"": "true", ".0": f"invoice_id < '{middle}'", ".1": f"invoice_id >= '{middle}'"}
        for ending, where in halves.items():
            text = f"SELECT * FROM {table} WHERE {where}"
            await connection.copy_from_query(text, output=str(folder / f"{table}.csv{ending}"), format="csv")
    await connection.close()
    return middle


def copied(at: Installation, folder: Path, *, parallel: bool) -> float:
    """Copy the exported rows back, with one psql or two at the same time; give the seconds.

    Statistics gathered in the middle of the one large transaction say that the table is empty, and its foreign keys are then
    checked by plans that take minutes: the yardstick is spared that (the engine commits chunk by chunk).
    """
    _autovacuum(at, on=False)
    words = [str(binary("psql")), "-q", "-1", "-v", "ON_ERROR_STOP=1"]
    runs = []
    for half in (0, 1) if parallel else (0,):
        script = folder / f"copy{half}.sql"
        tables = [table for table in TABLES if half == 0 or table.startswith("invoice")]
        names = {
            table: f"{table}.csv" + (f".{half}" if parallel and table.startswith("invoice") else "") for table in tables
        }
        script.write_text("".join(f"\\copy {table} from '{folder / name}' csv\n" for table, name in names.items()))
        runs.append([*words, "-f", str(script), at.owner])
    began = time.perf_counter()
    started = [subprocess.Popen(one, env={"PATH": os.environ["PATH"]}) for one in runs]
    if any(one.wait() for one in started):
        raise SystemExit(r"\copy failed")
    seconds = time.perf_counter() - began
    _autovacuum(at, on=True)
    return seconds


def _autovacuum(at: Installation, *, on: bool) -> None:
    change = "RESET (autovacuum_enabled)" if on else "SET (autovacuum_enabled = off)"
    asyncio.run(_owner(at.owner, *(f"ALTER TABLE {table} {change}" for table in TABLES)))


class Pair(dict[str, Any]):
    """One import beside the copies of its rows."""


def pair(at: Installation, client: httpx2.Client, path: Path, *, twice: bool) -> Pair:
    """Import into empty tables, then copy the same rows into them; with ``twice`` also by two psql."""
    empty(at)
    with Memory(at) as memory:
        done = run(client, path)
    found = Pair(
        rows=done["totalRows"], good=done["successCount"], bad=done["failureCount"], peak_mb=round(memory.peak / 2**20),
        **{name: round(done[name], 3) for name in ("import_s", "upload_s", "whole_s", "first_progress_s")},
    )  # fmt: skip
    exported = at.folder / "exported"
    exported.mkdir(exist_ok=True)
    asyncio.run(_exported(at.owner, exported))
    empty(at)
    found["copy_s"] = round(copied(at, exported, parallel=False), 3)
    if twice:
        empty(at)
        found["two_copies_s"] = round(copied(at, exported, parallel=True), 3)
    shutil.rmtree(exported)
    print(" ".join(f"{name}={value}" for name, value in found.items()), flush=True)
    return found


def crowd(client: httpx2.Client, paths: list[Path]) -> float:
    """Import files at the same time; give the seconds from the first upload to the last end."""
    began = time.perf_counter()
    threads = [threading.Thread(target=run, args=(client, path)) for path in paths]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - began


def quick(folder: Path, rows: int) -> dict[str, Any]:
    r"""One pair against one \copy."""
    path = write_csv(folder / "quick.csv", rows, "Q")
    with Installation(folder) as at, at.client() as client:
        fill(at)
        one = pair(at, client, path, twice=False)
    ratio = round(one["copy_s"] / one["import_s"], 3)
    return {
        "name": "bulk",
        "ratio": ratio,
        "peak_mb": one["peak_mb"],
        "rows_per_s": round(rows / one["import_s"]),
        **one,
    }


def whole(folder: Path, rows: int, rounds: int) -> dict[str, Any]:
    """Every figure of the table."""
    with Installation(folder) as at, at.client() as client:
        fill(at)
        pairs = []
        for mark in range(rounds):
            path = write_csv(folder / "round.csv", rows, f"R{mark}")
            pairs.append(pair(at, client, path, twice=True))
        middle = {name: statistics.median(one[name] for one in pairs) for name in pairs[0]}
        sheet = pair(at, client, write_xlsx(folder / "book.xlsx", rows // 5, "X"), twice=False)
        small = _crowd(at, client, folder, rows)
        growth = _growth(at, client, folder, rows)
    return {
        "name": "bulk", "ratio": round(middle["copy_s"] / middle["import_s"], 3), "peak_mb": round(middle["peak_mb"]),
        "rows": rows, "rows_per_s": round(rows / middle["import_s"]), "import_s": middle["import_s"],
        "upload_s": middle["upload_s"], "copy_s": middle["copy_s"], "two_copies_s": middle["two_copies_s"],
        "ratio_of_two": round(middle["two_copies_s"] / middle["import_s"], 3),
        "first_progress_s": max(one["first_progress_s"] for one in pairs),
        "xlsx_rows": sheet["rows"], "xlsx_s": sheet["import_s"], "xlsx_ratio": round(sheet["copy_s"] / sheet["import_s"], 3),
        "xlsx_peak_mb": sheet["peak_mb"], **small, **growth,
    }  # fmt: skip


def _crowd(at: Installation, client: httpx2.Client, folder: Path, rows: int) -> dict[str, Any]:
    """Ten uploads at once beside one of as many rows; for both the reader's process is there already."""
    run(client, write_csv(folder / "before.csv", 1000, "B"))
    empty(at)
    alone = run(client, write_csv(folder / "alone.csv", rows // 10, "A"))["whole_s"]
    empty(at)
    paths = [write_csv(folder / f"small{at_}.csv", rows // 100, f"S{at_}") for at_ in range(10)]
    together = crowd(client, paths)
    return {"alone_s": round(alone, 3), "ten_s": round(together, 3), "ten_ratio": round(together / alone, 3)}


def _growth(at: Installation, client: httpx2.Client, folder: Path, rows: int) -> dict[str, Any]:
    """Three times the rows: memory, and what a row costs once they are there."""
    empty(at)
    first = run(client, write_csv(folder / "first.csv", rows // 5, "F"))["import_s"]
    empty(at)
    with Memory(at) as memory:
        large = run(client, write_csv(folder / "large.csv", rows * 3, "L"))
    later = run(client, write_csv(folder / "later.csv", rows // 5, "T"))["import_s"]
    return {
        "large_rows": rows * 3, "large_s": round(large["import_s"], 3), "large_peak_mb": round(memory.peak / 2**20),
        "growth": round(later / first, 3),
    }  # fmt: skip


def table(found: dict[str, Any]) -> str:
    """Lay the figures out as the README quotes them."""
    rows = found["rows"]
    lines_ = [
        ("what", "seconds", "rows/s", "beside"),
        (f"import, CSV of {rows:,} rows, 1% bad", f"{found['import_s']:.1f}", f"{found['rows_per_s']:,}", ""),
        (r"`\copy` of the same rows", f"{found['copy_s']:.1f}", "", f"{found['ratio']:.2f} of it"),
        (r"two `\copy` in parallel", f"{found['two_copies_s']:.1f}", "", f"{found['ratio_of_two']:.2f} of it"),
        (f"import, XLSX of {found['xlsx_rows']:,} rows", f"{found['xlsx_s']:.1f}",
         f"{round(found['xlsx_rows'] / found['xlsx_s']):,}", f"{found['xlsx_ratio']:.2f} of its `\\copy`"),
        (f"ten files of {rows // 100:,} rows at once", f"{found['ten_s']:.1f}", "",
         f"{found['ten_ratio']:.2f} × one of {rows // 10:,}"),
        (f"import, CSV of {found['large_rows']:,} rows", f"{found['large_s']:.1f}",
         f"{round(found['large_rows'] / found['large_s']):,}", f"a row costs {found['growth']:.2f} × then"),
        ("first progress after", f"{found['first_progress_s']:.1f}", "", ""),
        ("peak memory without PostgreSQL", f"{found['peak_mb']} MB", "", f"{found['large_peak_mb']} MB for the large one"),
    ]  # fmt: skip
    return "\n".join("| " + " | ".join(line) + " |" + ("\n| --- | ---: | ---: | --- |" if not at else "")
                     for at, line in enumerate(lines_))  # fmt: skip


def main() -> None:
    """Run, and print the table and the line of JSON."""
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("--rows", type=int, default=1_000_000)
    words.add_argument("--rounds", type=int, default=3)
    words.add_argument("--quick", action="store_true")
    given = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="hundi-bench-") as name:
        found = quick(Path(name), given.rows) if given.quick else whole(Path(name), given.rows, given.rounds)
    if not given.quick:
        print("\n" + table(found) + "\n")
    print(json.dumps(found))


if __name__ == "__main__":
    main()
