"""All readers: loaded, so that what fails afterwards fails at the file; and what is said of such a file."""


def load_readers() -> None:
    """Import what reading needs, of each format. A tight bound on memory can make that crash already."""
    from ml_core.tables import delimited, json_lines, npy, parquet  # noqa: F401


def cannot_be_read(how: str) -> str:
    """What is said of a file that made its reader fail."""
    return f"the file cannot be read: {how}; see whether another program opens it, and write it again"
