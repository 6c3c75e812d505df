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
_LOOKED_AT, _MOSTLY = 4096, 0.6


def encoding_of(head: bytes) -> str:
    """The encoding that a byte order mark or the first bytes say."""
    for bom, encoding in _BOMS.items():
        if head.startswith(bom):
            return encoding
    if unmarked := _utf_16_without_mark(head[:_LOOKED_AT]):
        return unmarked
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)  # the end of the sample may cut a character
    except UnicodeDecodeError:
        return fallback(head)
    return "utf-8"


def _utf_16_without_mark(head: bytes) -> str | None:
    """UTF-16 without a byte order mark: mostly ASCII, so that every second byte is 0."""
    low, high = head[1::2], head[::2]
    if not low:
        return None
    if low.count(0) > _MOSTLY * len(low) and not high.count(0):
        return "utf-16-le"
    if high.count(0) > _MOSTLY * len(high) and not low.count(0):
        return "utf-16-be"
    return None


def fallback(content: bytes) -> str:
    """The encoding of bytes that are no UTF-8."""
    undefined = bytes([0x81, 0x8D, 0x8F, 0x90, 0x9D])
    return "latin-1" if any(byte in content for byte in undefined) else FALLBACK_ENCODING


def estimated_lines(head: bytes, size: int) -> int:
    """About how many lines a text file of `size` bytes has that begins with `head`."""
    return max(1, head.count(b"\n") or head.count(b"\r")) * size // len(head)
