"""Handing mail over: to a folder (no SMTP set up), or to a mail server. One attempt each; the outcome is never guessed."""

import asyncio
import contextlib
import os
import secrets
import ssl
import time
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib
from aiosmtplib import SMTPException, SMTPResponseException, SMTPServerDisconnected

from hundi.config import BadSetting, Settings
from hundi.dispatch.mail import Mail
from hundi.dispatch.rules import Outcome, OutcomeKind

_CONNECT_S: Final = 20
_COMMAND_S: Final = 30
_DATA_S: Final = 90
_TOTAL_S: Final = 180
_QUIT_S: Final = 2
_PERMANENT: Final = 500
_START_INPUT: Final = 354
_WORDS: Final = 500
_PORTS: Final = {"smtp": 587, "smtps": 465}


class Mailer(Protocol):
    """Something that takes mail. ``lease``: for how long an attempt that nobody finished may still be under way."""

    lease: timedelta

    async def known(self, seller_id: str, delivery_id: str) -> bool | None:
        """Say whether this delivery was handed over before; None: this mailer cannot know."""
        ...

    async def send(self, mail: Mail) -> Outcome:
        """Hand one mail over and say how that ended. Raises nothing that a mail server can cause."""
        ...


def open_mailer(settings: Settings, *, tls: ssl.SSLContext | None = None) -> Mailer:
    """Choose the mailer: SMTP where ``HUNDI_SMTP_URL`` is set, else ``DIR/outbox``. Raises BadSetting for a wrong URL."""
    if settings.smtp_url:
        return SmtpMailer(settings.smtp_url, tls=tls)
    return OutboxMailer(settings.data_dir / "outbox")


class OutboxMailer:
    """Writes each mail to ``<folder>/<seller>/<delivery>.eml``, once: the name is taken or it is not.

    A file is there whole or not at all, and lasts: it is written under another name, flushed to the disk, and linked.
    """

    lease = timedelta(0)

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path_of(self, seller_id: str, delivery_id: str) -> Path:
        """Give the file of one delivery."""
        return self.folder / seller_id / f"{delivery_id}.eml"

    async def known(self, seller_id: str, delivery_id: str) -> bool | None:
        """Say whether the file is there, and if so for good."""
        return await asyncio.to_thread(_lasts, self.path_of(seller_id, delivery_id))

    async def send(self, mail: Mail) -> Outcome:
        """Write the file, or find that an earlier attempt did."""
        try:
            written = await asyncio.to_thread(self._write, mail)
        except OSError as error:
            return Outcome(OutcomeKind.UNREACHABLE, f"The outbox could not be written: {error.strerror or error}.")
        return Outcome(OutcomeKind.ACCEPTED, "written to the outbox" if written else "was in the outbox already")

    def _write(self, mail: Mail) -> bool:
        path = self.path_of(mail.seller_id, mail.delivery_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f".{mail.delivery_id}.{secrets.token_hex(6)}.part")
        try:
            with draft.open("xb") as file:
                file.write(mail.content)
                file.flush()
                os.fsync(file.fileno())
            taken = not _linked(draft, path)
        finally:
            draft.unlink(missing_ok=True)
        if not taken:
            _sweep_drafts(path)
        _flush_folder(path.parent)
        return not taken


def _linked(draft: Path, path: Path) -> bool:
    """Give the draft its name; False when another attempt was first (it may have swept our draft away, too)."""
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    except FileNotFoundError:
        if path.exists():
            return False
        raise
    return True


def _lasts(path: Path) -> bool:
    if not path.exists():
        return False
    # A worker killed between link and flush left a name that a power cut could still take away, and its draft.
    _sweep_drafts(path)
    _flush_folder(path.parent)
    return True


def _sweep_drafts(path: Path) -> None:
    """Remove what killed attempts left beside a mail that is there whole."""
    for leftover in path.parent.glob(f".{path.stem}.*.part"):
        leftover.unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class SmtpMailer:
    """Sends over SMTP: ``smtp://user:password@host:587`` (STARTTLS) or ``smtps://…:465``.

    STARTTLS is demanded on ``smtp://`` unless the host is this machine or the URL ends in ``?tls=none``;
    ``?tls=required`` demands it from this machine too. Raises BadSetting when the URL cannot be used.
    """

    lease = timedelta(seconds=_TOTAL_S + 30)

    def __init__(self, url: str, *, tls: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = -1
        if parts.scheme not in _PORTS or not parts.hostname or port == -1:
            message = "HUNDI_SMTP_URL: write smtp://user:password@host:587 or smtps://user:password@host:465."
            raise BadSetting(message)
        wish = parse_qs(parts.query).get("tls", [""])[-1]
        if wish not in {"", "none", "required"}:
            message = "HUNDI_SMTP_URL: tls= takes none or required."
            raise BadSetting(message)
        self.host = parts.hostname
        self.port = port or _PORTS[parts.scheme]
        self.implicit_tls = parts.scheme == "smtps"
        self.start_tls = not self.implicit_tls and (
            wish == "required" or (wish != "none" and not _is_this_machine(parts.hostname))
        )
        self.user = unquote(parts.username) if parts.username else None
        self.password = unquote(parts.password or "")
        self.tls = tls or ssl.create_default_context()

    async def known(self, seller_id: str, delivery_id: str) -> bool | None:  # noqa: ARG002 - the protocol's arguments
        """Say that a mail server cannot be asked what it took."""
        return None

    async def send(self, mail: Mail) -> Outcome:
        """Send in one session of its own; what is lost before the text was begun was not sent."""
        attempt = _Attempt()
        try:
            async with asyncio.timeout(_TOTAL_S):
                return await self._send(mail, attempt)
        except SMTPResponseException as error:
            if attempt.text_begun:
                # An answer that cannot be read says nothing about what became of the mail.
                return Outcome(OutcomeKind.UNKNOWN, _said(error.code, error.message, attempt.step))
            kind = OutcomeKind.REJECTED if attempt.answers_for_mail and error.code >= _PERMANENT else None
            return Outcome(kind or OutcomeKind.UNREACHABLE, _said(error.code, error.message, attempt.step))
        except (SMTPException, OSError, TimeoutError, ssl.SSLError) as error:
            words = f"{attempt.step}: {type(error).__name__} {error}".strip()[:_WORDS]
            if attempt.text_begun:
                return Outcome(OutcomeKind.UNKNOWN, f"The server's answer was lost. {words}")
            return Outcome(OutcomeKind.UNREACHABLE, words)

    async def _send(self, mail: Mail, attempt: "_Attempt") -> Outcome:
        client = aiosmtplib.SMTP(
            hostname=self.host, port=self.port, use_tls=self.implicit_tls, start_tls=False, timeout=_COMMAND_S,
            tls_context=self.tls, local_hostname=_helo_name(mail.sender),
        )  # fmt: skip
        try:
            await client.connect(timeout=_CONNECT_S)
            if self.start_tls:
                attempt.step = "STARTTLS"
                await client.starttls(server_hostname=self.host)
            if self.user is not None:
                attempt.step = "AUTH"
                await client.login(self.user, self.password)
            return await _transfer(client, mail, attempt)
        finally:
            with contextlib.suppress(SMTPException, OSError, TimeoutError):
                if client.is_connected:
                    await client.quit(timeout=_QUIT_S)
            client.close()


class _Attempt:
    """How far one session has come: what is being said, and whether the server may already hold the mail."""

    def __init__(self) -> None:
        self.step = "connect"
        self.answers_for_mail = False
        self.text_begun = False
        self.ends = time.monotonic() + _TOTAL_S


async def _transfer(client: aiosmtplib.SMTP, mail: Mail, attempt: _Attempt) -> Outcome:
    """Say MAIL, RCPT and DATA; a CC that is refused does not keep the mail from its main recipient."""
    # A refused sender is our own set-up and not this mail's fault: it is tried again once somebody has put it right.
    attempt.step = "MAIL FROM"
    await client.mail(mail.sender)
    attempt.step, attempt.answers_for_mail = f"RCPT TO {mail.to}", True
    await client.rcpt(mail.to)
    left_out = []
    for address in mail.cc:
        try:
            await client.rcpt(address)
        except SMTPResponseException as error:
            left_out.append(f"{address} ({error.code} {error.message})")
    attempt.step = "DATA"
    reply = await client.execute_command(b"DATA", timeout=_COMMAND_S)
    if reply.code != _START_INPUT:
        raise SMTPResponseException(reply.code, reply.message)
    attempt.step = "end of text"
    answer = await _send_text(client, mail.content, attempt)
    if answer.code >= _PERMANENT:
        return Outcome(OutcomeKind.REJECTED, _said(answer.code, answer.message, attempt.step))
    if answer.code >= 400:
        return Outcome(OutcomeKind.UNREACHABLE, _said(answer.code, answer.message, attempt.step))
    words = f"{answer.code} {answer.message}"
    if left_out:
        words += f"; not sent to {', '.join(left_out)}"
    return Outcome(OutcomeKind.ACCEPTED, words[:_WORDS])


async def _send_text(client: aiosmtplib.SMTP, content: bytes, attempt: _Attempt) -> aiosmtplib.SMTPResponse:
    protocol = client.protocol
    if protocol is None or not client.is_connected:
        lost = "Connection lost"
        raise SMTPServerDisconnected(lost)
    if time.monotonic() > attempt.ends:
        # This process stood still; by now another worker may have taken the delivery over.
        raise TimeoutError
    lines = content if content.endswith(b"\r\n") else content + b"\r\n"
    stuffed = lines.replace(b"\r\n.", b"\r\n..")
    stuffed = b"." + stuffed if stuffed.startswith(b".") else stuffed
    attempt.text_begun = True
    # What follows DATA is no command: written as it is, then the one answer to all of it is awaited.
    protocol.write(stuffed + b".\r\n")
    return await protocol.read_response(timeout=_DATA_S)


def _said(code: int, words: str, step: str) -> str:
    return f"The server said to {step}: {code} {words}"[:_WORDS]


def _helo_name(sender: str) -> str:
    domain = sender.rpartition("@")[2]
    return domain if domain.isascii() and "." in domain else "localhost"


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
