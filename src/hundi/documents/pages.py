"""What a customer opens without signing in: the hosted page of an invoice, its PDF, its UPI QR, and the static files.

The token in the address is the only key, so these pages say nothing about tokens that are not good, are never cached by
anybody else, and tell no other site where the reader came from.
"""

import asyncio
import re
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from litestar import MediaType, Request, Response, get
from litestar.datastructures import CacheControlHeader, State
from litestar.static_files import create_static_files_router

from hundi.db.pool import Database
from hundi.documents import queries
from hundi.documents.build import BuiltDocument, built
from hundi.documents.logo import fetch
from hundi.documents.page import PageView, render_not_found, render_page, render_too_many
from hundi.documents.render import render_pdf
from hundi.http.limits import Verdict
from hundi.kit.dates import ist_date
from hundi.kit.ids import SellerId
from hundi.kit.keys import Keyring, hash_secret
from hundi.payments.upi import upi_qr_svg

_PUBLIC: Final = {"public": True}
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{27}")
_UNSAFE: Final = re.compile(r"[^A-Za-z0-9._-]+")
_NAME_LENGTH: Final = 80
_FIND: Final = "SELECT directory_find('invoice_link', $1)"
_HOUR_S: Final = 3600

HEADERS: Final[dict[str, str]] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; font-src 'self'; form-action 'none'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private, no-store",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""What every reply under ``/i/`` carries, found or not."""


def pdf_name(number: str) -> str:
    """Give the file name of an invoice's PDF: ``Invoice-<number>.pdf``, safe on every system and in every header."""
    safe = _UNSAFE.sub("-", number).strip("-._")[:_NAME_LENGTH].rstrip("-._")
    return f"Invoice-{safe}.pdf" if safe else "Invoice.pdf"


async def find(db: Database, keyring: Keyring, base_url: str, token: str) -> BuiltDocument | None:
    """Give the document behind a token, or None: malformed, unknown, replaced by a newer link, all alike."""
    if not _TOKEN.fullmatch(token):
        return None
    link_hash = hash_secret(token)
    async with db.unbound() as tx:
        seller = await tx.fetchval(_FIND, link_hash)
        if seller is None:
            return None
        seller_id = SellerId(seller)
        await tx.bind(seller_id)
        invoice_id = await queries.invoice_behind(tx, seller_id, link_hash)
        if invoice_id is None:
            return None
        return await built(tx, keyring, base_url, seller_id, invoice_id)


async def _found(state: State, token: str) -> BuiltDocument | None:
    return await find(state.db, state.keyring, state.base_url, token)


def slow_down(request: Request[Any, Any, State]) -> Response[Any] | None:
    """Answer an address that asks for hosted pages too often with the page that says so; None lets it pass."""
    verdict: Verdict = request.app.state.limits.page(request.scope)
    if verdict.allowed:
        return None
    headers = {**HEADERS, "Retry-After": str(verdict.retry_after_s), **verdict.headers()}
    return Response(render_too_many(verdict.retry_after_s), status_code=429, media_type=MediaType.HTML, headers=headers)


def _not_found() -> Response[Any]:
    return Response(render_not_found(), status_code=404, media_type=MediaType.HTML, headers=HEADERS)


@get("/i/{token:str}", opt=_PUBLIC, include_in_schema=False, before_request=slow_down)
async def hosted_page(token: str, state: State) -> Response[Any]:
    """Show the invoice, its status, how to pay it, and its PDF."""
    found = await _found(state, token)
    if found is None:
        return _not_found()
    view = PageView(
        document=found.document,
        today=ist_date(state.clock.now()),
        pdf_url=f"/i/{token}/invoice.pdf",
        qr_url=f"/i/{token}/upi.svg" if found.document.upi is not None else "",
        not_payable=found.not_payable,
        logo_url=f"/i/{token}/logo" if found.logo is not None else "",
        due_date=found.due_date,
        sent_at=found.sent_at,
        changes=found.changes,
    )
    return Response(render_page(view), media_type=MediaType.HTML, headers=HEADERS)


@get("/i/{token:str}/invoice.pdf", opt=_PUBLIC, include_in_schema=False, before_request=slow_down)
async def hosted_pdf(token: str, state: State) -> Response[Any]:
    """Give the invoice as PDF: as it was sent, with what is still to be paid."""
    found = await _found(state, token)
    if found is None:
        return _not_found()
    content = await asyncio.to_thread(render_pdf, found.document, await fetch(state.files, found.logo))
    disposition = f'inline; filename="{pdf_name(found.document.number)}"'
    return Response(content, media_type="application/pdf", headers={**HEADERS, "Content-Disposition": disposition})


@get("/i/{token:str}/upi.svg", opt=_PUBLIC, include_in_schema=False, before_request=slow_down)
async def hosted_qr(token: str, state: State) -> Response[Any]:
    """Give the QR of the UPI payment, or 404 where nothing can be paid by UPI (any more)."""
    found = await _found(state, token)
    if found is None or found.document.upi is None:
        return _not_found()
    return Response(upi_qr_svg(found.document.upi.qr_link).encode(), media_type="image/svg+xml", headers=HEADERS)


@get("/i/{token:str}/logo", opt=_PUBLIC, include_in_schema=False, before_request=slow_down)
async def hosted_logo(token: str, state: State) -> Response[Any]:
    """Give the logo of the company whose invoice this is, or 404 where it has none."""
    found = await _found(state, token)
    content = await fetch(state.files, found.logo) if found is not None else None
    if found is None or found.logo is None or content is None:
        return _not_found()
    return Response(content, media_type=found.logo.content_type, headers=HEADERS)


def static_folder() -> Path:
    """Give the folder of style sheets and fonts that is packed with Hundi."""
    return Path(str(files("hundi"))) / "static"


static_files = create_static_files_router(
    path="/static",
    directories=[static_folder()],
    opt=_PUBLIC,
    include_in_schema=False,
    cache_control=CacheControlHeader(public=True, max_age=_HOUR_S),
)

ROUTES: Final[list[Any]] = [hosted_page, hosted_pdf, hosted_qr, hosted_logo, static_files]
