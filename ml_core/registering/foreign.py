"""Files of other makers: known by how they begin, never read, and called by their names.

Some of them run code when they are read. Here only their first bytes are looked at.
"""

from typing import NamedTuple


class Foreign(NamedTuple):
    """What a file is, in words, and whether there may be a model in it."""

    name: str
    may_be_model: bool = True


ONNX = "an ONNX file"
_BEGINNINGS = (
    (b"PK\x03\x04", "a zip archive, such as PyTorch, NumPy's .npz, Keras and skops write"),
    (b"\x1f\x8b", "a file packed by gzip, such as joblib writes"),
    (b"BZh", "a file packed by bzip2, such as joblib writes"),
    (b"\xfd7zXZ\x00", "a file packed by xz, such as joblib writes"),
    (b"]\x00\x00", "a file packed by lzma, such as joblib writes"),
    (b"\x04\x22\x4d\x18", "a file packed by lz4, such as joblib writes"),
    (b"\x28\xb5\x2f\xfd", "a file packed by zstd"),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, such as Keras writes"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"GGUF", "a GGUF file"),
)
_NO_MODELS = (
    (b"PAR1", "a Parquet file"),
    (b"\x89PNG", "a picture"),
    (b"%PDF", "a PDF file"),
)
_ZLIB = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")
_PICKLE_PROTOCOLS = range(6)
# The first fields of an ONNX file: the version of its format, and then one of those that may come next.
_ONNX_FIRST = 0x08
_ONNX_SECOND = frozenset((0x12, 0x1A, 0x22, 0x2A, 0x32, 0x3A, 0x42))
_LOOKED_AT = 4096


def foreign(data: bytes) -> Foreign | None:
    """What a file is that is no safetensors file; None for one that may be."""
    head = data[:_LOOKED_AT]
    if not head:
        return Foreign("an empty file", may_be_model=False)
    if head[8:9] == b"{" and int.from_bytes(head[:8], "little") <= len(data):
        return None
    model = _model(head)
    return Foreign(model) if model else _no_model(head)


def _model(head: bytes) -> str | None:
    if _is_pickle(head):
        return "a joblib file, which is a pickle" if b"joblib" in head else "a pickle"
    for beginning, name in _BEGINNINGS:
        if head.startswith(beginning):
            return name
    if head.startswith(_ZLIB):
        return "a file packed by zlib, such as joblib writes"
    is_onnx = head[0] == _ONNX_FIRST and len(head) > 2 and head[2] in _ONNX_SECOND
    return ONNX if is_onnx else None


def _no_model(head: bytes) -> Foreign | None:
    begins = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    names = [name for beginning, name in _NO_MODELS if head.startswith(beginning)]
    name = "a page of HTML or XML" if begins == b"<" else "JSON" if begins in (b"{", b"[") else None
    return next((Foreign(each, may_be_model=False) for each in (*names, name) if each), None)


def _is_pickle(head: bytes) -> bool:
    if head[0] == 0x80 and len(head) > 1 and head[1] in _PICKLE_PROTOCOLS:
        return True
    # The first protocols are text: a mark, or the name of a class on two lines.
    return head[:2] in (b"(d", b"(l", b"(c", b"(i", b"cc", b"}q", b"]q") or (
        head[:1] == b"c" and head.count(b"\n") > 1 and b"<" not in head
    )
