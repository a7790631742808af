"""What a check has found: all problems, each at its place, listed up to a sensible number and counted beyond it."""

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from hundi.gst.rulebook import RULES, RuleProblem, Weight
from hundi.kit.errors import FieldProblem
from hundi.kit.money import shown

LISTED_PROBLEMS: Final = 200
"""How many errors, and how many warnings, are listed unless a caller asks for more; the counts go on."""

LEFT_OUT: Final = frozenset({"TEXT_MISSING", "QUANTITY_MISSING", "UNIT_MISSING", "VALUES_MISSING"})
"""What an extract of a document may leave out (:func:`hundi.gst.einvoice.check`)."""

_LONGEST_EXPONENT: Final = 40
_SEGMENT: Final = re.compile(r"[^.\[\]]+")


class Problems(msgspec.Struct, frozen=True, kw_only=True):
    """The result of a check. ``errors`` and ``warnings`` hold the first ones of each, in the order of the document;
    ``error_count`` and ``warning_count`` say how many there are in all.
    """

    errors: tuple[RuleProblem, ...] = ()
    warnings: tuple[RuleProblem, ...] = ()
    error_count: int = 0
    warning_count: int = 0

    @property
    def ok(self) -> bool:
        """Say whether nothing is wrong; warnings do not count."""
        return not self.error_count

    def renamed(self, names: Mapping[str, str], *, root: str = "") -> "Problems":
        """Give the same problems under other field names: every segment of a path is looked up in ``names``.

        ``root`` is put before each path. So a note's ``valueDetails.totalInvoiceValue`` becomes
        ``cdNote.cdNoteValueDetails.totalInvoiceValue``.
        """

        def rename(problem: RuleProblem) -> RuleProblem:
            path = _SEGMENT.sub(lambda found: names.get(found[0], found[0]), problem.field)
            return msgspec.structs.replace(problem, field=f"{root}.{path}" if root else path)

        return Problems(
            errors=tuple(map(rename, self.errors)),
            warnings=tuple(map(rename, self.warnings)),
            error_count=self.error_count,
            warning_count=self.warning_count,
        )


class Findings:
    """Collects problems while a document is gone through; ``strict`` and ``extract`` as in the check itself."""

    __slots__ = ("_errors", "_listed", "_warnings", "error_count", "extract", "shapes", "strict", "warning_count")

    def __init__(self, *, strict: bool, extract: bool = False, listed: int = LISTED_PROBLEMS) -> None:
        self.strict = strict
        self.extract = extract
        self.shapes = strict or not extract
        self._listed = listed
        self.error_count = 0
        self.warning_count = 0
        self._errors: list[RuleProblem] = []
        self._warnings: list[RuleProblem] = []

    def add(
        self,
        path: str,
        code: str,
        rejected: object = None,
        *,
        nic: str | None = None,
        weight: Weight | None = None,
        **facts: Any,
    ) -> None:
        """Note a problem at a path. ``facts`` fill the rule's sentence; ``nic`` and ``weight`` stand in for its own."""
        rule = RULES[code]
        if self.extract and code in LEFT_OUT:
            weight = Weight.WARNING
        listed = self._counted(weight or rule.weight)
        if listed is not None:
            sentence = rule.sentence.format(**facts) if facts else rule.sentence
            value = None if rejected is None else shown(_plain(rejected))
            listed.append(RuleProblem(path, code, sentence, value, nic or rule.nic))

    def take(self, problem: FieldProblem | None, *, nic: str | None = None) -> None:
        """Note a problem that a rule of its own module has found, with that module's sentence."""
        if problem is None:
            return
        rule = RULES[problem.code]
        listed = self._counted(rule.weight)
        if listed is not None:
            listed.append(RuleProblem(problem.field, problem.code, problem.message, problem.rejected, nic or rule.nic))

    def _counted(self, weight: Weight) -> list[RuleProblem] | None:
        """Count a problem and give the list it belongs to, or None when that is full."""
        if weight is Weight.ERROR or (weight is Weight.STRICT and self.strict):
            self.error_count += 1
            return self._errors if self.error_count <= self._listed else None
        self.warning_count += 1
        return self._warnings if self.warning_count <= self._listed else None

    def result(self) -> Problems:
        """Give what was found so far."""
        return Problems(
            errors=tuple(self._errors),
            warnings=tuple(self._warnings),
            error_count=self.error_count,
            warning_count=self.warning_count,
        )


def _plain(value: object) -> object:
    """Write amounts out: 1E+3 is nobody's way to write a thousand."""
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) <= _LONGEST_EXPONENT:
        return f"{value:f}"
    return value
