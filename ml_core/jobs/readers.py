"""Loads the readers of tables, so that what fails afterwards fails at the file."""


def load_readers() -> None:
    """Import what reading needs, of each format. A tight bound on memory can make that crash already."""
    from ml_core.tables import delimited, json_lines, npy, parquet  # noqa: F401
