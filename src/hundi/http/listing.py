"""Lists over HTTP: the three parameters that ask for a part of one, and the reply (design §5 "Lists")."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Final, Generic, TypeVar

import msgspec
from litestar.params import QueryParameter
from msgspec import UNSET, UnsetType

from hundi.http.envelope import NextCursor
from hundi.kit.dates import NotADate, parse_instant
from hundi.kit.errors import FieldProblem
from hundi.kit.paging import LONGEST_CURSOR, MAX_PAGE, MOST_COUNTED, Part

Row = TypeVar("Row")
T = TypeVar("T")

FARTHEST: Final = 10_000_000
LONGEST: Final = 100
Limit = Annotated[int, QueryParameter(ge=1, le=MAX_PAGE, description="At most 5000; 50 unless told")]
Offset = Annotated[int, QueryParameter(ge=0, le=FARTHEST)]
Cursor = Annotated[
    str | None,
    QueryParameter(
        max_length=LONGEST_CURSOR,
        required=False,
        schema_extra={"type": "string", "one_of": None},
        description="next_cursor of the page before, with the same query",
    ),
]
Text = Annotated[str | None, QueryParameter(required=False, max_length=LONGEST)]
"""A filter of a list: what a field has to say, letter by letter. See :func:`text_of`."""
Since = Annotated[
    str | None,
    QueryParameter(name="from", required=False, description="An instant or a day; without an offset, in India"),
]
Until = Annotated[str | None, QueryParameter(name="to", required=False, description="An instant, itself included")]


def text_of(name: str, text: str | None, problems: list[FieldProblem]) -> str | None:
    """Read a filter; one with a NUL, which no text of the database holds, is added to ``problems`` (``BAD_TEXT``)."""
    if "\x00" in (text or ""):
        problems.append(FieldProblem(name, "BAD_TEXT", "Remove the NUL character."))
    return text


def period_of(
    since: str | None, until: str | None, problems: list[FieldProblem]
) -> tuple[datetime | None, datetime | None]:
    """Read ``from`` and ``to``; what is no instant, or ends before it begins (``FROM_AFTER_TO``), is added to ``problems``."""
    start, end = _instant("from", since, problems), _instant("to", until, problems)
    if start is not None and end is not None and start > end:
        message = "'from' must not be after 'to'."
        problems += [FieldProblem(name, "FROM_AFTER_TO", message) for name in ("from", "to")]
    return start, end


def _instant(name: str, text: str | None, problems: list[FieldProblem]) -> datetime | None:
    if text is None:
        return None
    try:
        return parse_instant(text)
    except NotADate as error:
        problems.append(FieldProblem(name, error.code, str(error), text[:LONGEST]))
        return None


class Listed(msgspec.Struct, Generic[T], kw_only=True):
    """A page of a list, or the whole of one that is short."""

    data: list[T]
    total_count: int
    limit: int
    offset: int
    next_cursor: NextCursor = None
    total_count_estimated: bool | UnsetType = UNSET


def listed(rows: Sequence[T]) -> Listed[T]:
    """Give a list whole: there are few of these."""
    return Listed(data=list(rows), total_count=len(rows), limit=len(rows), offset=0)


def page_of(
    part: Part,
    rows: Sequence[Row],
    total: int,
    *,
    show: Callable[[Row], T],
    key: Callable[[Row], Sequence[str]],
    bounded: bool = False,
) -> Listed[T]:
    """Give a page of the rows that were read, :attr:`Part.most` of them; ``key`` is what orders them, the id last.

    ``bounded`` says that ``total`` was counted to one more than :data:`MOST_COUNTED` and no further.
    """
    shown, following = part.cut(rows, key)
    return Listed(
        data=[show(row) for row in shown],
        total_count=min(total, MOST_COUNTED) if bounded else total,
        limit=part.limit,
        offset=part.offset,
        next_cursor=following,
        total_count_estimated=True if bounded and total > MOST_COUNTED else UNSET,
    )
