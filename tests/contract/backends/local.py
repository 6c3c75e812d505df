"""A folder."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from ml_core.ports import ObjectStore
from providers.local.folder_store import FolderStore
from tests.contract.backend import Address


@contextmanager
def started() -> Iterator[Address]:
    """The address of a folder that exists meanwhile."""
    with tempfile.TemporaryDirectory(prefix="contract-") as folder:
        yield {"folder": folder}


def empty(address: Address) -> Address:
    """The address of a store beside all others at that address, with nothing in it."""
    return {"folder": os.path.join(address["folder"], os.urandom(8).hex())}


def dead(address: Address) -> Address:
    """The address of a store that does not answer: its folder would be below a file."""
    file = os.path.join(address["folder"], "file")
    with open(file, "wb"):
        return {"folder": os.path.join(file, "store")}


def open_store(address: Address) -> ObjectStore:
    """The store at the address."""
    return FolderStore(address["folder"])
