"""Imports in a running installation: two companies at a time, the command, and a connection that breaks (decision 0011)."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from running import RunningHundi

LARGE = {"default": 80_000, "ci": 80_000, "soak": 1_000_000}[os.environ.get("TEST_TIER", "default")]
SMALL = 100
PATH = "/api/v0/invoice/bulk/create"
LATER = {"Prefer": "respond-async"}


@pytest.fixture(scope="module")
def hundi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHundi]:
    running = RunningHundi(tmp_path_factory.mktemp("imports") / "data")
    running.start()
    yield running
    running.end()


def lines(mark: str, count: int, customer: str) -> bytes:
    head = "invoiceNumber,customerRef,invoiceDate,dueDate,baseAmount,description\n"
    rows = (
        f'{mark}/{at},{customer},2026-11-01,2026-12-01,{at}.50,"Services, order {at}"\n' for at in range(1, count + 1)
    )
    return (head + "".join(rows)).encode()


def with_customer(client: httpx2.Client) -> None:
    """Give the company a customer S1."""
    body = {"legalName": "Small Customer", "uniqueRefNo": "S1", "customerKeyContacts": [], "state": "27"}
    made = client.post("/api/v0/customer", json=body)
    assert made.status_code == 200, made.text


def begun(client: httpx2.Client, content: bytes) -> str:
    reply = client.post(PATH, files={"file": ("bills.csv", content, "text/csv")}, headers=LATER)
    assert reply.status_code == 202, reply.text
    url: str = reply.json()["payload"]["url"]
    return url


def status(client: httpx2.Client, url: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(url).json()["payload"]
    return found


def watched(client: httpx2.Client, url: str) -> list[dict[str, Any]]:
    """Follow an import as a browser does; give what its progress events say, and when they came."""
    found: list[dict[str, Any]] = []
    started = time.monotonic()
    with client.stream("GET", url, headers={"Accept": "text/event-stream"}) as reply:
        told = (line[6:] for line in reply.iter_lines() if line.startswith("data: ") and '"importId"' in line)
        found += [json.loads(data) | {"after": time.monotonic() - started} for data in told]
    return found


@pytest.mark.slow  # a large import
def test_a_small_file_does_not_wait_for_anothers_giant_one(hundi: RunningHundi) -> None:
    with hundi.client() as giant, hundi.client(who=hundi.demo["buyer"]) as small:
        with_customer(small)
        url = begun(giant, lines("G", LARGE, "CUST-001"))
        until = time.monotonic() + 20
        while not status(giant, url).get("doneRows"):
            assert time.monotonic() < until
            time.sleep(0.05)
        waits, takes = [], []
        for mark in range(2):
            asked = time.monotonic()
            reply = small.post(PATH, files={"file": ("small.csv", lines(f"S{mark}", SMALL, "S1"), "text/csv")})
            takes.append(time.monotonic() - asked)
            assert reply.json()["payload"]["success_count"] == SMALL, reply.text
            listed = small.get("/api/v0/invoice/bulk?limit=1").json()["payload"]["data"][0]
            received, started = (datetime.fromisoformat(listed[name]) for name in ("receivedOn", "startedOn"))
            waits.append((started - received).total_seconds())
        assert status(giant, url)["state"] == "RUNNING", "the giant import ended before the small ones: use more rows"
        print(f"waited {waits} s for their turn, done after {takes} s")  # noqa: T201 - shown with a failure
        assert max(waits) < 1
        assert min(takes) < 2
        seen = watched(giant, url)
        assert seen[-1]["state"] == "DONE"
        assert seen[-1]["successCount"] == LARGE
        assert [one["doneRows"] for one in seen] == sorted(one["doneRows"] for one in seen)
        assert any(one.get("rowsPerSecond") and "secondsLeft" in one for one in seen)


def command(hundi: RunningHundi, *words: str) -> list[str]:
    return [sys.executable, "-m", "hundi", "import", *words, "--data-dir", str(hundi.folder), "--seller", "CEKDEMO001"]


def ran(hundi: RunningHundi, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(hundi, *words), capture_output=True, check=False, text=True, timeout=60)


def test_the_command_imports_a_file(hundi: RunningHundi, tmp_path: Path) -> None:
    file = tmp_path / "bills.csv"
    file.write_bytes(lines("C", 50, "CUST-001") + b"C/51,NOBODY,2026-11-01,2026-12-01,1,x\n")
    tried = ran(hundi, str(file), "--dry-run", "--json")
    assert tried.returncode == 0, tried.stderr
    foreseen = json.loads(tried.stdout)
    assert (foreseen["success_count"], foreseen["failure_count"]) == (50, 1)
    done = ran(hundi, str(file))
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert said[0] == "50 of 51 rows imported, 1 failed, 0 with warnings."
    assert said[1].startswith("  row 52: customerRef: No customer of this company is called so")
    assert said[2].startswith("Failures to correct and import again: http")
    people = tmp_path / "people.csv"
    people.write_text("legalName,uniqueRefNo,state\nNew Traders,CMD-1,27\n")
    made = ran(hundi, str(people), "--kind", "customers", "--json")
    assert json.loads(made.stdout)["success_count"] == 1, made.stdout + made.stderr


def test_the_command_says_what_is_wrong(hundi: RunningHundi, tmp_path: Path) -> None:
    file = tmp_path / "bills.csv"
    file.write_text("who,what\n1,2\n")
    for words, said in (
        ((str(file), "--kind", "people"), "use invoices, customers"),
        ((str(file),), "baseAmount"),
    ):
        done = ran(hundi, *words)
        assert (done.returncode, done.stdout) == (1, ""), words
        assert said in done.stderr


def test_the_place_of_the_failures_is_looked_at_first(hundi: RunningHundi, tmp_path: Path) -> None:
    file = tmp_path / "placed.csv"
    content = lines("P", 3, "CUST-001") + b"P/9,NOBODY,2026-11-01,2026-12-01,1,x\n"
    file.write_bytes(content)
    for place, said in ((file, "is the file to be imported"), (tmp_path, "Is a directory"),
                        (tmp_path / "no" / "left.csv", "No such file or directory")):  # fmt: skip
        refused = ran(hundi, str(file), "--failures", str(place))
        assert (refused.returncode, refused.stdout) == (1, ""), place
        assert refused.stderr.startswith(f"--failures: {place} ")
        assert said in refused.stderr
    assert file.read_bytes() == content
    with hundi.client() as client:
        listed = client.get("/api/v0/invoice/bulk?limit=1").json()["payload"]["data"]
        assert "placed.csv" not in {one["fileName"] for one in listed}
    left = tmp_path / "left.xlsx"
    done = ran(hundi, str(file), "--failures", str(left))
    assert "The failure file is of the kind .csv: to open it, rename it so." in done.stdout.splitlines()
    assert left.read_bytes().count(b"CUSTOMER_NOT_FOUND") == 1
    left.write_bytes(left.read_bytes().replace(b"NOBODY", b"CUST-001"))
    again = ran(hundi, str(left), "--failures", str(tmp_path / "none.csv"))
    assert again.stdout.splitlines() == ["1 of 1 rows imported, 0 failed, 0 with warnings."]
    assert not (tmp_path / "none.csv").exists()


def test_ctrl_c_leaves_the_import_to_the_worker(hundi: RunningHundi, tmp_path: Path) -> None:
    file = tmp_path / "long.csv"
    file.write_bytes(lines("I", 20_000, "CUST-001"))
    process = subprocess.Popen(command(hundi, str(file)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with hundi.client() as client:
        url, until = "", time.monotonic() + 30
        while not url:
            assert time.monotonic() < until, hundi.words()
            found = client.get("/api/v0/invoice/bulk?limit=1").json()["payload"]["data"]
            url = found[0]["url"] if found and found[0]["fileName"] == "long.csv" else ""
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=20)
        assert process.returncode == 1
        assert f"GET {url}" in said
        assert watched(client, url)[-1]["state"] == "DONE"


def test_a_connection_that_breaks_in_mid_upload_leaves_nothing(hundi: RunningHundi) -> None:
    with hundi.client() as client:
        before = client.get("/api/v0/invoice/bulk").json()["payload"]["total_count"]
        address = httpx2.URL(hundi.demo["baseUrl"])
        token = client.headers["authorization"]
        head = (
            f"POST {PATH} HTTP/1.1\r\nHost: {address.host}\r\nAuthorization: {token}\r\n"
            "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 50000000\r\n\r\n"
            '--b\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        )
        with socket.create_connection((address.host, address.port)) as line:
            line.sendall(head.encode() + b"customerRef,baseAmount\n" + b"CUST-001,1\n" * 200_000)
            time.sleep(0.3)
        assert client.get("/readyz").status_code == 200
        assert client.get("/api/v0/invoice/bulk").json()["payload"]["total_count"] == before
        # Only the work folder of an import that still runs may be there, never a part of an upload.
        assert not [path for path in (hundi.folder / "tmp").iterdir() if not path.name.startswith("import-")]


def test_it_stops_while_somebody_watches_and_waits(hundi: RunningHundi) -> None:
    """Last in this file: a call that waits is told to come again, streams end, and nothing keeps the server up."""
    with hundi.client() as client, ThreadPoolExecutor(2) as pool:
        url = begun(client, lines("W", 30_000, "CUST-001"))
        files = {"file": ("w.csv", lines("V", 20_000, "CUST-001"))}
        waiting = pool.submit(client.post, PATH, files=files)
        watching = pool.submit(watched, client, url)
        time.sleep(1)
        asked = time.monotonic()
        assert hundi.stop() == 0
        assert time.monotonic() - asked < 30
        reply = waiting.result(10)
        assert reply.status_code in {200, 503}, reply.text
        if reply.status_code == 503:
            assert "while your file is imported" in reply.json()["response_message"]
        assert watching.result(10)
