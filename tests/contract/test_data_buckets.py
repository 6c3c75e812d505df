"""Somebody's own data is read where it is: on every cloud's storage, exactly by its name, of one revision."""

import pytest

from ml_core.errors import ObjectNotFound, Unavailable
from tests.contract.backend import backend
from tests.contract.places import Place


def test_what_is_there_is_read_with_its_size_and_revision(place: Place) -> None:
    data = b"a,b\n" + b"1,2\n" * 400_000
    opened = backend(place.cloud).lake(place.address, {"exports/a.csv": data}).opened("exports/a.csv")
    assert opened.size == len(data)
    assert opened.revision
    assert b"".join(opened.chunks) == data


@pytest.mark.parametrize(
    "key", ["a b.csv", "50%25.csv", "%2e%2e/a.csv", "a+b&c=d.csv", "größe/重さ.csv", "~.csv"]
)
def test_a_name_is_read_letter_by_letter(place: Place, key: str) -> None:
    """Nothing in it is decoded on the way: what the allow-list saw is what is read."""
    objects = {key: b"this", "a.csv": b"not this", "50%.csv": b"nor this"}
    assert b"".join(backend(place.cloud).lake(place.address, objects).opened(key).chunks) == b"this"


def test_what_is_not_there_is_not_found(place: Place) -> None:
    lake = backend(place.cloud).lake(place.address, {"exports/a.csv": b"x"})
    for key in ("exports/b.csv", "exports", "exports/a.csv/b", "none"):
        with pytest.raises(ObjectNotFound):
            lake.opened(key)


def test_what_changes_before_it_is_read_is_not_read_as_what_it_was(place: Place) -> None:
    lake = backend(place.cloud).lake(place.address, {"a.csv": b"old"})
    opened = lake.opened("a.csv")
    backend(place.cloud).lake(place.address, {"a.csv": b"newer"})
    with pytest.raises(Unavailable, match="changed while it was being read"):
        b"".join(opened.chunks)
    assert lake.opened("a.csv").revision != opened.revision
