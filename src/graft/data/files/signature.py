"""What a file is by its first bytes, for files that are not what their name says. Knows bytes, opens no file."""

from __future__ import annotations

import codecs
from typing import NamedTuple

SAMPLE = 4096  # bytes that are looked at
GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"
CONTROL = bytes({*range(0x20), 0x7F} - {*b"\t\n\v\f\r\x1b"})  # bytes that no encoding of texts uses for much
MANY = 0.02  # share of control bytes from which undecodable bytes are no text


class Signature(NamedTuple):
    """What a file is, as it stands in "the file is …", and what to do."""

    kind: str
    remedy: str


_SHEET = "save the sheet as CSV (UTF-8) and give that file"
_MEDIA = "graft reads texts: give a table of texts and labels (CSV, TSV, JSONL, Parquet)"
_WORDS = "copy its texts into a table with a label for each (CSV, UTF-8) and give that file"
_UNPACK = "unpack it and give the table inside"
_TABLE = "export the table as CSV or Parquet and give that file"

# (offset, bytes, what they mark); long or odd enough that no header line begins so.
_KNOWN: tuple[tuple[int, bytes, Signature], ...] = (
    (0, b"\xd0\xcf\x11\xe0", Signature("an old Excel or Word file", _SHEET)),
    (0, b"\x89PNG", Signature("a PNG image", _MEDIA)),
    (0, b"\xff\xd8\xff", Signature("a JPEG image", _MEDIA)),
    (0, b"GIF89a", Signature("a GIF image", _MEDIA)),
    (0, b"ID3\x03", Signature("an MP3 file", _MEDIA)),
    (0, b"ID3\x04", Signature("an MP3 file", _MEDIA)),
    (0, b"%PDF-", Signature("a PDF", "extract its text (pdftotext FILE), and label it in a table: CSV with a header")),
    (0, b"{\\rtf", Signature("a rich text document", _WORDS)),
    (0, PARQUET, Signature("a Parquet file", "let its name end in .parquet, or add --format parquet")),
    (0, b"ARROW1", Signature("an Arrow file", "save it as Parquet and give that file")),
    (0, b"SQLite format 3", Signature("an SQLite database", _TABLE)),
    (0, b"\x89HDF", Signature("an HDF5 file", _TABLE)),
    (0, b"\x93NUMPY", Signature("a NumPy array", _TABLE)),
    (0, b"\x7fELF", Signature("a program", _MEDIA)),
    (4, b"1AY&SY", Signature("compressed by bzip2", "unpack it first: bunzip2 FILE")),
    (0, b"\xfd7zXZ", Signature("compressed by xz", "unpack it first: unxz FILE")),
    (0, b"\x28\xb5\x2f\xfd", Signature("compressed by zstd", "unpack it first: unzstd FILE")),
    (0, b"7z\xbc\xaf", Signature("a 7-zip archive", _UNPACK)),
    (0, b"Rar!\x1a", Signature("a RAR archive", _UNPACK)),
    (257, b"ustar", Signature("a tar archive", _UNPACK)),
    (0, b"version https://git-lfs", Signature("a Git LFS pointer", "fetch the file that it stands for: git lfs pull")),
)  # fmt: skip
# What an archive holds, by names that stand in it uncompressed.
_ZIPPED = (
    (b"xl/", Signature("an Excel workbook", _SHEET)),
    (b"word/", Signature("a Word document", _WORDS)),
    (b"opendocument.spreadsheet", Signature("a spreadsheet", _SHEET)),
    (b"opendocument.text", Signature("a text document", _WORDS)),
)
_ZIP = b"PK\x03\x04"
_SOME_ZIP = Signature("a zip archive or an Excel workbook", f"{_UNPACK}; of a workbook, {_SHEET}")
_UNKNOWN = Signature("a binary file of an unknown kind", "give a table as text (CSV, TSV, JSONL), or as Parquet")


def known(start: bytes) -> Signature | None:
    """What a file with this start is; None where nothing says so."""
    if start.startswith(_ZIP):
        return next((found for name, found in _ZIPPED if name in start), _SOME_ZIP)
    return next((found for offset, magic, found in _KNOWN if start.startswith(magic, offset)), None)


def binary(start: bytes) -> Signature | None:
    """What a file that should be UTF-8 is, where it is no text in any encoding; None where it may be text."""
    zeros = start.count(b"\0")
    if zeros * 100 <= len(start) * 100 * MANY:
        return _UNKNOWN if not _decodes(start) and _controls(start) > MANY else None
    for place, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        if start[place::2].count(b"\0") > 0.9 * zeros and zeros > 0.2 * len(start):
            remedy = f"convert it: iconv -f {name} -t utf-8 FILE > FIXED, or add --encoding {name}"
            return Signature("UTF-16 without a byte order mark", remedy)
    return _UNKNOWN


def _controls(start: bytes) -> float:
    return (len(start) - len(start.translate(None, CONTROL))) / max(len(start), 1)


def _decodes(start: bytes) -> bool:
    try:
        codecs.getincrementaldecoder("utf-8")().decode(start)  # a letter that is cut at the end is no mistake
    except UnicodeDecodeError:
        return False
    return True
