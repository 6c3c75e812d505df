"""The stores under contract: one module in backends/ for each cloud that has a store, found by its name."""

import importlib
import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol, cast

from handlers.addresses import SCHEMES
from ml_core.datasets.outputs import OutputPlaces
from ml_core.datasets.reopening import Stores
from ml_core.datasets.sources import DataSources, allow_list
from ml_core.ports import ObjectStore, OtherBucket, SignedDownload, SignedUpload, Signer

type Address = dict[str, str]

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Backend(Protocol):
    """What a backend's module gives. An address is plain text: other processes open the same store."""

    started: Callable[[], AbstractContextManager[Address]]
    empty: Callable[[Address], Address]
    dead: Callable[[Address], Address]
    open_store: Callable[[Address], ObjectStore]
    lake: Callable[[Address, dict[str, bytes]], OtherBucket]
    lake_address: Callable[[Address], str]
    signing: Callable[[Address], AbstractContextManager[Signer]]


class Below(NamedTuple):
    """Signs for keys of a store that is a part of a bucket."""

    signer: Signer
    prefix: str

    @property
    def below(self) -> str:
        return f"{self.signer.below}{self.prefix}/"

    def sign_upload(self, key: str, seconds: int) -> SignedUpload:
        return self.signer.sign_upload(f"{self.prefix}/{key}", seconds)

    def sign_download(self, key: str, name: str, seconds: int) -> SignedDownload:
        return self.signer.sign_download(f"{self.prefix}/{key}", name, seconds)


def clouds_with_a_store() -> list[str]:
    """The folders of providers/ that hold a `runtime/store.py`."""
    providers = os.path.join(ROOT, "providers")
    return sorted(
        entry.name
        for entry in os.scandir(providers)
        if os.path.exists(os.path.join(entry.path, "runtime", "store.py"))
    )


def backend(cloud: str) -> Backend:
    """The backend of a cloud; a cloud without one fails its tests."""
    return cast("Backend", importlib.import_module(f"tests.contract.backends.{cloud}"))


def stores(cloud: str, address: Address) -> Stores:
    """The store at an address, and the lake: data comes from it, and results go below `out` in it."""
    ours = backend(cloud)
    store, at = ours.open_store(address), ours.lake_address(address)
    is_folder = at == "file:"
    folder = (lambda: ours.lake(address, {})) if is_folder else None
    bucket = None if is_folder else (lambda *_: ours.lake(address, {}))
    data = DataSources(
        uploads=lambda: store,
        folder=folder,
        bucket=bucket,
        schemes=SCHEMES,
        allowed=() if is_folder else allow_list(at, SCHEMES),
    )
    return Stores(
        store, data, OutputPlaces(allow_list(f"{at}out/", SCHEMES, files=True), SCHEMES, folder, bucket)
    )
