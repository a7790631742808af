"""Units of quantity: the 45 unit quantity codes (UQC) of the GST portal and what people write for them."""

import re
from collections.abc import Mapping
from typing import Final

UNITS: Final[Mapping[str, str]] = {
    "BAG": "bags", "BAL": "bale", "BDL": "bundles", "BKL": "buckles", "BOU": "billions of units", "BOX": "box",
    "BTL": "bottles", "BUN": "bunches", "CAN": "cans", "CBM": "cubic metres", "CCM": "cubic centimetres",
    "CMS": "centimetres", "CTN": "cartons", "DOZ": "dozens", "DRM": "drums", "GGK": "great gross", "GMS": "grammes",
    "GRS": "gross", "GYD": "gross yards", "KGS": "kilograms", "KLR": "kilolitre", "KME": "kilometre", "LTR": "litres",
    "MLT": "millilitre", "MTR": "metres", "MTS": "metric ton", "NOS": "numbers", "OTH": "others", "PAC": "packs",
    "PCS": "pieces", "PRS": "pairs", "QTL": "quintal", "ROL": "rolls", "SET": "sets", "SQF": "square feet",
    "SQM": "square metres", "SQY": "square yards", "TBS": "tablets", "TGM": "ten gross", "THD": "thousands",
    "TON": "tonnes", "TUB": "tubes", "UGS": "US gallons", "UNT": "units", "YDS": "yards",
}  # fmt: skip
"""Every UQC with its meaning (contract b2b §9.5)."""

# What stands on bills and in accounting programs. Only spellings that can mean one thing: "M" may be metre or month.
_SPELLINGS: Final = """
BAG BAGS|BAL BALE BALES|BDL BUNDLE BUNDLES BDLS|BKL BUCKLE BUCKLES|BOX BOXES BX BXS|BTL BOTTLE BOTTLES BTLS BOT
BUN BUNCH BUNCHES|CAN CANS|CBM CUM CUMT M3 CUBICMETER CUBICMETERS CUBICMETRE CUBICMETRES
CCM CM3 CUBICCENTIMETER CUBICCENTIMETRE|CMS CM CENTIMETER CENTIMETERS CENTIMETRE CENTIMETRES
CTN CTNS CARTON CARTONS|DOZ DOZEN DOZENS DZ DZN|DRM DRUM DRUMS|GMS G GM GRAM GRAMS GRAMME GRAMMES GRM|GRS GROSS
KGS KG KILO KILOS KILOGRAM KILOGRAMS KILOGRAMME KILOGRAMMES KGM|KLR KL KILOLITER KILOLITERS KILOLITRE KILOLITRES
KME KM KMS KILOMETER KILOMETERS KILOMETRE KILOMETRES|LTR L LT LTS LTRS LITER LITERS LITRE LITRES
MLT ML MLS MILLILITER MILLILITERS MILLILITRE MILLILITRES|MTR MTRS METER METERS METRE METRES
MTS MT METRICTON METRICTONS METRICTONNE METRICTONNES|NOS NO NUMBER NUMBERS|OTH OTHER OTHERS
PAC PACK PACKS PKT PKTS PACKET PACKETS PKG|PCS PC PIECE PIECES PCE|PRS PR PAIR PAIRS|QTL QUINTAL QUINTALS QTLS
ROL ROLL ROLLS|SET SETS|SQF SQFT SFT SQUAREFOOT SQUAREFEET FT2|SQM SQMT SQMTR SQMTRS SQUAREMETER SQUAREMETERS SQUAREMETRE SQUAREMETRES M2
SQY SQYD SQYDS SQUAREYARD SQUAREYARDS|TBS TABLET TABLETS TAB TABS|THD THOUSAND THOUSANDS|TON TONS TONNE TONNES
TUB TUBE TUBES|UGS USGALLON USGALLONS|UNT UNIT UNITS EACH EA|YDS YARD YARDS YD
"""
_CODES: Final[Mapping[str, str]] = {
    spelling: words.split()[0] for words in _SPELLINGS.strip().replace("\n", "|").split("|") for spelling in words.split()
} | {code: code for code in UNITS}  # fmt: skip
_NOISE: Final = re.compile(r"[\s.]+")
_CODE_AND_NAME: Final = re.compile(r"\s*([A-Za-z]{3})\s*-.*", re.DOTALL)
_LONGEST: Final = 40


def find_unit(text: str) -> str | None:
    """Give the UQC for a unit as people write it (``Nos``, ``Kg.``, ``sq. ft``, ``KGS-KILOGRAMS``), or None."""
    if text in UNITS:
        return text
    if len(text) > _LONGEST:
        return None
    named = _CODE_AND_NAME.fullmatch(text)
    if named is not None:
        code = named[1].upper()
        return code if code in UNITS else None
    return _CODES.get(_NOISE.sub("", text).upper())
