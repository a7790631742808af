"""India's states and union territories by GST code, with the names and abbreviations people write.

Source: the state codes of the GST common portal. 25 (Daman and Diu, merged into 26 in January 2020) and 28 (Andhra
Pradesh before the division) still stand on old documents. 96 is a place of supply outside India, 97 the sea beyond the
territorial waters, 99 the centre's own jurisdiction.
"""

import re
from collections.abc import Mapping
from typing import Final

import msgspec


class State(msgspec.Struct, frozen=True):
    """One state: ``code`` has two digits, ``short`` the usual letters; ``charges_utgst``: the local half is UTGST."""

    code: str
    name: str
    short: str
    charges_utgst: bool = False

    @property
    def local_tax(self) -> str:
        """Name the local half of the tax: ``UTGST`` in 04, 26, 31, 35 and 38, else ``SGST`` (domain §2)."""
        return "UTGST" if self.charges_utgst else "SGST"


OUTSIDE_INDIA: Final = "96"
CENTRE: Final = "99"

_TABLE: Final = """
01 JK Jammu and Kashmir|02 HP Himachal Pradesh|03 PB Punjab|04 CH Chandigarh|05 UK Uttarakhand|06 HR Haryana
07 DL Delhi|08 RJ Rajasthan|09 UP Uttar Pradesh|10 BR Bihar|11 SK Sikkim|12 AR Arunachal Pradesh
13 NL Nagaland|14 MN Manipur|15 MZ Mizoram|16 TR Tripura|17 ML Meghalaya|18 AS Assam|19 WB West Bengal
20 JH Jharkhand|21 OD Odisha|22 CG Chhattisgarh|23 MP Madhya Pradesh|24 GJ Gujarat|25 DD Daman and Diu
26 DN Dadra and Nagar Haveli and Daman and Diu|27 MH Maharashtra|28 AD Andhra Pradesh (before division)
29 KA Karnataka|30 GA Goa|31 LD Lakshadweep|32 KL Kerala|33 TN Tamil Nadu|34 PY Puducherry
35 AN Andaman and Nicobar Islands|36 TS Telangana|37 AP Andhra Pradesh|38 LA Ladakh|96 OC Other Country
97 OT Other Territory|99 CJ Centre Jurisdiction
"""
_UTGST: Final = frozenset({"04", "26", "31", "35", "38"})

STATES: Final[Mapping[str, State]] = {
    entry[:2]: State(entry[:2], entry[6:], entry[3:5], entry[:2] in _UTGST)
    for entry in _TABLE.strip().replace("\n", "|").split("|")
}
"""Every state by its two-digit code."""

# Spellings that stand on letterheads, in accounting programs and in address lists.
_ALSO: Final[Mapping[str, str]] = {
    "J&K": "01", "UTTARANCHAL": "05", "UT": "05", "UA": "05", "NEW DELHI": "07", "NCT OF DELHI": "07",
    "DELHI NCT": "07",
    "ORISSA": "21", "OR": "21", "CT": "22", "CHATTISGARH": "22", "DNH": "26", "DH": "26", "DNHDD": "26",
    "DADRA AND NAGAR HAVELI": "26", "PONDICHERRY": "34", "ANDAMAN AND NICOBAR": "35", "TG": "36", "LADAKH UT": "38",
    "FOREIGN": "96", "FOREIGN COUNTRY": "96", "OUTSIDE INDIA": "96", "OTHER COUNTRIES": "96",
}  # fmt: skip
_WORDS: Final = re.compile(r"[^A-Z0-9&]+")
_CODE_AND_NAME: Final = re.compile(r"\s*([0-9]{1,2})\s*(?:[-\u2013:/ ]\s*.*)?")


def _key(text: str) -> str:
    return _WORDS.sub("", text.upper().replace("&", "AND"))


_BY_NAME: Final[Mapping[str, State]] = (
    {_key(alias): STATES[code] for alias, code in _ALSO.items()}
    | {_key(state.short): state for state in STATES.values()}
    | {_key(state.name): state for state in STATES.values()}
)


def find_state(text: str) -> State | None:
    """Find a state by code, name or abbreviation, in any case: ``33``, ``TN``, ``Tamil Nadu``, ``33-Tamil Nadu``.

    Gives ``None`` when nothing fits. Where a code is followed by a name, the code decides.
    """
    numbered = _CODE_AND_NAME.fullmatch(text)
    if numbered is not None:
        return STATES.get(numbered[1].zfill(2))
    return _BY_NAME.get(_key(text))


def local_tax_label(state_code: str) -> str:
    """Name the local half of the tax for a state code: ``UTGST`` or ``SGST``; an unknown code gives ``SGST``."""
    state = STATES.get(state_code)
    return state.local_tax if state else "SGST"
