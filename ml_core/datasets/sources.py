"""Where training data may come from, and reading it from there.

    dataset://churn                 an upload of this service's own: the newest of that name
    dataset://churn/018f…           one upload of it
    scheme://bucket/path/file.csv   a bucket of the allow-list; which schemes there are, the deployment says
    file:customers.csv              a file under the laptop's data folder
    scheme://bucket/path/           a folder of files: the slash at the end says so
    file:customers/                 a folder under the laptop's data folder

Nothing else is read: no http, no address that a caller makes up, no path that leaves its place. What may be
read is decided from the text of the address before anything is opened.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from typing import NamedTuple

from ml_core.errors import (
    AccessRefused,
    InvalidInput,
    MalformedInput,
    ObjectNotFound,
    RevisionMismatch,
    shown,
)
from ml_core.names import check_name, is_name
from ml_core.objects import LONGEST_KEY, ObjectInfo, Opened
from ml_core.ports import DataStore, ObjectStore

WHERE = "$.data.uri"
DATASET, FILE = "dataset", "file"
UPLOADS = "datasets/"
MOST_FILES = 100_000  # of a folder
ANY_DATASET = frozenset({"*"})  # which is no name
_HIDDEN = ("_", ".")  # how names begin that engines give to what is no data: `_SUCCESS`, `.crc` files

# The schemes of buckets, each with whether a name is one that such a bucket may have.
type Schemes = Mapping[str, Callable[[str], bool]]
# The key in the deployment's own store that scheme, place and key of an address lead to, as far as its text
# tells; empty for all of the store, None for another place.
type OwnKey = Callable[[str, str, str], str | None]


class Location(NamedTuple):
    """An address in its parts: `place` is a bucket or a dataset's name, empty for files.

    The key of a folder ends in a slash; that of a whole bucket is empty.
    """

    scheme: str
    place: str
    key: str

    @property
    def is_folder(self) -> bool:
        """Whether it is the address of all files below it."""
        return self.scheme != DATASET and (not self.key or self.key.endswith("/"))

    def holds(self, other: "Location") -> bool:
        """Whether another one is below it: in this bucket or, where it names a folder, below that."""
        same = (self.scheme, self.place) == (other.scheme, other.place)
        return same and (not self.key or other.key.startswith(f"{self.key.removesuffix('/')}/"))

    def __str__(self) -> str:
        if self.scheme == FILE:
            return f"{FILE}:{self.key}"
        return f"{self.scheme}://{self.place}" + (f"/{self.key}" if self.key or self.is_folder else "")


class DataFile(NamedTuple):
    """One object as it was at a moment: its address, its bytes, and the revision that it had."""

    uri: str
    size: int
    revision: str


def location_of(uri: object, schemes: Schemes, where: str = WHERE, *, folder: str = "") -> Location:
    """The parts of an address. Raises `InvalidInput` for one that is none, whatever may be read.

    `folder` is where files are looked for, so that who named one can be told.
    """
    if not isinstance(uri, str):
        raise InvalidInput.at(where, f"expected an address as a string, got {shown(uri)}")
    scheme, colon, rest = uri.partition(":")
    if not colon or scheme == FILE:
        return Location(FILE, "", _checked_path(rest if colon else uri, where, folder))
    if scheme not in (DATASET, *schemes) or not rest.startswith("//"):
        expected = ", ".join(f"{each}://" for each in (DATASET, *schemes))
        raise InvalidInput.at(
            where, f"expected an address that begins with {expected} or {FILE}:, got {shown(uri)}"
        )
    place, slash, key = rest[2:].partition("/")
    if scheme == DATASET:
        check_name(place, where)
        return Location(scheme, place, _checked_key(key, where) if slash else "")
    if not schemes[scheme](place) or not slash:
        raise InvalidInput.at(where, f"expected {scheme}://bucket/path, got {shown(uri)}")
    return Location(scheme, place, _checked_path(key, where) if key else "")


def _checked_path(path: str, where: str, folder: str = "") -> str:
    """The key of a file, or that of a folder, which ends in a slash."""
    return _checked_key(path.removesuffix("/"), where, folder) + ("/" if path.endswith("/") else "")


def _checked_key(key: str, where: str, folder: str = "") -> str:
    segments = key.split("/")
    if "" in segments or "." in segments or ".." in segments or "\\" in key:
        raise InvalidInput.at(
            where,
            "expected a path without backslashes and without empty, '.' or '..' segments, "
            f"got {shown(key)}{_looked(folder)}",
        )
    if any(character < " " or character == "\x7f" for character in key) or not _fits(key):
        raise InvalidInput.at(
            where,
            f"expected a path of at most {LONGEST_KEY} bytes without control characters{_looked(folder)}",
        )
    return key


def _looked(folder: str) -> str:
    """Where files are looked for, as the end of a message; nothing where there is no such folder."""
    return f"; files are looked for below {folder}, and ML_DATA_ROOT names another folder" if folder else ""


def _fits(key: str) -> bool:
    try:
        return len(key.encode()) <= LONGEST_KEY
    except UnicodeEncodeError:
        return False


def allow_list(text: str, schemes: Schemes, *, files: bool = False) -> tuple[Location, ...]:
    """The allow-list of a setting: addresses of buckets, or of folders in them, separated by commas.

    Args:
        text: the setting.
        schemes: those of buckets.
        files: whether it may name folders below the laptop's data folder too.

    Raises `InvalidInput`.
    """
    allowed = []
    for entry in filter(None, map(str.strip, text.split(","))):
        uri = entry.rstrip("/")
        if files and uri.startswith(f"{FILE}:"):
            allowed.append(location_of(uri, schemes, "allow-list"))
            continue
        found = location_of(uri if uri.count("/") > 2 else f"{uri}/-", schemes, "allow-list")
        if found.scheme not in schemes:
            expected = " or ".join(f"{each}://bucket" for each in schemes)
            raise InvalidInput.at("allow-list", f"expected an address such as {expected}, got {shown(entry)}")
        allowed.append(found if uri.count("/") > 2 else found._replace(key=""))
    return tuple(allowed)


class DataSources:
    """What this deployment may read training data from.

    `uploads` makes its own store, `folder` the laptop's data folder, and `bucket` opens a bucket by scheme
    and name; None where there is no such thing. `place` is that folder's path, which messages say. `schemes`
    are those of buckets that an address may have. `own_key` says what of the own store an address leads to
    that is not a dataset's.
    """

    def __init__(
        self,
        *,
        uploads: Callable[[], ObjectStore],
        folder: Callable[[], DataStore] | None = None,
        place: str = "",
        bucket: Callable[[str, str], DataStore] | None = None,
        schemes: Schemes = {},  # noqa: B006 - a mapping that nobody changes
        allowed: tuple[Location, ...] = (),
        own_key: OwnKey = lambda *_: None,
    ) -> None:
        self._uploads = uploads
        self._own_key = own_key
        self._folder = folder
        self._place = place
        self._bucket = bucket
        self._schemes = schemes
        self._allowed = allowed
        self._stores: dict[tuple[str, str], DataStore] = {}

    def check(self, uri: object, where: str = WHERE) -> Location:
        """The location, if it may be read. Nothing is opened. Raises `InvalidInput`."""
        found = location_of(uri, self._schemes, where, folder=self._place)
        if found.scheme == FILE and self._folder is None:
            raise InvalidInput.at(
                where, "file: addresses work on the local server only: upload a dataset, or name a bucket"
            )
        if found.scheme in self._schemes and (
            self._bucket is None or not any(each.holds(found) for each in self._allowed)
        ):
            raise InvalidInput.at(
                where,
                f"expected an address that ML_DATA_BUCKETS allows, got {found}",
            )
        return found

    def reached(self, uri: object) -> frozenset[str]:
        """The datasets whose rows may be found at an address, in lower case; `ANY_DATASET` where any may be.

        That is decided from the address's text, whatever is there and whoever may read it. Whoever means one
        dataset gets one; of the own store all but datasets' uploads may hold what was made of any. Raises
        `InvalidInput` for what is no address.
        """
        found = location_of(uri, self._schemes, folder=self._place)
        if found.scheme == DATASET:
            return frozenset({found.place.lower()})
        key = self._own_key(*found)
        return frozenset() if key is None else _dataset_of(key)

    def as_upload(self, uri: str) -> str:
        """The address of the upload that another address leads to; any other address is returned as it is.

        Of a folder that holds all uploads of a dataset it is the dataset's, without an upload's id.
        """
        try:
            found = location_of(uri, self._schemes, folder=self._place)
        except InvalidInput:
            return uri
        key = None if found.scheme == DATASET else self._own_key(*found)
        if key is None or (named := _dataset_of(key)) == ANY_DATASET:
            return uri
        parts = key.split("/")
        if len(parts) == 3 and parts[2]:
            return "{}://{}/{}".format(DATASET, *upload_in(key))
        (name,) = named
        return f"{DATASET}://{name}/"

    def settled(self, uri: str) -> str:
        """The address of the same data that never changes: for a dataset, its newest upload's.

        A job reads the same upload however often it is tried. What this deployment keeps itself has to be
        there; of a bucket only the trainer can tell. A folder keeps its address: which files it has is found
        out by `files`. Raises `InvalidInput` and `Unavailable`.
        """
        found = self.check(uri)
        if found.scheme in self._schemes:
            return uri
        if found.is_folder:
            self._check_filled(found, next(self._below(found), None))
            return str(found)
        return str(self.open(uri)[0])

    def open(self, uri: str) -> tuple[Location, Opened]:
        """The data, and where exactly it is: of a dataset, which upload.

        Raises `InvalidInput` where it may not be read, is not there or is a folder, and `Unavailable`.
        """
        found = self.check(uri)
        if found.is_folder:
            raise InvalidInput.at(WHERE, f"expected the address of a file, got that of a folder: {found}")
        with self._told(found):
            if found.scheme == DATASET:
                found = found._replace(key=self._upload(found.place, found.key))
                return found, self._uploads().opened(upload_key(found.place, found.key))
            return found, self._store_of(found).opened(found.key)

    def files(self, uri: str) -> list[DataFile]:
        """The files of a folder in the order of their keys, each as it is now; of a file, itself.

        Files in folders below it belong to it. Left out are empty ones, and what has a name, or is in a
        folder with a name, that begins with `_` or `.`. Raises `InvalidInput` where there is none, more than
        `MOST_FILES`, or nothing that may be read, and `Unavailable`.
        """
        folder = self.check(uri)
        if not folder.is_folder:
            location, opened = self.open(uri)
            return [DataFile(str(location), opened.size, opened.revision)]
        files = list(islice(self._below(folder), MOST_FILES + 1))
        self._check_filled(folder, files[0] if files else None)
        if len(files) > MOST_FILES:
            raise InvalidInput.at(WHERE, f"expected at most {MOST_FILES:,} files in {folder}, got more")
        return files

    def part(self, file: DataFile, begin: int, end: int) -> bytes:
        """The bytes of a file from `begin` to before `end`, as it was when it was found.

        Raises `RevisionMismatch` where it changed or is gone, `InvalidInput` where it may not be read, and
        `Unavailable`.
        """
        with self._as_found(file) as (store, key):
            return store.part(key, begin, end, file.revision)

    def part_into(self, file: DataFile, begin: int, to: memoryview) -> int:
        """Read as many bytes as `to` has from `begin` on into it; how many there were. Raises as `part`."""
        with self._as_found(file) as (store, key):
            return store.part_into(key, begin, to, file.revision)

    @contextmanager
    def _as_found(self, file: DataFile) -> Iterator[tuple[ObjectStore | DataStore, str]]:
        """The store and the key of a file that is to be as it was. Raises as `part`."""
        found = self.check(file.uri)
        with self._told(found):
            try:
                if found.scheme == DATASET:
                    yield self._uploads(), upload_key(found.place, found.key)
                else:
                    yield self._store_of(found), found.key
            except (RevisionMismatch, ObjectNotFound) as error:
                raise RevisionMismatch(f"{found} changed, or went away, after it was looked at") from error

    def _store_of(self, found: Location) -> DataStore:
        """The bucket or the folder of a checked location, opened once. Raises `ObjectNotFound`."""
        place = found.scheme, found.place
        if place not in self._stores:
            if found.scheme == FILE and self._folder is not None:
                self._stores[place] = self._folder()
            elif found.scheme in self._schemes and self._bucket is not None:
                self._stores[place] = self._bucket(*place)
            else:
                raise ObjectNotFound(str(found))
        return self._stores[place]

    def _below(self, folder: Location) -> Iterator[DataFile]:
        """The files of a folder that are data. Raises `InvalidInput`, `Unavailable`."""
        with self._told(folder):
            store, after = self._store_of(folder), None
            while True:
                page = store.listed(folder.key, after=after)
                for each in page.objects:
                    if each.size and not _is_hidden(each.key.removeprefix(folder.key)):
                        _check_listed(each.key, folder)
                        yield DataFile(str(folder._replace(key=each.key)), each.size, each.revision)
                after = page.next_after
                if after is None:
                    return

    def _check_filled(self, folder: Location, first: DataFile | None) -> None:
        if first is None:
            looked = _looked(self._place) if folder.scheme == FILE else ""
            raise InvalidInput.at(WHERE, f"no files were found in {folder}{looked}")

    @contextmanager
    def _told(self, found: Location) -> Iterator[None]:
        """What a store refuses becomes the caller's fault, if that can be mended by another address."""
        try:
            yield
        except ObjectNotFound:
            looked = _looked(self._place) if found.scheme == FILE else ""
            bare = found.scheme != DATASET and "." not in found.key.rpartition("/")[2]
            folder = "; the address of a folder ends with a slash" if bare else ""
            raise InvalidInput.at(WHERE, f"nothing was found at {found}{folder}{looked}") from None
        except MalformedInput as error:
            raise _unnameable(found, str(error)) from error
        except AccessRefused as error:
            if found.scheme == DATASET:
                raise  # our own store: that is nothing which the caller could mend
            raise InvalidInput.at(
                WHERE,
                f"the trainer may not read {found}: it lacks the permission, or nothing is there",
            ) from error

    def _upload(self, name: str, upload: str) -> str:
        """The id of an upload of a dataset; of the newest where none is named. Raises `ObjectNotFound`."""
        if "." in upload:
            raise ObjectNotFound(upload)  # what follows a dot in a key is no part of an id
        if upload:
            return upload
        found = newest_upload(self._uploads(), name)
        if found is None:
            raise ObjectNotFound(uploads_of(name))
        spelled, upload = upload_in(found.key)
        if spelled != name:
            raise InvalidInput.at(
                WHERE, f"there is no dataset '{name}'; upper and lower case matter, and '{spelled}' exists"
            )
        return upload


def _dataset_of(key: str) -> frozenset[str]:
    """The dataset whose upload is at a key of the own store, or below it; `ANY_DATASET` for other keys."""
    folder, _, rest = key.lower().partition("/")
    name, slash, _ = rest.partition("/")
    named = f"{folder}/" == UPLOADS and slash and is_name(name)  # what is encoded in it may mean another
    return frozenset({name}) if named else ANY_DATASET


def uploads_of(name: str) -> str:
    """What the keys of a dataset's uploads begin with, in whatever spelling."""
    return f"{UPLOADS}{name.lower()}/"


def upload_key(name: str, upload: str) -> str:
    """Where an upload of a dataset is kept; the ids of later uploads sort before those of earlier ones.

    Spellings of a name share a folder, so that two of them are never both there; the key ends in a spelling
    with capitals.
    """
    return f"{uploads_of(name)}{upload}" + ("" if name == name.lower() else f".{name}")


def upload_in(key: str) -> tuple[str, str]:
    """The dataset's name, as it was spelled, and the upload's id of a key that `upload_key` has made."""
    _, folder, file = key.split("/")
    upload, _, spelled = file.partition(".")
    return spelled or folder, upload


def newest_upload(store: ObjectStore, name: str) -> ObjectInfo | None:
    """The newest upload, in whatever spelling, which is then the dataset's own. Raises `Unavailable`."""
    return next(iter(store.list(uploads_of(name), limit=1).objects), None)


def _check_listed(key: str, folder: Location) -> None:
    """Refuse a folder with a file that no address names: it would be left out without a word."""
    try:
        _checked_key(key, WHERE)
    except InvalidInput:
        raise _unnameable(folder, key) from None


def _unnameable(folder: Location, found: str) -> InvalidInput:
    return InvalidInput.at(
        WHERE, f"expected files in {folder} whose names can be in an address, got {shown(found)}"
    )


def _is_hidden(path: str) -> bool:
    """Whether a path below a folder is none of its data: engines name what they leave beside it so."""
    return any(segment.startswith(_HIDDEN) for segment in path.split("/"))
