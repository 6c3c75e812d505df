"""What ml_core needs of the world, as small protocols. `providers/` implements them, one folder per cloud."""

from __future__ import annotations

from ml_core.objects import LARGEST_PAGE
from ml_core.records import Protocol, Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ml_core.objects import ObjectInfo, Opened, Page, StoredObject


class ObjectStore(Protocol):
    """Immutable blobs and compare-and-swap documents.

    A key is `/`-separated non-empty segments, none of them `.` or `..`, at most 1024 bytes of UTF-8,
    without control characters and backslashes; any other raises ValueError. Every method raises
    `Unavailable` when the store cannot be reached or throttles after the store's own retries; a write may
    have happened all the same. A store may repeat a request whose answer was lost, so a writer may be
    refused because of what it wrote itself.
    """

    def get(self, key: str) -> StoredObject:
        """The object. Raises `ObjectNotFound`."""

    def get_if_changed(self, key: str, revision: str) -> StoredObject | None:
        """The object, or None while it still has `revision`. Raises `ObjectNotFound`."""

    def put_if_absent(self, key: str, data: bytes) -> str:
        """Write a new object; its revision. Of several writers one wins, the others get `ObjectExists`."""

    def put_if_unchanged(self, key: str, data: bytes, revision: str) -> str:
        """Replace the object that has `revision` and return the new one.

        Raises `RevisionMismatch` when the object has another revision or is gone.
        """

    def list(self, prefix: str, *, after: str | None = None, limit: int = 1000) -> Page:
        """At most `limit` (1 to 1000) objects whose keys begin with `prefix` and sort after `after`."""

    def delete(self, key: str) -> None:
        """Remove the object; one that is absent already is no error."""

    def opened(self, key: str) -> Opened:
        """The object for reading in chunks, for what is large; see `DataStore.opened`."""

    def part(self, key: str, begin: int, end: int, revision: str) -> bytes:
        """Some bytes of an object; see `DataStore.part`."""

    def part_into(self, key: str, begin: int, to: memoryview, revision: str) -> int:
        """The same into memory that is there; see `DataStore.part_into`."""

    def write_stream(self, key: str, chunks: Iterable[bytes]) -> None:
        """Write or replace an object from chunks; nothing is visible until the last one is stored."""


def every_object(store: ObjectStore, prefix: str, after: str | None = None) -> Iterator[ObjectInfo]:
    """What a store lists below a prefix, after a key if one is given, page by page. Raises `Unavailable`."""
    while True:
        page = store.list(prefix, after=after)
        yield from page.objects
        after = page.next_after
        if after is None:
            return


class DataStore(Protocol):
    """A place that training data is read from: a bucket, or a folder of plain files."""

    def opened(self, key: str) -> Opened:
        """The object under `key`; nothing of it is read yet. Raises `ObjectNotFound` and `Unavailable`."""

    def listed(self, prefix: str, *, after: str | None = None, limit: int = LARGEST_PAGE) -> Page:
        """As `ObjectStore.list`, each object with its revision.

        Raises `MalformedInput` where a name there cannot be told, and `Unavailable`.
        """

    def part(self, key: str, begin: int, end: int, revision: str) -> bytes:
        """The bytes from `begin` to before `end` of exactly that revision; fewer where the object ends.

        Raises `ObjectNotFound` where it is gone, `RevisionMismatch` where it changed, and `Unavailable`.
        """

    def part_into(self, key: str, begin: int, to: memoryview, revision: str) -> int:
        """Read as many bytes as `to` has from `begin` on into it; how many there were. Raises as `part`."""


class OtherBucket(DataStore, Protocol):
    """A place that is not the deployment's own store: data is read from it, and results are written to it."""

    def put_if_absent(self, key: str, data: bytes) -> str:
        """Write a new object; its revision. Raises `ObjectExists` and `Unavailable`."""


class SignedUpload(Record):
    """Where to PUT a file, without any other permission, and the headers that have to go with it."""

    url: str
    headers: dict[str, str]


class UploadSigner(Protocol):
    """Lets a caller write one object of the store past the service: its limits do not bind."""

    def sign_upload(self, key: str, seconds: int) -> SignedUpload:
        """An address to PUT the object `key` to within so many seconds. Raises `Unavailable`.

        A store that answers on this machine alone gives a path of this service's own server.
        """


class SignedDownload(Record):
    """Where to GET a file, without any other permission, and the headers that have to go with it."""

    url: str
    headers: dict[str, str]


class DownloadSigner(Protocol):
    """Lets a caller read one object of the store past the service: its limits do not bind."""

    def sign_download(self, key: str, name: str, seconds: int) -> SignedDownload:
        """An address to GET the object `key` from within so many seconds, to be saved as the file `name`.

        The name is letters, digits, `.`, `_` and `-` alone; any other raises ValueError. Nothing is read: of
        an object that is missing there is an address too. Raises `Unavailable`. A store that answers on this
        machine alone gives a path of this service's own server.
        """


class Signer(UploadSigner, DownloadSigner, Protocol):
    """What a cloud gives: it signs addresses to write one object, and addresses to read one."""

    @property
    def below(self) -> str:
        """What every signed address begins with, up to a slash; `/` for this service's own server."""


class JobQueue(Protocol):
    """At-least-once delivery of job ids to the trainer. Raises `Unavailable`."""

    def submit(self, job_id: str) -> None:
        """Send a message that names the job."""

    def defer(self, job_id: str, seconds: float) -> None:
        """Have the job come again after about `seconds`, by a message that failed never yet."""

    def bury(self, message: str) -> None:
        """Lay a message that nobody can work off among the dead letters, where a person finds it."""
