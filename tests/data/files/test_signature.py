"""What a file is by its first bytes: known kinds by name, noise as binary, and text in any encoding as text."""

from __future__ import annotations

import random
import tarfile
import zipfile
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graft.data.files.signature import SAMPLE, binary, known

LETTERS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")))


def zipped(*names: str) -> bytes:
    target = BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in names:
            archive.writestr(name, "<xml/>")
    return target.getvalue()


def tarred() -> bytes:
    target = BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("reviews.csv"), BytesIO())
    return target.getvalue()


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        (zipped("[Content_Types].xml", "xl/workbook.xml"), "an Excel workbook"),
        (zipped("[Content_Types].xml", "word/document.xml"), "a Word document"),
        (zipped("reviews.csv"), "a zip archive or an Excel workbook"),
        (tarred(), "a tar archive"),
        (b"%PDF-1.7\n%", "a PDF"),
        (b"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"),
    ],
)
def test_what_is_known_is_named(start: bytes, kind: str) -> None:
    found = known(start)
    assert found is not None
    assert found.kind == kind
    assert "iconv" not in found.remedy


@given(LETTERS)
def test_text_in_utf8_is_no_binary(text: str) -> None:
    assert binary(text.encode()[:SAMPLE]) is None


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "koi8-r", "shift_jis", "gb18030", "iso2022_jp", "utf-8"])
@given(text=LETTERS)
def test_text_in_other_encodings_is_no_binary(encoding: str, text: str) -> None:
    assert binary(text.encode(encoding, errors="ignore")[:SAMPLE]) is None


@given(st.integers(0, 10**6))
def test_noise_is_binary(seed: int) -> None:
    found = binary(random.Random(seed).randbytes(SAMPLE))
    assert found is not None
    assert "iconv" not in found.remedy


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_named(encoding: str) -> None:
    found = binary("text,label\nfine food,good\n".encode(encoding))
    assert found is not None
    assert f"--encoding {encoding}" in found.remedy
