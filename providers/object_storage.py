"""The `ObjectStore` port over any store of `obstore`: one adapter for the object storage of every cloud.

A cloud's folder makes the store and says by what it compares; nothing of obstore gets past this file.
"""

from __future__ import annotations

from ml_core.errors import (
    AccessRefused,
    MalformedInput,
    ObjectExists,
    ObjectNotFound,
    RevisionMismatch,
    Unavailable,
)
from ml_core.objects import (
    LARGEST_PAGE,
    ObjectInfo,
    Opened,
    Page,
    StoredObject,
    check_key,
    check_limit,
    check_range,
)
from providers.obstore_functions import obstore

TYPE_CHECKING = False  # as in `records.py`
if TYPE_CHECKING:
    from collections.abc import Buffer, Iterable, Iterator
    from typing import Literal

    from obstore import GetResult, ObjectMeta, PutMode, PutResult
    from obstore.store import ClientConfig, RetryConfig
    from obstore.store import ObjectStore as AnyStore

_CHUNK = 8 << 20  # bytes of a stream's chunk; S3 takes 10,000 of them, and none but the last under 5 MiB
_SEPARATOR = " "  # between the two halves of a revision; neither an ETag nor a version holds one


def client_options(*, allow_http: bool = False) -> ClientConfig:
    """How every cloud's storage is called. Plain HTTP is for emulators on this machine."""
    return {"timeout": "60s", "connect_timeout": "3s", "allow_http": allow_http}


def bounded_retries() -> RetryConfig:
    """Few and quick: whoever waits for the answer has a deadline of their own."""
    from datetime import timedelta

    return {
        "max_retries": 4,
        "retry_timeout": timedelta(seconds=15),
        "backoff": {
            "init_backoff": timedelta(milliseconds=100),
            "max_backoff": timedelta(seconds=2),
            "base": 2,
        },
    }


class ObstoreStore:
    """The port over `store`, which compares by the ETag (S3, Azure) or by the version (GCS's generation).

    A revision holds both the ETag and the version, because GCS compares by the one when writing and by the
    other when reading.
    """

    def __init__(self, store: AnyStore, compares: Literal["e_tag", "version"] = "e_tag") -> None:
        self._store = store
        self._compares: Literal["e_tag", "version"] = compares

    def get(self, key: str) -> StoredObject:
        """The object. Raises `ObjectNotFound`."""
        check_key(key)
        with _Translated(key):
            return _read(obstore.get(self._store, key))

    def get_if_changed(self, key: str, revision: str) -> StoredObject | None:
        """The object, or None while it still has `revision`. Raises `ObjectNotFound`."""
        check_key(key)
        e_tag, _ = _halves(revision)
        with _Translated(key):
            try:
                return _read(obstore.get(self._store, key, options={"if_none_match": e_tag}))
            except obstore.exceptions.NotModifiedError:
                return None

    def put_if_absent(self, key: str, data: bytes) -> str:
        """Write a new object and return its revision. Raises `ObjectExists`."""
        with _Translated(key):
            try:
                return self._put(key, data, "create")
            except obstore.exceptions.AlreadyExistsError as error:
                raise ObjectExists(f"the object store already holds '{key}'") from error

    def put_if_unchanged(self, key: str, data: bytes, revision: str) -> str:
        """Replace the object that has `revision` and return the new one. Raises `RevisionMismatch`."""
        e_tag, version = _halves(revision)
        known: PutMode = {"version": version} if self._compares == "version" else {"e_tag": e_tag}
        with _Translated(key):
            try:
                return self._put(key, data, known)
            except obstore.exceptions.PreconditionError as error:
                raise RevisionMismatch(f"'{key}' changed meanwhile, or is gone") from error

    def list(self, prefix: str, *, after: str | None = None, limit: int = LARGEST_PAGE) -> Page:
        """At most `limit` (1 to 1000) objects whose keys begin with `prefix` and sort after `after`.

        A prefix that does not end in `/` is looked for in its folder, as far as it may be there.
        """
        check_limit(limit)
        if after is not None:
            check_key(after)
        found: list[ObjectInfo] = []
        with _Translated(prefix):
            for info in self._listed(prefix, after, limit):
                if len(found) == limit:
                    return Page(found, found[-1].key)
                found.append(info)
        return Page(found, None)

    def listed(self, prefix: str, *, after: str | None = None, limit: int = LARGEST_PAGE) -> Page:
        """As `list`, which tells revisions already: of Cloud Storage the half that reading compares by.

        Raises `MalformedInput` where a name there is one that obstore takes for no path.
        """
        try:
            return self.list(prefix, after=after, limit=limit)
        except Unavailable as error:
            if isinstance(error.__cause__, obstore.exceptions.InvalidPathError):
                raise MalformedInput(str(error.__cause__).partition("\n\n")[0]) from error
            raise

    def delete(self, key: str) -> None:
        """Remove the object; one that is absent already is no error."""
        check_key(key)
        with _Translated(key):
            try:
                obstore.delete(self._store, key)
            except FileNotFoundError as error:
                _check_bucket(error)

    def opened(self, key: str) -> Opened:
        """The object's size, revision and chunks, all of one version. Raises `ObjectNotFound`."""
        check_key(key)
        with _Translated(key):
            meta = obstore.head(self._store, key)
        return Opened(meta["size"], _revision(meta), self._chunks(key, meta["e_tag"] or ""))

    def part(self, key: str, begin: int, end: int, revision: str) -> bytes:
        """Bytes of that revision. Raises `ObjectNotFound`, `RevisionMismatch`."""
        check_range(begin, end)
        return bytes(self._part(key, begin, end, revision))

    def part_into(self, key: str, begin: int, to: memoryview, revision: str) -> int:
        """The same into memory that is there. Raises as `part`."""
        found = memoryview(self._part(key, begin, begin + len(to), revision))
        to[: len(found)] = found
        return len(found)

    def _part(self, key: str, begin: int, end: int, revision: str) -> Buffer:
        check_key(key)
        e_tag, _ = _halves(revision)
        with _Translated(key):
            try:
                if begin == end:  # no request asks for no bytes
                    return self._nothing_of(key, e_tag)
                return self._range(key, begin, end, e_tag)
            except obstore.exceptions.PreconditionError as error:
                obstore.head(self._store, key)  # raises where it is gone, of which Azure says the same
                raise RevisionMismatch(f"'{key}' changed meanwhile") from error

    def write_stream(self, key: str, chunks: Iterable[bytes]) -> None:
        """Write or replace an object from chunks; nothing is visible until the last one is stored."""
        check_key(key)
        with _Translated(key):
            obstore.put(self._store, key, iter(chunks), chunk_size=_CHUNK)

    def _put(self, key: str, data: bytes, mode: PutMode) -> str:
        check_key(key)
        try:
            return self._put_once(key, data, mode)
        except obstore.exceptions.GenericError:
            # obstore does not repeat a write that broke off: its condition may refuse what it wrote itself.
            # Our callers know their own writes, and connections break when a function was frozen for long.
            return self._put_once(key, data, mode)

    def _put_once(self, key: str, data: bytes, mode: PutMode) -> str:
        try:
            # in one request, however large: an upload in parts has no condition
            return _revision(obstore.put(self._store, key, data, mode=mode, use_multipart=False))
        except FileNotFoundError as error:
            _check_bucket(error)
            raise RevisionMismatch(f"'{key}' is gone") from error

    def _range(self, key: str, begin: int, end: int, e_tag: str) -> Buffer:
        try:
            result = obstore.get(self._store, key, options={"if_match": e_tag, "range": (begin, end)})
            return result.bytes()
        except obstore.exceptions.GenericError:
            # A store that has nothing from there on refuses the range.
            if begin < obstore.head(self._store, key)["size"]:
                raise
            return self._nothing_of(key, e_tag)

    def _nothing_of(self, key: str, e_tag: str) -> bytes:
        """No bytes of an object that is there still. Raises `RevisionMismatch` where it changed."""
        if (obstore.head(self._store, key)["e_tag"] or "") != e_tag:
            raise RevisionMismatch(f"'{key}' changed meanwhile")
        return b""

    def _chunks(self, key: str, e_tag: str) -> Iterator[bytes]:
        with _Translated(key):
            try:
                result = obstore.get(self._store, key, options={"if_match": e_tag})
                for chunk in result.stream(min_chunk_size=_CHUNK):
                    yield bytes(chunk)
            except obstore.exceptions.PreconditionError as error:
                raise Unavailable(f"'{key}' changed while it was being read") from error

    def _listed(self, prefix: str, after: str | None, limit: int) -> Iterator[ObjectInfo]:
        folder = prefix.rpartition("/")[0]
        chunk = min(limit + 1, LARGEST_PAGE)
        offset = max(filter(None, (after, _before(prefix))), default=None)
        for metas in obstore.list(self._store, folder or None, offset=offset, chunk_size=chunk):
            for meta in metas:
                if meta["path"].startswith(prefix):
                    modified = meta["last_modified"].timestamp()
                    yield ObjectInfo(meta["path"], meta["size"], modified, _listed_revision(meta))
                elif meta["path"] > prefix:
                    return  # keys come in order: none that begins so is left


def _before(prefix: str) -> str | None:
    """What comes before all keys that begin with part of a name, and after those before; None of a folder."""
    if not prefix or prefix.endswith("/"):
        return None
    # A slash that nothing stands before is no path: '0' follows it, and '.' comes before both.
    last = "." if prefix[-1] == "0" else chr(ord(prefix[-1]) - 1)
    return f"{prefix[:-1]}{last}~"


class _Translated:
    """obstore's errors become ours. What the cloud said stays in the chain of causes, for the log."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, FileNotFoundError):
            _check_bucket(error)
            raise ObjectNotFound(f"the object store holds no '{self._key}'") from error
        if isinstance(error, _REFUSED):
            raise AccessRefused("the object storage refuses access") from error
        if isinstance(error, (obstore.exceptions.BaseError, OSError)):
            raise Unavailable("the object storage did not answer") from error


_REFUSED = (obstore.exceptions.PermissionDeniedError, obstore.exceptions.UnauthenticatedError)


def _check_bucket(error: FileNotFoundError) -> None:
    # S3's name for it, GCS's, and Azure's; without this a wrong setting would look like an empty store
    if any(sign in str(error) for sign in ("NoSuchBucket", "bucket does not exist", "ContainerNotFound")):
        raise Unavailable("the object storage has no such bucket") from error


def _revision(found: PutResult | ObjectMeta) -> str:
    return f"{found['e_tag'] or ''}{_SEPARATOR}{found['version'] or ''}"


def _listed_revision(found: ObjectMeta) -> str:
    """Azure lists ETags without the quotation marks that everything else has them in."""
    e_tag = found["e_tag"] or ""
    return _revision({**found, "e_tag": e_tag if '"' in e_tag else f'"{e_tag}"'})


def _halves(revision: str) -> tuple[str, str]:
    e_tag, _, version = revision.partition(_SEPARATOR)
    return e_tag, version


def _read(result: GetResult) -> StoredObject:
    return StoredObject(result.bytes().to_bytes(), _revision(result.meta))
