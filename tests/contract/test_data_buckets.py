"""Somebody's own data is read where it is: on every cloud's storage, exactly by its name, of one revision."""

import importlib
import json
import secrets
from collections.abc import Callable

import boto3
import pytest

from handlers.clouds.bootstrap import cloud_services
from handlers.local.services import folder_services
from handlers.settings import read_settings
from ml_core.datasets.sources import upload_key
from ml_core.errors import InvalidInput, ObjectExists, ObjectNotFound, RevisionMismatch, Unavailable
from ml_core.objects import LARGEST_PAGE, Page
from ml_core.ports import DataStore
from tests.contract.backend import Address, backend, stores
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


def test_a_folder_is_listed_in_the_order_of_its_names_with_what_is_opened(place: Place) -> None:
    objects = {
        "day/b.csv": b"xy",
        "day/a/deep.csv": b"1",
        "day/a.csv": b"",
        "day/größe 50%25+&.csv": b"z",
        "days.csv": b"no",
    }
    lake = backend(place.cloud).lake(place.address, objects)
    page = lake.listed("day/")
    names = ["day/a.csv", "day/a/deep.csv", "day/b.csv", "day/größe 50%25+&.csv"]
    assert [each.key for each in page.objects] == names
    assert [each.size for each in page.objects] == [0, 1, 2, 1]
    assert page.next_after is None
    for each in page.objects:
        assert lake.part(each.key, 0, 10, each.revision) == objects[each.key]
        assert lake.part(each.key, 0, 10, lake.opened(each.key).revision) == objects[each.key]
    first = lake.listed("day/", limit=3)
    assert [each.key for each in first.objects] == names[:3]
    assert [each.key for each in lake.listed("day/", after=first.next_after).objects] == names[3:]
    assert lake.listed("day/", after=names[-1]) == Page([], None)
    assert lake.listed("night/") == Page([], None)


def test_more_files_than_a_page_holds_are_listed_page_by_page(place: Place) -> None:
    names = [f"many/{number:04}.csv" for number in range(LARGEST_PAGE + 3)]
    backend(place.cloud).lake(place.address, dict.fromkeys(names, b"1"))
    sources = place.reopening.open().data
    address = f"{backend(place.cloud).lake_address(place.address)}many/"
    found = sources.files(address)
    assert [file.uri for file in found] == [address + name.removeprefix("many/") for name in names]
    assert sources.part(found[-1], 0, 1) == b"1"


type ReadPart = Callable[[DataStore, str, int, int, str], bytes]


def _read_part(lake: DataStore, key: str, begin: int, end: int, revision: str) -> bytes:
    return lake.part(key, begin, end, revision)


def _read_part_into(lake: DataStore, key: str, begin: int, end: int, revision: str) -> bytes:
    memory = bytearray(b"?" * (end - begin))
    read = lake.part_into(key, begin, memoryview(memory), revision)
    assert memory[read:] == b"?" * (end - begin - read)
    return bytes(memory[:read])


@pytest.mark.parametrize("read_part", [_read_part, _read_part_into])
def test_a_part_is_read_of_exactly_the_revision_that_was_seen(place: Place, read_part: ReadPart) -> None:
    data = bytes(range(256)) * 40
    lake = backend(place.cloud).lake(place.address, {"p/a.csv": data, "p/none.csv": b""})
    (seen, empty) = lake.listed("p/").objects
    assert read_part(lake, "p/a.csv", 0, len(data), seen.revision) == data
    assert read_part(lake, "p/a.csv", 3, 1000, seen.revision) == data[3:1000]
    assert read_part(lake, "p/a.csv", 10_000, 99_999, seen.revision) == data[10_000:]
    for begin, end in ((7, 7), (0, 0), (len(data), len(data) + 1), (99_999, 100_000)):
        assert read_part(lake, "p/a.csv", begin, end, seen.revision) == b""
    assert read_part(lake, "p/none.csv", 0, 100, empty.revision) == b""
    with pytest.raises(ValueError, match="no range"):
        lake.part("p/a.csv", 3, 2, seen.revision)
    backend(place.cloud).lake(place.address, {"p/a.csv": data[::-1]})
    for begin, end in ((0, 10), (5, 5), (len(data), len(data) + 1)):
        with pytest.raises(RevisionMismatch):
            read_part(lake, "p/a.csv", begin, end, seen.revision)
    for end in (10, 0):
        with pytest.raises(ObjectNotFound):
            read_part(lake, "p/gone.csv", 0, end, seen.revision)


# What a function of each cloud has from its platform and not from our configuration.
CREDENTIALS = {
    "aws": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"),
    "azure": ("ML_STORAGE",),
    "google": (),
    "local": (),
}


def test_another_process_opens_the_places_of_a_function(place: Place) -> None:
    """By what is handed to it alone, which is values of JSON and no secret."""
    cloud, address = place
    at = backend(cloud).lake_address(address)
    name = f"of-{secrets.token_hex(4)}"
    backend(cloud).lake(address, {f"{name}/a.csv": b"of the lake"})
    settings = {"ML_DATA_BUCKETS": at, "ML_OUTPUT_BUCKETS": f"{at}{name}/"}
    if cloud == "local":
        root = address["folder"]
        environment = {"ML_ROOT": root, "ML_DATA_ROOT": f"{root}/lake", "ML_OUTPUT_BUCKETS": f"file:{name}"}
        services = folder_services(read_settings(environment), key_records=None)
    else:
        environment = {**address, **settings, "ML_BUCKET": address.get("bucket", "")}
        wiring = importlib.import_module(f"providers.{cloud}.runtime.wiring")
        services = cloud_services(wiring, read_settings(environment), environment)
    services.store.put_if_absent(upload_key(name, "01"), b"an upload")
    assert services.reopening is not None
    told = json.dumps(services.reopening)
    secret = {name: address[name] for name in CREDENTIALS[cloud]}
    assert not [each for each in secret.values() if each in told]
    for uri, content in ((f"dataset://{name}", b"an upload"), (f"{at}{name}/", b"of the lake")):
        (file,) = services.data.files(uri)
        reading = place.process("read_part", told, *map(str, file), **secret)
        assert reading.communicate()[0] == content.decode()
    writing = place.process("write_result", told, f"{at}{name}/b.csv", "a result", **secret)
    assert writing.wait() == 0
    assert services.outputs.size(f"{at}{name}/b.csv") == len("a result")


def test_results_are_written_once_below_what_is_allowed(place: Place) -> None:
    at = f"{backend(place.cloud).lake_address(place.address)}out/"
    outputs = place.reopening.open().outputs
    assert str(outputs.check(f"{at}größe 50%25/")) == f"{at}größe 50%25/"
    uri = f"{at}größe 50%25/{secrets.token_hex(4)}.csv"
    with pytest.raises(ObjectNotFound):
        outputs.size(uri)
    outputs.put_if_absent(uri, b"first")
    with pytest.raises(ObjectExists):
        outputs.put_if_absent(uri, b"again")
    assert outputs.size(uri) == len(b"first")
    (file,) = place.reopening.open().data.files(uri)
    assert place.reopening.open().data.part(file, 0, 9) == b"first"
    with pytest.raises(InvalidInput, match="ML_OUTPUT_BUCKETS"):
        outputs.put_if_absent(f"{at.removesuffix('out/')}a.csv", b"x")


@pytest.mark.parametrize("running", ["aws"], indirect=True)
@pytest.mark.parametrize("key", ["bad//a.csv", "bad/./a.csv", "bad/a\nb.csv"])
def test_a_name_that_no_address_has_is_told(running: tuple[str, Address], key: str) -> None:
    """Else a job would wait for a store that seems not to answer; the adapter of other clouds is the same."""
    cloud, address = running
    client = boto3.client(
        "s3",
        endpoint_url=address["AWS_ENDPOINT_URL"],
        region_name=address["AWS_REGION"],
        aws_access_key_id=address["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=address["AWS_SECRET_ACCESS_KEY"],
    )
    client.put_object(Bucket="lake", Key=key, Body=b"x")
    try:
        with pytest.raises(InvalidInput, match=r"expected files in s3://lake/bad/ whose names can be in"):
            stores(cloud, address).data.files("s3://lake/bad/")
    finally:
        client.delete_object(Bucket="lake", Key=key)
