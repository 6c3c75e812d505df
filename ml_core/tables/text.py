"""Text files: how they are encoded, and about how many lines they have."""

import codecs

SAMPLE_BYTES = 1 << 20
"""How many bytes from the beginning of a file tell what it is."""

# A BOM of UTF-32 begins with one of UTF-16.
_BOMS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# What a file that is not UTF-8 is taken for: Windows' superset of Latin-1.
FALLBACK_ENCODING = "cp1252"


def encoding_of(head: bytes) -> str:
    """The encoding that a byte order mark or the first bytes say."""
    for bom, encoding in _BOMS.items():
        if head.startswith(bom):
            return encoding
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # the end of the sample may cut a character
    except UnicodeDecodeError:
        return fallback(head)
    return "utf-8"


def fallback(content: bytes) -> str:
    """The encoding of bytes that are no UTF-8."""
    undefined = bytes([0x81, 0x8D, 0x8F, 0x90, 0x9D])
    return "latin-1" if any(byte in content for byte in undefined) else FALLBACK_ENCODING


def estimated_lines(head: bytes, size: int) -> int:
    """About how many lines a text file of `size` bytes has that begins with `head`."""
    return max(1, head.count(b"\n") or head.count(b"\r")) * size // len(head)
