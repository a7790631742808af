"""Processes of scenarios: a whole `hundi up --demo` in a folder, driven over HTTP and stopped or killed as a tree; actors."""

from __future__ import annotations

import asyncio
import email
import email.policy
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx2
import psutil

_READY_S = 60


@asynccontextmanager
async def acting(actor: Path, order: dict[str, Any]) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a worker process of a test; it is gone afterwards, one way or the other."""
    started = await asyncio.create_subprocess_exec(
        sys.executable, str(actor), json.dumps(order),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield started
    finally:
        if started.returncode is None:
            started.terminate()
            try:
                await asyncio.wait_for(started.wait(), 25)
            except TimeoutError:
                started.kill()
                await started.wait()


class RunningHundi:
    """One installation; may be started and ended many times on the same folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None
        self.log = folder.parent / f"{folder.name}.log"

    def start(self) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("HUNDI_")}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "hundi", "up", "--demo", "--data-dir", str(self.folder), "--port", "0"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True,
            )  # fmt: skip
        self._wait_until_ready()

    def _wait_until_ready(self) -> None:
        until = time.monotonic() + _READY_S
        while time.monotonic() < until:
            assert self.process is not None
            assert self.process.poll() is None, self.words()
            try:
                # The port changes with each start, and demo.json says the new one once it is known.
                if httpx2.get(f"{self.demo['baseUrl']}/readyz", timeout=5).status_code == 200:
                    return
            except (OSError, ValueError, httpx2.HTTPError):
                pass
            time.sleep(0.05)
        raise AssertionError(f"not ready in {_READY_S} s: {self.words()}")

    def words(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]

    @property
    def demo(self) -> dict[str, Any]:
        return json.loads((self.folder / "demo.json").read_text())

    def tree(self) -> list[psutil.Process]:
        assert self.process is not None
        parent = psutil.Process(self.process.pid)
        return [parent, *parent.children(recursive=True)]

    def kill_tree(self) -> None:
        """SIGKILL to every process of the installation, in one go."""
        victims = self.tree()
        for victim in victims:
            try:
                victim.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
        _, alive = psutil.wait_procs(victims, timeout=20)
        assert not alive
        assert self.process is not None
        self.process.wait()

    def stop(self) -> int:
        """SIGTERM to the parent; everything must be gone with it."""
        everything = self.tree()
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=40)
        _, alive = psutil.wait_procs(everything, timeout=10)
        assert not alive, [" ".join(p.cmdline()) for p in alive]
        return code

    def end(self) -> None:
        """Leave nothing running, however the test ended."""
        if self.process is not None and self.process.poll() is None:
            self.kill_tree()

    def client(self, timeout: float = 120, *, who: dict[str, Any] | None = None) -> httpx2.Client:
        """Sign in with the demo's credentials, or those of ``who``, and give a client with the token."""
        demo = self.demo | (who or {})
        form = {
            "grant_type": "password", "username": demo["username"], "password": demo["password"],
            "clientId": demo["sellerId"],
        }  # fmt: skip
        reply = httpx2.post(
            f"{demo['baseUrl']}/oauth/token", data=form, auth=(demo["clientId"], demo["clientSecret"]), timeout=30
        )
        assert reply.status_code == 200, reply.text
        headers = {"Authorization": f"Bearer {reply.json()['access_token']}"}
        return httpx2.Client(base_url=demo["baseUrl"], headers=headers, timeout=timeout)

    def mails(self, seller: str = "CEKDEMO001") -> Iterator[EmailMessage]:
        for path in sorted((self.folder / "outbox" / seller).glob("*.eml")):
            yield email.message_from_bytes(path.read_bytes(), policy=email.policy.default)  # type: ignore[misc]


def pdf_text(content: bytes) -> str:
    import pypdfium2

    document = pypdfium2.PdfDocument(io.BytesIO(content))
    try:
        return "\n".join(page.get_textpage().get_text_range() for page in document)
    finally:
        document.close()


def qr_texts(content: bytes) -> list[str]:
    """Decode every QR code on the first page of a PDF, as a phone would."""
    import pypdfium2
    import zxingcpp

    document = pypdfium2.PdfDocument(io.BytesIO(content))
    try:
        image = document[0].render(scale=3).to_pil()
    finally:
        document.close()
    return [found.text for found in zxingcpp.read_barcodes(image)]
