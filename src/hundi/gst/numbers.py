"""Numbers of documents: what rule 46(b) CGST Rules and the e-invoice portal want of them, and series (domain §6).

A series pattern is written like a sample: ``INV/{26-27}/{n:4}`` gives ``INV/26-27/0042`` in FY 2026-27. The year tokens
are ``{2627}``, ``{26-27}`` and ``{2026-27}``: they name the form, and each year puts its own digits in. ``{n}`` is the
counter as it is, ``{n:4}`` the counter filled with zeros to four digits. The counter begins again every April.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from hundi.kit.dates import fy_compact, fy_long, fy_short
from hundi.kit.errors import FieldProblem, NotAllowedNow
from hundi.kit.money import shown

LONGEST_NUMBER: Final = 50
LONGEST_GST_NUMBER: Final = 16
DEFAULT_HIGHEST: Final = 999_999
"""How high a counter without a width must be able to count within one year."""

_GST_CHARACTERS: Final = re.compile(r"[A-Za-z0-9/-]*")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_TOKEN: Final = re.compile(r"\{([^{}]*)\}")
_COUNTER: Final = re.compile(r"n(?::([1-9]|1[0-6]))?")
_YEAR_FORMS: Final[Mapping[str, Callable[[int], str]]] = {"2627": fy_compact, "26-27": fy_short, "2026-27": fy_long}
_SAMPLE_YEAR: Final = 2026


class SeriesExhausted(NotAllowedNow):
    """The number series has reached its highest number for this financial year: use a wider or another series."""

    code = "SERIES_EXHAUSTED"


class SeriesParts(msgspec.Struct, frozen=True):
    """A pattern in one financial year: number = prefix + counter filled with zeros to ``width`` (0 = none) + suffix."""

    prefix: str
    width: int
    suffix: str
    highest: int


def number_key(number: str) -> str:
    """Give the form in which document numbers are compared: upper-case, otherwise as typed (domain §1 and §6)."""
    return number.upper()


def number_error(number: str, field: str = "invoiceNumber") -> FieldProblem | None:
    """Say why a text cannot be a document number at all: empty, over 50 characters, control characters."""
    if not number.strip() or len(number) > LONGEST_NUMBER:
        return FieldProblem(
            field, "NUMBER_LENGTH", f"The number must have 1 to {LONGEST_NUMBER} characters.", shown(number)
        )
    if _CONTROL.search(number):
        return FieldProblem(
            field, "NUMBER_CONTROL_CHARACTERS", "Take line breaks and the like out of it.", shown(number)
        )
    if number != number.strip() or any(unicodedata.category(character) == "Cf" for character in number):
        # Numbers that look the same must be the same: a space at the end or a joiner would make two of one.
        message = "Take spaces at its ends and invisible characters out of it."
        return FieldProblem(field, "NUMBER_INVISIBLE_CHARACTERS", message, shown(number))
    return None


def number_warnings(number: str, field: str = "invoiceNumber") -> list[FieldProblem]:
    """List what rule 46(b) and the e-invoice portal hold against a number: errors where an e-invoice is made."""
    found: list[FieldProblem] = []
    if len(number) > LONGEST_GST_NUMBER:
        message = f"Rule 46(b) allows {LONGEST_GST_NUMBER} characters; this number has {len(number)}."
        found.append(FieldProblem(field, "NUMBER_OVER_16", message, shown(number)))
    if _GST_CHARACTERS.fullmatch(number) is None:
        message = "Rule 46(b) allows letters, digits, '/' and '-' only."
        found.append(FieldProblem(field, "NUMBER_CHARACTERS", message, shown(number)))
    if number[:1] in {"0", "/", "-"}:
        message = "The e-invoice portal takes no number that starts with 0, '/' or '-'."
        found.append(FieldProblem(field, "NUMBER_START", message, shown(number)))
    return found


def fits_rule_46b(number: str) -> bool:
    """Tell whether a number is what rule 46(b) CGST Rules allows: 1 to 16 letters, digits, ``/`` and ``-``."""
    return 0 < len(number) <= LONGEST_GST_NUMBER and _GST_CHARACTERS.fullmatch(number) is not None


def check_series(pattern: str, field: str = "pattern", *, highest: int = DEFAULT_HIGHEST) -> list[FieldProblem]:
    """List everything wrong with a series pattern; empty when it may be used.

    ``highest`` is the number up to which a counter without a width must fit into 16 characters; with a width the
    highest is what the width can show (``{n:4}``: 9999).
    """
    tokens = _TOKEN.findall(pattern)
    unknown = [token for token in tokens if token not in _YEAR_FORMS and _COUNTER.fullmatch(token) is None]
    counters = [token for token in tokens if _COUNTER.fullmatch(token)]
    found: list[FieldProblem] = []
    if unknown or "{" in _TOKEN.sub("", pattern) or "}" in _TOKEN.sub("", pattern):
        message = "Braces may hold 2627, 26-27, 2026-27, n or n:4 (the number of digits, 1 to 16)."
        found.append(FieldProblem(field, "SERIES_TOKEN", message, shown(pattern)))
    if len(counters) != 1:
        message = "The pattern needs the counter, {n} or {n:4}, exactly once."
        found.append(FieldProblem(field, "SERIES_COUNTER", message, shown(pattern)))
    if found:
        return found
    parts = series_parts(pattern, _SAMPLE_YEAR, highest=highest)
    longest = _render(parts, parts.highest)
    if len(longest) > LONGEST_GST_NUMBER:
        message = f"Its highest number, {shown(longest)}, would pass the {LONGEST_GST_NUMBER} characters of rule 46(b)."
        found.append(FieldProblem(field, "SERIES_TOO_LONG", message, shown(pattern)))
    first = _render(parts, 1)
    wrong = [problem for problem in number_warnings(first, field) if problem.code != "NUMBER_OVER_16"]
    found.extend(FieldProblem(field, problem.code, problem.message, shown(pattern)) for problem in wrong)
    return found


def series_parts(pattern: str, fy: int, *, highest: int = DEFAULT_HIGHEST) -> SeriesParts:
    """Put the financial year (2026 for FY 2026-27) into a checked pattern and give what surrounds the counter.

    For statements that number whole files at once. Raises ``ValueError`` on a pattern that :func:`check_series`
    refuses.
    """
    dated = _TOKEN.sub(lambda token: _YEAR_FORMS[token[1]](fy) if token[1] in _YEAR_FORMS else token[0], pattern)
    pieces = list(_TOKEN.finditer(dated))
    counter = _COUNTER.fullmatch(pieces[0][1]) if len(pieces) == 1 else None
    if counter is None:
        message = f"{pattern!r} is no series pattern"
        raise ValueError(message)
    width = int(counter[1] or 0)
    prefix, suffix = dated[: pieces[0].start()], dated[pieces[0].end() :]
    return SeriesParts(prefix, width, suffix, 10**width - 1 if width else highest)


def render_number(pattern: str, fy: int, n: int, *, highest: int = DEFAULT_HIGHEST) -> str:
    """Write the ``n``-th number (from 1) of a series in a year. Raises :class:`SeriesExhausted` past its highest."""
    parts = series_parts(pattern, fy, highest=highest)
    if not 1 <= n <= parts.highest:
        raise SeriesExhausted
    return _render(parts, n)


def _render(parts: SeriesParts, n: int) -> str:
    return f"{parts.prefix}{n:0{parts.width}d}{parts.suffix}" if parts.width else f"{parts.prefix}{n}{parts.suffix}"
