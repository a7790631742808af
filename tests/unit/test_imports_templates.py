"""Templates: each can be sent as it is, in both languages; a spreadsheet offers the choices and explains the columns."""

from __future__ import annotations

import csv
import io
import re
import zipfile
from pathlib import Path

import polars as pl
import pytest

import workbooks
from hundi.imports.columns import COLUMNS_OF, FileKind, match
from hundi.imports.labels import HINDI
from hundi.imports.parse_child import read
from hundi.imports.template import Form, Language, template

KINDS = [FileKind.INVOICES, FileKind.CUSTOMERS, FileKind.CUSTOMER_UPDATES]


@pytest.mark.parametrize("lang", ["en", "hi"])
@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_template_is_read_back_with_its_sample(kind: FileKind, form: Form, lang: Language, tmp_path: Path) -> None:
    source = tmp_path / "template"
    source.write_bytes(template(kind, form=form, lang=lang))
    manifest = read(source, tmp_path, 100, 100, kind)
    assert manifest.columns == [column.name for column in COLUMNS_OF[kind]]
    assert (manifest.unknown, manifest.total, manifest.format) == ([], 1, form)
    frame = pl.read_ipc(tmp_path / manifest.chunks[0].file)
    for at, column in enumerate(COLUMNS_OF[kind]):
        sample = column.sample.removesuffix(".00")
        assert (frame[f"c{at}"][0] or "").removesuffix(".00") == sample, column.name
    assert (manifest.items is not None) == (kind is FileKind.INVOICES and form == "xlsx")
    if manifest.items is not None:
        assert manifest.items.columns == [column.name for column in COLUMNS_OF[FileKind.ITEMS]]


def test_every_column_has_a_hindi_label_that_names_it_alone() -> None:
    for kind, columns in COLUMNS_OF.items():
        labels = [HINDI[column.label] for column in columns]
        assert len(set(labels)) == len(labels)
        assert match(labels, kind).columns == tuple(column.name for column in columns)
        assert all(re.search("[\u0900-\u097f]", label) for label in labels)


def test_the_csv_template_is_what_spreadsheets_read_as_utf8() -> None:
    content = template("items", lang="hi")
    assert content.startswith(b"\xef\xbb\xbf")
    head, sample = csv.reader(io.StringIO(content.decode("utf-8-sig")))
    assert head[0] == "बीजक संख्या"
    assert len(head) == len(sample) == len(COLUMNS_OF[FileKind.ITEMS])


def test_the_workbook_offers_choices_and_explains_each_column() -> None:
    content = template("invoices", form="xlsx")
    assert workbooks.names(content) == ["Invoices", "Items", "Help"]
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
        notes = archive.read("xl/comments1.xml").decode()
    for column in COLUMNS_OF[FileKind.INVOICES]:
        if column.choices:
            assert f'<formula1>"{",".join(column.choices)}"</formula1>' in sheet, column.name
    assert "Help!$F$2:$F$" in sheet
    assert notes.count("<comment ") == len(COLUMNS_OF[FileKind.INVOICES])
    assert "Required." in notes
    told = workbooks.dicts(content, "Help")
    assert {one["Field"] for one in told} >= {column.name for column in COLUMNS_OF[FileKind.INVOICES]}


def test_there_is_no_template_of_something_else() -> None:
    with pytest.raises(ValueError, match="payments"):
        template("payments")
