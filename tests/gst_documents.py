"""Documents for the tests of the GST rules: made by hand, and generated with all their arithmetic right."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from hundi.gst.document import (
    ZERO,
    Address,
    Attribute,
    Batch,
    Contract,
    Document,
    DocumentKind,
    Enclosure,
    EwayBill,
    Export,
    Item,
    Party,
    Payment,
    Preceding,
    Transaction,
    Values,
)
from hundi.gst.rates import rates_on
from hundi.gst.units import UNITS
from hundi.kit.gstin import gstin_with_check
from hundi.kit.money import half_percent_of, percent_of, round_to_paise

D = Decimal
TODAY = date(2026, 11, 22)
DAY = date(2026, 11, 16)
PINS = {"33": "600001", "29": "560001", "27": "400001", "07": "110001", "96": "999999"}
TN_SELLER = gstin_with_check("33AAACD1234E1Z")
TN_BUYER = gstin_with_check("33AABCB4321K1Z")
KA_BUYER = gstin_with_check("29AABCB4321K1Z")


def party(gstin: str, state: str, name: str = "Demo Steel Private Limited", **more: Any) -> Party:
    address = Address(line1="12 Anna Salai", city="A city", pincode=PINS[state])
    return Party(gstin=gstin, legal_name=name, state_code=state, address=address, **more)


def goods(serial: int = 1, *, inter: bool = False, **more: Any) -> Item:
    """Ten bolts of ₹100.50, ₹5 off, at 18%."""
    heads = {"igst": D("180.00")} if inter else {"cgst": D("90.00"), "sgst": D("90.00")}
    given: dict[str, Any] = {
        "serial": str(serial), "description": "Hexagon bolts M12", "hsn": "73181500", "quantity": D(10), "unit": "NOS",
        "unit_price": D("100.50"), "total_amount": D("1005.00"), "discount": D("5.00"), "assessable": D("1000.00"),
        "gst_rate": D(18), "total_value": D("1180.00"), **heads,
    }  # fmt: skip
    return Item(**(given | more))


def totals(items: tuple[Item, ...], **more: Any) -> Values:
    """Add the items up."""

    def of(name: str) -> Decimal:
        return sum((getattr(item, name) for item in items), ZERO)

    extra = more.get("other_charges", ZERO) - more.get("discount", ZERO) + more.get("round_off", ZERO)
    return Values(
        assessable=of("assessable"), cgst=of("cgst"), sgst=of("sgst"), igst=of("igst"),
        cess=of("cess") + of("cess_non_advalorem"), state_cess=of("state_cess") + of("state_cess_non_advalorem"),
        total=of("total_value") + extra, **more,
    )  # fmt: skip


def invoice(*, inter: bool = False, count: int = 1, **more: Any) -> Document:
    """An invoice over goods, inside Tamil Nadu or to Karnataka."""
    items = more.pop("items", tuple(goods(at, inter=inter) for at in range(1, count + 1)))
    buyer = ("29", KA_BUYER) if inter else ("33", TN_BUYER)
    given: dict[str, Any] = {
        "number": "INV/26-27/0042", "day": DAY, "supplier": party(TN_SELLER, "33"),
        "buyer": party(buyer[1], buyer[0], "Demo Buyer Limited"), "place_of_supply": buyer[0], "items": items,
    }  # fmt: skip
    if "values" not in more:
        more["values"] = totals(items)
    return Document(**(given | more))


def export(**more: Any) -> Document:
    """An export of goods under a letter of undertaking: no tax."""
    item = goods(inter=True, igst=ZERO, total_value=D("1000.00"))
    given: dict[str, Any] = {
        "transaction": Transaction(supply_type="EXPWOP"), "buyer": party("URP", "96", "Beispiel GmbH"),
        "place_of_supply": "96", "items": (item,), "values": totals((item,), total_foreign=D("11.25")),
        "export": Export(
            shipping_bill="1234567", shipping_bill_day=DAY, port="INMAA1", refund_claim=False, currency="EUR", country="DE"
        ),
    }  # fmt: skip
    return invoice(inter=True, **(given | more))


def everything() -> Document:
    """An invoice with every block and every field filled."""
    item = goods(
        2, barcode="8901234567890", free_quantity=D("0.500"), pre_tax_value=D("1000.00"), cess_rate=D("1.5"),
        cess=D("15.00"), cess_non_advalorem=D("2.50"), state_cess_rate=D(1), state_cess=D("10.00"),
        state_cess_non_advalorem=D("0.50"), other_charges=D("1.00"), total_value=D("1209.00"), order_line="PO-7/3",
        origin_country="IN", product_serial="S-77", attributes=(Attribute("colour", "grey"), Attribute("grade", "8.8")),
        batch=Batch(number="B-2611", expiry=date(2028, 1, 31), warranty=date(2027, 6, 30)),
    )  # fmt: skip
    work = Item(
        serial="3", description="Galvanising on inputs of others", is_service=True, hsn="998898", unit_price=D("250.00"),
        total_amount=D("250.00"), assessable=D("250.00"), gst_rate=D(18), cgst=D("22.50"), sgst=D("22.50"),
        total_value=D("295.00"),
    )  # fmt: skip
    items = (goods(1), item, work)
    return invoice(
        items=items,
        values=totals(items, discount=D("1.00"), other_charges=D("2.00"), round_off=D("-0.50"), total_foreign=D("30.00")),
        transaction=Transaction(ecommerce_gstin=gstin_with_check("33AAACE1234E1C")),
        supplier=party(TN_SELLER, "33", trade_name="Demo Steel", phone="9876543210", email="sales@example.com"),
        dispatch=party("", "33", "Warehouse Two"),
        shipping=party(KA_BUYER, "29", "Demo Buyer Site", trade_name="Site"),
        payment=Payment(
            payee="Demo Steel", account="XX3307", mode="NEFT", branch="HDFC0000001", terms="30 days",
            instruction="Quote the number", credit_transfer="NEFT", direct_debit="none", credit_days=0, paid=D("0.00"),
            due=D("2684.50"),
        ),
        remarks="Second lot of three", period_start=date(2026, 11, 1), period_end=DAY,
        preceding=(Preceding(number="INV/26-27/0041", day=date(2026, 11, 10), other_reference="R-1"),),
        contracts=(
            Contract(
                receipt_advice="RA-1", receipt_advice_day=DAY, tender="LOT-9", contract="C-1", external="E-1",
                project="P-1", order="PO-7", order_day=date(2026, 10, 1),
            ),
        ),
        enclosures=(Enclosure(url="https://example.com/a.pdf", document="YWJj", info="Test certificate"),),
        eway_bill=EwayBill(
            transporter_id=gstin_with_check("33AAACT1234E1Z"), transporter_name="Fast Lorries", mode="1", distance=0,
            document_number="LR/12", document_day=DAY, vehicle_number="TN01AB1234", vehicle_type="R",
        ),
    )  # fmt: skip


# Generated documents: any supply, any listed rate, any sensible quantity; all sums right to the paisa.

_SUPPLIES = ("B2B", "B2B", "B2B", "SEZWP", "SEZWOP", "EXPWP", "EXPWOP", "DEXP")
_amounts = st.integers(1, 10**8).map(lambda paise: D(paise) / 100)


@st.composite
def items_for(draw: st.DrawFn, serial: int, *, inter: bool, day: date, untaxed: bool, bare: bool) -> Item:
    """One line whose figures agree; ``bare``: its total leaves the tax out (reverse charge)."""
    service = draw(st.booleans())
    quantity = draw(st.integers(1, 10**6).map(lambda n: D(n) / 1000))
    price = draw(st.integers(1, 10**9).map(lambda n: D(n) / 1000))
    gross = round_to_paise(quantity * price)
    discount = round_to_paise(gross * draw(st.integers(0, 50)) / 100)
    taxable = gross - discount
    rate = draw(st.sampled_from(rates_on(day)))
    cess_rate = draw(st.sampled_from([ZERO, ZERO, D(1), D("12.5")])) if not untaxed else ZERO
    half = half_percent_of(taxable, rate)
    heads = {"igst": ZERO if untaxed else percent_of(taxable, rate)} if inter else {"cgst": half, "sgst": half}
    cess = percent_of(taxable, cess_rate)
    by_quantity = draw(st.sampled_from([ZERO, ZERO, D("4.50")]))
    charges = draw(st.sampled_from([ZERO, ZERO, D("10.00")]))
    tax = sum(heads.values(), cess) + by_quantity
    return Item(
        serial=str(serial),
        description=draw(st.text("abcdefgh ABC-/.,()अ₹", min_size=3, max_size=40)),
        is_service=service,
        hsn=draw(st.sampled_from(["998313", "9954", "99731190"] if service else ["7318", "010121", "87032291"])),
        quantity=quantity,
        unit=draw(st.sampled_from(sorted(UNITS))),
        unit_price=price,
        total_amount=gross,
        discount=discount,
        assessable=taxable,
        gst_rate=rate,
        cess_rate=cess_rate,
        cess=cess,
        cess_non_advalorem=by_quantity,
        other_charges=charges,
        total_value=taxable + charges + (ZERO if bare else tax),
        **heads,
    )


@st.composite
def documents(draw: st.DrawFn) -> Document:
    """A whole document that every portal would take."""
    kind = draw(st.sampled_from(DocumentKind))
    supply = draw(st.sampled_from(_SUPPLIES))
    day = draw(st.dates(date(2020, 10, 1), TODAY))
    abroad = supply in {"EXPWP", "EXPWOP"}
    buyer_state = "96" if abroad else draw(st.sampled_from(["33", "29", "27", "07"]))
    place = "96" if abroad else draw(st.sampled_from(["33", buyer_state]))
    reverse = supply == "B2B" and draw(st.booleans())
    on_intra = supply == "B2B" and place == "33" and draw(st.integers(0, 9)) == 0
    inter = place != "33" or supply.startswith(("SEZ", "EXP")) or on_intra
    bare = (reverse or supply == "EXPWP") and draw(st.booleans())
    count = draw(st.integers(1, 6))
    items = tuple(
        draw(items_for(at, inter=inter, day=day, untaxed=supply.endswith("WOP"), bare=bare))
        for at in range(1, count + 1)
    )
    values = totals(
        items,
        discount=draw(st.sampled_from([ZERO, D("0.01")])) if items[0].total_value > 1 else ZERO,
        other_charges=draw(st.sampled_from([ZERO, D("99.00")])),
        round_off=draw(st.integers(-50, 50).map(lambda paise: D(paise) / 100)) if items[0].total_value > 1 else ZERO,
    )
    buyer = "URP" if abroad else gstin_with_check(f"{buyer_state}AABCB4321K{draw(st.integers(1, 9))}Z")
    return Document(
        kind=kind,
        number=draw(st.from_regex(r"[A-Za-z1-9][A-Za-z0-9/-]{0,15}", fullmatch=True)),
        day=day,
        transaction=Transaction(supply_type=supply, reverse_charge=reverse, igst_on_intra=on_intra),
        supplier=party(TN_SELLER, "33"),
        buyer=party(buyer, buyer_state, "Demo Buyer Limited"),
        place_of_supply=place,
        items=items,
        values=values,
        preceding=() if kind is DocumentKind.INVOICE else (Preceding(number="INV/1", day=day),),
    )
