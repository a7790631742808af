"""The demo's world: two companies, twenty customers, and a year's worth of what they buy. Names and numbers are invented."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from typing import Final

import msgspec

from hundi.gst.supply import tax_heads
from hundi.kit.dates import financial_year, fy_short
from hundi.kit.gstin import gstin_with_check

SELLER_STATE: Final = "27"
_SEED: Final = 20260401
SAMPLE_ROWS: Final = 1000


class DemoCustomer(msgspec.Struct, frozen=True):
    """A customer: reference, names, state, city, PIN and whether it is registered for GST."""

    ref: str
    legal_name: str
    trade_name: str
    state: str
    city: str
    pin_code: str
    street: str
    person: str
    pan: str | None
    terms: int

    @property
    def gstin(self) -> str | None:
        """Give a GSTIN with a right check digit on a PAN that the department does not issue (ZZZ…)."""
        return gstin_with_check(f"{self.state}{self.pan}1Z") if self.pan else None


_ROWS: Final = (
    (
        "Deccan Retail Ventures Private Limited",
        "Deccan Retail",
        "29",
        "Bengaluru",
        "560025",
        "12 Residency Road",
        "Meera Rao",
        "ZZZCD0002B",
        30,
    ),
    (
        "Konkan Hardware Mart",
        "Konkan Hardware",
        "27",
        "Ratnagiri",
        "415612",
        "Shivaji Chowk",
        "Suresh Patil",
        "ZZZFK0003C",
        30,
    ),
    ("Malwa Agro Traders", "Malwa Agro", "23", "Indore", "452001", "Siyaganj Main Road", "Anil Jain", "ZZZFM0004D", 45),
    ("Kaveri Textiles LLP", "Kaveri Textiles", "33", "Erode", "638001", "Brough Road", "S. Karthik", "ZZZFK0005E", 60),
    (
        "Ganga Builders and Developers",
        "Ganga Builders",
        "09",
        "Lucknow",
        "226001",
        "Hazratganj",
        "Pooja Srivastava",
        "ZZZFG0006F",
        30,
    ),
    (
        "Sundarban Seafoods Private Limited",
        "Sundarban Seafoods",
        "19",
        "Kolkata",
        "700012",
        "Bowbazar Street",
        "Arindam Ghosh",
        "ZZZCS0007G",
        15,
    ),
    (
        "Aravalli Marbles",
        "Aravalli Marbles",
        "08",
        "Udaipur",
        "313001",
        "Sukher Industrial Area",
        "Mahendra Singh",
        "ZZZFA0008H",
        30,
    ),
    (
        "Punjab Farm Equipment Company",
        "Punjab Farm",
        "03",
        "Ludhiana",
        "141001",
        "G. T. Road",
        "Harpreet Kaur",
        "ZZZFP0009J",
        45,
    ),
    (
        "Godavari Pharma Distributors",
        "Godavari Pharma",
        "36",
        "Hyderabad",
        "500001",
        "Abids Road",
        "K. Srinivas",
        "ZZZFG0010K",
        21,
    ),
    (
        "Malabar Spices Exports",
        "Malabar Spices",
        "32",
        "Kochi",
        "682001",
        "Mattancherry",
        "Fathima Beevi",
        "ZZZFM0011L",
        30,
    ),
    (
        "Narmada Packaging Industries",
        "Narmada Packaging",
        "24",
        "Vapi",
        "396195",
        "GIDC Phase II",
        "Hitesh Shah",
        "ZZZFN0012M",
        30,
    ),
    (
        "Brahmaputra Tea Estates Limited",
        "Brahmaputra Tea",
        "18",
        "Dibrugarh",
        "786001",
        "Mancotta Road",
        "Rituraj Baruah",
        "ZZZCB0013N",
        45,
    ),
    ("पुणे स्टील ट्रेडर्स", "Pune Steel Traders", "27", "Pune", "411002", "Budhwar Peth", "संजय कुलकर्णी", "ZZZFP0014P", 30),
    (
        "Capital Office Supplies",
        "Capital Office",
        "07",
        "New Delhi",
        "110001",
        "Connaught Place",
        "Neha Arora",
        "ZZZFC0015Q",
        15,
    ),
    (
        "Vindhya Cement Stockists",
        "Vindhya Cement",
        "23",
        "Satna",
        "485001",
        "Rewa Road",
        "Rajesh Tiwari",
        "ZZZFV0016R",
        30,
    ),
    (
        "Coromandel Marine Services",
        "Coromandel Marine",
        "37",
        "Visakhapatnam",
        "530001",
        "Harbour Road",
        "V. Lakshmi",
        "ZZZFC0017S",
        60,
    ),
    (
        "Himgiri Orchards Producer Company",
        "Himgiri Orchards",
        "02",
        "Shimla",
        "171001",
        "The Mall",
        "Devender Thakur",
        "ZZZCH0018T",
        30,
    ),
    ("Chota Nagpur Minerals", "CN Minerals", "20", "Ranchi", "834001", "Main Road", "Sunita Munda", "ZZZFC0019U", 30),
    ("Shri Ganesh Kirana Bhandar", "Ganesh Kirana", "27", "Nashik", "422001", "Main Bazaar", "Ganesh Wagh", None, 7),
    (
        "Utkal Engineering Works",
        "Utkal Engineering",
        "21",
        "Cuttack",
        "753001",
        "Link Road",
        "Bibhuti Das",
        "ZZZFU0020V",
        45,
    ),
)
CUSTOMERS: Final = tuple(
    DemoCustomer(f"CUST-{at:03d}", row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], row[8])
    for at, row in enumerate(_ROWS, start=1)
)

# description, HSN, unit, price of one, GST rate
GOODS: Final = (
    ("Hex bolts M12, zinc plated", "731815", "KGS", Decimal("148.50"), Decimal(18)),
    ("MS angle 50 x 50 x 6 mm", "721650", "KGS", Decimal("62.00"), Decimal(18)),
    ("Ball bearing 6205 ZZ", "848210", "NOS", Decimal("215.00"), Decimal(18)),
    ("PVC conduit 25 mm, 3 m length", "391723", "NOS", Decimal("96.00"), Decimal(18)),
    ("Industrial gloves, cotton", "621600", "PRS", Decimal("38.00"), Decimal(5)),
    ("Centrifugal pump 2 HP", "841370", "NOS", Decimal("8450.00"), Decimal(18)),
    ("Welding electrodes E6013, 3.15 mm", "831110", "KGS", Decimal("121.00"), Decimal(18)),
    ("Copper cable 4 sq mm, 90 m coil", "854449", "NOS", Decimal("4120.00"), Decimal(18)),
)


def demo_invoices(today: date) -> Iterator[tuple[DemoCustomer, dict[str, object]]]:
    """Make the bodies of 200 invoices (createInvoice's fields) over the last five months, with their lines."""
    random = Random(_SEED)  # noqa: S311 - the same demo every time is wanted
    for number in range(200):
        customer = CUSTOMERS[random.randrange(len(CUSTOMERS))]
        day = today - timedelta(days=150 - number * 3 // 4)
        lines, heads = [], {"cgst": Decimal(0), "sgst": Decimal(0), "igst": Decimal(0)}
        base = Decimal(0)
        for _ in range(random.randint(1, 4)):
            description, hsn, unit, price, rate = GOODS[random.randrange(len(GOODS))]
            quantity = Decimal(random.randint(1, 60))
            taxable = price * quantity
            tax = tax_heads(taxable, rate, inter_state=customer.state != SELLER_STATE)
            base += taxable
            for head in heads:
                heads[head] += getattr(tax, head)
            lines.append(
                {
                    "productDescription": description,
                    "hsnCode": hsn,
                    "isService": "NO",
                    "unit": unit,
                    "quantity": quantity,
                    "unitPrice": price,
                    "assessmentAmount": taxable,
                    "gstRate": rate,
                    "cgst": tax.cgst,
                    "sgst": tax.sgst,
                    "igst": tax.igst,
                }
            )
        yield customer, {
            "baseAmount": base, **heads, "invoiceDate": day.isoformat(),
            "dueDate": (day + timedelta(days=customer.terms)).isoformat(), "itemLists": lines,
            "description": lines[0]["productDescription"], "poNumber": f"PO-{random.randint(1000, 9999)}",
            "partialPaymentAllowed": number % 3 == 0,
        }  # fmt: skip


SAMPLE_COLUMNS: Final = (
    "customerRef", "invoiceNumber", "invoiceDate", "dueDate", "description", "poNumber", "baseAmount", "cgst", "sgst",
    "igst", "netAmount", "totalReceived",
)  # fmt: skip


def sample_rows(today: date) -> list[dict[str, str]]:
    """Make the sample file: 1,000 rows of which 12 hold a mistake, each of another kind."""
    random = Random(_SEED + 1)  # noqa: S311 - the same sample every time is wanted
    rows = [_sample_row(random, number, today) for number in range(1, SAMPLE_ROWS + 1)]
    for number, (column, value) in _mistakes(rows).items():
        rows[number - 1][column] = value
    return rows


def _sample_row(random: Random, number: int, today: date) -> dict[str, str]:
    customer = CUSTOMERS[random.randrange(len(CUSTOMERS))]
    day = today - timedelta(days=random.randint(0, 40))
    description, _, _, price, rate = GOODS[random.randrange(len(GOODS))]
    base = price * random.randint(1, 40)
    tax = tax_heads(base, rate, inter_state=customer.state != SELLER_STATE)
    net = base + tax.cgst + tax.sgst + tax.igst
    return {
        "customerRef": customer.ref,
        "invoiceNumber": f"SMP/{fy_short(financial_year(day))}/{number:05d}",
        "invoiceDate": day.strftime("%d-%m-%Y"),
        "dueDate": (day + timedelta(days=customer.terms)).strftime("%d-%m-%Y"),
        "description": description,
        "poNumber": f"PO-{random.randint(1000, 9999)}",
        "baseAmount": f"{base:.2f}",
        "cgst": f"{tax.cgst:.2f}" if tax.cgst else "",
        "sgst": f"{tax.sgst:.2f}" if tax.sgst else "",
        "igst": f"{tax.igst:.2f}" if tax.igst else "",
        "netAmount": f"{net:.2f}",
        "totalReceived": "",
    }


def _mistakes(rows: list[dict[str, str]]) -> dict[int, tuple[str, str]]:
    """Name the twelve rows that are wrong, and what is wrong in them."""
    return {
        41: ("customerRef", "CUST-999"),  # nobody's reference
        117: ("baseAmount", "-250.00"),  # negative
        188: ("dueDate", "31-02-2026"),  # no such day
        263: ("baseAmount", ""),  # missing
        334: ("dueDate", "01-01-2020"),  # before the invoice
        402: ("invoiceNumber", rows[0]["invoiceNumber"]),  # stands in row 1 already
        479: ("baseAmount", "twelve hundred"),  # no number
        551: ("igst" if rows[550]["cgst"] else "cgst", "99.00"),  # both kinds of heads
        626: ("netAmount", "1.00"),  # does not add up
        700: ("invoiceNumber", "N" * 60),  # too long
        815: ("totalReceived", "99999999.00"),  # more than is owed
        942: ("customerRef", ""),  # no customer at all
    }
