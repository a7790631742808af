"""The commands of the how-to pages run as they are printed, beside a `hundi up --demo` of their own."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from sources import ROOT

READY_S = 90
PAGE = ROOT / "docs" / "how-to" / "upload-a-file.md"


def environment(**more: str) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("HUNDI_")}
    return {**own, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{own['PATH']}", **more}


def is_ready(folder: Path) -> bool:
    address = folder / "hundi.address"
    if not address.is_file():
        return False
    try:
        with urllib.request.urlopen(f"{address.read_text().strip()}/readyz", timeout=5) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Path]:
    """Run `hundi up --demo` on a free port and give its data folder."""
    folder = tmp_path / "data"
    command = [sys.executable, "-m", "hundi", "up", "--demo", "--port", "0", "--data-dir", str(folder)]
    log = (tmp_path / "up.log").open("wb")
    process = subprocess.Popen(command, env=environment(), stdout=log, stderr=log)
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


@pytest.mark.slow  # Starts a whole Hundi and imports a thousand rows: that is what the page is about.
def test_the_upload_page_runs_as_printed(demo: Path) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 5
    done = subprocess.run(
        ["bash", "-euc", "\n".join(blocks)],
        env=environment(DIR=str(demo)), cwd=demo, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "988 imported, 12 failed" in done.stdout
    assert "error_code,error_message" in done.stdout
    assert "20 queued, 0 dispatched before, 0 not queued." in done.stdout
    assert done.stdout.rstrip().endswith(".eml")


@pytest.mark.slow  # Starts a whole Hundi of its own.
def test_the_page_on_partners_runs_as_printed(demo: Path) -> None:
    page = ROOT / "docs" / "how-to" / "act-for-another-seller.md"
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) >= 5
    done = subprocess.run(
        ["bash", "-euc", "\n".join(blocks)],
        env=environment(DIR=str(demo)), cwd=demo, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^HTTP (\d+)$", done.stdout, re.MULTILINE) == ["403", "200", "403"]
    assert "belongs to CEKDEMO001" in done.stdout
    assert "customer.create by usr_" in done.stdout


@pytest.mark.slow  # Starts a whole Hundi of its own.
def test_the_pages_on_moving_and_approving_run_as_printed(demo: Path) -> None:
    said = {}
    for name in ("move-from-enkash", "approve-before-sending"):
        page = ROOT / "docs" / "how-to" / f"{name}.md"
        blocks = re.findall(r"```sh\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
        done = subprocess.run(
            ["bash", "-euc", "\n".join(blocks)],
            env=environment(DIR=str(demo)), cwd=demo, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        said[name] = done.stdout
    assert '"name":"OVERDUE"' in said["move-from-enkash"]
    assert '"code":"NOT_APPROVED"' in said["approve-before-sending"]
    assert "1 queued" in said["approve-before-sending"]
