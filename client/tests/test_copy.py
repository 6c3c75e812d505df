"""A version goes from one service to another: two services, two keys, and nothing to the wrong one."""

import asyncio
import json
import os
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from serverless_ml import AsyncClient, Client, InvalidArgument, NotAllowed, NotFound
from serverless_ml.lineage import MOST_BYTES, MOST_LEVELS, bounded, fits, origin_of

from client.tests.misbehaving import Misbehaving
from client.tests.service import ROOT, SERVER_PYTHON, Service


@pytest.fixture(scope="module")
def production(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, str, str]]:
    """A service with keys of its own: its address, a key that may do all, and one that may only predict."""
    folder = tmp_path_factory.mktemp("production")
    made = []
    for role in ("admin", "predict"):
        command = (SERVER_PYTHON, "-m", "providers", "keys", "new", "--cloud", "local", "--role", role)
        said = subprocess.check_output(
            command, cwd=ROOT, env={**os.environ, "ML_ROOT": str(folder)}, text=True
        )
        made.append(said.split()[-1])
    with Service(folder) as started:
        yield started, made[0], made[1]


@pytest.fixture(scope="module")
def other(production: tuple[Service, str, str]) -> Iterator[Client]:
    service, key, _ = production
    with Client(service.url, key=key, progress=False) as client:
        yield client


def test_a_copy_is_the_same_bytes_and_says_where_it_is_from(ml: Client, other: Client, fruit: str) -> None:
    source = ml.model(fruit).version(1)
    made = ml.copy(f"{fruit}@1", to=other, alias="production")
    assert made.sha256 == source.sha256
    assert other.model(fruit).artifact(made.version) == ml.model(fruit).artifact(1)
    assert other.model(fruit).alias().version == made.version
    assert made.registered is not None
    origin = made.registered["origin"]
    assert origin["description"] == f"copied from fruit version 1 at {ml.url}"
    assert origin["version"]["service"] == ml.url
    for member in ("name", "version", "sha256", "metrics", "lineage", "created", "job", "hyperparameters"):
        assert origin["version"][member] == source.raw[member], member
    assert origin["library_versions"] == source.library_versions
    assert other.predict(fruit, [[120, 0.9]]) == ml.predict(f"{fruit}@1", [[120, 0.9]])


def test_a_copy_of_a_copy_tells_the_whole_way(ml: Client, other: Client, fruit: str) -> None:
    first = ml.copy(f"{fruit}@2", to=other, model="way")
    second = other.copy(f"way@{first.version}", to=ml, model="way-back")
    assert second.registered is not None
    there = second.registered["origin"]["version"]
    assert there["service"] == other.url
    assert there["registered"]["origin"]["version"]["service"] == ml.url
    assert there["registered"]["origin"]["version"]["version"] == 2
    assert second.sha256 == ml.model(fruit).version(2).sha256


def test_each_service_sees_its_own_key_alone(
    production: tuple[Service, str, str], fruit: str, service: Service
) -> None:
    """Proxies before both keep every request with its headers, those to signed addresses too."""
    real, key, _ = production
    with Misbehaving(service.url) as before, Misbehaving(real.url) as behind:
        with (
            Client(before.url, key="a-key-of-dev", progress=False) as dev,
            Client(behind.url, key=key, progress=False) as prod,
        ):
            dev.copy(f"{fruit}@1", to=prod, model="keys")
        sent = {each.headers.get("authorization") for each in before.came}
        assert {"Bearer a-key-of-dev"} == sent - {None}
        assert {f"Bearer {key}"} == {each.headers.get("authorization") for each in behind.came} - {None}
        assert not [each for each in before.came if key.encode() in each.body]
        assert not [each for each in behind.came if b"a-key-of-dev" in each.body]


def test_what_may_not_be_done_there_is_refused_and_leaves_nothing(
    ml: Client, production: tuple[Service, str, str], other: Client, fruit: str
) -> None:
    real, _, predicting = production
    for key in (predicting, "another-services-key", None):
        with Client(real.url, key=key, progress=False) as client, pytest.raises(NotAllowed):
            ml.copy(f"{fruit}@1", to=client, model="refused")
    with pytest.raises(NotFound):
        ml.copy(f"{fruit}@77", to=other, model="refused")
    with pytest.raises(NotFound):
        other.copy(f"{fruit}@nobody", to=ml, model="refused")
    assert "refused" not in list(other.models())
    with Client(real.url, key=predicting, progress=False) as client, pytest.raises(NotAllowed):
        client.copy(fruit, to=ml, model="refused")
    assert "refused" not in list(ml.models())


def test_a_copy_onto_itself_is_refused_before_anything_is_asked(ml: Client, fruit: str) -> None:
    with Client("http://127.0.0.1:1", progress=False) as nobody:
        for name in (None, "fruit"):
            with pytest.raises(InvalidArgument, match="move an alias to the version with promote"):
                nobody.copy("fruit@1", to=nobody, model=name)
    before = len(ml.model(fruit).versions())
    assert ml.copy(f"{fruit}@1", to=ml, model="fruit-again").sha256 == ml.model(fruit).version(1).sha256
    assert len(ml.model(fruit).versions()) == before
    with pytest.raises(InvalidArgument, match="expected the other service's Client as `to`, got str"):
        ml.copy(fruit, to="https://host")  # type: ignore[arg-type]


def test_an_alias_that_cannot_be_moved_is_told_with_what_was_done(
    ml: Client, other: Client, fruit: str
) -> None:
    with pytest.raises(Exception, match="alias") as failed:
        ml.copy(f"{fruit}@1", to=other, model="half", alias="not an alias")
    assert f"it is copied: 'half' has version 1 at {other.url}" in "".join(failed.value.__notes__)
    assert len(other.model("half").versions()) == 1


def test_the_asynchronous_client_copies_too(
    ml: Client, production: tuple[Service, str, str], fruit: str
) -> None:
    service, key, _ = production

    async def copy() -> Any:
        async with (
            AsyncClient(ml.url, progress=False) as dev,
            AsyncClient(service.url, key=key, progress=False) as prod,
        ):
            return await dev.copy(f"{fruit}@2", to=prod, model="async")

    assert asyncio.run(copy()).sha256 == ml.model(fruit).version(2).sha256


# --- what a copy tells, where there is much of it -------------------------------------------------


def _document(number: int, before: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    document = {
        "name": "m",
        "version": number,
        "sha256": "0" * 64,
        "metrics": {"accuracy": 0.5},
        "library_versions": {"numpy": "2", "odd": 3},
        **more,
    }
    if before is not None:
        document["registered"] = {"by": "key", "origin": {"description": "copied", "version": before}}
    return document


def test_what_is_short_is_told_whole_and_nothing_is_changed_in_the_source() -> None:
    document = _document(2, _document(1), curves=[{"x": [1, 2]}])
    before = json.dumps(document)
    told = origin_of(document, "https://host/path")
    assert told["version"] == {"service": "https://host/path", **document}
    assert told["library_versions"] == {"numpy": "2"}
    bounded({**document, "curves": [0.1] * 100_000})
    assert json.dumps(document) == before


def test_what_is_long_and_no_lineage_goes_first() -> None:
    long = [0.123456789] * 20_000
    told = bounded(_document(2, _document(1, curves=long), curves=long, importance={"a": 1}))
    assert "curves" not in told
    assert "curves" not in told["registered"]["origin"]["version"]
    assert told["importance"] == {"a": 1}
    assert told["registered"]["origin"]["version"]["version"] == 1


def test_of_a_long_way_the_newest_part_is_told() -> None:
    document = _document(0)
    for number in range(1, 12):
        document = _document(number, document)
    told = bounded(document)
    assert fits(told)
    assert told["registered"]["origin"]["version"]["version"] == 10
    assert told["metrics"] == document["metrics"]


@pytest.mark.parametrize("member", ["metrics", "input", "features", "classes", "warnings"])
def test_whatever_is_long_what_is_told_fits_and_names_the_version(member: str) -> None:
    told = bounded({**_document(3), member: ["ä" * 100] * 3_000})
    assert fits(told)
    assert (told["name"], told["version"], told["sha256"]) == ("m", 3, "0" * 64)
    assert len(json.dumps(told)) < MOST_BYTES
    deep: list[Any] = []
    for _ in range(MOST_LEVELS + 5):
        deep = [deep]
    assert fits(bounded({**_document(3), member: deep}))


def test_the_longest_that_is_told_is_taken_by_the_service(ml: Client, fruit: str) -> None:
    content = ml.model(fruit).artifact(1)
    document = _document(0)
    for number in range(1, 9):
        document = _document(number, document, warnings=["ä€" * 5_000], deep={"a": [{"b": [1]}]})
    made = ml.register("long-way", content, origin=origin_of(document, "https://host/" + "p" * 3_000))
    assert made.registered is not None
    assert made.registered["origin"]["version"]["version"] == 8
