"""Cloud Storage, as a stand-in with true generation preconditions has it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ml_core.ports import ObjectStore
from providers.google.gcs_store import gcs_store
from tests.contract.backend import Address
from tests.google import gcs


@contextmanager
def started() -> Iterator[Address]:
    """The address of a bucket in a stand-in that runs meanwhile."""
    buckets = gcs.Buckets(implicit=False)
    buckets.create("contract", {})
    with gcs.running(buckets) as url:
        yield {"bucket": "contract", "STORAGE_EMULATOR_HOST": url}


def empty(address: Address) -> Address:
    """The address of a store beside all others at that address, with nothing in it."""
    return {**address, "prefix": os.urandom(8).hex()}


def dead(address: Address) -> Address:
    """The address of a store that does not answer."""
    return {**address, "STORAGE_EMULATOR_HOST": "http://127.0.0.1:1"}


def open_store(address: Address) -> ObjectStore:
    """The store at the address."""
    return gcs_store(address["bucket"], address.get("prefix", ""), env=address)
