"""The country that an address abroad ends with: an export invoice has to name its destination (rule 46, proviso)."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Final

from babel import Locale

_HOME: Final = "IN"
_LETTERS: Final = 2
# What people write instead of the names of the Unicode CLDR.
_ALIASES: Final[Mapping[str, str]] = {
    "us": "US", "usa": "US", "united states of america": "US", "uk": "GB", "great britain": "GB", "england": "GB",
    "scotland": "GB", "uae": "AE", "u a e": "AE", "turkey": "TR", "burma": "MM", "myanmar": "MM", "hong kong": "HK",
    "macau": "MO", "czech republic": "CZ", "holland": "NL", "the netherlands": "NL", "ivory coast": "CI",
    "russian federation": "RU", "republic of korea": "KR", "korea": "KR", "viet nam": "VN", "ksa": "SA", "prc": "CN",
    "republic of ireland": "IE", "palestine": "PS", "congo": "CG", "dr congo": "CD",
}  # fmt: skip


def split_country(lines: Sequence[str]) -> tuple[tuple[str, ...], str]:
    """Take the country off the end of an address: ``("1 Souk", "Dubai, UAE")`` → ``(("1 Souk", "Dubai"), "United Arab
    Emirates")``.

    It is the last line or what follows its last comma, by name. An address that ends otherwise, or in India, stays as it
    is, with ``""``.
    """
    if not lines:
        return (), ""
    *before, last = lines
    town, _, end = last.rpartition(",")
    for rest, text in (("", last), (town, end)):
        country = _countries().get(_plain(text))
        if country:
            return (*before, *([rest.strip()] if rest.strip() else [])), country
    return tuple(lines), ""


def _plain(text: str) -> str:
    words = text.casefold().replace("&", " and ").replace(".", " ").split()
    # "U.S.A." and "U S A" are USA.
    return "".join(words) if words and all(len(word) == 1 for word in words) else " ".join(words)


@cache
def _countries() -> dict[str, str]:
    names = Locale("en").territories
    known = {
        _plain(name): str(name)
        for code, name in names.items()
        if len(code) == _LETTERS and code.isalpha() and code not in {_HOME, "EU", "EZ", "UN", "XA", "XB", "ZZ", "QO"}
    }
    return known | {_plain(alias): str(names[code]) for alias, code in _ALIASES.items()}
