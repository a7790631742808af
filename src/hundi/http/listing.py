"""Lists over HTTP: the three parameters that ask for a part of one, and the reply (design §5 "Lists")."""

from collections.abc import Callable, Sequence
from typing import Annotated, Final, Generic, TypeVar

import msgspec
from litestar.params import QueryParameter
from msgspec import UNSET, UnsetType

from hundi.http.envelope import NextCursor
from hundi.kit.paging import LONGEST_CURSOR, MAX_PAGE, MOST_COUNTED, Part

Row = TypeVar("Row")
T = TypeVar("T")

FARTHEST: Final = 10_000_000
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
