"""The rules about how goods travel: the e-way bill's part of a document (contract b2b §9.2, §9.3 and §9.6)."""

import re
from datetime import date
from typing import Final

from hundi.gst.document import Document, EwayBill
from hundi.gst.findings import Findings
from hundi.gst.shapes import Text, check_texts

LONGEST_DISTANCE: Final = 4000
_MODES: Final = frozenset("1234")
_ROAD: Final = "1"
_TRANSPORTER: Final = re.compile(r"[0-9]{2}[0-9A-Z]{13}")
_VEHICLE: Final = re.compile(r"[A-Za-z0-9]{4,20}")
_TEXTS: Final = (
    Text("transporter_name", "transporterName", 3, 100),
    Text("document_number", "transportDocumentNo", 1, 15, r"[A-Za-z0-9][A-Za-z0-9/-]*", "letters, digits, '/' and '-'"),
)
_PATH: Final = "ewayBillDetail"


def check_travel(document: Document, found: Findings, today: date) -> None:
    """Check the e-way bill's part, where there is one."""
    bill = document.eway_bill
    if bill is None:
        return
    if document.is_note:
        found.add(_PATH, "EWAY_ON_NOTE", document.kind)
    elif document.items and all(item.is_service for item in document.items):
        found.add(_PATH, "EWAY_WITHOUT_GOODS")
    check_texts(bill, _TEXTS, _PATH, found)
    if bill.transporter_id and _TRANSPORTER.fullmatch(bill.transporter_id) is None:
        found.add(f"{_PATH}.transporterId", "EWAY_TRANSPORTER_FORM", bill.transporter_id)
    if bill.distance is None or not 0 <= bill.distance <= LONGEST_DISTANCE:
        found.add(f"{_PATH}.distance", "EWAY_DISTANCE", bill.distance)
    _check_vehicle(bill, found)
    _check_mode(bill, found)
    if bill.document_day is not None and bill.document_day < document.day:
        found.add(f"{_PATH}.transportDocumentDate", "EWAY_DOCUMENT_BEFORE_INVOICE", bill.document_day, day=document.day)
    if bill.document_day is not None and bill.document_day > today:
        found.add(f"{_PATH}.transportDocumentDate", "EWAY_DOCUMENT_FUTURE", bill.document_day, today=today)


def _check_vehicle(bill: EwayBill, found: Findings) -> None:
    if bill.vehicle_number and _VEHICLE.fullmatch(bill.vehicle_number) is None:
        found.add(f"{_PATH}.vehicleNo", "EWAY_VEHICLE_FORM", bill.vehicle_number)
    if bill.vehicle_type and bill.vehicle_type not in {"R", "O"}:
        found.add(f"{_PATH}.vehicleType", "EWAY_VEHICLE_TYPE", bill.vehicle_type)
    if bill.vehicle_type == "O" and bill.mode in _MODES and bill.mode != _ROAD:
        found.add(f"{_PATH}.vehicleType", "EWAY_VEHICLE_TYPE_OFF_ROAD", bill.vehicle_type)


def _check_mode(bill: EwayBill, found: Findings) -> None:
    """Without a mode only part A can be made, for which the transporter must be known."""
    if not bill.mode:
        if bill.vehicle_number or bill.document_number:
            found.add(f"{_PATH}.transportMode", "EWAY_MODE")
        elif not bill.transporter_id:
            found.add(f"{_PATH}.transporterId", "EWAY_TRANSPORTER_MISSING")
    elif bill.mode not in _MODES:
        found.add(f"{_PATH}.transportMode", "EWAY_MODE", bill.mode)
    elif bill.mode == _ROAD:
        if not bill.vehicle_number or not bill.vehicle_type:
            missing = "vehicleType" if bill.vehicle_number else "vehicleNo"
            found.add(f"{_PATH}.{missing}", "EWAY_VEHICLE_MISSING")
    elif not bill.document_number or bill.document_day is None:
        missing = "transportDocumentDate" if bill.document_number else "transportDocumentNo"
        found.add(f"{_PATH}.{missing}", "EWAY_DOCUMENT_MISSING")
