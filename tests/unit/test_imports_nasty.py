"""Further hostile files against the limited reader: places and counts that lie, names no folder may have, endless parts."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import workbooks
from hundi.imports import sheets
from hundi.imports.columns import FileKind
from hundi.imports.errors import FileRefused
from hundi.imports.parse_child import Manifest, read
from hundi.imports.records import EXTRA, problems_of
from workbooks import by_hand, ods_rows, text_cell, zipped

HEAD = '<row r="1">' + text_cell("A1", "customerRef") + text_cell("B1", "baseAmount") + "</row>"
ROW = '<row r="2">' + text_cell("A2", "C1") + '<c r="B2"><v>1000</v></c></row>'
ODS_HEAD = "".join(
    f'<table:table-cell office:value-type="string"><text:p>{name}</text:p></table:table-cell>'
    for name in ("customerRef", "baseAmount")
)
PDF = b"%PDF-1.7\n1 0 obj\n<< >>\nendobj\n%%EOF\n"
MANY = " ".join(f'a{n}="1"' for n in range(100_000))


def sent(content: bytes, folder: Path, kind: FileKind = FileKind.INVOICES) -> Manifest:
    source = folder / "upload"
    source.write_bytes(content)
    return read(source, folder, 50_000, 2_000_000, kind)


def frame(manifest: Manifest, folder: Path) -> pl.DataFrame:
    return pl.concat([pl.read_ipc(folder / one.file) for one in manifest.chunks])


def nested(depth: int) -> bytes:
    content = zipped({"xl/worksheets/sheet1.xml": "x"})
    for _ in range(depth):
        content = zipped({"inner.zip": content})
    return content


def with_dimension(reference: str) -> bytes:
    sheet = f'<worksheet xmlns="{workbooks.MAIN}"><dimension ref="{reference}"/><sheetData>{HEAD}{ROW}</sheetData></worksheet>'
    return by_hand(sheet, rows_only=False)


def entries(count: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for at in range(count):
            archive.writestr(f"x/{at}", b"")
    return out.getvalue()


# The file, or what makes it where that takes seconds; the place; the code.
REFUSED: dict[str, tuple[bytes | Callable[[], bytes], str, str]] = {
    "a row beyond any sheet": (by_hand(HEAD + '<row r="4294967297"><c r="A4294967297"><v>1</v></c></row>'), "S!A4294967297", "WORKBOOK_DAMAGED"),
    "a column beyond any sheet": (by_hand(HEAD + '<row r="2"><c r="AAAA2"><v>1</v></c></row>'), "S!AAAA2", "WORKBOOK_DAMAGED"),
    "a dimension of nonsense": (with_dimension("ZZZZ99999999999:A0"), "S", "WORKBOOK_DAMAGED"),
    "a shared string that is not there": (
        by_hand(HEAD + '<row r="2"><c r="A2" t="s"><v>99999</v></c><c r="B2"><v>1</v></c></row>', more={"xl/sharedStrings.xml": "<sst/>"}),
        "S", "WORKBOOK_DAMAGED",
    ),
    "an archive in an archive": (nested(50), "file", "NOT_CSV"),
    "a hundred thousand entries": (lambda: entries(100_000), "file", "ZIP_BOMB"),
    "rows repeated 2^31 times": (
        ods_rows(f'<table:table-row>{ODS_HEAD}</table:table-row><table:table-row table:number-rows-repeated="2147483648">'
                 '<table:table-cell office:value-type="float" office:value="1"/></table:table-row>'), "file", "SHEET_TOO_LARGE",
    ),
    "cells repeated 2^63 times": (
        ods_rows('<table:table-row><table:table-cell table:number-columns-repeated="9223372036854775808" '
                 'office:value-type="float" office:value="1"/></table:table-row>'), "file", "SHEET_TOO_LARGE",
    ),
    "rows repeated less than never": (
        ods_rows(f'<table:table-row table:number-rows-repeated="-5">{ODS_HEAD}</table:table-row>'), "file", "WORKBOOK_DAMAGED",
    ),
    "a header of 70,000 columns": (f"customerRef,baseAmount{',x' * 70_000}\nC1,1\n".encode(), "row 1", "TOO_MANY_COLUMNS"),
    "a million and one quotes": (b"customerRef,baseAmount\n" + b'"' * 1_000_001 + b"\n", "row 2", "UNBALANCED_QUOTES"),
    "a million line ends in quotes": (b'customerRef,baseAmount\n"' + b"\n" * 1_500_000 + b'",1\n', "row 2", "RECORD_TOO_LONG"),
    "elements a million deep": (b"<ENVELOPE>" + b"<A>" * 1_000_000 + b"</A>" * 1_000_000 + b"</ENVELOPE>", "line 1", "XML_TOO_DEEP"),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_and_its_place_is_named(case: str, tmp_path: Path) -> None:
    content, place, code = REFUSED[case]
    with pytest.raises(FileRefused) as told:
        sent(content() if callable(content) else content, tmp_path)
    problem = told.value.refusal.problems[0]
    assert (problem.field, problem.code) == (place, code)
    assert len(problem.message) > 20


@pytest.mark.parametrize("encoding", ["UTF-8s", "shift_jis", "idna", "rot13"])
def test_an_encoding_that_cannot_be_read_is_damage(encoding: str, tmp_path: Path) -> None:
    styles = f"<?xml version='1.0' encoding='{encoding}'?><styleSheet/>"
    with pytest.raises(FileRefused) as told:
        sent(by_hand(HEAD + ROW, more={"xl/styles.xml": styles}), tmp_path)
    assert told.value.refusal.problems[0].code == "WORKBOOK_DAMAGED"


def test_texts_of_a_workbook_that_would_fill_the_memory_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    strings = "<sst>" + "".join(f"<si><t>{at:05d}{'x' * 30_000}</t></si>" for at in range(200)) + "</sst>"
    content = by_hand(HEAD + ROW, more={"xl/sharedStrings.xml": strings}, level=1)
    assert sent(content, tmp_path).total == 1
    monkeypatch.setattr(sheets, "_MOST_STRINGS", 4 * 1024**2)
    with pytest.raises(FileRefused) as told:
        sent(content, tmp_path)
    assert [one.code for one in told.value.refusal.problems] == ["FILE_TOO_COMPLEX"]
    assert "more than 4 MiB" in told.value.refusal.message


@pytest.mark.parametrize("reference", ["A1:A1", "A1:XFD1048576", "B7"])
def test_a_dimension_that_lies_is_not_believed(reference: str, tmp_path: Path) -> None:
    manifest = sent(with_dimension(reference), tmp_path)
    assert frame(manifest, tmp_path).select("c0", "c1", "row").rows() == [("C1", "1000", 2)]


def test_rows_that_stand_backwards_keep_their_numbers(tmp_path: Path) -> None:
    rows = [f'<row r="{at}">{text_cell(f"A{at}", f"C{at}")}<c r="B{at}"><v>{at}</v></c></row>' for at in (9, 3)]
    manifest = sent(by_hand(HEAD + "".join(rows)), tmp_path)
    assert frame(manifest, tmp_path).select("c0", "c1", "row").rows() == [("C3", "3", 3), ("C9", "9", 9)]


def test_a_row_of_200_000_cells_is_one_row_that_is_too_wide(tmp_path: Path) -> None:
    manifest = sent(f"customerRef,baseAmount\nC1,1{',x' * 200_000}\nC2,2\n".encode(), tmp_path)
    found = frame(manifest, tmp_path)
    assert found.select("c0", "c1", "row").rows() == [("C1", "1", 2), ("C2", "2", 3)]
    assert [len(one or "") > 100_000 for one in found[EXTRA]] == [True, False]


def test_a_million_quotes_are_one_cell(tmp_path: Path) -> None:
    manifest = sent(b"customerRef,baseAmount\n" + b'"' * 1_000_000 + b",1\n", tmp_path)
    assert frame(manifest, tmp_path)["c0"].str.len_chars().to_list() == [499_999]


@pytest.mark.parametrize("where", ["sheet", "styles", "voucher"])
def test_a_hundred_thousand_attributes_do_no_harm(where: str, tmp_path: Path) -> None:
    content = {
        "sheet": by_hand(HEAD + f'<row r="2" {MANY}>{ROW[13:]}'),
        "styles": by_hand(HEAD + ROW, more={"xl/styles.xml": f"<styleSheet {MANY}/>"}),
        "voucher": f"<ENVELOPE><VOUCHER VCHTYPE='Sales' {MANY}></VOUCHER></ENVELOPE>".encode(),
    }[where]
    assert sent(content, tmp_path).total == 1


def archive(names: list[str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name in names:
            packed.writestr(zipfile.ZipInfo(name), PDF)
    return out.getvalue()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_no_name_in_an_archive_becomes_a_path(tmp_path: Path) -> None:
    names = [
        "../../etc/passwd.pdf", "/abs/INV-1.pdf", "C:\\x\\INV-2.pdf", "x" * 300 + ".pdf", "INV-3.PDF", "inv-3.pdf", "CON.pdf",
        "a/../INV-4.pdf", "INV-5.pdf\u202efdp.exe", "नाम.pdf", "", " .pdf", "a\nb.pdf", "INV-6.pdf", "INV-6.pdf", "sub/",
        ".hidden.pdf", "__MACOSX/INV-7.pdf",
    ]  # fmt: skip
    folder = tmp_path / "work"
    folder.mkdir()
    source = tmp_path / "upload"
    source.write_bytes(archive(names))
    before = {path for path in tmp_path.rglob("*") if not path.is_relative_to(folder)}
    manifest = read(source, folder, 50_000, 1000, FileKind.ATTACHMENTS)
    found = [pl.read_ipc(folder / one.file) for one in manifest.chunks]
    assert pl.concat(found)["c0"].to_list() == [
        "passwd.pdf", "INV-1.pdf", "INV-2.pdf", "x" * 300 + ".pdf", "INV-3.PDF", "inv-3.pdf", "CON.pdf", "INV-4.pdf",
        "INV-5.pdf\u202efdp.exe", "नाम.pdf", "", " .pdf", "a\nb.pdf", "INV-6.pdf", "INV-6.pdf",
    ]  # fmt: skip
    assert {path for path in tmp_path.rglob("*") if not path.is_relative_to(folder)} == before
    ours = (
        {path.name for path in folder.iterdir()}
        - {one.file for one in manifest.chunks}
        - {"repeated.arrow", "rows-read"}
    )
    assert ours <= {f"pdf-{at}" for at in range(1, 16)}


def test_a_name_that_says_utf8_and_is_not_is_told_in_words(tmp_path: Path) -> None:
    content = archive(["नाम.pdf"]).replace("नाम.pdf".encode(), b"\xff" * 9 + b".pdf")
    with pytest.raises(FileRefused) as told:
        sent(content, tmp_path, FileKind.ATTACHMENTS)
    problem = told.value.refusal.problems[0]
    assert (problem.code, problem.message[:40]) == ("NOT_ZIP", "A file in the archive has a name that is")


def test_an_archive_among_the_pdfs_is_no_pdf(tmp_path: Path) -> None:
    manifest = sent(nested(3), tmp_path, FileKind.ATTACHMENTS)
    [(_, [problem])] = list(problems_of(frame(manifest, tmp_path)))
    assert (problem.code, problem.message) == (
        "FILE_TYPE",
        "This is no PDF; only PDFs become what a customer is mailed.",
    )
