"""objectVersion and statusTransition: compare-and-set (contract B2B §12.11), and identifiers (§1.1)."""

from __future__ import annotations

from random import Random

import pytest
from village import START

from hundi.kit.clock import FrozenClock
from hundi.network.protocol.faults import Fault, MessageRefused
from hundi.network.protocol.identifiers import (
    PRINTED_PATTERNS,
    PROPER_PATTERNS,
    Prefix,
    SeededIds,
    SortableIds,
    b2b_key,
    is_b2b_id,
    is_object_id,
)
from hundi.network.protocol.messages import ObjectVersion, Transition, document_key
from hundi.network.protocol.statuses import Kind
from hundi.network.protocol.versions import check_current_status, check_first_version, check_new_status, check_version


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("sent", [(1, 1), (0, 0), (0, 1), (1, 2), (2, 2), (-1, -1)])
def test_the_first_version(kind: Kind, sent: tuple[int, int]) -> None:
    allowed = {(1, 1), (0, 0)} if kind in {Kind.ORDER, Kind.NOTE} else {(1, 1)}
    if sent in allowed:
        assert check_first_version(kind, ObjectVersion(*sent)) == sent[1]
        return
    with pytest.raises(MessageRefused) as refused:
        check_first_version(kind, ObjectVersion(*sent), "invoice.objectVersion")
    assert (refused.value.fault, refused.value.field) == (Fault.VERSION_STEP, "invoice.objectVersion.newVersion")


@pytest.mark.parametrize(
    ("sent", "content", "gives"),
    [
        ((3, 3), False, 3), ((3, 4), True, 4), ((3, 4), False, Fault.VERSION_STEP), ((3, 3), True, Fault.VERSION_STEP),
        ((3, 5), True, Fault.VERSION_STEP), ((2, 2), False, Fault.STALE_VERSION), ((2, 3), True, Fault.STALE_VERSION),
        ((4, 4), False, Fault.STALE_VERSION), ((4, 5), True, Fault.STALE_VERSION),
    ],
)  # fmt: skip
def test_later_versions(sent: tuple[int, int], content: bool, gives: object) -> None:
    if isinstance(gives, int):
        assert check_version(3, ObjectVersion(*sent), content=content) == gives
        return
    with pytest.raises(MessageRefused) as refused:
        check_version(3, ObjectVersion(*sent), content=content)
    assert refused.value.fault is gives
    assert str(sent[0] if gives is Fault.STALE_VERSION else sent[1]) in refused.value.sentence()


def test_transitions() -> None:
    check_current_status("PAID", Transition("PAID", "CLOSED"))
    check_new_status("CLOSED", Transition("PAID", "CLOSED"))
    check_new_status("CLOSED", Transition("PAID", "PAID"))
    with pytest.raises(MessageRefused) as refused:
        check_current_status("PAID", Transition("ACCEPTED", "PAID"), "invoiceStatus.statusTransition")
    assert refused.value.fault is Fault.STALE_STATUS
    assert refused.value.field == "invoiceStatus.statusTransition.currentStatus"
    with pytest.raises(MessageRefused) as refused:
        check_new_status("CLOSED", Transition("PAID", "CANCELLED"))
    assert refused.value.fault is Fault.NEXT_STATUS_DIFFERS


def test_printed_and_proper_identifiers() -> None:
    tail = "0" * 31 + "z"
    assert PRINTED_PATTERNS[Prefix.INVOICE] == "^[INV]{3}[A-Za-z0-9]{32,32}$"
    assert PROPER_PATTERNS[Prefix.INVOICE] == "^INV[A-Za-z0-9]{32}$"
    assert is_object_id(Prefix.INVOICE, "VNI" + tail)
    assert not is_object_id(Prefix.INVOICE, "VNI" + tail, proper=True)
    for wrong in ("INV" + tail + "\n", "INV" + tail[1:], "INV" + tail + "0", "PMT" + tail, ""):
        assert not is_object_id(Prefix.INVOICE, wrong)
    # The other kinds have no printed pattern: plain text, but no quotes, no backslash, no control characters.
    assert is_object_id(Prefix.ORDER, "PO/2026/17")
    assert not is_object_id(Prefix.ORDER, "PO/2026/17", proper=True)
    for wrong in ('a"b', "a\\b", "", "x" * 101, "a\n"):
        assert not is_object_id(Prefix.ORDER, wrong)
        assert not is_b2b_id(wrong)
    assert is_b2b_id("zw_b2bid_1730970483a8b539acf65f1279026529")
    assert b2b_key("cwipl") == b2b_key("CWIPL")
    assert document_key("INV", "29aaacb1234p1z5", "2026-27", "inv/1") == "INV|29AAACB1234P1Z5|2026-27|INV/1"


@pytest.mark.parametrize("prefix", Prefix)
def test_what_we_make_is_proper(prefix: Prefix) -> None:
    sortable, seeded = SortableIds(FrozenClock(START)), SeededIds(Random(1))
    for made in (sortable.make(prefix), seeded.make(prefix)):
        assert is_object_id(prefix, made, proper=True)
        assert is_object_id(prefix, made)
    assert sortable.make(prefix) != sortable.make(prefix)
    assert SeededIds(Random(5)).make(prefix) == SeededIds(Random(5)).make(prefix)
