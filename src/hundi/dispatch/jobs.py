"""The job of dispatch: send one mail."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final

import structlog

from hundi.config import address_of
from hundi.dispatch import delivery, service
from hundi.dispatch.delivery import Load
from hundi.dispatch.mail import Attachment, BadAddress, Letter, Mail, checked_address, compose
from hundi.dispatch.mail_body import MailInvoice, MailView, render_mail
from hundi.dispatch.mailers import Mailer
from hundi.dispatch.rules import Contact, Recipients
from hundi.documents.logo import fetch
from hundi.documents.pages import pdf_name
from hundi.documents.render import render_pdf
from hundi.files.store import FileMissing
from hundi.jobs.context import Handler, JobContext
from hundi.kit.dates import ist_date
from hundi.kit.ids import SellerId

log = structlog.get_logger("hundi.dispatch")

# Of originals in one mail; base64 makes a third more of it, and many servers stop at 25 MB.
_MAIL_BYTES: Final = 15_000_000
_ORIGINAL_GONE: Final = "The document could not be made: its attached original is not in the file store any more."


async def deliver(context: JobContext, payload: dict[str, Any]) -> None:
    """Send the mail of one delivery, at most once as far as anybody can know (see hundi.dispatch.delivery)."""
    seller_id, delivery_id = SellerId(payload["seller_id"]), str(payload["delivery_id"])
    mailer: Mailer = context.mailer
    base_url = address_of(context.settings)
    async with context.db.transaction(seller_id) as tx:
        load = await delivery.begin(tx, context.keyring, base_url, delivery_id)
    if load is None:
        return
    known = await mailer.known(seller_id, delivery_id)
    mail = None
    if not known:
        mail = await _made(context, seller_id, load)
        if mail is None:
            return
    async with context.db.transaction(seller_id) as tx:
        number = await delivery.claim(tx, load, known=known, lease=mailer.lease)
    if number is None or mail is None:
        return
    outcome = await mailer.send(mail)
    async with context.db.transaction(seller_id) as tx:
        await delivery.record(tx, delivery_id, number, outcome)
    log.info(
        "mail",
        outcome=outcome.kind.value,
        detail=outcome.detail,
        seller_id=seller_id,
        delivery_id=delivery_id,
        attempt=number,
    )


async def _made(context: JobContext, seller_id: SellerId, load: Load) -> Mail | None:
    """Make the mail off the event loop; a delivery that cannot be made has failed, and its row says why."""
    delivery_id = load.delivery.delivery_id
    if load.recipients is None:
        reason = "Its customer has no key contact with an e-mail address any more."
    else:
        # A store that does not answer is asked again with the job's next try: only what no try mends is refused below.
        try:
            originals = await _originals(context, load)
        except FileMissing as error:
            log.exception(
                "an original is not in the store", file_key=str(error), seller_id=seller_id, delivery_id=delivery_id
            )
            await _refused(context, seller_id, delivery_id, _ORIGINAL_GONE)
            return None
        # One mail is one company's, and its documents are drawn from the present: they have one logo.
        logo = await fetch(context.files, load.documents[0].logo)
        try:
            return await asyncio.to_thread(make_mail, load, seller_id, context.settings.mail_from, originals, logo)
        except BadAddress as error:
            reason = str(error)
        except Exception:
            # One invoice that cannot be drawn must not block the others, nor be tried for ever.
            log.exception("the document could not be made", seller_id=seller_id, delivery_id=delivery_id)
            reason = "The document could not be made; the log of the worker says why. Nothing was sent."
    await _refused(context, seller_id, delivery_id, reason)
    return None


async def _refused(context: JobContext, seller_id: SellerId, delivery_id: str, reason: str) -> None:
    async with context.db.transaction(seller_id) as tx:
        await delivery.refuse(tx, delivery_id, reason)


async def _originals(context: JobContext, load: Load) -> dict[str, Attachment]:
    """Fetch the primary attachments of a mail, by invoice id, as many as one mail can carry.

    Where they are too large together, the rest go as our PDF.
    """
    found: dict[str, Attachment] = {}
    size = 0
    for built in load.documents:
        row = load.originals.get(built.document.invoice_id)
        if row is None or size + row.size > _MAIL_BYTES:
            continue
        size += row.size
        found[row.invoice_id] = Attachment(row.original_name, await context.files.get(row.file_key), row.content_type)
    return found


def make_mail(
    load: Load, seller_id: str, mail_from: str, originals: Mapping[str, Attachment], logo: bytes | None = None
) -> Mail:
    """Draw the PDFs and put the mail together; takes about 30 ms an invoice. Raises BadAddress.

    An invoice with an original (its primary attachment) is mailed as that; the page behind the link is then its cover,
    where it is paid (domain §8).
    """
    recipients = load.recipients
    if recipients is None:
        message = "nobody gets this mail"
        raise BadAddress(message)
    documents = [built.document for built in load.documents]
    attachments: list[Attachment] = []
    taken: set[str] = set()
    for document in documents:
        original = originals.get(document.invoice_id)
        name = _free_name(original.name if original else pdf_name(document.number), taken)
        attachments.append(
            Attachment(name, original.content, original.content_type)
            if original
            else Attachment(name, render_pdf(document, logo))
        )
    supplier, customer = documents[0].supplier, documents[0].recipient
    view = MailView(
        seller_name=supplier.display_name,
        customer_name=customer.trade_name or customer.legal_name,
        invoices=tuple(
            MailInvoice(
                number=document.number,
                invoice_date=document.invoice_date,
                invoice_value=document.invoice_value,
                balance=document.balance,
                due_date=document.due_date,
                url=document.hosted_url,
            )
            for document in documents
        ),
        today=ist_date(load.delivery.created_at),
        contact_name=recipients.to.name,
        attachments=tuple(attachment.name for attachment in attachments),
        seller_email=supplier.email,
        seller_phone=supplier.phone,
    )
    answer_to = load.reply_to or supplier.email
    return compose(
        Letter(
            seller_id=seller_id,
            delivery_id=load.delivery.delivery_id,
            message_id=load.delivery.message_id,
            date=load.delivery.created_at,
            sender=Contact(email=mail_from, name=supplier.display_name),
            reply_to=Contact(email=answer_to, name=supplier.display_name) if answer_to else None,
            recipients=_usable(recipients, load.delivery.delivery_id),
            body=render_mail(view),
            attachments=attachments,
        )
    )


def _usable(recipients: Recipients, delivery_id: str) -> Recipients:
    """Leave out copies to addresses that cannot be used: they must not keep the mail from its main recipient."""
    cc = []
    for contact in recipients.cc:
        try:
            checked_address(contact.email)
        except BadAddress as error:
            log.warning("copy not sent", delivery_id=delivery_id, reason=str(error))
        else:
            cc.append(contact)
    return Recipients(to=recipients.to, cc=tuple(cc))


def _free_name(name: str, taken: set[str]) -> str:
    stem, dot, ending = name.rpartition(".")
    number, free = 1, name
    while free.casefold() in taken:
        number += 1
        free = f"{stem}-{number}{dot}{ending}"
    taken.add(free.casefold())
    return free


JOBS: Final[Mapping[str, Handler]] = {service.DELIVER: deliver}
