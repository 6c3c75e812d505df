"""Blob Storage, as Azurite has it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ml_core.ports import ObjectStore, OtherBucket, Signer
from providers.azure.runtime.connection import connection
from providers.azure.runtime.wiring import data_bucket, signer, store
from tests.azurite import Azurite, make_container
from tests.contract.backend import Address


@contextmanager
def started() -> Iterator[Address]:
    """The address of an emulator that runs meanwhile."""
    with Azurite() as azurite:
        azurite.make_container("lake")
        yield azurite.env


def empty(address: Address) -> Address:
    """The address of a store beside all others at that address, with nothing in it."""
    name = os.urandom(8).hex()
    make_container(address, name)
    return {**address, "ML_CONTAINER": name}


def dead(address: Address) -> Address:
    """The address of a store that does not answer."""
    parts = dict(part.partition("=")[::2] for part in address["ML_STORAGE"].split(";"))
    parts["BlobEndpoint"] = "http://127.0.0.1:1/devstoreaccount1"
    return {"ML_STORAGE": ";".join(f"{name}={value}" for name, value in parts.items())}


def open_store(address: Address) -> ObjectStore:
    """The store at the address."""
    return store(address)


@contextmanager
def signing(address: Address) -> Iterator[Signer]:
    """What signs addresses of the store."""
    yield signer(address)


def lake(address: Address, objects: dict[str, bytes]) -> OtherBucket:
    """Somebody's container of data, with these objects in it, as the trainer opens it."""
    container = store({**address, "ML_CONTAINER": "lake"})
    for key, data in objects.items():
        container.write_stream(key, [data])
    return data_bucket(address, "az", f"lake@{connection(address).account}")


def lake_address(address: Address) -> str:
    """How addresses of what is in it begin."""
    return f"az://lake@{connection(address).account}/"
