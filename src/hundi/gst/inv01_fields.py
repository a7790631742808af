"""The fields of form INV-01, schema version 1.1, block by block: name there, place in the model, how it is written.

Source: the portals' JSON schema, after public re-encodings (contract b2b §9.2).
"""

from enum import Enum
from typing import Final

import msgspec


class Kind(Enum):
    """How a value stands in the form."""

    TEXT = "a text"
    FLAG = "Y or N"
    AMOUNT = "a number"
    WHOLE = "a whole number"
    PIN = "a PIN code as a number"
    DAY = "a day as dd/MM/yyyy"


class Field(msgspec.Struct, frozen=True):
    """One field of the form: its name there, the field of the model, how it is written, and whether always."""

    name: str
    attribute: str
    kind: Kind = Kind.TEXT
    always: bool = False


def _texts(*pairs: str) -> tuple[Field, ...]:
    return tuple(Field(name, attribute) for name, _, attribute in (pair.partition("=") for pair in pairs))


def _amounts(*pairs: str, always: bool = False) -> tuple[Field, ...]:
    return tuple(
        Field(name, attribute, Kind.AMOUNT, always) for name, _, attribute in (pair.partition("=") for pair in pairs)
    )


TRANSACTION: Final = (
    *_texts("TaxSch=tax_scheme", "SupTyp=supply_type"),
    Field("RegRev", "reverse_charge", Kind.FLAG),
    Field("IgstOnIntra", "igst_on_intra", Kind.FLAG),
    *_texts("EcmGstin=ecommerce_gstin"),
)
WHERE: Final = (
    *_texts("Addr1=address.line1", "Addr2=address.line2", "Loc=address.city"),
    Field("Pin", "address.pincode", Kind.PIN),
    *_texts("Stcd=state_code"),
)
PARTY: Final = (
    *_texts("Gstin=gstin", "LglNm=legal_name", "TrdNm=trade_name"), *WHERE, *_texts("Ph=phone", "Em=email"),
)  # fmt: skip
DISPATCH: Final = (*_texts("Nm=legal_name"), *WHERE)
SHIPPING: Final = (*_texts("Gstin=gstin", "LglNm=legal_name", "TrdNm=trade_name"), *WHERE)
ITEM: Final = (
    *_texts("SlNo=serial", "PrdDesc=description"),
    Field("IsServc", "is_service", Kind.FLAG),
    *_texts("HsnCd=hsn", "Barcde=barcode"),
    *_amounts("Qty=quantity", "FreeQty=free_quantity"),
    *_texts("Unit=unit"),
    *_amounts("UnitPrice=unit_price", "TotAmt=total_amount", always=True),
    *_amounts("Discount=discount", "PreTaxVal=pre_tax_value"),
    *_amounts("AssAmt=assessable", "GstRt=gst_rate", always=True),
    *_amounts(
        "IgstAmt=igst", "CgstAmt=cgst", "SgstAmt=sgst", "CesRt=cess_rate", "CesAmt=cess",
        "CesNonAdvlAmt=cess_non_advalorem", "StateCesRt=state_cess_rate", "StateCesAmt=state_cess",
        "StateCesNonAdvlAmt=state_cess_non_advalorem", "OthChrg=other_charges",
    ),
    *_amounts("TotItemVal=total_value", always=True),
    *_texts("OrdLineRef=order_line", "OrgCntry=origin_country", "PrdSlNo=product_serial"),
)  # fmt: skip
BATCH: Final = (*_texts("Nm=number"), Field("ExpDt", "expiry", Kind.DAY), Field("WrDt", "warranty", Kind.DAY))
ATTRIBUTE: Final = _texts("Nm=name", "Val=value")
VALUES: Final = (
    *_amounts("AssVal=assessable", always=True),
    *_amounts(
        "CgstVal=cgst", "SgstVal=sgst", "IgstVal=igst", "CesVal=cess", "StCesVal=state_cess", "Discount=discount",
        "OthChrg=other_charges", "RndOffAmt=round_off",
    ),
    *_amounts("TotInvVal=total", always=True),
    *_amounts("TotInvValFc=total_foreign"),
)  # fmt: skip
PAYMENT: Final = (
    *_texts(
        "Nm=payee", "AccDet=account", "Mode=mode", "FinInsBr=branch", "PayTerm=terms", "PayInstr=instruction",
        "CrTrn=credit_transfer", "DirDr=direct_debit",
    ),
    Field("CrDay", "credit_days", Kind.WHOLE),
    *_amounts("PaidAmt=paid", "PaymtDue=due"),
)  # fmt: skip
PERIOD: Final = (Field("InvStDt", "period_start", Kind.DAY), Field("InvEndDt", "period_end", Kind.DAY))
PRECEDING: Final = (*_texts("InvNo=number"), Field("InvDt", "day", Kind.DAY), *_texts("OthRefNo=other_reference"))
CONTRACT: Final = (
    *_texts("RecAdvRefr=receipt_advice"),
    Field("RecAdvDt", "receipt_advice_day", Kind.DAY),
    *_texts("TendRefr=tender", "ContrRefr=contract", "ExtRefr=external", "ProjRefr=project", "PORefr=order"),
    Field("PORefDt", "order_day", Kind.DAY),
)
ENCLOSURE: Final = _texts("Url=url", "Docs=document", "Info=info")
EXPORT: Final = (
    *_texts("ShipBNo=shipping_bill"),
    Field("ShipBDt", "shipping_bill_day", Kind.DAY),
    *_texts("Port=port"),
    Field("RefClm", "refund_claim", Kind.FLAG),
    *_texts("ForCur=currency", "CntCode=country"),
    *_amounts("ExpDuty=duty"),
)
EWAY: Final = (
    *_texts("TransId=transporter_id", "TransName=transporter_name", "TransMode=mode"),
    Field("Distance", "distance", Kind.WHOLE),
    *_texts("TransDocNo=document_number"),
    Field("TransDocDt", "document_day", Kind.DAY),
    *_texts("VehNo=vehicle_number", "VehType=vehicle_type"),
)
POS: Final = _texts("Pos=place_of_supply")
