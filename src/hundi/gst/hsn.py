"""HSN and SAC: the codes of goods and services. Structure, chapters and headings; no list of the single codes.

Goods are numbered by the Harmonized System, chapters 01 to 98 (77 is kept free by the Customs Tariff), in 4, 6 or 8
digits. Services are SAC: chapter 99 and the headings of the scheme annexed to Notification 11/2017-CT(R). Which code
belongs to which good is not judged here, and a 6- or 8-digit code that nobody has given out is not found out.
"""

import re
from collections.abc import Mapping
from typing import Final

from hundi.kit.errors import FieldProblem
from hundi.kit.money import shown

SERVICES_CHAPTER: Final = "99"

SERVICE_HEADINGS: Final[Mapping[str, str]] = {
    "9954": "construction", "9961": "wholesale trade", "9962": "retail trade", "9963": "accommodation, food and drink",
    "9964": "passenger transport", "9965": "goods transport", "9966": "rental of transport vehicles",
    "9967": "supporting services in transport", "9968": "postal and courier", "9969": "distribution of electricity, gas, water",
    "9971": "financial", "9972": "real estate", "9973": "leasing and rental without operator",
    "9981": "research and development", "9982": "legal and accounting", "9983": "other professional and technical",
    "9984": "telecommunications, broadcasting, information supply", "9985": "support services",
    "9986": "support to agriculture, mining, utilities", "9987": "maintenance, repair, installation",
    "9988": "manufacturing on inputs owned by others", "9989": "other manufacturing, publishing, printing, recovery",
    "9991": "public administration", "9992": "education", "9993": "health and social care",
    "9994": "sewage, waste, sanitation", "9995": "membership organisations", "9996": "recreation, culture, sport",
    "9997": "other services", "9998": "domestic services", "9999": "extraterritorial organisations",
}  # fmt: skip
"""The four-digit headings of services."""

_SHAPE: Final = re.compile(r"[0-9]{4}(?:[0-9]{2}){0,2}")
_NO_CHAPTERS: Final = frozenset({"00", "77"})


def is_hsn(code: str) -> bool:
    """Tell whether a text has the shape of an HSN or SAC: 4, 6 or 8 digits, not all zero."""
    return _SHAPE.fullmatch(code) is not None and code.strip("0") != ""


def is_service_code(code: str) -> bool:
    """Tell whether a code names a service: chapter 99."""
    return code.startswith(SERVICES_CHAPTER)


def hsn_problem(field: str, code: str, *, is_service: bool) -> FieldProblem | None:
    """Say what is wrong with an HSN or SAC, or give None.

    Codes: ``HSN_FORMAT``, ``HSN_CHAPTER_UNKNOWN`` (no chapter of goods), ``HSN_NOT_A_SERVICE`` and ``HSN_NOT_GOODS``
    (chapter 99 is for services only), ``SAC_HEADING_UNKNOWN``.
    """
    if not is_hsn(code):
        message = "Give an HSN or SAC of 4, 6 or 8 digits."
        return FieldProblem(field, "HSN_FORMAT", message, shown(code))
    if is_service and not is_service_code(code):
        message = "A service has a SAC, which starts with 99: correct the code, or say that these are goods."
        return FieldProblem(field, "HSN_NOT_A_SERVICE", message, code)
    if not is_service and is_service_code(code):
        message = "Codes that start with 99 are services: correct the code, or say that this is a service."
        return FieldProblem(field, "HSN_NOT_GOODS", message, code)
    if code[:2] in _NO_CHAPTERS:
        return FieldProblem(field, "HSN_CHAPTER_UNKNOWN", "Goods have chapters 01 to 98, without 77.", code)
    if is_service and code[:4] not in SERVICE_HEADINGS:
        message = f"{code[:4]} is no heading of services: look the SAC up."
        return FieldProblem(field, "SAC_HEADING_UNKNOWN", message, code)
    return None
