"""How long it takes to hold a document against every GST rule: 1, 50 and 1,000 items, right and wrong, one thread.

Fifty items are to take 1.5 ms at most. Beside it, in the same call and turn by turn, stands what must be done with such a
message anyhow: reading its form INV-01 with Python's own json. The figures are medians of the rounds.

    python bench/einvoice.py [--quick] [--rounds 7]
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from datetime import date
from decimal import Decimal

from hundi.gst.document import Address, Document, Item, Party, Values
from hundi.gst.einvoice import check
from hundi.gst.inv01 import inv01_json
from hundi.gst.inv01_reading import read_inv01
from hundi.kit.gstin import gstin_with_check

LIMIT_MS = Decimal("1.5")
TODAY = date(2026, 11, 22)
D = Decimal


def document(count: int, *, wrong: bool = False) -> Document:
    """Make an invoice over so many items; a wrong one has three mistakes a line."""
    items = tuple(
        Item(
            serial=str(at + 1), description=f"Hexagon bolts M{at}", hsn="7318150" if wrong else "73181500",
            quantity=D(10), unit="NOS", unit_price=D("100.50"), total_amount=D("1005.00"), discount=D("5.00"),
            assessable=D("1000.00"), gst_rate=D(18), cgst=D("95.00") if wrong else D("90.00"), sgst=D("90.00"),
            total_value=D("1180.00"),
        )
        for at in range(count)
    )  # fmt: skip
    where = Address(line1="12 Anna Salai", city="Chennai", pincode="600001")
    return Document(
        number="INV/26-27/0042", day=date(2026, 11, 16), place_of_supply="33", items=items,
        supplier=Party(gstin=gstin_with_check("33AAACD1234E1Z"), legal_name="Seller", state_code="33", address=where),
        buyer=Party(gstin=gstin_with_check("33AABCB4321K1Z"), legal_name="Buyer", state_code="33", address=where),
        values=Values(assessable=D(1000 * count), cgst=D(90 * count), sgst=D(90 * count), total=D(1180 * count)),
    )  # fmt: skip


def timed(work: Callable[[], object], times: int) -> Decimal:
    """Give the milliseconds of processor time that one call takes: others on the machine do not count."""
    began = time.thread_time_ns()
    for _ in range(times):
        work()
    return Decimal(time.thread_time_ns() - began) / times / 1_000_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="three short rounds")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    rounds, share = (3, 5) if options.quick else (options.rounds, 1)
    cases = {
        f"{count} {'items' if count > 1 else 'item'}{', three mistakes each' if wrong else ''}":
            (document(count, wrong=wrong), max(3, 10_000 // count // share))
        for count, wrong in ((1, False), (50, False), (50, True), (1000, False), (1000, True))
    }  # fmt: skip
    print(f"{'document':32}{'check, ms':>12}{'read INV-01, ms':>18}{'json.loads, ms':>18}")
    measured: dict[str, Decimal] = {}
    for name, (made, times) in cases.items():
        form = inv01_json(made)
        taken = [
            (
                timed(lambda made=made: check(made, today=TODAY, strict=True), times),
                timed(lambda form=form: read_inv01(form), max(1, times // 10)),
                timed(lambda form=form: json.loads(form), times),
            )
            for _ in range(rounds)
        ]
        rule, reading, yardstick = (statistics.median(column) for column in zip(*taken, strict=True))
        measured[name] = rule
        print(f"{name:32}{rule:12.3f}{reading:18.3f}{yardstick:18.3f}")
    result = {
        "name": "einvoice", "ratio": round(LIMIT_MS / measured["50 items"], 2), "limit_ms": LIMIT_MS,
        "check_ms": {name: round(value, 3) for name, value in measured.items()},
    }  # fmt: skip
    print(json.dumps(result, default=lambda value: float(value)))


if __name__ == "__main__":
    main()
