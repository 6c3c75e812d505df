"""Where training data may come from, and reading it from there.

    dataset://churn                 an upload of this service's own: the newest of that name
    dataset://churn/018f…           one upload of it
    scheme://bucket/path/file.csv   a bucket of the allow-list; which schemes there are, the deployment says
    file:customers.csv              a file under the laptop's data folder

Nothing else is read: no http, no address that a caller makes up, no path that leaves its place. What may be
read is decided from the text of the address before anything is opened.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from ml_core.errors import AccessRefused, InvalidInput, ObjectNotFound, shown
from ml_core.names import check_name
from ml_core.ports import LONGEST_KEY, DataStore, ObjectInfo, ObjectStore, Opened

WHERE = "$.data.uri"
DATASET, FILE = "dataset", "file"
UPLOADS = "datasets/"

# The schemes of buckets, each with whether a name is one that such a bucket may have.
type Schemes = Mapping[str, Callable[[str], bool]]


class Location(NamedTuple):
    """An address in its parts: `place` is a bucket or a dataset's name, empty for files."""

    scheme: str
    place: str
    key: str

    def __str__(self) -> str:
        if self.scheme == FILE:
            return f"{FILE}:{self.key}"
        return f"{self.scheme}://{self.place}" + (f"/{self.key}" if self.key else "")


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
        return Location(FILE, "", _checked_key(rest if colon else uri, where, folder))
    if scheme not in (DATASET, *schemes) or not rest.startswith("//"):
        expected = ", ".join(f"{each}://" for each in (DATASET, *schemes))
        raise InvalidInput.at(
            where, f"expected an address that begins with {expected} or {FILE}:, got {shown(uri)}"
        )
    place, slash, key = rest[2:].partition("/")
    if scheme == DATASET:
        check_name(place, where)
    elif not schemes[scheme](place) or not slash:
        raise InvalidInput.at(where, f"expected {scheme}://bucket/path, got {shown(uri)}")
    return Location(scheme, place, _checked_key(key, where) if slash else "")


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


def allow_list(text: str, schemes: Schemes) -> tuple[Location, ...]:
    """The allow-list of a setting: addresses of buckets, or of folders in them, separated by commas.

    Raises `InvalidInput`.
    """
    allowed = []
    for entry in filter(None, map(str.strip, text.split(","))):
        uri = entry.rstrip("/")
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
    are those of buckets that an address may have.
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
    ) -> None:
        self._uploads = uploads
        self._folder = folder
        self._place = place
        self._bucket = bucket
        self._schemes = schemes
        self._allowed = allowed

    def check(self, uri: object, where: str = WHERE) -> Location:
        """The location, if it may be read. Nothing is opened. Raises `InvalidInput`."""
        found = location_of(uri, self._schemes, where, folder=self._place)
        if found.scheme == FILE and self._folder is None:
            raise InvalidInput.at(
                where, "file: addresses work on the local server only: upload a dataset, or name a bucket"
            )
        if found.scheme in self._schemes and (
            self._bucket is None or not any(_within(found, a) for a in self._allowed)
        ):
            raise InvalidInput.at(
                where,
                f"expected an address that ML_DATA_BUCKETS allows, got {found}",
            )
        return found

    def settled(self, uri: str) -> str:
        """The address of the same data that never changes: for a dataset, its newest upload's.

        A job reads the same upload however often it is tried. What this deployment keeps itself has to be
        there; of a bucket only the trainer can tell. Raises `InvalidInput` and `Unavailable`.
        """
        return uri if self.check(uri).scheme in self._schemes else str(self.open(uri)[0])

    def open(self, uri: str) -> tuple[Location, Opened]:
        """The data, and where exactly it is: of a dataset, which upload.

        Raises `InvalidInput` where it may not be read or is not there, and `Unavailable`.
        """
        found = self.check(uri)
        try:
            if found.scheme == FILE and self._folder is not None:
                return found, self._folder().opened(found.key)
            if found.scheme in self._schemes and self._bucket is not None:
                return found, self._bucket(found.scheme, found.place).opened(found.key)
            upload = self._upload(found.place, found.key)
            return found._replace(key=upload), self._uploads().opened(upload_key(found.place, upload))
        except ObjectNotFound:
            looked = _looked(self._place) if found.scheme == FILE else ""
            raise InvalidInput.at(WHERE, f"nothing was found at {found}{looked}") from None
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


def _within(found: Location, allowed: Location) -> bool:
    """Whether a location is in an allowed bucket, below the allowed folder."""
    same = (found.scheme, found.place) == (allowed.scheme, allowed.place)
    return same and (not allowed.key or found.key.startswith(f"{allowed.key}/"))
