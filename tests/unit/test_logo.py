"""What a logo may be."""

from __future__ import annotations

import io
import struct

import pytest
from PIL import Image

import make
from hundi.documents.logo import as_svg
from hundi.kit.errors import Invalid
from hundi.sellers.logo import MAX_SIDE, Picture, look_at


def jpeg(mode: str = "RGB", size: tuple[int, int] = (30, 20), **more: object) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size).save(out, "JPEG", **more)
    return out.getvalue()


def code(content: bytes) -> str:
    with pytest.raises(Invalid) as caught:
        look_at(content)
    (problem,) = caught.value.problems
    assert problem.field == "file"
    return problem.code


def test_png_and_jpeg_are_read_by_their_heads() -> None:
    assert look_at(make.png(30, 20)) == Picture("image/png", "logo.png", 30, 20)
    for content in (jpeg(), jpeg("L"), jpeg(progressive=True), jpeg(exif=b"Exif\x00\x00" + b"\x00" * 200)):
        assert look_at(content) == Picture("image/jpeg", "logo.jpg", 30, 20)
    padded = jpeg()
    assert look_at(padded[:2] + b"\xff\xff" + padded[2:]).width == 30


@pytest.mark.parametrize("content", [b"", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a", b"%PDF-1.7", b"BM"])
def test_nothing_else_is_taken(content: bytes) -> None:
    assert code(content) == "FILE_TYPE"


@pytest.mark.parametrize("whole", [make.png(), jpeg()])
def test_a_picture_that_was_cut_or_is_empty_is_damaged(whole: bytes) -> None:
    heads = [whole[:at] for at in range(8, 40)]
    assert {code(head) for head in heads} == {"FILE_DAMAGED"}
    assert code(make.png(0, 0)) == "FILE_DAMAGED"


def test_what_unfolds_to_a_very_large_picture_is_refused() -> None:
    assert look_at(make.png(MAX_SIDE, 1)).width == MAX_SIDE
    assert code(make.png(MAX_SIDE + 1, 1)) == "PICTURE_TOO_LARGE"
    bomb = make.png().replace(struct.pack(">II", 8, 4), struct.pack(">II", 2**31 - 1, 2**31 - 1))
    assert code(bomb) == "PICTURE_TOO_LARGE"


def test_cmyk_is_not_for_screens() -> None:
    assert code(jpeg("CMYK")) == "PICTURE_COLOURS"


def test_what_cannot_be_drawn_is_left_out() -> None:
    assert as_svg(b"<svg/>") == ""
    assert 'width="8" height="4"' in as_svg(make.png())
