"""The commands of the how-to pages run as they are printed, beside a `hundi up --demo` of their own."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sources import ROOT

from mailroom import free_port

READY_S = 90
HOW_TO = ROOT / "docs" / "how-to"


def environment(**more: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("HUNDI_")}
    return {**own, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{own['PATH']}", **more}


def run_page(name: str, demo: Path, *, leave_out: slice | None = None, seconds: int = 120, **more: str) -> str:
    """Run every command of a how-to page in one shell, as printed, and give what it said; some blocks may be left out."""
    blocks = re.findall(r"```sh\n(.*?)```", (HOW_TO / f"{name}.md").read_text(encoding="utf-8"), re.DOTALL)
    assert blocks
    if leave_out is not None:
        del blocks[leave_out]
    return run_blocks(blocks, demo, seconds=seconds, **more)


def run_steps(name: str, demo: Path, **more: str) -> int:
    """Run a page whose commands are followed by what they print, and hold each against what it said.

    ``…`` stands for the rest of a line or a part of it. Gives how many steps had something to say.
    """
    page = (HOW_TO / f"{name}.md").read_text(encoding="utf-8")
    steps = re.findall(r"```sh\n(.*?)```\n(?:\n```text\n(.*?)```)?", page, re.DOTALL)
    said = run_blocks([f"{block}\necho '=== end of step'" for block, _ in steps], demo, **more)
    for (block, expected), found in zip(steps, said.split("=== end of step\n"), strict=False):
        wanted = re.escape(expected).replace("…", "[^\n]*")
        assert re.fullmatch(wanted, found), f"{block}\nsays\n{found}\nand not\n{expected}"
    return sum(bool(expected) for _, expected in steps)


def run_blocks(blocks: list[str], demo: Path, *, seconds: int = 120, **more: str) -> str:
    with_curl = environment(DIR=str(demo), **more)
    if shutil.which("curl") is None:
        tools = demo / "tools"
        tools.mkdir(exist_ok=True)
        (tools / "curl").write_text(f'#!/bin/sh\nexec "{sys.executable}" "{ROOT / "tests" / "plain_curl.py"}" "$@"\n')
        (tools / "curl").chmod(0o755)
        with_curl["PATH"] = f"{tools}{os.pathsep}{with_curl['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", "\n".join(blocks)],
        env=with_curl, cwd=demo, capture_output=True, text=True, timeout=seconds, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr
    return done.stdout


def is_ready(folder: Path) -> bool:
    address = folder / "hundi.address"
    if not address.is_file():
        return False
    try:
        with urllib.request.urlopen(f"{address.read_text().strip()}/readyz", timeout=5) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


@contextmanager
def running_demo(tmp_path: Path, **settings: str) -> Iterator[Path]:
    """Run `hundi up --demo` on a free port with these settings and give its data folder."""
    folder = tmp_path / "data"
    command = [sys.executable, "-m", "hundi", "up", "--demo", "--port", "0", "--data-dir", str(folder)]
    log = (tmp_path / "up.log").open("wb")
    process = subprocess.Popen(command, env=environment(**settings), stdout=log, stderr=log)
    try:
        until = time.monotonic() + READY_S
        while not is_ready(folder):
            assert process.poll() is None, (tmp_path / "up.log").read_text()[-3000:]
            assert time.monotonic() < until, "not ready in time"
            time.sleep(0.2)
        yield folder
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        log.close()


@pytest.fixture(scope="module")
def hook_port() -> int:
    """Give the port at which the page on webhooks listens."""
    return free_port()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, hook_port: int) -> Iterator[Path]:
    """Give the data folder of one Hundi for all pages, as a reader has one."""
    with running_demo(tmp_path_factory.mktemp("demo"), HUNDI_OUTGOING_ALLOW=f"127.0.0.1:{hook_port}") as folder:
        yield folder


@pytest.mark.slow  # Imports a thousand rows: that is what the page is about.
def test_the_upload_page_runs_as_printed(demo: Path) -> None:
    said = run_page("upload-a-file", demo)
    assert "988 imported, 12 failed" in said
    assert "error_code,error_message" in said
    assert "20 queued, 0 dispatched before, 0 not queued." in said
    assert said.rstrip().endswith(".eml")


@pytest.mark.slow  # Beside a whole Hundi.
def test_the_pages_on_partners_and_connections_run_as_printed(demo: Path) -> None:
    said = run_page("act-for-another-seller", demo)
    assert re.findall(r"^HTTP (\d+)$", said, re.MULTILINE) == ["403", "200", "403"]
    assert "belongs to CEKDEMO001" in said
    assert "customer.create by usr_" in said
    connected = run_page("connect-to-a-network", demo)
    assert connected.count("kind: enkash") == 2
    assert connected.count("intakeSecret: nis_") == 1, "shown once"
    assert "not a real one" not in connected
    assert connected.rstrip().endswith("kind: central")


@pytest.mark.slow  # Beside a whole Hundi: both sides of the network trade on it.
def test_the_walk_over_the_network_runs_as_printed(demo: Path) -> None:
    assert run_steps("sandbox", demo) == 11


@pytest.mark.slow  # Beside a whole Hundi.
def test_the_page_on_bharat_connect_runs_as_printed(demo: Path) -> None:
    said = run_page("send-over-bharat-connect", demo)
    assert "1 queued, 0 dispatched before, 0 not queued." in said
    states = re.findall(r"^\S+ is \S.*$", said, re.MULTILINE)
    assert states == [
        "networkStatus is SENT TO BUYER", "dispatchStatus.name is DISPATCHED", "buyerResponse is ACCEPT",
        "payoutStatus.name is INITIATED", "receivableStatus.name is PAID",
    ]  # fmt: skip
    assert '"reference":"DEMON52026112000001"' in said


@pytest.mark.slow  # Beside a whole Hundi.
def test_the_pages_on_moving_approving_webhooks_and_paying_run_as_printed(demo: Path, hook_port: int) -> None:
    assert '"name":"OVERDUE"' in run_page("move-from-enkash", demo)
    approving = run_page("approve-before-sending", demo)
    hooks = run_page("receive-webhooks", demo, PORT=str(hook_port))
    paying = run_page("answer-and-pay-received-invoices", demo)
    assert '"code":"NOT_APPROVED"' in approving
    assert "1 queued" in approving
    received = (demo / "received.txt").read_text().splitlines()
    assert [line.split()[0] for line in received[:2]] == ["webhook.test", "invoice.created"]
    assert re.search(r'"attemptLog":\[\{"attempt":1,[^}]*"outcome":"TAKEN"', hooks)
    assert '"verdict":"MATCHED","totalAmount":708' in paying
    assert re.search(r"^S/\d+ of \S+ with PO/\d+: MATCHED$", paying, re.MULTILINE)
    assert re.search(r"^\d\d-\d\d-\d{4} +.* 708\.00 +SENT TO BUYER +MATCHED$", paying, re.MULTILINE)
    assert '"netPaidAmount":696,"netAdjustmentAmount":12,"totalAmount":708' in paying.replace(".00", "")


@pytest.mark.slow  # Starts a central unit, and in the soak two servers besides: that is what the page is about.
def test_the_page_on_several_servers_runs_as_printed(tmp_path: Path) -> None:
    """The keys, the unit and the enrolments; the servers and what they trade are in the scenarios too, and here in the soak."""
    ports = {name: str(free_port()) for name in "CAB"}
    is_quick = os.environ.get("TEST_TIER", "default") != "soak"
    said = run_page("several-servers", tmp_path, leave_out=slice(2, 5) if is_quick else None, seconds=300, **ports)
    assert (
        f"server: beta\npublicKey: {(tmp_path / 'beta.key').read_text()}address: http://127.0.0.1:{ports['B']}" in said
    )
    if not is_quick:
        assert "HUNDI_NETWORK_SERVER = alpha" in said
        assert '"status":"ACTIVE"' in said
        assert "Nothing waits and nothing was refused." in said
        assert f"alpha: http://127.0.0.1:{ports['A']}, 0 waiting" in said
