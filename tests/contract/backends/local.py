"""A folder."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ml_core.ports import ObjectStore, OtherBucket, SignedDownload, SignedUpload, Signer
from providers.local.runtime.data_folder import DataFolder
from providers.local.runtime.signer import LocalSigner
from providers.local.runtime.store import FolderStore
from tests.contract.backend import Address
from tests.unit.handlers.conftest import services_over, serving


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


@contextmanager
def signing(address: Address) -> Iterator[Signer]:
    """What signs addresses of the store; the laptop's server answers at them meanwhile."""
    with serving(services_over(Path(address["folder"]))) as (host, port):
        yield At(f"http://{host}:{port}", LocalSigner(address["folder"]))


def lake(address: Address, objects: dict[str, bytes]) -> OtherBucket:
    """Somebody's folder of data, with these files in it, as the trainer opens it."""
    root = Path(address["folder"]) / "lake"
    for key, data in objects.items():
        (root / key).parent.mkdir(parents=True, exist_ok=True)
        (root / key).write_bytes(data)
    return DataFolder(str(root))


def lake_address(_address: Address) -> str:
    """How addresses of what is in it begin."""
    return "file:"


class At(NamedTuple):
    """Signs paths of a server at `url`."""

    url: str
    signer: Signer

    @property
    def below(self) -> str:
        return self.url + self.signer.below

    def sign_upload(self, key: str, seconds: int) -> SignedUpload:
        signed = self.signer.sign_upload(key, seconds)
        return signed._replace(url=self.url + signed.url)

    def sign_download(self, key: str, name: str, seconds: int) -> SignedDownload:
        signed = self.signer.sign_download(key, name, seconds)
        return signed._replace(url=self.url + signed.url)
