"""By which bytes a file of each format is known, and what else people upload by mistake."""

import codecs
import json

from ml_core.tables.text import encoding_of

_PICTURES = 'pictures are trained on by "cnn", as a zip file with a folder for each class'
# What people upload by mistake, and what to do about it.
_OTHERS = {
    b"\x1f\x8b": "a gzip file: unpack it first, or use Parquet, which is compressed inside",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook: save the sheet as CSV",
    b"%PDF": "a PDF document",
    b"ARROW1": "an Arrow IPC file: write it as Parquet",
    b"\x80\x04": "a Python pickle, which could run code: write it as Parquet or CSV",
    b"\x80\x05": "a Python pickle, which could run code: write it as Parquet or CSV",
    b"BZh": "a bzip2 file: unpack it first",
    b"(\xb5/\xfd": "a zstd file: unpack it first",
    b"SQLite format 3": "a SQLite database: export the table as CSV",
    b"$FL": "an SPSS file: save it as CSV",
    b"<stata_dta>": "a Stata file: save it as CSV",
    b"\x89HDF": "an HDF5 file: write the table as Parquet",
    b"PARE": "encrypted Parquet, and there is no key here: write it without encryption",
    b"FEA1": "a Feather file: write it as Parquet",
    b"Obj\x01": "an Avro file: write it as Parquet",
    b"\x89PNG": f"a PNG picture: {_PICTURES}",
    b"\xff\xd8\xff": f"a JPEG picture: {_PICTURES}",
}
# Text in lower case, after space and a byte order mark, that is no table.
_OTHER_TEXTS = {
    b"<!doctype": "a page of HTML, such as one that asks to log in: get the file itself",
    b"<html": "a page of HTML, such as one that asks to log in: get the file itself",
    b"<?xml": "XML: write the table as CSV",
    b"@relation": "an ARFF file: write its attributes' names in one line above its data, as CSV",
}

_LONGEST_START = 1_000
_ZIP = b"PK\x03\x04"


def is_csv(head: bytes) -> bool:
    """Whether a file is CSV: any text that is nothing else."""
    start = _start_of_text(head)
    return start is not None and not start.startswith("{") and not _is_json_array(start)


def is_json_lines(head: bytes) -> bool:
    """Whether a file is JSON lines."""
    return (_start_of_text(head) or "").startswith("{")


def is_parquet(head: bytes) -> bool:
    """Whether a file is Parquet."""
    return head.startswith(b"PAR1")


def is_npy(head: bytes) -> bool:
    """Whether a file is NPY."""
    return head.startswith(b"\x93NUMPY")


def why_unknown(head: bytes) -> str:
    """Why no reader takes a file that none matches."""
    what = _known_other(head)
    if what is not None:
        return f"the file is {what}"
    if _start_of_text(head) is not None:
        return "the file is a JSON array: write JSON lines, one object on each line"
    if b"\0" in head:
        return (
            f"the file holds NUL bytes, the first at byte {head.index(0)}: expected text, Parquet or NPY. "
            'Of text in UTF-16 or UTF-32, write the byte order mark, or say "encoding"'
        )
    return "the file is neither Parquet nor NPY nor text"


def _known_other(head: bytes) -> str | None:
    if head.startswith(_ZIP):
        return _kind_of_zip(head)
    text = head[:_LONGEST_START].removeprefix(codecs.BOM_UTF8).lstrip().lower()
    return next(
        (
            what
            for start, others in ((head, _OTHERS), (text, _OTHER_TEXTS))
            for magic, what in others.items()
            if start.startswith(magic)
        ),
        None,
    )


def _kind_of_zip(head: bytes) -> str:
    """What a zip file is, by the names of its first members."""
    names = _members(head)
    if names[0].endswith(b".npy"):
        return 'an NPZ archive of arrays: save one of them as NPY. Arrays of pictures are trained on by "cnn"'
    if names[0].startswith((b"[Content_Types].xml", b"xl/", b"_rels/", b"docProps/")):
        return "an Excel workbook: save the sheet as CSV"
    if names[0] == b"mimetype":
        return "an OpenDocument file: save the sheet as CSV"
    if any(name.lower().endswith((b".png", b".jpg", b".jpeg")) for name in names):
        return f"a zip file of pictures, and no table: {_PICTURES}"
    return "a zip file: unpack it first; of an Excel workbook save the sheet as CSV"


def _members(head: bytes) -> list[bytes]:
    """The names of members that a zip file begins with: byte 26 of one says its length, byte 30 begins it."""
    names, begin = [], 0
    while 0 <= begin < len(head):
        names.append(head[begin + 30 : begin + 30 + int.from_bytes(head[begin + 26 : begin + 28], "little")])
        begin = head.find(_ZIP, begin + 30)
    return names


def _start_of_text(head: bytes) -> str | None:
    """The text that a file begins with, without leading space; None where it is no text."""
    if is_parquet(head) or is_npy(head) or _known_other(head) is not None:
        return None
    encoding = encoding_of(head)
    if b"\0" in head and not encoding.startswith(("utf-16", "utf-32")):
        return None
    return head.decode(encoding, "ignore").lstrip()


def _is_json_array(start: str) -> bool:
    """Whether a text begins with a bracket and goes on as JSON does, and not as a CSV header might."""
    inner = start[1:].lstrip()
    if not start.startswith("[") or not inner.startswith(("{", "[")):
        return False
    try:
        json.JSONDecoder().raw_decode(inner)
    except (ValueError, RecursionError):
        return False
    return True
