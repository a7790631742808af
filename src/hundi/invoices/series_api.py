"""Number series and the register of voided numbers over HTTP (domain §6)."""

from typing import Annotated, Any, Final

from litestar import get, post
from litestar.datastructures import State
from litestar.params import QueryParameter

from hundi.auth.guard import SellerParameter, may
from hundi.auth.rules import Permission
from hundi.db.pool import Transaction
from hundi.http.body import JsonBody
from hundi.http.docs import statuses
from hundi.http.envelope import Envelope, Reply, ok
from hundi.http.idempotency import Call, once
from hundi.http.listing import Cursor, Limit, Listed, Offset, listed, page_of
from hundi.invoices import numbering
from hundi.invoices.series_schemas import (
    Numbers,
    SeriesCreate,
    SeriesResponse,
    SeriesSample,
    VoidedResponse,
)
from hundi.kit.actor import Actor
from hundi.kit.dates import NotADate, financial_year, ist_date, parse_date
from hundi.kit.errors import FieldProblem, Invalid
from hundi.kit.paging import Part
from hundi.sellers import series

_TAGS: Final = ["series-controller"]
_KEY_PARTS: Final = 4


@post(
    "/api/v0/series",
    operation_id="createSeries",
    tags=_TAGS,
    guards=[may(Permission.ADMIN)],
    dto=JsonBody[SeriesCreate],
    status_code=200,
    responses=statuses(),
)
async def create_series(
    data: SeriesCreate, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[SeriesResponse]]:
    """Set a number series up for a registration and type of document; the first one is the default.

    It is refused if its highest number would pass the 16 characters of rule 46(b). Counters begin again every April.
    """
    gstin = (data.registrationGstin or "").strip().upper() or None

    async def work(tx: Transaction) -> Envelope[SeriesResponse]:
        made = await series.create(
            tx, call.actor, pattern=data.pattern, doc_type=data.docType, gstin=gstin, as_default=bool(data.isDefault),
            today=ist_date(tx.now),
        )  # fmt: skip
        return ok(SeriesResponse.of(made))

    return await once(state.db, call, work)


@get(
    "/api/v0/series",
    operation_id="getSeries",
    tags=_TAGS,
    guards=[may(Permission.INVOICE_READ)],
    responses=statuses(),
)
async def get_series(
    who: Actor, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[Listed[SeriesResponse]]]:
    """List the number series, with their counters in the present financial year."""
    async with state.db.read(who) as tx:
        found = await series.every(tx, financial_year(ist_date(tx.now)))
    return Reply(ok(listed([SeriesResponse.of(row) for row in found])))


@post(
    "/api/v0/series/{seriesId:str}/default",
    operation_id="makeSeriesDefault",
    tags=_TAGS,
    guards=[may(Permission.ADMIN)],
    status_code=200,
    responses=statuses(),
)
async def make_series_default(
    seriesId: str, call: Call, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[SeriesResponse]]:
    """Make a series the one that numbers come from; its counter goes on where it stood."""

    async def work(tx: Transaction) -> Envelope[SeriesResponse]:
        return ok(SeriesResponse.of(await series.make_default(tx, call.actor, seriesId, ist_date(tx.now))))

    return await once(state.db, call, work)


@get(
    "/api/v0/series/{seriesId:str}/preview",
    operation_id="previewSeries",
    tags=_TAGS,
    guards=[may(Permission.INVOICE_READ)],
    responses=statuses(),
)
async def preview_series(
    seriesId: str,
    who: Actor,
    state: State,
    on: Annotated[
        str | None,
        QueryParameter(
            required=False,
            schema_extra={"type": "string", "format": "date", "one_of": None},
            description="The day of the invoice; today unless told",
        ),
    ] = None,
    count: Annotated[int, QueryParameter(ge=1, le=series.MOST_PREVIEWED)] = 1,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[Numbers]]:
    """Show the next numbers of a series; none is taken by asking."""
    try:
        day = parse_date(on) if on is not None else ist_date(state.clock.now())
    except NotADate as error:
        raise Invalid(problems=[FieldProblem("on", error.code, str(error), on)]) from error
    async with state.db.read(who) as tx:
        return Reply(ok(Numbers(numbers=await series.preview(tx, seriesId, day, count))))


@post(
    "/api/v0/series/preview",
    operation_id="sampleSeries",
    tags=_TAGS,
    guards=[may(Permission.INVOICE_READ)],
    dto=JsonBody[SeriesSample],
    status_code=200,
    responses=statuses(),
)
async def sample_series(
    data: SeriesSample, who: Actor, state: State, sellerId: SellerParameter = None
) -> Reply[Envelope[Numbers]]:
    """Show the first and the highest number of a pattern, or what is wrong with it; nothing is stored."""
    day = data.on.value if data.on else ist_date(state.clock.now())
    return Reply(ok(Numbers(numbers=series.sample(data.pattern, day))))


@get(
    "/api/v0/series/voided",
    operation_id="getVoidedNumbers",
    tags=_TAGS,
    guards=[may(Permission.INVOICE_READ)],
    responses=statuses(),
)
async def get_voided_numbers(
    who: Actor,
    state: State,
    fy: Annotated[
        int | None,
        QueryParameter(
            ge=2000,
            le=2099,
            required=False,
            schema_extra={"type": "integer", "one_of": None},
            description="2026 for the financial year 2026-27; all unless told",
        ),
    ] = None,
    limit: Limit = 50,
    offset: Offset = 0,
    cursor: Cursor = None,
    sellerId: SellerParameter = None,
) -> Reply[Envelope[Listed[VoidedResponse]]]:
    """List the numbers that were issued and will never be used: those of cancelled and deleted invoices."""
    belongs_to = (who.seller_id, "series.voided", str(fy))
    part = Part.asked(state.keyring, belongs_to, limit=limit, offset=offset, cursor=cursor, parts=_KEY_PARTS)
    async with state.db.read(who) as tx:
        rows, total = await numbering.register(tx, fy=fy, after=part.after, limit=part.most, offset=offset)
    return Reply(ok(page_of(part, rows, total, show=VoidedResponse.of, key=lambda row: row.place)))


ROUTES: Final[list[Any]] = [
    create_series, get_series, make_series_default, preview_series, sample_series, get_voided_numbers,
]  # fmt: skip
