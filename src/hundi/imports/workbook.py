"""What a workbook says about itself: its sheets, which of them are shown, and which cell styles show percentages.

Runs in the limited child only. Source of the part names and attributes: ECMA-376 part 1, §12 and §18.
"""

import posixpath
import re
from collections.abc import Sequence
from typing import Final

import msgspec

from hundi.imports.columns import FileKind
from hundi.imports.containers import Package, elements
from hundi.imports.errors import refuse
from hundi.imports.programs import key_of

ITEMS_SHEET: Final = "Items"
HELP_SHEET: Final = "Help"
_NAMED: Final = {
    FileKind.INVOICES: ("invoices", "invoice"),
    FileKind.CUSTOMERS: ("customers", "customer"),
    FileKind.CUSTOMER_UPDATES: ("customers", "customer"),
}
_PERCENT: Final = frozenset({"9", "10"})  # the built-in formats 0% and 0.00%
_NO_DIGITS: Final = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]')


class Sheet(msgspec.Struct, frozen=True):
    """A sheet of cells: its name, its part in the archive, and whether a person sees it."""

    name: str
    part: str
    visible: bool


class Workbook(msgspec.Struct, frozen=True):
    """The sheets in their order, and the numbers of the cell styles that show a number times a hundred with %."""

    sheets: list[Sheet]
    percent_styles: frozenset[str]


def describe(package: Package) -> Workbook:
    """Read what an XLSX file says about itself. Raises ``FileRefused``: macros, XLSB, damaged."""
    if "xl/workbook.bin" in package:
        raise refuse("OLD_WORKBOOK", "This is a binary workbook (.xlsb): save it as .xlsx or CSV (UTF-8).")
    kinds = package.small("[Content_Types].xml")
    if b"macroEnabled" in kinds or any(name.lower().endswith("vbaproject.bin") for name in package.names()):
        raise refuse("MACROS", "The workbook has macros: save it as .xlsx without them.")
    package.refuse_entities()
    targets = {
        one["Id"]: one
        for name, one in elements(package.small("xl/_rels/workbook.xml.rels"))
        if name == "Relationship" and "Id" in one and "Target" in one
    }
    sheets = []
    for name, found in elements(package.small("xl/workbook.xml")):
        if name != "sheet":
            continue
        link = next((value for key, value in found.items() if key.rpartition(":")[2] == "id"), "")
        target = targets.get(link)
        if target is None or not target.get("Type", "").endswith("/worksheet"):
            continue
        part = target["Target"]
        part = part[1:] if part.startswith("/") else posixpath.normpath(f"xl/{part}")
        if part in package:
            sheets.append(Sheet(found.get("name", ""), part, found.get("state", "visible") == "visible"))
    return Workbook(sheets, _percent_styles(package))


def _percent_styles(package: Package) -> frozenset[str]:
    if "xl/styles.xml" not in package:
        return frozenset()
    percent = set(_PERCENT)
    found: set[str] = set()
    at = -1
    in_cells = False
    for name, one in elements(package.small("xl/styles.xml")):
        if name == "numFmt" and "%" in _NO_DIGITS.sub("", one.get("formatCode", "")):
            percent.add(one.get("numFmtId", ""))
        elif name == "cellXfs":
            in_cells = True
        elif name in {"cellStyles", "dxfs", "tableStyles"}:
            in_cells = False
        elif name == "xf" and in_cells:
            at += 1
            if one.get("numFmtId") in percent:
                found.add(str(at))
    return frozenset(found)


def choose(sheets: Sequence[Sheet], kind: FileKind) -> list[Sheet]:
    """Give the sheets that may hold the rows, the likeliest first: the one of that name, then the others as they stand.

    Hidden ones, the items and the template's help never do. Raises ``FileRefused`` where none is left.
    """
    aside = {key_of(ITEMS_SHEET), key_of(HELP_SHEET)}
    shown = [sheet for sheet in sheets if sheet.visible and key_of(sheet.name) not in aside]
    if not shown:
        message = "The workbook has no sheet to read: all are hidden, or only Items is there."
        raise refuse("NO_SHEET", message, malformed=False)
    return sorted(shown, key=lambda sheet: not is_named_for(sheet.name, kind))


def is_named_for(name: str, kind: FileKind) -> bool:
    """Tell whether a sheet has the name that the rows of this kind of file go by."""
    return key_of(name) in _NAMED[kind]


def items_of(sheets: Sequence[Sheet], kind: FileKind) -> Sheet | None:
    """Give the sheet with the items, if the file is of invoices and has one that is shown."""
    if kind is not FileKind.INVOICES:
        return None
    return next((sheet for sheet in sheets if sheet.visible and key_of(sheet.name) == key_of(ITEMS_SHEET)), None)
