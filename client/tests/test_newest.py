"""Where no version is named, the newest is meant, by every method and at once."""

import json
from pathlib import Path

import pytest
from serverless_ml import Client

from client.tests.command_line.running import run
from client.tests.misbehaving import HANDS_ON, Came, Misbehaving, Says
from client.tests.service import Service

ROWS = [[0.0], [1.0], [8.0], [9.0]]


MANY = ROWS * 5  # an explanation takes a profile, which fewer rows do not leave


def answers_of(number: int) -> list[str]:
    return [f"low {number}", f"low {number}", f"high {number}", f"high {number}"]


@pytest.mark.parametrize("way", ["train", "register"])
def test_what_was_made_last_answers_at_once(ml: Client, way: str) -> None:
    """A service goes by what it read of a model for up to two seconds: this client knows that it changed."""
    name = f"newest-{way}"
    for number in range(1, 4):
        version = ml.train(
            name if way == "train" else f"{name}-source", ROWS, targets=answers_of(number), test_fraction=0
        )
        if way == "register":
            content = ml.model(f"{name}-source").artifact(version.version)
            version = ml.register(name, content)
        assert version.version == number
        assert ml.predict(name, ROWS) == answers_of(number)
        assert ml.load(name).predict(ROWS).tolist() == answers_of(number)
        assert ml.model(name).version().version == number
    ml.model(name).promote(2)
    assert ml.predict(name, ROWS) == answers_of(2)
    assert ml.load(name).predict(ROWS).tolist() == answers_of(2)
    ml.model(name).promote(3)
    ml.model(name).rollback()
    assert ml.predict(name, ROWS) == answers_of(2)
    copied = ml.copy(name, to=ml, model=f"{name}-copy")
    assert copied.sha256 == ml.model(name).version(2).sha256


def test_the_command_says_what_was_trained_last(ml: Client, service: Service, tmp_path: Path) -> None:
    for number in (1, 2):
        ml.train("newest-file", ROWS, features=["size"], targets=answers_of(number), test_fraction=0)
        ml.predict("newest-file", {"size": [0.0]})  # the service has read of it now
    ml.train("newest-file", ROWS, features=["size"], targets=answers_of(3), test_fraction=0)
    (tmp_path / "rows.csv").write_text("size\n0\n9\n")
    ran = run("predict", "newest-file", "rows.csv", url=service.url, folder=tmp_path)
    assert ran.code == 0, ran.err
    assert ran.out.splitlines() == ["size,label", "0,low 3", "9,high 3"]


@pytest.mark.parametrize("verb", ["predict", "explain"])
@pytest.mark.parametrize("named", ["", "@live"])
def test_rows_are_asked_of_the_version_whose_columns_were_read(
    ml: Client, service: Service, tmp_path: Path, verb: str, named: str
) -> None:
    """A version of other columns arrives, and the alias moves to it, after the command read the columns."""
    model = f"overtaken-{verb}{named.replace('@', '-')}"
    ml.train(model, MANY, features=["size"], targets=answers_of(1) * 5, test_fraction=0)
    ml.model(model).promote(1, "live")

    def overtake(came: Came) -> Says | str:
        if came.path.partition("?")[0].endswith(f":{verb}") and ml.model(model).version().version == 1:
            ml.train(model, MANY, features=["weight"], targets=answers_of(2) * 5, test_fraction=0)
            ml.model(model).promote(2, "live")
        return HANDS_ON

    (tmp_path / "rows.csv").write_text("size\n0\n9\n")
    with Misbehaving(service.url) as between:
        between.always = overtake
        ran = run(verb, model + named, "rows.csv", "--json", url=between.url, folder=tmp_path)
    assert ran.code == 0, ran.err
    labels = [row["label"] for row in ran.json] if verb == "predict" else ran.json["predictions"]
    assert labels == ["low 1", "high 1"]
    assert ml.model(model).version("live").version == 2, "it was overtaken"


def test_an_alias_is_asked_by_its_own_columns(ml: Client, service: Service, tmp_path: Path) -> None:
    for number, name in ((1, "size"), (2, "weight")):
        ml.train("own-columns", MANY, features=[name], targets=answers_of(number) * 5, test_fraction=0)
    ml.model("own-columns").promote(1)
    ml.model("own-columns").promote(2, "next")
    assert ml.model("own-columns").schema("next")["x-version"] == 2
    (tmp_path / "rows.csv").write_text("weight,size\n0,9\n9,0\n")
    for verb in ("predict", "explain"):
        ran = run(verb, "own-columns@next", "rows.csv", "--json", url=service.url, folder=tmp_path)
        assert ran.code == 0, ran.err
        assert "not sent, as own-columns@next does not know them: size" in ran.err
        labels = [row["label"] for row in ran.json] if verb == "predict" else ran.json["predictions"]
        assert labels == ["low 2", "high 2"]


@pytest.mark.parametrize("named", ["", "@live"])
def test_a_service_of_an_earlier_release_is_asked_as_it_is_named(
    ml: Client, service: Service, tmp_path: Path, named: str
) -> None:
    """Its schemas do not say their version, and an alias has none."""
    for number in (1, 2):
        ml.train(f"earlier{named[1:]}", ROWS, features=["size"], targets=answers_of(number), test_fraction=0)
    ml.model(f"earlier{named[1:]}").promote(1, "live")

    def as_it_was(came: Came) -> Says | str:
        if came.path.endswith("/aliases/live/schema"):
            return Says(404, b'{"error": "there is no such path", "code": "route_not_found"}')
        if came.path.endswith("/schema"):
            schema = {"type": "object", "required": ["size"], "properties": {"size": {"type": "number"}}}
            return Says(200, json.dumps(schema).encode())
        return HANDS_ON

    (tmp_path / "rows.csv").write_text("size\n0\n9\n")
    with Misbehaving(service.url) as between:
        between.always = as_it_was
        ran = run("predict", f"earlier{named[1:]}{named}", "rows.csv", url=between.url, folder=tmp_path)
    assert ran.code == 0, ran.err
    number = 1 if named else 2
    assert ran.out.splitlines() == ["size,label", f"0,low {number}", f"9,high {number}"]
