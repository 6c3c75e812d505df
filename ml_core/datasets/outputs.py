"""Where results may be written beside the deployment's own store, and writing them there.

    scheme://bucket/path/           a folder of a bucket that ML_OUTPUT_BUCKETS allows, or below one
    file:scores/                    the same below the laptop's data folder

As of data, what is allowed is decided from the text of the address before anything is opened. What is there
already stays: an object is written once, whole, or not at all.
"""

from collections.abc import Callable

from ml_core.datasets.sources import FILE, Location, Schemes, location_of
from ml_core.errors import AccessRefused, InvalidInput, ObjectExists, ObjectNotFound
from ml_core.ports import OtherBucket

WHERE = "$.to.uri"


class OutputPlaces:
    """The folders that this deployment may write results to.

    `allowed` are buckets, or folders in them, and on a laptop folders below its data folder, which `folder`
    makes. `bucket` opens a bucket by scheme and name; None where there is none to open. `schemes` are those
    of buckets that an address may have.
    """

    def __init__(
        self,
        allowed: tuple[Location, ...] = (),
        schemes: Schemes = {},  # noqa: B006 - a mapping that nobody changes
        folder: Callable[[], OtherBucket] | None = None,
        bucket: Callable[[str, str], OtherBucket] | None = None,
    ) -> None:
        self._allowed = allowed
        self._schemes = schemes
        self._folder = folder
        self._bucket = bucket
        self._opened: dict[tuple[str, str], OtherBucket] = {}

    def check(self, uri: object, where: str = WHERE) -> Location:
        """The folder, if results may be written to it. Nothing is opened. Raises `InvalidInput`."""
        found = self._allowed_at(uri, where)
        if not found.is_folder:
            raise InvalidInput.at(
                where, f"expected the address of a folder, with a slash at its end, got {found}"
            )
        return found

    def open(self, uri: str) -> tuple[OtherBucket, str]:
        """The place that an allowed address is in, and the address' key there: of a folder, keys' beginning.

        Raises `InvalidInput`, `Unavailable`.
        """
        found = self._allowed_at(uri, WHERE)
        place = found.scheme, found.place
        if place not in self._opened:
            if found.scheme == FILE and self._folder is not None:
                self._opened[place] = self._folder()
            elif self._bucket is not None:
                self._opened[place] = self._bucket(*place)
        return self._opened[place], found.key

    def put_if_absent(self, uri: str, data: bytes) -> None:
        """Write an object whose address is below an allowed folder, whole or not at all.

        Raises `ObjectExists`, `InvalidInput` where it may not be written, and `Unavailable`.
        """
        place, key = self.open(uri)
        try:
            place.put_if_absent(key, data)
        except AccessRefused as error:
            # Cloud Storage may refuse what would replace something to who may only add.
            if _is_there(place, key):
                raise ObjectExists(f"there is something at {uri} already") from error
            raise InvalidInput.at(
                WHERE, f"the trainer may not write {uri}: it lacks the permission, or the bucket is not there"
            ) from error

    def size(self, uri: str) -> int:
        """The bytes of an object. Raises `ObjectNotFound`, `InvalidInput`, `Unavailable`."""
        place, key = self.open(uri)
        return place.opened(key).size

    def _allowed_at(self, uri: object, where: str) -> Location:
        found = location_of(uri, self._schemes, where)
        if found.scheme == FILE and self._folder is None:
            raise InvalidInput.at(where, "file: addresses work on the local server only: name a bucket")
        may_be_opened = found.scheme == FILE or (found.scheme in self._schemes and self._bucket is not None)
        if not may_be_opened or not any(each.holds(found) for each in self._allowed):
            raise InvalidInput.at(
                where,
                f"expected an address that ML_OUTPUT_BUCKETS allows, got {found}: leave it out, and results "
                "go to this service's own store",
            )
        return found


def _is_there(place: OtherBucket, key: str) -> bool:
    try:
        place.opened(key)
    except (ObjectNotFound, AccessRefused):
        return False
    return True
