"""Cursors of lists: signed, bound to their query, refused when anything about them was changed; and the pages they lead to."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from hundi.http.listing import page_of
from hundi.kit.keys import Keyring
from hundi.kit.paging import BadCursor, CursorAndOffset, Part, check_start, read_cursor, write_cursor

RING = Keyring(["the first secret of these tests, long enough"])
OTHER = Keyring(["the second secret of these tests, long enough"])
QUERY = ["CEK0000001", "invoices", "createdOn", "DESC", '{"text": "bolts"}']


def refused(ring: Keyring, belongs_to: list[str], cursor: str, parts: int = 2) -> None:
    with pytest.raises(BadCursor) as caught:
        read_cursor(ring, belongs_to, cursor, parts)
    assert (caught.value.status, caught.value.code) == (400, "BAD_CURSOR")
    assert [problem.field for problem in caught.value.problems] == ["cursor"]


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_what_is_written_is_read(after: list[str]) -> None:
    whole = [text for text in after if text.isprintable()] or ["x"]
    cursor = write_cursor(RING, QUERY, whole)
    assert cursor.isascii()
    assert "=" not in cursor
    assert read_cursor(RING, QUERY, cursor, len(whole)) == tuple(whole)


@pytest.mark.parametrize("at", range(len(QUERY)))
def test_it_belongs_to_its_query(at: int) -> None:
    cursor = write_cursor(RING, QUERY, ["2026-11-16", "inv_1"])
    refused(RING, [*QUERY[:at], QUERY[at] + "x", *QUERY[at + 1 :]], cursor)


def test_parts_do_not_run_into_each_other() -> None:
    cursor = write_cursor(RING, ["ab", "c"], ["1", "2"])
    refused(RING, ["a", "bc"], cursor)
    refused(RING, ["abc"], cursor)


@given(st.data())
def test_no_byte_of_it_can_be_changed(data: st.DataObject) -> None:
    cursor = write_cursor(RING, QUERY, ["2026-11-16T04:30:00+00:00", "inv_0123"])
    raw = bytearray(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    refused(RING, QUERY, base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("="))


@given(st.text(max_size=300))
def test_nothing_else_passes(text: str) -> None:
    refused(RING, QUERY, text)


@pytest.mark.parametrize("text", ["", "=", "====", "a", "é", "x" * 5000, "\n", "AA AA", "AAAA\n", "null"])
def test_odd_texts_are_refused(text: str) -> None:
    refused(RING, QUERY, text)


def test_a_cursor_of_another_length_or_installation_is_refused() -> None:
    refused(RING, QUERY, write_cursor(RING, QUERY, ["one"]))
    refused(RING, QUERY, write_cursor(OTHER, QUERY, ["1", "2"]))


def test_a_cursor_outlives_a_change_of_key() -> None:
    old, new = "the first secret of these tests, long enough", "the newest secret of these tests, long enough"
    cursor = write_cursor(RING, QUERY, ["1", "2"])
    assert read_cursor(Keyring([new, old]), QUERY, cursor, 2) == ("1", "2")
    refused(Keyring([new]), QUERY, cursor)


def test_a_page_begins_at_one_place() -> None:
    check_start(None, 10)
    check_start("x", 0)
    with pytest.raises(CursorAndOffset) as caught:
        check_start("x", 1)
    assert [problem.field for problem in caught.value.problems] == ["offset"]


def test_the_last_page_names_no_other_even_when_it_is_full() -> None:
    ids = [f"inv_{at}" for at in range(4)]
    cursor, seen = None, []
    for _ in range(2):
        part = Part.asked(RING, QUERY, limit=2, offset=0, cursor=cursor)
        after = [one for one in ids if part.last_id is None or one > part.last_id]
        page = page_of(part, after[: part.most], len(ids), show=str.upper, key=lambda one: [one])
        seen += page.data
        cursor = page.next_cursor
        assert (len(page.data), page.total_count, page.limit, page.total_count_estimated) == (2, 4, 2, UNSET)
    assert (seen, cursor) == ([one.upper() for one in ids], None)


def test_a_page_is_asked_for_in_one_way_and_with_its_own_cursor() -> None:
    cursor = write_cursor(RING, QUERY, ["a", "b"])
    part = Part.asked(RING, QUERY, limit=2, offset=0, cursor=cursor, parts=2)
    assert (part.after, part.last_id, part.most) == (("a", "b"), "b", 3)
    with pytest.raises(BadCursor):
        Part.asked(RING, QUERY[1:], limit=2, offset=0, cursor=cursor, parts=2)
    with pytest.raises(CursorAndOffset):
        Part.asked(RING, QUERY, limit=2, offset=1, cursor=cursor, parts=2)


def test_what_was_not_counted_to_the_end_says_so() -> None:
    part = Part.asked(RING, QUERY, limit=1, offset=0, cursor=None)
    for total, counted, estimated in ((100_000, 100_000, UNSET), (100_001, 100_000, True)):
        page = page_of(part, ["a"], total, show=str, key=list, bounded=True)
        assert (page.total_count, page.total_count_estimated) == (counted, estimated)
    assert page_of(part, ["a"], 100_001, show=str, key=list).total_count == 100_001
