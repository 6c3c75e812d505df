"""Cloud Storage, as a stand-in with true generation preconditions has it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from cryptography.hazmat.primitives.asymmetric import rsa

from ml_core.ports import ObjectStore, OtherBucket, Signer
from providers.google.runtime.signer import GoogleSigner
from providers.google.runtime.store import gcs_store
from providers.google.runtime.wiring import data_bucket
from tests.contract.backend import Address, Below
from tests.google import gcs, tasks


@contextmanager
def started() -> Iterator[Address]:
    """The address of a bucket in a stand-in that runs meanwhile."""
    buckets = gcs.Buckets(implicit=False)
    for name in ("contract", "lake"):
        buckets.create(name, {})
    key = rsa.generate_private_key(65537, 2048)
    buckets.signers[tasks.ACCOUNT] = key.public_key()
    with gcs.running(buckets) as url, tasks.running(key) as beside:
        yield {"bucket": "contract", "STORAGE_EMULATOR_HOST": url, **beside.env}


def empty(address: Address) -> Address:
    """The address of a store beside all others at that address, with nothing in it."""
    return {**address, "prefix": os.urandom(8).hex()}


def dead(address: Address) -> Address:
    """The address of a store that does not answer."""
    return {**address, "STORAGE_EMULATOR_HOST": "http://127.0.0.1:1"}


def open_store(address: Address) -> ObjectStore:
    """The store at the address."""
    return gcs_store(address["bucket"], address.get("prefix", ""), env=address)


@contextmanager
def signing(address: Address) -> Iterator[Signer]:
    """What signs addresses of the store, with the signatures of a stand-in for IAM."""
    yield Below(GoogleSigner(address["bucket"], address), address["prefix"])


def lake(address: Address, objects: dict[str, bytes]) -> OtherBucket:
    """Somebody's bucket of data, with these objects in it, as the trainer opens it."""
    bucket = gcs_store("lake", env=address)
    for key, data in objects.items():
        bucket.write_stream(key, [data])
    return data_bucket(address, "gs", "lake")


def lake_address(_address: Address) -> str:
    """How addresses of what is in it begin."""
    return "gs://lake/"
