"""Templates: the labels a person reads, one sample row and, in a workbook, drop-downs, notes and a page of help."""

import csv
import io
from collections.abc import Sequence
from datetime import date
from typing import Any, Final, Literal, TypeAlias

import xlsxwriter  # type: ignore[import-untyped]  # it has no types

from hundi.imports.columns import COLUMNS_OF, KEYS_OF, WHO, Column, FileKind, Kind
from hundi.imports.labels import HINDI
from hundi.imports.sheet_scan import column_letters
from hundi.imports.workbook import HELP_SHEET, ITEMS_SHEET
from hundi.kit.dates import FIRST_YEAR, LAST_YEAR
from hundi.kit.states import STATES

Form: TypeAlias = Literal["csv", "xlsx"]
Language: TypeAlias = Literal["en", "hi"]

_LAST_ROW: Final = 1_048_575
_SHEETS: Final = {
    FileKind.INVOICES: "Invoices",
    FileKind.ITEMS: ITEMS_SHEET,
    FileKind.CUSTOMERS: "Customers",
    FileKind.CUSTOMER_UPDATES: "Customers",
    FileKind.ATTACHMENTS: "Files",
}
_REQUIRED: Final = {
    FileKind.INVOICES: frozenset({"baseAmount"}),
    FileKind.ITEMS: frozenset({"invoiceNumber", "description", "hsnCode", "taxableValue", "gstRate"}),
    FileKind.CUSTOMERS: frozenset({"legalName"}),
    FileKind.CUSTOMER_UPDATES: frozenset[str](),
    FileKind.ATTACHMENTS: frozenset({"fileName"}),
}
_FORMS: Final = {
    "en": {
        Kind.TEXT: "Text, at most {longest} characters.",
        Kind.NUMBER_OF_DOCUMENT: "1 to 50 characters; letters, digits, / and - up to 16 suit GST (rule 46). Empty: from your series.",
        Kind.AMOUNT: "An amount such as 1234.50 or 1,23,456.78.",
        Kind.SIGNED_AMOUNT: "An amount; with a minus sign where it lowers the total.",
        Kind.RATE: "A percentage such as 18 or 18%.",
        Kind.DATE: "A date, day first: 30/11/2026, 30-11-2026, 30-Nov-2026 or 2026-11-30; one style a column.",
        Kind.FLAG: "yes or no.",
        Kind.DAYS: "A number of days.",
        Kind.STATE: "A state by GST code (27), letters (MH) or name.",
        Kind.EMAIL: "An e-mail address.",
        Kind.EMAILS: "E-mail addresses with commas between them.",
        Kind.PHONE: "Ten digits, with +91 before them if you like.",
        Kind.QUANTITY: "A number such as 10 or 2.5.",
        Kind.CODE: "Digits that are no number: the column is formatted as text.",
    },
    "hi": {
        Kind.TEXT: "पाठ, अधिकतम {longest} अक्षर।",
        Kind.NUMBER_OF_DOCUMENT: "1 से 50 अक्षर; जीएसटी (नियम 46) के लिए 16 तक अक्षर, अंक, / और -। खाली: आपकी श्रृंखला से।",
        Kind.AMOUNT: "राशि, जैसे 1234.50 या 1,23,456.78।",
        Kind.SIGNED_AMOUNT: "राशि; कुल घटे तो ऋण चिह्न के साथ।",
        Kind.RATE: "प्रतिशत, जैसे 18 या 18%।",
        Kind.DATE: "तिथि, पहले दिन: 30/11/2026, 30-11-2026, 30-Nov-2026 या 2026-11-30; एक स्तंभ में एक ही शैली।",
        Kind.FLAG: "yes या no।",
        Kind.DAYS: "दिनों की संख्या।",
        Kind.STATE: "राज्य: जीएसटी कोड (27), अक्षर (MH) या नाम।",
        Kind.EMAIL: "ई-मेल पता।",
        Kind.EMAILS: "ई-मेल पते, बीच में अल्पविराम।",
        Kind.PHONE: "दस अंक, चाहें तो पहले +91।",
        Kind.QUANTITY: "संख्या, जैसे 10 या 2.5।",
        Kind.CODE: "अंक जो संख्या नहीं हैं: स्तंभ पाठ के रूप में है।",
    },
}
_MORE: Final = {
    "orderLine": {
        "en": "The line of the customer's purchase order: 3, or PO-77/3 where the invoice is for several orders.",
        "hi": "ग्राहक के क्रय आदेश की पंक्ति: 3, या कई आदेश हों तो PO-77/3।",
    },
}
_WORDS: Final = {
    "en": {
        "required": "Required.", "who": "One of these says who the customer is: {names}; a name needs the PIN code beside it.",
        "key": "One of these says whom to change: {names}.", "field": "Field", "label": "Column", "form": "What to write",
        "other": "Other headings that are understood", "choice": "Choose one of the list.",
    },
    "hi": {
        "required": "आवश्यक।", "who": "ग्राहक की पहचान इनमें से एक से: {names}; नाम के साथ पिन कोड चाहिए।",
        "key": "किसे बदलना है, इनमें से एक से: {names}।", "field": "फ़ील्ड", "label": "स्तंभ", "form": "क्या लिखें",
        "other": "अन्य मान्य शीर्षक", "choice": "सूची में से एक चुनें।",
    },
}  # fmt: skip
_AS_TEXT: Final = frozenset({
    Kind.TEXT, Kind.NUMBER_OF_DOCUMENT, Kind.CODE, Kind.PHONE, Kind.EMAIL, Kind.EMAILS, Kind.STATE, Kind.FLAG,
})  # fmt: skip


def template(kind: str = "invoices", *, form: Form = "csv", lang: Language = "en") -> bytes:
    """Write the template of a kind of file (a ``FileKind``): CSV in UTF-8 with a byte order mark, or XLSX.

    The workbook of invoices has a second sheet for their items. Raises ``ValueError`` for a kind that there is not.
    """
    file_kind = FileKind(kind)
    return _workbook(file_kind, lang) if form == "xlsx" else _csv(file_kind, lang)


def label_of(column: Column, lang: Language) -> str:
    """Give the label of a column in a language."""
    return HINDI[column.label] if lang == "hi" else column.label


def _csv(kind: FileKind, lang: Language) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out)
    columns = COLUMNS_OF[kind]
    writer.writerow([label_of(column, lang) for column in columns])
    writer.writerow([column.sample for column in columns])
    return "\ufeff".encode() + out.getvalue().encode()


def _workbook(kind: FileKind, lang: Language) -> bytes:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    kinds = [kind, FileKind.ITEMS] if kind is FileKind.INVOICES else [kind]
    for one in kinds:
        _sheet(book, one, lang)
    _help(book, kinds, lang)
    book.close()
    return out.getvalue()


def _sheet(book: Any, kind: FileKind, lang: Language) -> None:
    sheet = book.add_worksheet(_SHEETS[kind])
    sheet.freeze_panes(1, 0)
    text, day = book.add_format({"num_format": "@"}), book.add_format({"num_format": "yyyy-mm-dd"})
    plain = book.add_format()
    head = book.add_format({"bold": True, "bg_color": "#DCE6F1", "border": 1, "text_wrap": True, "valign": "top"})
    needed = book.add_format({"bold": True, "bg_color": "#FCE4D6", "border": 1, "text_wrap": True, "valign": "top"})
    for at, column in enumerate(COLUMNS_OF[kind]):
        label = label_of(column, lang)
        shown = day if column.kind is Kind.DATE else text if column.kind in _AS_TEXT else plain
        sheet.set_column(at, at, max(14, min(len(label) + 4, 32)), shown)
        sheet.write_string(0, at, label, needed if column.name in _REQUIRED[kind] else head)
        sheet.write_comment(0, at, note_of(column, kind, lang), {"x_scale": 1.6})
        _validate(sheet, at, column, lang)
        _sample(sheet, at, column, shown)


def note_of(column: Column, kind: FileKind, lang: Language) -> str:
    """Say what a cell of a column may hold: the note on its heading."""
    words = _WORDS[lang]
    parts = [_FORMS[lang][column.kind].format(longest=column.longest)]
    if column.name in _MORE:
        parts.append(_MORE[column.name][lang])
    if column.choices:
        parts.append(f"{words['choice']} {', '.join(column.choices)}")
    if column.name in _REQUIRED[kind]:
        parts.append(words["required"])
    if kind is FileKind.INVOICES and column.name in WHO:
        parts.append(words["who"].format(names=_labels(kind, WHO, lang)))
    if kind is FileKind.CUSTOMER_UPDATES and column.name in KEYS_OF[kind]:
        parts.append(words["key"].format(names=_labels(kind, KEYS_OF[kind], lang)))
    return " ".join(parts)


def _labels(kind: FileKind, names: Sequence[str], lang: Language) -> str:
    return ", ".join(label_of(column, lang) for column in COLUMNS_OF[kind] if column.name in names)


def _validate(sheet: Any, at: int, column: Column, lang: Language) -> None:
    """Let a spreadsheet offer the choices, and doubt what is surely wrong; it warns and does not forbid."""
    rule: dict[str, Any] | None = None
    cell = f"{column_letters(at + 1)}2"
    if column.choices:
        rule = {"validate": "list", "source": list(column.choices)}
    elif column.kind is Kind.STATE:
        rule = {"validate": "list", "source": f"={HELP_SHEET}!$F$2:$F${len(STATES) + 1}"}
    elif column.kind is Kind.DATE:
        rule = {
            "validate": "custom",
            # Text dates are read as well, so only a number that is no day of these years is doubted.
            "value": f"=OR(ISTEXT({cell}),AND({cell}>=DATE({FIRST_YEAR},1,1),{cell}<=DATE({LAST_YEAR},12,31)))",
        }
    if rule is not None:
        message = _FORMS[lang][column.kind].format(longest=column.longest)
        sheet.data_validation(
            1,
            at,
            _LAST_ROW,
            at,
            {**rule, "error_type": "warning", "error_message": message[:255], "ignore_blank": True},
        )


def _sample(sheet: Any, at: int, column: Column, shown: Any) -> None:
    if not column.sample:
        return
    if column.kind in {Kind.AMOUNT, Kind.RATE, Kind.DAYS, Kind.QUANTITY}:
        sheet.write_number(1, at, int(column.sample.partition(".")[0]), shown)  # samples are whole numbers
    elif column.kind is Kind.DATE:
        sheet.write_datetime(1, at, date.fromisoformat(column.sample), shown)
    else:
        sheet.write_string(1, at, column.sample, shown)


def _help(book: Any, kinds: Sequence[FileKind], lang: Language) -> None:
    """Write the page of help: every column, what it holds, and what else it may be called; it is never read back."""
    sheet = book.add_worksheet(HELP_SHEET)
    bold, wrapped = book.add_format({"bold": True}), book.add_format({"text_wrap": True, "valign": "top"})
    words = _WORDS[lang]
    for at, (heading, width) in enumerate(
        ((words["label"], 28), (words["field"], 22), (words["form"], 60), (words["other"], 60), ("", 4), ("State", 36))
    ):
        sheet.set_column(at, at, width, wrapped)
        sheet.write_string(0, at, heading, bold)
    row = 1
    for kind in kinds:
        for column in COLUMNS_OF[kind]:
            cells = (label_of(column, lang), column.name, note_of(column, kind, lang), "; ".join(column.also))
            for at, cell in enumerate(cells):
                sheet.write_string(row, at, cell, wrapped)
            row += 1
    for at, state in enumerate(STATES.values(), start=1):
        sheet.write_string(at, 5, f"{state.code}-{state.name}")
