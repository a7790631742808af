"""The finished mail: addresses, headers, text, HTML and PDFs as the bytes that go over the wire.

The same delivery gives the same bytes: Date, Message-ID and the boundaries between the parts come from the delivery and
not from the clock or from chance, so that a mail that is written again is recognised as the one it is.
"""

import hashlib
import re
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

import msgspec

from hundi.dispatch.mail_body import MailBody
from hundi.dispatch.rules import Contact, Recipients

_POLICY: Final = policy.SMTP.clone(cte_type="7bit")
_NAME_LENGTH: Final = 100
_PLAIN_LENGTH: Final = 200
_WORD_BYTES: Final = 45  # gives 60 characters of base64: an encoded word has at most 75
_UNSAFE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]+")
_ADDRESS: Final = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")


class BadAddress(ValueError):
    """An address that no mail can be sent to; the text says which."""


class Attachment(msgspec.Struct, frozen=True):
    """A file, the name it travels under and its media type."""

    name: str
    content: bytes
    content_type: str = "application/pdf"


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A mail ready to be handed over: envelope and bytes. ``message_id`` is fixed by the delivery."""

    seller_id: str
    delivery_id: str
    message_id: str
    sender: str
    to: str
    cc: tuple[str, ...]
    content: bytes


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """All that a mail is made of."""

    seller_id: str
    delivery_id: str
    message_id: str
    date: datetime
    sender: Contact
    reply_to: Contact | None
    recipients: Recipients
    body: MailBody
    attachments: Sequence[Attachment]


def checked_address(text: str) -> str:
    """Give a bare address that is safe in headers and envelope, or raise :class:`BadAddress`.

    Names of domains in other scripts go in their ASCII form; other scripts before the @ are refused.
    """
    plain = text.strip()
    local, at, domain = plain.rpartition("@")
    if at and not domain.isascii():
        try:
            plain = f"{local}@{domain.encode('idna').decode()}"
        except UnicodeError:
            plain = text
    if not _ADDRESS.fullmatch(plain) or ".." in plain or plain.startswith(".") or ".@" in plain:
        message = f"{text!r:.200} is not an e-mail address; put it right and dispatch again."
        raise BadAddress(message)
    return plain


def compose(letter: Letter) -> Mail:
    """Make the mail. Raises :class:`BadAddress` for an address of sender or recipients that cannot be used."""
    to = checked_address(letter.recipients.to.email)
    cc = tuple(checked_address(contact.email) for contact in letter.recipients.cc)
    headers = [
        ("Date", format_datetime(letter.date)),
        ("Message-ID", letter.message_id),
        ("From", _mailbox(letter.sender)),
        *([("Reply-To", _mailbox(letter.reply_to))] if letter.reply_to is not None else []),
        ("To", _mailbox(letter.recipients.to)),
        *([("Cc", ",\r\n ".join(_mailbox(contact) for contact in letter.recipients.cc))] if cc else []),
        ("Subject", _words(_one_line(letter.body.subject))),
        ("Auto-Submitted", "auto-generated"),
    ]
    # The library writes the parts but not these headers: when it folds a name in another script it leaves commas and
    # angle brackets of the name bare, and a customer's name could so add an addressee.
    head = "".join(f"{name}: {value}\r\n" for name, value in headers).encode("ascii")
    return Mail(
        seller_id=letter.seller_id,
        delivery_id=letter.delivery_id,
        message_id=letter.message_id,
        sender=checked_address(letter.sender.email),
        to=to,
        cc=cc,
        content=head + _parts(letter).as_bytes(),
    )


def _parts(letter: Letter) -> EmailMessage:
    """Make text, HTML and attachments, with the headers that say what they are."""
    message = EmailMessage(policy=_POLICY)
    message["MIME-Version"] = "1.0"
    message.set_content(letter.body.text, cte="quoted-printable")
    message.add_alternative(letter.body.html, subtype="html", cte="quoted-printable")
    for attachment in letter.attachments:
        kind, _, subtype = attachment.content_type.partition("/")
        message.add_attachment(attachment.content, maintype=kind, subtype=subtype, filename=attachment.name)
    _fix_boundaries(message, letter.delivery_id)
    return message


def _one_line(text: str) -> str:
    return " ".join(_UNSAFE.sub(" ", text).split())


def _words(text: str) -> str:
    """Write free text for a header: as it is where it is plain and short, else in encoded words (RFC 2047 §2), folded."""
    if text.isascii() and "=?" not in text and len(text) <= _PLAIN_LENGTH:
        return text
    chunks, chunk = [], b""
    for character in text:
        encoded = character.encode()
        if len(chunk) + len(encoded) > _WORD_BYTES:
            chunks.append(chunk)
            chunk = b""
        chunk += encoded
    chunks.append(chunk)
    return "\r\n ".join(f"=?utf-8?b?{b64encode(one).decode('ascii')}?=" for one in chunks)


def _mailbox(contact: Contact) -> str:
    """Write ``name <address>``; the name is cleaned of all that could end the header or turn its direction around."""
    address = checked_address(contact.email)
    name = _one_line(contact.name)[:_NAME_LENGTH].strip()
    if not name:
        return address
    words = _words(name)
    if words == name:
        # Plain ASCII goes in quotes, so that nothing in it means anything (RFC 5322 §3.2.4).
        words = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{words}\r\n <{address}>"


def _fix_boundaries(message: EmailMessage, delivery_id: str) -> None:
    """Give each multipart a boundary made from the delivery; that it stands in no part is as sure as a hash is."""
    for number, part in enumerate(message.walk()):
        if part.is_multipart():
            digest = hashlib.sha256(f"{delivery_id} {number}".encode()).hexdigest()
            part.set_boundary(f"=_{digest[:40]}")
