"""What the tests of dispatch share: a worker beside the test, the mails it wrote, and real mail servers that misbehave."""

from __future__ import annotations

import asyncio
import email
import email.policy
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

import make
from hundi import registry
from hundi.db.embedded import Urls
from hundi.jobs.context import JobContext
from hundi.jobs.worker import run_worker

# Without imports: other tests of the session leave files of their own behind, which are not this worker's.
DELIVERING = {name: handler for name, handler in registry.HANDLERS.items() if not name.startswith("imports.")}
UNDER_WAY = "SELECT count(*) FROM deliveries WHERE seller_id = $1 AND state IN ('QUEUED', 'SENDING')"


@asynccontextmanager
async def working(context: JobContext, urls: Urls, handlers: Any = None) -> AsyncIterator[None]:
    """Run a worker beside the test, and stop it as `hundi worker` does."""
    stop = asyncio.Event()
    task = asyncio.create_task(run_worker(context, handlers or DELIVERING, stop=stop, direct_dsn=urls.app))
    try:
        yield
    finally:
        stop.set()
        await task


async def settled(seller: make.Company, seconds: float = 30) -> None:
    """Wait until no delivery of the company is under way."""
    async with asyncio.timeout(seconds):
        while await seller.value(UNDER_WAY):  # noqa: ASYNC110 - what is waited for happens in the database
            await asyncio.sleep(0.05)


async def until_none(seller: make.Company, sql: str, *args: Any, seconds: float = 20) -> None:
    """Wait until a query about the company gives no row any more."""
    async with asyncio.timeout(seconds):
        while await seller.rows(sql, *args):  # noqa: ASYNC110 - what is waited for happens in the database
            await asyncio.sleep(0.05)


def read(content: bytes) -> EmailMessage:
    """Read a mail back."""
    return email.message_from_bytes(content, policy=email.policy.default)


def mails(outbox: Path, seller: make.Company) -> list[EmailMessage]:
    """Read all mails of a company from the outbox."""
    return [read(file.read_bytes()) for file in sorted((outbox / seller.seller_id).glob("*.eml"))]


def addresses(mail: EmailMessage, header: str) -> list[str]:
    """Give the bare addresses of a header."""
    return [address.addr_spec for address in mail[header].addresses] if mail[header] else []


def free_port() -> int:
    """Give a port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Post:
    """A mail server's counter: keeps what it takes, and answers as the test wants."""

    def __init__(self) -> None:
        self.taken: list[Envelope] = []
        self.mail_reply = "250 OK"
        self.rcpt_reply: dict[str, str] = {}
        self.data_reply = "250 2.0.0 taken"
        self.hang_up = False
        self.encrypted: list[bool] = []

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, mail_options: list[str]
    ) -> str:
        if self.mail_reply.startswith("250"):
            envelope.mail_from = address
        return self.mail_reply

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        reply = self.rcpt_reply.get(address, "250 OK")
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.encrypted.append(session.ssl is not None)
        if self.data_reply.startswith("250"):
            self.taken.append(envelope)
        if self.hang_up:
            server.transport.abort()
        return self.data_reply


def authenticator(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    """Know one user, ``clerk`` with ``p@ss:w/rd``."""
    good = data.login == b"clerk" and data.password == b"p@ss:w/rd"
    return AuthResult(success=good, handled=False)


@asynccontextmanager
async def mail_server(post: Post, *, ssl_context: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[int]:
    """Run a mail server on a free port of this machine and give the port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(post, hostname="localhost", loop=loop, **options), "127.0.0.1", 0, ssl=ssl_context
    )
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make a certificate for localhost and give the contexts of its server and of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "server.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    client = ssl.create_default_context(cafile=str(path))
    return server, client
